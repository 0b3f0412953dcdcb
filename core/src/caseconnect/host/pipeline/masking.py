"""The masked form of a delivery's body: what it was about stays, who it was about goes.

Nothing is kept but what is known to be harmless: names of fields, truth values, small numbers, times, and ids, states
and amounts under names that say so. Of what is no JSON only its size is told.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import orjson

MASKED = "*"
"""Stands where a text was."""

_LARGEST = 1024 * 1024
_SMALL = 1000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")
_ID = re.compile(
    r"(?:(?:^|[_-])(?:id|ids)|[a-z0-9]I[dD]s?|(?:order|case|return|shipment|invoice)_?-?(?:no|number))\Z", re.IGNORECASE
)
_PERSONS = re.compile(
    r"birth|passport|national|social|tax|vat|licen[cs]e|mail|phone|device|browser|user", re.IGNORECASE
)
_STATE = re.compile(r"(?:^|_)(?:status|state|type|kind|currency|currency_code|topic|level|version)\Z", re.IGNORECASE)
_AMOUNT = re.compile(r"(?:^|_)(?:amount|price|total|quantity|count|rate|weight|grams|discount|subtotal)", re.IGNORECASE)
_ID_VALUE = re.compile(r"[A-Za-z0-9:/._#=?-]{1,128}\Z")
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?\Z")
_WHEN = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_TIME = re.compile(rf"{_WHEN}\Z")
_WORD_OR_TIME = re.compile(rf"(?:[A-Za-z][A-Za-z0-9_./-]{{0,39}}|{_WHEN})\Z")
_NUMBER_OR_TIME = re.compile(rf"(?:-?\d{{1,12}}(?:\.\d{{1,6}})?|{_WHEN})\Z")


def masked_body(body: bytes) -> bytes:
    """The masked form of `body`, as JSON."""
    if len(body) <= _LARGEST:
        try:
            return orjson.dumps(_masked("", orjson.loads(body)))
        except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
            pass
    return orjson.dumps({"bytes": len(body)})


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {_field(key)[0]: _masked(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(name, inner) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    _, fit, numbers = _field(name)
    if isinstance(value, str):
        return value if fit is not None and fit.match(value) else MASKED
    if isinstance(value, int) and numbers and (abs(value) < _SMALL or numbers == "any"):
        return value
    return value if numbers == "amount" and _NUMBER.match(str(value)) else MASKED


@lru_cache(maxsize=4096)
def _field(name: str) -> tuple[str, re.Pattern[str] | None, str]:
    """How a field is called in the masked form, the texts that may stand in it, and which numbers."""
    shown = name if _NAME.match(name) else MASKED
    if _PERSONS.search(name):
        return shown, None, ""
    if _ID.search(name):
        return shown, _ID_VALUE, "any"
    if _AMOUNT.search(name):
        return shown, _NUMBER_OR_TIME, "amount"
    return shown, _WORD_OR_TIME if _STATE.search(name) else _TIME, "small"
