"""Deliveries and their retries: signed once, sent up to nine times over four hours of the shop's clock.

Shopify's rules (webhook documentation, 2026-10): one second to connect, five in all, any status but 2xx is a failure,
eight retries over four hours with growing gaps, the same body and `X-Shopify-Webhook-Id` each time. A subscription made
by the API is deleted when a delivery has failed through all its retries and none of its others got through in between.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from caseconnect_shopify.simulator.world.records import Order
from caseconnect_shopify.simulator.world.system import Subscription

from . import bodies, filters
from .transport import Deliver, post

if TYPE_CHECKING:
    from caseconnect_shopify.simulator.world.shop import Shop

RETRIES = 8
WINDOW_SECONDS = 4 * 3600
TOTAL_SECONDS = 5.0
PARALLEL = 16
KEPT = 5_000


@dataclass(slots=True)
class Attempt:
    """One try: when, and the status that came back or what went wrong."""

    at: datetime
    status: int | None
    error: str | None = None


@dataclass(slots=True)
class Delivery:
    """A webhook on its way. `state` is waiting, delivered, failed or dropped (its subscription went away)."""

    id: str
    event_id: str
    seq: int
    subscription_id: int
    topic: str
    uri: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    created_at: datetime
    due_at: datetime
    state: str = "waiting"
    attempts: list[Attempt] = field(default_factory=list)


def sign(secret: str, body: bytes) -> str:
    """`X-Shopify-Hmac-Sha256`: base64 of HMAC-SHA256 with the client secret over the raw body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def retry_at(first: datetime, retry: int) -> datetime:
    """When the n-th retry is due (1 to 8): gaps double, the last falls four hours after the first attempt."""
    return first + timedelta(seconds=WINDOW_SECONDS * (2**retry - 1) / (2**RETRIES - 1))


class Outbox:
    """All deliveries of a shop. `deliver` is the port that sends one; it may be replaced at any time."""

    def __init__(self, shop: Shop, deliver: Deliver | None) -> None:
        self.shop = shop
        self.deliver: Deliver = deliver or post
        self.wakeup: asyncio.Event | None = None
        self.recent: deque[Delivery] = deque(maxlen=KEPT)
        self._waiting: list[tuple[datetime, int, Delivery]] = []
        self._last_trimmed: dict[tuple[int, Any], bytes] = {}
        self._seq = 0

    def emit(self, topic: str, resource: Any) -> int:
        """Queues one delivery for each subscription of the topic; the body is what the resource is at this moment."""
        wanted = [s for s in self.shop.subscriptions.values() if s.topic == topic]
        if not wanted:
            return 0
        payload = bodies.build(self.shop, topic, resource)
        event_id = self.shop.next_uuid()
        return sum(self._queue(s, topic, resource, payload, event_id) for s in wanted)

    def next_due(self) -> datetime | None:
        """When the next attempt is due; None when nothing waits."""
        return self._waiting[0][0] if self._waiting else None

    def __len__(self) -> int:
        return len(self._waiting)

    async def run_due(self, now: datetime) -> int:
        """Makes every attempt due at `now`, some at a time, and returns how many."""
        due: list[Delivery] = []
        while self._waiting and self._waiting[0][0] <= now:
            due.append(heappop(self._waiting)[2])
        gate = asyncio.Semaphore(PARALLEL)

        async def one(delivery: Delivery) -> None:
            async with gate:
                await self._attempt(delivery, now)

        await asyncio.gather(*(one(d) for d in due))
        return len(due)

    def _queue(self, sub: Subscription, topic: str, resource: Any, payload: dict[str, Any], event_id: str) -> int:
        shown = payload
        if sub.metafield_namespaces and isinstance(resource, Order):
            shown = payload | {"metafields": bodies.metafields(self.shop, resource, sub.metafield_namespaces)}
        if sub.filter and not filters.parse(sub.filter)(shown):
            return 0
        if sub.include_fields:
            shown = filters.trim(shown, sub.include_fields)
        body = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
        if sub.include_fields:
            key = (sub.id, payload.get("id") or getattr(resource, "id", None))
            if self._last_trimmed.get(key) == body:
                return 0
            self._last_trimmed[key] = body
        self._seq += 1
        now = self.shop.now()
        delivery = Delivery(
            id=self.shop.next_uuid(),
            event_id=event_id,
            seq=self._seq,
            subscription_id=sub.id,
            topic=topic,
            uri=sub.uri,
            headers=self._headers(sub, topic, resource, now),
            body=body,
            created_at=now,
            due_at=now,
        )
        delivery.headers["X-Shopify-Webhook-Id"] = delivery.id
        delivery.headers["X-Shopify-Event-Id"] = event_id
        self._wait(delivery)
        self.recent.append(delivery)
        if self.wakeup is not None:
            self.wakeup.set()
        return 1

    def _headers(self, sub: Subscription, topic: str, resource: Any, now: datetime) -> dict[str, str]:
        nanoseconds = now.microsecond * 1000 + self._seq % 1000
        headers = {
            "User-Agent": "Shopify-Captain-Hook",
            "Accept": "*/*",
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": self.shop.domain,
            "X-Shopify-API-Version": sub.api_version,
            "X-Shopify-Triggered-At": f"{now:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z",
            "X-Shopify-Test": "false",
        }
        if isinstance(resource, Order):
            headers["X-Shopify-Order-Id"] = str(resource.id)
            headers["X-Shopify-Test"] = "true" if resource.test else "false"
        if sub.name:
            headers["X-Shopify-Name"] = sub.name
        return headers

    def _wait(self, delivery: Delivery) -> None:
        heappush(self._waiting, (delivery.due_at, delivery.seq, delivery))

    async def _attempt(self, delivery: Delivery, now: datetime) -> None:
        sub = self.shop.subscriptions.get(delivery.subscription_id)
        if sub is None:
            delivery.state = "dropped"
            return
        signature = sign(self.shop.signing_secret(), delivery.body)
        headers = delivery.headers | {"X-Shopify-Hmac-Sha256": signature}
        status, error = None, None
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                status = await self.deliver(delivery.uri, headers, delivery.body)
        except Exception as exc:  # noqa: BLE001 - whatever goes wrong there is a failed attempt, as at Shopify
            error = f"{type(exc).__name__}: {exc}"
        delivery.attempts.append(Attempt(now, status, error))
        if status is not None and 200 <= status < 300:
            delivery.state = "delivered"
            sub.failures = 0
            return
        retry = len(delivery.attempts)
        sub.failures = max(sub.failures, retry - 1)
        if retry <= RETRIES:
            delivery.due_at = max(retry_at(delivery.attempts[0].at, retry), now)
            self._wait(delivery)
            return
        delivery.state = "failed"
        if sub.by_api and sub.failures >= RETRIES:
            self.shop.subscriptions.pop(sub.id, None)
