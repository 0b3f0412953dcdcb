"""Whether what a command expects is still so: the last look before every attempt."""

from __future__ import annotations

from typing import Any

from caseconnect.models.base import Record
from caseconnect.models.money import Money
from caseconnect.sdk.commands import Expect


def changed(expect: Expect, record: Record) -> str | None:
    """What is another than expected, for people; None when all is as it was."""
    found = _at(record, expect.field)
    if _holds(expect, found):
        return None
    if expect.field.startswith("attributes."):
        return f"{expect.fact} {expect.field} is another now"  # what people write there may be personal
    return f"{expect.fact} {expect.field} is {_shown(found)} now, the command expects {_wanted(expect)}"


def _at(record: Record, path: str) -> Any:
    found: Any = record.model_dump(mode="json")
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _holds(expect: Expect, found: Any) -> bool:
    if expect.test == "equals":
        return bool(found == expect.value)
    try:
        return Money.model_validate(found) >= Money.model_validate(expect.value)
    except ValueError:  # not money, or another currency
        return False


def _wanted(expect: Expect) -> str:
    return f"at least {_shown(expect.value)}" if expect.test == "at_least" else _shown(expect.value)


def _shown(value: Any) -> str:
    try:
        return str(Money.model_validate(value))
    except ValueError:
        return repr(value)
