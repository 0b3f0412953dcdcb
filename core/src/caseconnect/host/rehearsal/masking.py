"""Records as a test may keep them: personal fields replaced, free text cleared, ids kept.

The same value becomes the same stand-in within one recording, so that what a rule compares compares as before. The
stand-ins are numbered in the order of appearance: nothing of a value can be guessed from its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from caseconnect.models.base import personal_fields
from caseconnect.sdk.subjects import Subject

_STAND_INS: Mapping[str, Callable[[int], str]] = {
    "email": lambda n: f"person-{n}@example.com",
    "phone": lambda n: f"+1 202 555 {100 + n:04d}",
    "name": lambda n: f"Person {n}",
    "postal_code": lambda n: f"{10000 + n}",
    "card_last_digits": lambda n: f"{n:04d}",
    "client_ip": lambda n: f"192.0.2.{n % 256}",
    "serial_number": lambda n: f"SN-{n}",
    "place": lambda n: f"Place {n}",
}
_LIKE = {
    **dict.fromkeys(("customer_name", "company", "assignee", "author", "updated_by", "decided_by"), "name"),
    **dict.fromkeys(("line1", "line2", "city", "ship_to"), "place"),
}
_PEOPLE = frozenset({"author", "updated_by", "decided_by"})
"""Names of staff: not the shopper's, and still not for a file."""

_FREE = frozenset(
    {"text", "note", "notes", "title", "message", "description", "subject", "files", "documents", "defect"}
)
_HARMLESS = re.compile(r"(?:true|false|yes|no|-?\d{1,6}(?:[.,]\d{1,4})?)\Z")
_MAIL = re.compile(r"\S+@\S+")


class Mask:
    """Masks the records of one recording. `rename` gives a subject its name in the test."""

    def __init__(self, rename: Callable[[Subject], Subject]) -> None:
        self._rename = rename
        self._known: dict[tuple[str, str], str] = {}

    def record(self, record: BaseModel, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
        """The record as plain data, without what has its default."""
        hidden, data = personal_fields(type(record)), {}
        for name, field in type(record).model_fields.items():
            value = getattr(record, name)
            if name in leave_out or value == field.get_default(call_default_factory=True):
                continue
            if name in _FREE and not isinstance(value, Subject) and not field.is_required():
                continue
            data[name] = self._personal(name, value) if name in hidden | _PEOPLE else self._plain(value)
        return data

    def _personal(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._plain(value)
        kind = _LIKE.get(name, name)
        if not isinstance(value, str) or kind not in _STAND_INS:
            return None
        return self._stand_in(kind, value)

    def _stand_in(self, kind: str, value: str) -> str:
        key = (kind, " ".join(value.casefold().split()))
        if key not in self._known:
            number = 1 + sum(known == kind for known, _ in self._known)
            self._known[key] = _STAND_INS[kind](number)
        return self._known[key]

    def _plain(self, value: Any) -> Any:
        match value:
            case Subject():
                plain: Any = str(self._rename(value))
            case BaseModel():
                plain = self.record(value)
            case list() | tuple() | frozenset():
                plain = [self._plain(one) for one in value]
            case Mapping():
                plain = {str(key): one if _HARMLESS.match(str(one)) else "" for key, one in value.items()}
            case datetime() | date():
                plain = value.isoformat()
            case str():
                plain = _MAIL.sub(lambda match: self._stand_in("email", match[0]), value)
            case _:
                plain = str(value) if isinstance(value, Decimal) else value
        return plain
