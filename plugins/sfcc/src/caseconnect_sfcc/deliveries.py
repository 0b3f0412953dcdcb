"""From a polled item to its event. Pure. Bodies hold what finds the thing again, and no personal data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from caseconnect.sdk.deliveries import Delivery, Ignored, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import (
    ClaimChanged,
    ComplaintChanged,
    DisputeChanged,
    Event,
    ItemEvent,
    OrderChanged,
    ReturnChanged,
)
from caseconnect.sdk.subjects import Subject

from .values import moment

ORDER, LATE, ACTION = "order", "late_order", "action"
"""Kinds of polled items that are a look at an order."""

ITEMS: Final[dict[str, Callable[..., ItemEvent]]] = {
    "return": ReturnChanged,
    "complaint": ComplaintChanged,
    "claim": ClaimChanged,
    "dispute": DisputeChanged,
}
"""Kinds of polled items that are items of their own, and their events."""


def parse(delivery: Delivery) -> Parsed | Ignored:
    """One event. An item is its own subject: the source's `root` tells which order it is about."""
    kind = delivery.topic
    if kind not in {ORDER, LATE, ACTION, *ITEMS}:
        return Ignored(reason=f"{kind!r} is not a topic this version knows; it polls orders and custom objects")
    try:
        body = orjson.loads(delivery.body)
        return _parsed(kind, body, delivery.connection)
    except orjson.JSONDecodeError as error:
        raise PermanentError(f"the polled {kind} is no JSON: {error.msg} at character {error.pos}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PermanentError(f"the polled {kind} has a shape that cannot be read ({type(error).__name__})") from None


def _parsed(kind: str, body: dict[str, Any], connection: str) -> Parsed | Ignored:
    changed = moment(body["last_modified"])
    if kind in ITEMS:
        item = Subject(connection, kind, f"{_text(body['site'])}/{_text(body['key'])}")
        return _one(ITEMS[kind](subject=item, item=item, time=changed))
    if kind == ACTION:
        if not body.get("order_no"):
            return Ignored(reason="an action without an order")
        if body.get("status") in {"requested", None, ""}:
            return Ignored(reason="an action that the cartridge's job has not answered yet")
        return _one(_look(connection, _text(body["order_no"]), "action", changed))
    if kind == LATE:
        due = moment(body["since"]) + timedelta(hours=float(body["after"]))
        return _one(_look(connection, _text(body["order_no"]), f"late: {_text(body['rule'])}", due))
    return _one(_look(connection, _text(body["order_no"]), "poll", changed))


def _look(connection: str, order_no: str, hint: str, at: datetime) -> OrderChanged:
    return OrderChanged(subject=Subject(connection, "order", order_no), hint=hint, time=at)


def _one(event: Event) -> Parsed:
    return Parsed(events=(event,))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("no text")
    return value
