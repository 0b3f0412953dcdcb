"""The masked form of a delivery's body: what it was about stays, who it was about goes.

Nothing is kept but what is known to be harmless: names of fields, truth values, small numbers, times, and ids, states
and amounts under names that say so. Of what is no JSON only its size is told.
"""

from __future__ import annotations

import re
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
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,39}\Z")
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\Z")


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
        return {_name(key): _masked(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(name, inner) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    return value if _harmless(name, value) else MASKED


def _name(key: str) -> str:
    return key if _NAME.match(key) else MASKED


def _harmless(name: str, value: str | float) -> bool:
    if _PERSONS.search(name):
        return False
    if isinstance(value, str):
        if _TIME.match(value):
            return True
        return bool(
            (_ID.search(name) and _ID_VALUE.match(value))
            or (_STATE.search(name) and _WORD.match(value))
            or (_AMOUNT.search(name) and _NUMBER.match(value))
        )
    if isinstance(value, int) and (abs(value) < _SMALL or _ID.search(name)):
        return True
    return bool(_AMOUNT.search(name) and _NUMBER.match(str(value)))
