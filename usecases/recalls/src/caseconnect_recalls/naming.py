"""Which products a case names: by attributes and by lists that are attached to it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from caseconnect.models import Case, Document, File
from caseconnect.sdk.decisions import Facts, Missing, Need
from caseconnect.sdk.subjects import Subject
from caseconnect_recalls.settings import Columns, RecallsSettings

_BETWEEN = re.compile(r"[;,\n\r]+")
_MOST_ROWS = 20_000
_LONGEST = 200


@dataclass(frozen=True)
class Named:
    """What the case names, in its own words. `unread` are lists that could not be read, with the reason."""

    skus: tuple[str, ...] = ()
    upcs: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.skus or self.upcs or self.categories)


def list_needs(case: Case, place: Subject, settings: RecallsSettings) -> list[Need]:
    """The attached lists that must be fetched."""
    files = (file for file in _lists(case, settings) if file.document is None)
    return [Need(fact="document", subject=_document(place, file), required=False) for file in files]


def named_in(case: Case, place: Subject, facts: Facts, settings: RecallsSettings) -> Named:
    """All that the case names, in one order whatever the order of its files."""
    found: dict[str, set[str]] = {
        "sku": set(_words(case, settings.skus)),
        "upc": set(_words(case, settings.upcs)),
        "category": set(_words(case, settings.categories)),
    }
    unread: list[str] = []
    for file in _lists(case, settings):
        document = file.document or facts.get("document", _document(place, file), Document)
        if isinstance(document, Document):
            why = _read(document, settings.columns, found)
        else:
            why = document.why if isinstance(document, Missing) else "it was not read"
        if why:
            unread.append(f"{file.name} ({why})")
    skus, upcs, categories = (tuple(sorted(found[kind])) for kind in ("sku", "upc", "category"))
    return Named(skus, upcs, categories, tuple(sorted(unread)))


def _lists(case: Case, settings: RecallsSettings) -> list[File]:
    def wanted(name: str) -> bool:
        return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in settings.lists)

    found = (file for file in case.files if not file.ours and (file.id or file.document) and wanted(file.name))
    return sorted(found, key=lambda file: (file.name, file.id))


def _document(place: Subject, file: File) -> Subject:
    return Subject(place.connection, "document", file.id)


def _words(case: Case, attribute: str) -> Iterable[str]:
    return _cleaned(_BETWEEN.split(case.attributes.get(attribute, "")))


def _cleaned(words: Iterable[str]) -> list[str]:
    return [word for each in words if (word := each.strip()) and len(word) <= _LONGEST]


def _read(document: Document, columns: Columns, found: dict[str, set[str]]) -> str | None:
    """Add what a list names; why it could not be read, or None."""
    try:
        text = document.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = document.content.decode("cp1252", errors="replace")
    head = text.splitlines()[0] if text.strip() else ""
    separator = max(";,\t", key=head.count)
    try:
        rows = list(csv.reader(text.splitlines(keepends=True), delimiter=separator))
    except csv.Error as error:
        return f"it is no list: {error}"
    if not rows:
        return "it is empty"
    if len(rows) > _MOST_ROWS:
        return f"it has more than {_MOST_ROWS} rows"
    headers = [header.strip().casefold() for header in rows[0]]
    places = {
        kind: [headers.index(name) for name in getattr(columns, kind) if name in headers]
        for kind in ("sku", "upc", "category")
    }
    if not any(places.values()):
        return f"no column is one of {', '.join((*columns.sku, *columns.upc, *columns.category))}"
    for row in rows[1:]:
        _row(row, places, found)
    return None


def _row(row: list[str], places: dict[str, list[int]], found: dict[str, set[str]]) -> None:
    for kind, indexes in places.items():
        words = _cleaned(row[index] for index in indexes if index < len(row))
        if words:
            found[kind].add(words[0])
            return
