"""Settings drafted from a case that we made ourselves: what was written is looked for wherever it came to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .client import Json
from .config import CoreCaseSettings
from .dotted import get
from .mapping import parse_time, text_of

# Names under which things like these are often kept; only looked for where the settings find nothing.
_USUAL = {
    "status": ("status", "caseStatus", "state", "lifecycleState"),
    "stage": ("stage", "caseStage", "currentStage"),
    "number": ("caseNumber", "number", "displayId", "caseId"),
    "priority": ("priority", "casePriority"),
    "updated_on": ("lastUpdatedOn", "updatedOn", "lastModifiedOn", "modifiedOn", "update_time"),
    "updated_by": ("lastUpdatedBy", "updatedBy", "lastModifiedBy", "updated_by"),
    "created_on": ("createdOn", "createTime", "create_time"),
}


@dataclass(frozen=True)
class Written:
    """What a case was made with, and its id."""

    title: str
    summary: str
    client_name: str
    reference: str
    id: str


def draft(document: Json, written: Written, settings: CoreCaseSettings) -> str:
    """YAML of the settings under which this answer would be read rightly; empty when the present ones do."""
    places = dict(_leaves(document, ""))
    fields: dict[str, str] = {}
    for name, value in vars(written).items():
        path = getattr(settings.fields, name)
        if path and text_of(get(document, path)) != value:
            spots = [place for place, text in places.items() if text == value]
            if name != "id" or "caseProperties.defaultAttributes.id" not in spots:
                fields[name] = spots[0] if spots else "# not in the answer: the case definition has no place for it"
    for name, usual in _USUAL.items():
        path = getattr(settings.fields, name)
        if path and get(document, path) is None and (spot := _named(places, usual, name)):
            fields[name] = spot
    shape = _shape(document, fields.get("reference", settings.fields.reference))
    if fields and shape:
        fields |= {name: value for name, value in shape.items() if value != getattr(settings.fields, name)}
    return "\n".join(["fields:", *(f"  {name}: {path}" for name, path in fields.items())]) if fields else ""


def _shape(document: Json, reference: str) -> dict[str, str]:
    """Where custom attributes are, and how, by where our reference is."""
    section, dot, _ = reference.rpartition(".")
    if not dot or reference.startswith("#") or section.endswith("defaultAttributes"):
        return {}
    return {"custom": section, "custom_shape": "pairs" if isinstance(get(document, section), list) else "object"}


def _named(places: dict[str, str], usual: tuple[str, ...], name: str) -> str:
    timed = name.endswith("_on")
    for word in usual:
        for place, text in sorted(places.items(), key=lambda item: item[0].count(".")):
            if place.rpartition(".")[2] == word and "caseType" not in place and (not timed or parse_time(text)):
                return place
    return ""


def _leaves(node: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{place}.{key}" if place else key)
    elif isinstance(node, list):
        for row in node:
            if isinstance(row, dict) and "name" in row:
                yield from _leaves(row.get("value"), f"{place}.{row['name']}")
    elif (text := text_of(node)) is not None:
        yield place, text
