"""The editable data of a case as plain values: merged, compared, and told as JSON."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime

from .model import Case, CaseFields, CaseInput, JsonObject

FIELD_NAMES = tuple(item.name for item in fields(CaseFields))
"""The names of a case's progress fields."""


def sections(holder: Case | CaseInput) -> tuple[JsonObject, JsonObject, JsonObject]:
    """The three data parts in a fixed order."""
    return holder.default, holder.custom, holder.forms


def merge(section: JsonObject, changed: JsonObject) -> None:
    """Set what is given; `None` removes."""
    section.update(changed)
    for name in [name for name, value in section.items() if value is None]:
        del section[name]


def progress_json(progress: CaseFields) -> JsonObject:
    """Progress fields as JSON, times in ISO form."""
    found = asdict(progress)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}


def flat(case: Case) -> JsonObject:
    """Everything editable of a case under flat names, to compare before and after."""
    found: JsonObject = {f"field.{name}": value for name, value in progress_json(case.fields).items()}
    for label, section in zip(("default", "custom", "forms"), sections(case), strict=True):
        found |= {f"{label}.{name}": value for name, value in section.items()}
    return found


def changes(before: JsonObject, after: JsonObject) -> JsonObject:
    """Name to [old, new] of what differs."""
    names = sorted(before.keys() | after.keys())
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}
