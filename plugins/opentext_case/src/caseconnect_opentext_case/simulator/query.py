"""Lists as the profile spells them: filters, search, order, two paging styles, and the envelope of the rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .errors import Refused
from .model import Case, CaseDefinition, JsonObject
from .profile import Profile
from .wire import parse_stamp, place

R = TypeVar("R")

_TERM = re.compile(r"""\s*([\w.]+)\s+eq\s+(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")\s*""")
_AND = re.compile(r"and\s", re.IGNORECASE)
_SORTS: Mapping[str, Callable[[Case], Any]] = {
    "lastUpdatedOn": lambda case: case.updated_on,
    "createdOn": lambda case: case.created_on,
}


@dataclass(frozen=True, slots=True)
class Window:
    """The rows asked for: `start` is 0-based."""

    start: int
    size: int


def window(profile: Profile, query: Mapping[str, str]) -> Window:
    """The page that the query asks for, or a 400 for numbers out of range."""
    if profile.paging == "page":
        size = _number(query, profile.size_param, profile.default_size, 1)
        start = (_number(query, profile.page_param, 1, 1) - 1) * size
        name = profile.size_param
    else:
        size = _number(query, profile.count_param, profile.default_size, 1)
        start = _number(query, profile.offset_param, 0, 0)
        name = profile.count_param
    if size > profile.max_size:
        raise Refused(400, f"{name} is {size}; at most {profile.max_size} are allowed.")
    return Window(start, size)


def _number(query: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < least:
        raise Refused(400, f"{name} must be a whole number of at least {least}, not {text!r}.")
    return int(text)


def envelope(
    profile: Profile, query: Mapping[str, str], key: str, rows: Sequence[R], row_json: Callable[[R], JsonObject]
) -> JsonObject:
    """One page of `rows` with the profile's keys."""
    asked = window(profile, query)
    page = [row_json(row) for row in rows[asked.start : asked.start + asked.size]]
    answer: JsonObject = {}
    if page or profile.empty_rows == "empty":
        holder = answer.setdefault("_embedded", {}) if profile.embedded else answer
        holder[profile.collection_key or key] = page
    told = not profile.total_param or query.get(profile.total_param) == "true"
    if profile.total_path and told:
        place(answer, tuple(profile.total_path.split(".")), len(rows))
    return answer


def select(profile: Profile, definition: CaseDefinition, cases: Sequence[Case], query: Mapping[str, str]) -> list[Case]:
    """The cases that the query's filters leave, in the order it asks for."""
    everything = found = [case for case in cases if case.definition_id == definition.id]
    since = query.get(profile.changed_since_param) if profile.changed_since_param else None
    if since is not None:
        bound = parse_stamp(since, profile.changed_since_param)
        found = [case for case in found if case.updated_on >= bound]
    for name, value in _conditions(profile, query):
        if _known(profile, definition, everything, name) or profile.unknown_filter == "nothing":
            found = [case for case in found if _value(profile, case, name) == value]
        elif profile.unknown_filter == "refuse":
            raise Refused(400, f"Cannot filter by {name!r}: no such attribute.")
    return _ordered(profile, found, query)


def _ordered(profile: Profile, cases: list[Case], query: Mapping[str, str]) -> list[Case]:
    text = query.get(profile.sort_param, "createdOn")
    name, _, direction = text.partition(" ")
    if profile.order_param:
        name, direction = text, query.get(profile.order_param, "asc")
    if name not in _SORTS or direction.lower() not in ("", "asc", "desc"):
        raise Refused(400, f"{profile.sort_param}: cannot sort by {text!r}; known: {', '.join(_SORTS)}, asc or desc.")
    by = _SORTS[name]
    return sorted(cases, key=lambda case: (by(case), case.id), reverse=direction.lower() == "desc")


def _conditions(profile: Profile, query: Mapping[str, str]) -> list[tuple[str, str]]:
    if profile.search == "parameter":
        reserved = {
            profile.page_param,
            profile.size_param,
            profile.offset_param,
            profile.count_param,
            profile.sort_param,
            profile.order_param,
            profile.total_param,
            profile.changed_since_param,
        }
        return [(name, value) for name, value in query.items() if name not in reserved]
    if profile.search == "filter" and profile.filter_param in query:
        return parse_filter(query[profile.filter_param])
    return []


def parse_filter(text: str) -> list[tuple[str, str]]:
    """The conditions of `name eq 'x' and other eq "y"`; a doubled quote stands for one. 400 for anything else."""
    conditions, at = [], 0
    while True:
        term = _TERM.match(text, at)
        if term is None:
            raise Refused(400, f"Filter not understood at position {at}: only name eq 'value', joined by and.")
        name, single, double = term.groups()
        conditions.append((name, single.replace("''", "'") if single is not None else double.replace('""', '"')))
        at = term.end()
        if at == len(text):
            return conditions
        joint = _AND.match(text, at)
        if joint is None:
            raise Refused(400, f"Filter not understood at position {at}: conditions are joined by and.")
        at = joint.end()


def _known(profile: Profile, definition: CaseDefinition, cases: Sequence[Case], name: str) -> bool:
    declared = {attribute.name for attribute in definition.attributes}
    own = {"id", *(path[-1] for path in profile.field_paths.values())}
    return name in declared | own or any(name in case.custom or name in case.default for case in cases)


def _value(profile: Profile, case: Case, name: str) -> str:
    if name == "id":
        return case.id
    for field, path in profile.field_paths.items():
        if path[-1] == name:
            return case.number if field == "number" else str(getattr(case.fields, field) or "")
    return str(case.custom.get(name, case.default.get(name, "")))
