"""Files that came with something: read as facts, and told what could not be had."""

from __future__ import annotations

from collections.abc import Iterable

from caseconnect.models import Document, File
from caseconnect.sdk.casework.text import one_line
from caseconnect.sdk.decisions import Facts, Missing, Need
from caseconnect.sdk.subjects import Subject


def file_needs(connection: str, files: Iterable[File]) -> list[Need]:
    """What must be read before the files can be attached."""
    return [Need(fact="document", subject=_place(connection, f), required=False) for f in files if _elsewhere(f)]


def documents_of(connection: str, files: Iterable[File], facts: Facts) -> tuple[list[Document], list[str]]:
    """What can be attached, and the names of what cannot, with the reason where one is known."""
    documents, left_out = [], []
    for file in files:
        found = facts.get("document", _place(connection, file), Document) if _elsewhere(file) else file.document
        if isinstance(found, Document):
            documents.append(found)
        else:
            why = f" ({found.why})" if isinstance(found, Missing) else ""
            left_out.append(f"{one_line(file.name, 100) or 'a file'}{why}")
    return documents, left_out


def _elsewhere(file: File) -> bool:
    return file.document is None and bool(file.id)


def _place(connection: str, file: File) -> Subject:
    return Subject(connection, "document", file.id)
