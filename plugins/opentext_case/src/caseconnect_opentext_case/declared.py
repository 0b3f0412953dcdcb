"""What a case definition declares, and where that does not fit the settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.components import Choices

from .client import Json
from .config import CoreCaseSettings
from .config_fields import AttributeSettings
from .dotted import get
from .mapping import folded, text_of, word_of


@dataclass(frozen=True)
class Declared:
    """One attribute as the definition declares it."""

    name: str
    required: bool = False
    max_length: int | None = None


@dataclass(frozen=True)
class Declaration:
    """A definition's own word: None where it does not speak of it."""

    config_id: str | None
    attributes: tuple[Declared, ...] | None
    outcomes: tuple[str, ...] | None

    @property
    def digest(self) -> str:
        """The same for the same declaration, whatever the order."""
        attributes = sorted((a.name, a.required, a.max_length or 0) for a in self.attributes or ())
        return digest_of(self.config_id, attributes, sorted(self.outcomes or ()))

    @property
    def text(self) -> str:
        """The declaration in words."""
        attributes = ", ".join(a.name for a in self.attributes or ()) or "not declared"
        return f"attributes: {attributes}; outcomes: {', '.join(self.outcomes or ()) or 'not declared'}"


def read_declaration(found: Json, settings: CoreCaseSettings) -> Declaration:
    """What the answer of `paths.read_definition` declares."""
    keys = settings.declares
    attributes, outcomes = get(found, keys.attributes), get(found, keys.outcomes)
    declared = [
        Declared(name, row.get(keys.required) is True, _number(row.get(keys.max_length)))
        for row in _objects(attributes)
        if (name := text_of(row.get(keys.name)))
    ]
    words = [text for item in outcomes if (text := text_of(item))] if isinstance(outcomes, list) else None
    return Declaration(
        text_of(get(found, keys.config_id)),
        tuple(declared) if isinstance(attributes, list) else None,
        None if words is None else tuple(words),
    )


def choices_of(declared: Declaration, settings: CoreCaseSettings) -> Choices | None:
    """Its outcomes in the words of the flows; None where it does not speak of them."""
    if declared.outcomes is None:
        return None
    told = dict.fromkeys(word_of(outcome, settings) for outcome in declared.outcomes)
    return Choices(definition=settings.definition, outcomes=tuple(told))


def misfits(declared: Declaration, settings: CoreCaseSettings) -> list[str]:
    """What has to be changed, in the settings or in the definition."""
    return [*_config(declared, settings), *_attributes(declared, settings), *_outcomes(declared, settings)]


def _config(declared: Declaration, settings: CoreCaseSettings) -> Iterator[str]:
    if declared.config_id is not None and declared.config_id != settings.config_id:
        yield f"`config_id` is not the definition's caseConfigId, which is {declared.config_id}"


def _attributes(declared: Declaration, settings: CoreCaseSettings) -> Iterator[str]:
    places = _places(settings)
    names = {place.path.rsplit(".", 1)[-1]: place for place in places}
    for attribute in declared.attributes or ():
        place = names.get(attribute.name)
        if place is None and attribute.required:
            yield (
                f"{attribute.name!r} is required, and nothing fills it: map it in `attributes` or set it in "
                "`create.constants`"
            )
        most = attribute.max_length
        if place and most is not None and place.type == "text" and (place.max_length or most + 1) > most:
            yield f"{attribute.name!r} takes {most} characters: set its `max_length`, `title_limit` or `summary_limit`"
    if declared.attributes:
        known = {attribute.name for attribute in declared.attributes}
        mapped = {p if isinstance(p, str) else p.path for p in settings.attributes.values()}
        for path in sorted(p for p in mapped if p.startswith(f"{settings.fields.custom}.")):
            if path.rsplit(".", 1)[-1] not in known:
                yield f"{path} is mapped in `attributes`, but the definition declares no such attribute"


def _outcomes(declared: Declaration, settings: CoreCaseSettings) -> Iterator[str]:
    there = {folded(outcome) for outcome in declared.outcomes or ()}
    for word in sorted(settings.outcomes):
        if declared.outcomes is not None and folded(word) not in there:
            yield f"`outcomes` names {word!r}, which the definition does not have"


def _places(settings: CoreCaseSettings) -> list[AttributeSettings]:
    """Everything that our creates can fill, with the lengths that they keep to."""
    fields, create = settings.fields, settings.create
    mapped = [AttributeSettings(path=p) if isinstance(p, str) else p for p in settings.attributes.values()]
    fixed = [
        AttributeSettings(path=fields.title, max_length=create.title_limit),
        AttributeSettings(path=fields.summary, max_length=create.summary_limit),
    ]
    # Of these the length is the platform's or the tenant's own affair.
    free = [fields.client_name, fields.reference, fields.priority, fields.assignee, fields.due, *create.constants]
    return [*(AttributeSettings(path=path, max_length=1) for path in free if path), *fixed, *mapped]


def _objects(rows: Any) -> list[Json]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
