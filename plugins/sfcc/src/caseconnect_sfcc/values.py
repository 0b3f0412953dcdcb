"""Single values of the platform's JSON: times, money, attributes, and what can be compared of a shopper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from caseconnect.models import Money

Json = Mapping[str, Any]

_NOISE: Final = Decimal("0.000001")


def moment(text: Any) -> datetime:
    """A time as the platform writes it (ISO 8601); a date without a time is its first moment, without a zone UTC."""
    if not isinstance(text, str):
        raise TypeError("a time is text")
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def amount(value: Any) -> Decimal:
    """An amount. The platform sends doubles: what lies below a millionth is the noise of its arithmetic."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("an amount is a number")
    exact = Decimal(str(value))
    return exact.quantize(_NOISE).normalize() if exact.is_finite() and abs(exact) < 10**15 else exact


def money(value: Any, currency: str) -> Money | None:
    """An amount in a currency; None where there is none ('N/A' is the platform's word for no currency)."""
    if value is None or not currency or currency == "N/A":
        return None
    return Money(amount=amount(value), currency=currency)


def clean(value: Any) -> str | None:
    """Text without the NUL that JSON allows and few others do; None when nothing is left."""
    if not isinstance(value, str):
        return None
    return value.replace("\x00", "").strip() or None


def plain(value: Any) -> str:
    """An attribute's value as text: numbers and flags as JSON, sets joined, enumerations by their value."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, Mapping):
        return plain(value["value"]) if "value" in value else orjson.dumps(value).decode()
    if isinstance(value, list):
        return ", ".join(plain(each) for each in value)
    return "" if value is None else orjson.dumps(value).decode()


def attribute(document: Json, name: str) -> Any:
    """A custom attribute by its id without `c_`; None when there is none of that name."""
    return document.get(f"c_{name}") if name else None


def shown(document: Json, names: Iterable[str]) -> dict[str, str]:
    """The named attributes that have a value, as text."""
    found = {name: plain(attribute(document, name)) for name in names}
    return {name: value for name, value in found.items() if value}


def tags(document: Json, names: Iterable[str]) -> tuple[str, ...]:
    """Tags from attributes: the members of a set, a text, or the name of a flag that is true."""
    found: list[str] = []
    for name in names:
        value = attribute(document, name)
        if value is True:
            found.append(name)
        elif isinstance(value, list):
            found += [plain(each) for each in value]
        elif value not in (None, False):
            found.append(plain(value))
    return tuple(dict.fromkeys(tag for tag in found if tag))


def same_email(text: str | None) -> str:
    """An address so that equal ones are equal: without blanks, lower case."""
    return "".join((text or "").split()).casefold()


def same_phone(text: str | None) -> str:
    """A telephone number so that equal ones are equal: its last nine digits; empty with fewer than seven."""
    digits = "".join(c for c in text or "" if c.isascii() and c.isdigit())
    return digits[-9:] if len(digits) >= 7 else ""


def locale_of(text: Any) -> str | None:
    """A BCP 47 tag of the platform's locale: en_US is en-US; `default` names none."""
    found = clean(text)
    return None if found is None or found == "default" else found.replace("_", "-")
