"""Durations as tenant files write them: `45s`, `10m`, `1h30m`, `2d`, `500ms`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

EXAMPLES = "45s, 10m, 1h30m, 2d"
"""Shown wherever a duration was expected."""

PATTERN = r"^(?=\d)(\d{1,5}d)?(\d{1,6}h)?(\d{1,7}m(?!s))?(\d{1,8}s)?(\d{1,9}ms)?$"
"""The same rule for editors, as a JSON Schema pattern."""

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = re.compile(PATTERN)
_PART = re.compile(r"(\d+)(ms|[dhms])")


def parse_duration(text: object) -> timedelta:
    """The duration that `text` writes. ValueError, saying how it is written, for anything else."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not _DURATION.match(text):
        raise ValueError(f"a duration is written like {EXAMPLES}, the larger unit first")
    return timedelta(milliseconds=sum(int(n) * _UNITS[unit] for n, unit in _PART.findall(text)))


def show_duration(duration: timedelta) -> str:
    """The duration as a tenant file writes it; what is below a millisecond is dropped."""
    rest, parts = duration // timedelta(milliseconds=1), []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _validate(value: Any) -> Any:
    return parse_duration(value)


Duration = Annotated[
    timedelta,
    BeforeValidator(_validate),
    PlainSerializer(show_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": EXAMPLES.split(", ")}),
]
"""A pydantic field type: a `timedelta` written as text."""
