"""What an answer that is no success means: the text in it, and which error class the host must see.

Core Case's own error bodies are not documented. Shapes looked for, in this order: the gateway's `fault`
(faultstring, detail.errorcode), the content services' `exception`, `message`/`error`/`error_description`, plain text.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from caseconnect.sdk.errors import ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Response
from caseconnect.sdk.texts import mask, shorten


@dataclass(frozen=True)
class Asked:
    """The request behind an answer. `sent` are texts that went out: an error that quotes them is masked."""

    what: str
    writes: bool
    conditional: bool = False
    sent: tuple[str, ...] = field(default=(), repr=False)


def explain(response: Response, sent: Iterable[str] = ()) -> str:
    """The answer's own words for what is wrong: one line, short, without personal data; empty when it has none."""
    if "html" in response.headers.get("content-type", "") or response.body.lstrip()[:1] == b"<":
        return "an HTML page instead of an API answer (a proxy's or a sign-in page)"
    try:
        found = _told(orjson.loads(response.body))
    except orjson.JSONDecodeError:
        found = response.body[:2000].decode(errors="replace")
    return shorten(mask(found, sent))


def _told(body: Any) -> str:
    if not isinstance(body, Mapping):
        return body if isinstance(body, str) else ""
    fault = body.get("fault")
    if isinstance(fault, Mapping):
        detail = fault.get("detail")
        code = detail.get("errorcode") if isinstance(detail, Mapping) else None
        return " ".join(str(part) for part in (fault.get("faultstring"), f"({code})" if code else None) if part)
    for key in ("exception", "message", "error", "error_description"):
        value = body.get(key)
        if isinstance(value, str) and value:
            more = body.get("error_description") if key == "error" else None
            return f"{value}: {more}" if isinstance(more, str) and more else value
        if isinstance(value, Mapping):
            return _told(value)
    return ""


def judge(response: Response, asked: Asked, now: datetime, retry: Container[int] = frozenset()) -> ConnectError | None:
    """The error of an answer, None for success. 401 is the caller's (it renews the token once)."""
    status, wait = response.status, response.retry_after(now)
    if 200 <= status < 300:
        return None
    told = explain(response, asked.sent)
    text = f"{asked.what}: HTTP {status}" + (f": {told}" if told else "")
    if status in {408, 425, 429} or status in retry or (status == 503 and wait is not None):
        return TransientError(text, retry_after=wait)
    if status in {409, 412} and asked.conditional:
        return TransientError(f"{text} (the case changed while we changed it)", retry_after=wait)
    if 400 <= status < 500 or status in {301, 307, 308}:
        return PermanentError(text + _advice(status))
    return UnknownOutcome(text) if asked.writes else TransientError(text, retry_after=wait)


def _advice(status: int) -> str:
    if status < 400:
        return ". A redirect is not followed: check `settings.base_url`"
    if status == 403:
        return ". The service account lacks the permission for this"
    if status in {404, 405}:
        return ". Either it does not exist, or `settings.base_url`, `definition_id` or `paths` are not this tenant's"
    return ""
