"""From a stored delivery to events. Pure: what it is about is read later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from caseconnect.models import PrivacyRequest
from caseconnect.sdk.deliveries import Delivery, Ignored, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import (
    ApprovalRequested,
    ConnectionEnded,
    CustomerChanged,
    DisputeChanged,
    Event,
    OrderChanged,
    PrivacyRequested,
    ReturnChanged,
)
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify import topics
from caseconnect_shopify.asking import DRAFT, draft_of, request_of
from caseconnect_shopify.parts import moment, number_of

_GID: Final = re.compile(r"^gid://shopify/(Order|FulfillmentOrder)/([0-9]{1,20})$")
_KINDS: Final = {"Order": "order", "FulfillmentOrder": "fulfillment_order"}
_TIMES: Final = ("updatedAt", "updated_at", "occurredAt", "happened_at", "created_at", "processed_at", "initiated_at")
_AHEAD: Final = timedelta(hours=1)


def parse(delivery: Delivery, shop: str = "") -> Parsed | Ignored:
    """The events of a delivery, or why there are none. `PermanentError` when the body cannot be read.

    Shopify signs the body alone, not its topic: what erases or pauses must be of its topic's own shape and name `shop`
    (its domain; empty: any), so that no other body, sent again under that topic, does it.
    """
    topic = delivery.topic.strip().lower()
    if reason := topics.why_unused(topic):
        return Ignored(reason=f"{topic}: {reason}")
    wanted = topics.known(topic)
    if wanted is None:
        return Ignored(reason=f"{topic or 'an empty name'} is not a topic that this version knows")
    found = _Reading(delivery, topic, wanted, _read(delivery.body, topic), shop).event()
    return found if isinstance(found, Ignored) else Parsed(events=(found,))


class _Reading:
    """One body under one topic."""

    def __init__(self, delivery: Delivery, topic: str, wanted: topics.Topic, body: dict[str, Any], shop: str) -> None:
        self.topic, self.wanted, self.body, self.connection = topic, wanted, body, delivery.connection
        self.shop, self.polled = shop, delivery.polled
        self.time = _time(delivery, body)
        self.hint = "poll" if topic in topics.POLLED else topic

    def event(self) -> Event | Ignored:
        """What it becomes."""
        event = self.wanted.event
        if event is OrderChanged:
            return self._order()
        if event is ReturnChanged or event is DisputeChanged:
            return self._item("return" if event is ReturnChanged else "dispute")
        if event is CustomerChanged:
            return self._customer()
        if event is ApprovalRequested:
            return self._asked()
        shop = self._named("shop", "shop_id", "id") or Subject(self.connection, "shop", "this")
        if event is ConnectionEnded:
            self._must_be_of_the_shop("myshopify_domain")
            return ConnectionEnded(source=self.connection, subject=shop, time=self.time, hint=self.hint)
        return self._privacy(shop)

    def _order(self) -> Event | Ignored:
        order = self._named("order", *self.wanted.at)
        parts = list(_gids(self.body)) if self.topic.startswith(topics.PARTS) else []
        names = [*([order] if order else []), *(Subject(self.connection, kind, number) for kind, number in parts)]
        names = sorted(dict.fromkeys(names), key=lambda name: name.kind != "order")
        if names:
            first, *rest = names
            return OrderChanged(source=self.connection, subject=first, refs=tuple(rest), time=self.time, hint=self.hint)
        if self.topic == "orders/risk_assessment_changed":
            return Ignored(reason=f"{self.topic}: the body names no order, so there is nothing to look at")
        if self.topic.startswith("draft_orders/"):
            return Ignored(reason=f"{self.topic}: the draft is no order yet; once it is one, its draft names it")
        raise PermanentError(f"{self.topic}: the body names neither an order nor a part of one")

    def _item(self, kind: str) -> Event:
        item = self._named(kind, "id", "admin_graphql_api_id")
        if item is None:
            raise PermanentError(f"{self.topic}: the body does not name the {kind}")
        order = self._named("order", *self.wanted.at)
        subject, refs = (order, (item,)) if order else (item, ())
        made = ReturnChanged if kind == "return" else DisputeChanged
        return made(source=self.connection, subject=subject, refs=refs, item=item, time=self.time, hint=self.hint)

    def _asked(self) -> Event:
        if not self.polled:
            raise PermanentError(f"{self.topic}: no webhook is of this topic")
        record = draft_of(self.body) if self.topic == DRAFT else request_of(self.body)
        item, order = Subject(self.connection, "approval", record.id), self._named("order", *self.wanted.at)
        return ApprovalRequested(
            source=self.connection, subject=order or item, item=item, time=self.time, record=record
        )

    def _customer(self) -> Event | Ignored:
        customer = self._named("customer", *self.wanted.at)
        if customer is None:
            raise PermanentError(f"{self.topic}: the body names no customer")
        gone = self._named("customer", "admin_graphql_api_customer_deleted_id")
        if self.topic == "customers/merge" and self.body.get("status") != "completed":
            return Ignored(reason=f"{self.topic}: the two customers were not merged, or are not yet")
        refs = (gone,) if gone else ()
        return CustomerChanged(source=self.connection, subject=customer, refs=refs, time=self.time, hint=self.hint)

    def _must_be_of_the_shop(self, place: str) -> None:
        domain = self.body.get(place)
        if not isinstance(domain, str) or (self.shop and domain.lower() != self.shop):
            raise PermanentError(f"{self.topic}: the body is not of this topic for this shop ({place})")

    def _privacy(self, shop: Subject) -> Event:
        access = self.topic == "customers/data_request"
        self._must_be_of_the_shop("shop_domain")
        lists = {"customers/data_request": "orders_requested", "customers/redact": "orders_to_redact"}
        needed = lists.get(self.topic)
        if needed and not isinstance(self.body.get(needed), list):
            raise PermanentError(f"{self.topic}: the body has no {needed}, so it is not of this topic")
        if not needed and set(self.body) != {"shop_id", "shop_domain"}:
            raise PermanentError(f"{self.topic}: the body holds more than the shop, so it is not of this topic")
        who = self.body.get("customer")
        person = who if isinstance(who, dict) else {}
        customer = self._named("customer", "customer.id")
        if customer is None and self.topic != "shop/redact":
            raise PermanentError(f"{self.topic}: the body names no customer")
        numbers = self.body.get("orders_requested" if access else "orders_to_redact")
        orders = [_number(n, self.topic) for n in numbers] if isinstance(numbers, list) else []
        record = PrivacyRequest(
            id=_number(topics.find(self.body, "data_request.id"), self.topic) or (customer or shop).id,
            action="access" if access else "erase",
            customer_id=customer.id if customer else None,
            order_ids=tuple(n for n in orders if n),
            email=_text(person.get("email")),
            phone=_text(person.get("phone")),
        )
        return PrivacyRequested(source=self.connection, subject=customer or shop, time=self.time, record=record)

    def _named(self, kind: str, *paths: str) -> Subject | None:
        """The thing of a kind that the body names at the first of these places that is filled."""
        for path in paths:
            if number := _number(topics.find(self.body, path), self.topic):
                return Subject(self.connection, kind, number)
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _read(raw: bytes, topic: str) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise PermanentError(f"{topic}: the body is not JSON (line {error.lineno}, column {error.colno})") from None
    if not isinstance(body, dict):
        raise PermanentError(f"{topic}: the body is not a JSON object")
    return body


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
