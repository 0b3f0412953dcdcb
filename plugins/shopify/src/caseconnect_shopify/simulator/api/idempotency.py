"""`@idempotent`: one effect for one key, kept 24 hours for an app at a shop (API 2026-01 on, required from 2026-04).

A replay is answered from the data of now. The fingerprint covers the arguments in the order in which they were sent. A
call that was refused by user errors counts as a failed attempt, which is the strict reading of the documentation.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from caseconnect_shopify.simulator.world.keys import KEPT, KeyRecord

from .errors import ApiError
from .execute import Call

T = TypeVar("T")
UserErrors = list[dict[str, Any]]
MESSAGES = {
    "IDEMPOTENCY_CONCURRENT_REQUEST": "This request is currently in progress, please try again.",
    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH": (
        "The request with this idempotency key has different parameters than the original request."
    ),
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED": (
        "A previous request with this idempotency key failed. Retry with a new idempotency key."
    ),
}


def fingerprint(name: str, args: dict[str, Any]) -> str:
    """What two calls must share to be the same request."""
    return json.dumps([name, args], default=str)


def once(
    call: Call,
    name: str,
    args: dict[str, Any],
    act: Callable[[], tuple[T | None, UserErrors]],
    show: Callable[[T | None, UserErrors], dict[str, Any]],
) -> dict[str, Any]:
    """Acts once for a key and shows the result each time; without a key it just acts."""
    key, call.idempotency_key = call.idempotency_key, None
    if key is None:
        return show(*act())
    if not key.strip():
        raise ApiError("The idempotency key cannot be blank.", "BAD_REQUEST")
    mark = fingerprint(name, args)
    record = _record(call, key)
    if record is not None and not (call.resumes and record.state == "running"):
        code = _refusal(record, mark)
        if code is None:
            return show(record.result, [])
        if call.shop.idempotency_errors == "top_level":
            raise ApiError(MESSAGES[code], code)
        return show(None, [{"field": None, "message": MESSAGES[code]}])
    made = reserve(call, key, mark)
    made.state = "failed"
    made.result, errors = act()
    made.state = "failed" if errors else "done"
    return show(made.result, errors)


def reserve(call: Call, key: str, mark: str) -> KeyRecord:
    """Marks a key as in use by a request that is under way."""
    made = KeyRecord(mark, call.shop.now() + KEPT)
    call.shop.keys[(call.who, key)] = made
    return made


def _record(call: Call, key: str) -> KeyRecord | None:
    found = call.shop.keys.get((call.who, key))
    return found if found is not None and found.until > call.shop.now() else None


def _refusal(record: KeyRecord, mark: str) -> str | None:
    if record.fingerprint != mark:
        return "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
    return {"running": "IDEMPOTENCY_CONCURRENT_REQUEST", "failed": "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"}.get(
        record.state
    )
