"""What goes through `sdk.http`: the parts of a body, and an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from caseconnect.sdk.errors import UnknownOutcome


@dataclass(frozen=True)
class Part:
    """One part of a multipart body. With a `filename` it is a file part."""

    name: str
    content: bytes = field(repr=False)
    filename: str | None = None
    media_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Response:
    """An answer, whole. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON. Raises `UnknownOutcome` when it is not JSON: the answer cannot be used."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            kind = self.headers.get("content-type", "no content type")
            raise UnknownOutcome(f"HTTP {self.status}: expected JSON, got {len(self.body)} bytes of {kind}") from None

    def retry_after(self, now: datetime) -> float | None:
        """Seconds the server asks us to wait (RFC 9110 §10.2.3: seconds, also decimal, or a date); None if unsaid.

        Never negative, never more than an hour: a wild value must not stop the connection for ever.
        """
        text = self.headers.get("retry-after", "").strip()
        if not text:
            return None
        try:
            seconds = float(text)
        except ValueError:
            try:
                when = parsedate_to_datetime(text)
            except ValueError:
                return None
            seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()
        return min(max(seconds, 0.0), 3600.0) if seconds == seconds else None
