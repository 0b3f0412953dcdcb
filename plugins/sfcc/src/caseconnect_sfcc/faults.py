"""What an answer that is no success means: its words in either format, and the error class that the host must see.

SCAPI answers RFC 7807 problems (`type` ends in a slug), OCAPI fault documents (`fault.type` is an exception's name);
both are told by their shape, since SCAPI's content types differ between its APIs (sfcc.md §12).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from caseconnect.sdk.errors import ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Response
from caseconnect.sdk.texts import mask, shorten

SHED_WAIT: Final = 15.0
"""Seconds to wait after a shed request that names no time; the platform names none (sfcc.md §12)."""

_OMS: Final = frozenset({"OrderIntegrationStatus", "OrderPreviouslyIntegratedStatus"})
_RACES: Final = frozenset({"ConcurrentModification", "ResourceStateConflict", "Conflict", "JobAlreadyRunning"})
_HINTS: Final = {
    "ClientAccessForbidden": "allow the resource to the client in Business Manager > Open Commerce API Settings",
    "AccessWithoutUserForbidden": "the Shop API wants a Business Manager user here: set `ocapi.user` and `password`",
    "ObjectTypeNotFound": "import the metadata of cartridges/int_caseconnect, or name the merchant's own type",
    "UnknownSearchField": "the attribute is not defined, or not searchable",
    "InvalidCustomProperty": "define the attribute; one of orders must be defined for Basket, too",
    "UnknownClientId": "`ocapi.client_id` is no client of Account Manager",
    "SiteOffline": "the site is in maintenance",
}


class Refused(PermanentError):
    """The platform refuses. `code` is the fault's name in OCAPI's words without `Exception`, such as OrderNotFound."""

    def __init__(self, message: str, *, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class OwnedElsewhere(Refused):
    """An order management system owns the order: B2C Commerce takes no further status change of it."""


@dataclass(frozen=True)
class Asked:
    """The request behind an answer. `sent` are texts that went out: an error that quotes them is masked."""

    what: str
    reads: bool
    sent: tuple[str, ...] = field(default=(), repr=False)


def told(response: Response, sent: Iterable[str] = ()) -> tuple[str, str]:
    """The answer's code, in one spelling for both formats, and its own words without personal data."""
    if "html" in response.headers.get("content-type", "") or response.body.lstrip()[:1] == b"<":
        return "", "an HTML page instead of an API answer"
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(body, Mapping):
        return "", ""
    fault = body.get("fault")
    if isinstance(fault, Mapping):
        code, text = str(fault.get("type") or "").removesuffix("Exception"), fault.get("message")
    else:
        slug = str(body.get("type") or "").rstrip(",").rpartition("/")[2]
        code, text = "".join(word.capitalize() for word in slug.split("-")), body.get("detail") or body.get("title")
    return shorten(mask(code, sent)), shorten(mask(text, sent)) if isinstance(text, str) else ""


def judge(response: Response, asked: Asked, now: datetime) -> ConnectError | None:
    """The error of an answer, None for success. 401 is the caller's (it renews the token once)."""
    status, wait = response.status, response.retry_after(now)
    if 200 <= status < 300:
        return None
    code, words = told(response, asked.sent)
    text = ": ".join(part for part in (f"{asked.what}: HTTP {status}", code, words) if part)
    if status in {425, 429} or code in _RACES:
        return TransientError(text, retry_after=wait)
    if _shed(response):
        return TransientError(f"{text} (the instance sheds load)", retry_after=SHED_WAIT if wait is None else wait)
    if code in _OMS:
        why = "an order management system owns this order; its status can only be changed there"
        return OwnedElsewhere(f"{text} ({why})", code=code, status=status)
    if status >= 500 or status < 300 or status == 408:
        return TransientError(text, retry_after=wait) if asked.reads else UnknownOutcome(text)
    return Refused(text.rstrip(".") + _advice(status, code), code=code, status=status)


def _shed(response: Response) -> bool:
    # A shed request was never begun: the header names the status, but no load (sfcc.md §12).
    shed = response.headers.get("sfdc_load_status", "").upper() == "THROTTLE" and "sfdc_load" not in response.headers
    return response.status == 503 and (shed or "retry-after" in response.headers)


def _advice(status: int, code: str) -> str:
    if code in _HINTS:
        return f". {_HINTS[code]}"
    if status < 400:
        return ". A redirect is not followed: check `scapi.short_code` and `ocapi.host`"
    if status == 403:
        return ". The client lacks the scope or the permission for this"
    return ""
