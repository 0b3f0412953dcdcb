"""From a stored delivery to events. Pure: the order itself is read later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from caseconnect.sdk.deliveries import Delivery, Ignored, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify import topics
from caseconnect_shopify.parts import moment, number_of

POLLED: Final = "orders/poll"
"""Kind of the items that `read` gives."""

_GID: Final = re.compile(r"^gid://shopify/(Order|FulfillmentOrder|Return|ShopifyPaymentsDispute)/([0-9]{1,20})$")
_KINDS: Final = {
    "Order": "order",
    "FulfillmentOrder": "fulfillment_order",
    "Return": "return",
    "ShopifyPaymentsDispute": "dispute",
}
_TIMES: Final = ("updatedAt", "updated_at", "happened_at", "created_at", "processed_at", "initiated_at")
_AHEAD: Final = timedelta(hours=1)


def parse(delivery: Delivery) -> Parsed | Ignored:
    """The events of a delivery, or why there are none. `PermanentError` when the body cannot be read."""
    topic = delivery.topic.strip().lower()
    if reason := topics.why_unused(topic):
        return Ignored(reason=f"{topic}: {reason}")
    if topic != POLLED and topic not in topics.ORDER_ID_AT and not topic.startswith(topics.FAMILIES):
        return Ignored(reason=f"{topic or 'an empty name'} is not a topic that this version knows")
    body = _read(delivery.body, topic)
    names = _polled_names(body) if topic == POLLED else _names(body, topic)
    if not names:
        if topic == "orders/risk_assessment_changed":
            return Ignored(reason=f"{topic}: the body names no order, so there is nothing to look at")
        raise PermanentError(f"{topic}: the body names neither an order nor a part of one")
    first, *rest = (Subject(delivery.connection, kind, number) for kind, number in names)
    hint = "poll" if topic == POLLED else topic
    event = OrderChanged(
        source=delivery.connection, subject=first, refs=tuple(rest), time=_time(delivery, body), hint=hint
    )
    return Parsed(events=(event,))


def _read(raw: bytes, topic: str) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise PermanentError(f"{topic}: the body is not JSON (line {error.lineno}, column {error.colno})") from None
    if not isinstance(body, dict):
        raise PermanentError(f"{topic}: the body is not a JSON object")
    return body


def _polled_names(body: dict[str, Any]) -> list[tuple[str, str]]:
    number = _number(body.get("legacyResourceId"), POLLED) or _number(body.get("id"), POLLED)
    return [("order", number)] if number else []


def _names(body: dict[str, Any], topic: str) -> list[tuple[str, str]]:
    """(kind, number) of the order if the body names it, then of the parts that it names; no name twice."""
    found: list[tuple[str, str]] = []
    for path in topics.ORDER_ID_AT.get(topic, ("order.id", "order_id")):
        if number := _number(topics.find(body, path), topic):
            found.append(("order", number))
            break
    if topic.startswith("disputes/"):
        found += [("dispute", n) for n in (_number(body.get("id"), topic),) if n]
    if topic.startswith("returns/"):
        found += [("return", n) for n in (_number(body.get("id"), topic),) if n]
    if topic.startswith(topics.FAMILIES):
        found += _gids(body)
    found.sort(key=lambda name: name[0] != "order")
    return list(dict.fromkeys(found))


def _gids(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if match := _GID.match(value):
            yield _KINDS[match[1]], match[2]
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _gids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _gids(inner)


def _number(value: object, topic: str) -> str | None:
    """An id as text: Shopify writes it as an integer of 64 bits, as digits, or as a gid."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    if isinstance(value, str):
        try:
            return number_of(value)
        except ValueError:
            pass
    raise PermanentError(f"{topic}: the body's id is not one of Shopify's (a number, digits or a gid)")


def _time(delivery: Delivery, body: dict[str, Any]) -> datetime:
    """When it happened: the `X-Shopify-Triggered-At` header, else the body's own time, else when it came.

    Headers are not signed, so a time that lies ahead of the arrival is not believed.
    """
    triggered = next((v for k, v in delivery.headers.items() if k.lower() == "x-shopify-triggered-at"), None)
    for text in (triggered, *(body.get(name) for name in _TIMES)):
        if isinstance(text, str):
            try:
                when = moment(text)
            except ValueError:
                continue
            if when <= delivery.received_at + _AHEAD:
                return when
    return delivery.received_at
