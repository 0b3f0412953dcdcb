"""Reads the JSON of the control API: strict about names and kinds, with errors for people."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Spec = Mapping[str, Any]


class SpecError(ValueError):
    """A request to the control API, or a setting, that the simulator cannot use. The message says what would do."""


def only(spec: Any, allowed: Collection[str], where: str) -> Spec:
    """The object itself, after a check that it is one and has no other keys than these."""
    if not isinstance(spec, Mapping):
        raise SpecError(f"{where} must be a JSON object, not {type(spec).__name__}.")
    for key in spec:
        if key not in allowed:
            near = difflib.get_close_matches(str(key), list(allowed), 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise SpecError(f"{where} has no key {key!r}.{hint} Allowed: {', '.join(sorted(allowed))}.")
    return spec


def amount(value: Any, where: str) -> Decimal:
    """Money as Decimal: from a string or an integer, never from a float."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            found = Decimal(value)
        except InvalidOperation:
            found = Decimal("NaN")
        if found.is_finite():
            return found
    raise SpecError(f'{where} must be an amount written as a string, for example "20.00", not {value!r}.')


def moment(value: Any, where: str) -> datetime:
    """A time as aware UTC, from ISO 8601 with an offset."""
    if isinstance(value, datetime):
        found = value
    else:
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            raise SpecError(f"{where} must be a time such as 2026-11-03T09:30:00Z, not {value!r}.") from None
    if found.tzinfo is None:
        raise SpecError(f"{where} needs an offset from UTC, for example 2026-11-03T09:30:00Z.")
    return found.astimezone(UTC).replace(microsecond=0)


def choice(value: Any, allowed: Collection[str], where: str) -> str:
    """One of the enum values, in any case."""
    found = str(value).upper()
    if found not in allowed:
        raise SpecError(f"{where} cannot be {value!r}. Allowed: {', '.join(sorted(allowed)).lower()}.")
    return found


def records(value: Any, where: str) -> list[Any]:
    """A list; a single object counts as a list of one, nothing as an empty list."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, list | tuple):
        return list(value)
    raise SpecError(f"{where} must be a list.")


def whole(value: Any, where: str, least: int = 0) -> int:
    """A whole number, not below `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SpecError(f"{where} must be a whole number of at least {least}, not {value!r}.")
    return value
