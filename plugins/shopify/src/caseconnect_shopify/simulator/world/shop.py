"""One simulated shop: its state, its clock, its ledger, and what it tells its webhook subscribers."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.faults import FaultPlan
from caseconnect_shopify.simulator.webhooks.outbox import Outbox
from caseconnect_shopify.simulator.webhooks.transport import Deliver

from . import cancellation
from .drafts import DraftIndex
from .later import Later
from .records import Customer, Order, gid
from .search import OrderIndex
from .stores import Stores
from .system import Effect, Subscription
from .topics import known_topic

VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
SCOPES = (
    "read_orders write_orders read_all_orders read_customers write_customers read_fulfillments write_fulfillments "
    "read_merchant_managed_fulfillment_orders write_merchant_managed_fulfillment_orders "
    "read_third_party_fulfillment_orders write_third_party_fulfillment_orders read_returns write_returns "
    "read_draft_orders write_draft_orders read_products read_apps read_shopify_payments_disputes read_locations "
    "read_store_credit_accounts read_store_credit_account_transactions write_store_credit_account_transactions "
    "read_gift_cards write_gift_cards read_gift_card_transactions write_gift_card_transactions read_files write_files "
    "read_order_edits write_order_edits read_customer_merge write_customer_merge read_payment_terms"
)
SECRET_OVERLAP = timedelta(hours=1)


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


class Shop(Stores):
    """The world of one shop. Every change goes through it, so that times, index, ledger and webhooks agree.

    Durations are seconds on the shop's clock `now`. `restore_rate` is cost points a second, the bucket holds 20 times
    that (shopify.dev, "API rate limits", 2026-10). `index_lag` is how late the search sees a change, `cancel_seconds`,
    `file_seconds` and `bulk_seconds` how long a cancellation, an uploaded file and an export take. `slow_refunds` names
    gateways whose refunds stay PENDING: {"klarna": {"seconds": 60, "outcome": "failure"}}. `idempotency_errors` is
    where a refused idempotency key is told, "user_errors" or "top_level": refundCreate's user errors have no code and
    no recording shows which of both it is, so a client must bear either. `personal_data=False` is an app that is not
    approved for protected customer data. `webhooks` maps topics to addresses as an app's configuration file does: these
    are never deleted. `rates` are the other currencies that the shop trades in: {"EUR": "0.93"}.
    """

    def __init__(
        self,
        domain: str = "demo-shop.myshopify.com",
        client_id: str = "sim-client",
        client_secret: str = "sim-secret",  # noqa: S107 - a simulator's, like those of any test shop
        *,
        now: Callable[[], datetime] = utc_now,
        name: str | None = None,
        app_id: int = 280_000_001,
        app_title: str = "Connect",
        currency: str = "USD",
        rates: Mapping[str, str] | None = None,
        utc_offset_minutes: int = -300,
        scopes: Iterable[str] | str = SCOPES,
        static_tokens: Iterable[str] = (),
        token_life: float = 86_399,
        installed: bool = True,
        same_organization: bool = True,
        restore_rate: float = 100.0,
        max_query_cost: int = 1000,
        index_lag: float = 0.0,
        cancel_seconds: float = 2.0,
        slow_refunds: Mapping[str, Mapping[str, Any]] | None = None,
        idempotency_errors: str = "user_errors",
        file_seconds: float = 2.0,
        bulk_seconds: float = 5.0,
        bulk_outcome: str = "COMPLETED",
        personal_data: bool = True,
        first_id: int | None = None,
        api_version: str = "2026-10",
        webhooks: Mapping[str, str] | None = None,
        deliver: Deliver | None = None,
    ) -> None:
        super().__init__()
        self.domain = domain
        self.client_id = client_id
        self.client_secret = client_secret
        self.old_secret: str | None = None
        self.rotated_at: datetime | None = None
        self.now = now
        self.name = name or domain.partition(".")[0]
        self.app_id = app_id
        self.app_title = app_title
        self.currency = currency
        self.rates = {code: Decimal(value) for code, value in (rates or {}).items()}
        self.zone = timezone(timedelta(minutes=utc_offset_minutes))
        self.scopes = frozenset(scopes.split() if isinstance(scopes, str) else scopes)
        self.token_life = token_life
        self.tokens: dict[str, datetime | None] = dict.fromkeys(static_tokens)
        self.installed = installed
        self.same_organization = same_organization
        self.restore_rate = restore_rate
        self.max_query_cost = max_query_cost
        self.cancel_seconds = cancel_seconds
        self.slow_refunds = dict(slow_refunds or {})
        self.idempotency_errors = idempotency_errors
        self.file_seconds = file_seconds
        self.bulk_seconds = bulk_seconds
        self.bulk_outcome = bulk_outcome
        self.personal_data = personal_data
        self.api_version = api_version
        self.started_at = now()
        self.later = Later()
        self.draft_index = DraftIndex()
        self.draft_numbers = 0
        self.locations = {1: "Warehouse", 2: "Second warehouse"}
        self.ledger: list[Effect] = []
        self.index = OrderIndex(index_lag)
        self.id = zlib.crc32(domain.encode()) % 1_000_000_000
        self._last_id = first_id if first_id is not None else 5_000_000_000_000 + self.id * 1_000
        self._numbers = 1000
        self._emails: dict[str, int] = {}
        self._uuids = 0
        self.outbox = Outbox(self, deliver)
        self.faults = FaultPlan()
        for topic, uri in (webhooks or {}).items():
            self.subscribe(topic, uri, by_api=False)

    def __repr__(self) -> str:
        return f"Shop({self.domain!r}, orders={len(self.orders)}, effects={len(self.ledger)})"

    def next_id(self) -> int:
        """A fresh numeric id, unique in the shop over all kinds."""
        self._last_id += 1
        return self._last_id

    def next_number(self) -> int:
        """The next order number: 1001, 1002, ..."""
        self._numbers += 1
        return self._numbers

    def next_uuid(self) -> str:
        """A fresh uuid: repeatable on a virtual clock, new at each start on the real one."""
        self._uuids += 1
        seed = f"{self.domain}/{self.started_at.isoformat()}/{self._uuids}"
        return str(uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4))

    def stamp(self) -> datetime:
        """Now, in the whole seconds that Shopify stores."""
        return self.now().replace(microsecond=0)

    def touch(self, order: Order, *topics: str) -> None:
        """Says that an order changed: `updated_at`, search index, and these webhooks and `orders/updated`."""
        order.updated_at = max(order.updated_at, self.stamp())
        self.index.put(order, self.now())
        for topic in topics:
            self.emit(topic, order)
        if "orders/create" not in topics:
            self.emit("orders/updated", order)

    def effect(self, who: str, what: str, target: str, **args: Any) -> None:
        """Writes a change that an API call brought about into the ledger."""
        self.ledger.append(Effect(len(self.ledger) + 1, self.now(), who, what, target, args))

    def emit(self, topic: str, resource: Any) -> int:
        """Queues a webhook for every subscription of the topic and says how many. `run_due` sends them."""
        return self.outbox.emit(topic, resource)

    def subscribe(
        self, topic: str, uri: str, *, by_api: bool = False, version: str | None = None, name: str | None = None
    ) -> Subscription:
        """Adds a webhook subscription; `topic` is written `orders/create`."""
        stamp = self.stamp()
        subscription = Subscription(
            id=self.next_id(),
            topic=known_topic(topic),
            uri=uri,
            created_at=stamp,
            updated_at=stamp,
            api_version=version or self.api_version,
            by_api=by_api,
            name=name,
        )
        self.subscriptions[subscription.id] = subscription
        return subscription

    def rotate_secret(self, new_secret: str) -> None:
        """Rotates the client secret: the old one goes on signing deliveries for an hour, or until it is revoked."""
        self.old_secret, self.client_secret, self.rotated_at = self.client_secret, new_secret, self.now()

    def revoke_old_secret(self) -> None:
        """Ends the old client secret at once."""
        self.old_secret = self.rotated_at = None

    def signing_secret(self) -> str:
        """The secret that signs webhooks now: the oldest one not revoked."""
        if self.old_secret and self.rotated_at and self.now() - self.rotated_at < SECRET_OVERLAP:
            return self.old_secret
        return self.client_secret

    def settle(self) -> None:
        """Lets all asynchronous work come to pass whose time has come."""
        now = self.now()
        for job in [j for j in self.open_jobs if j.due_at <= now]:
            self.open_jobs.remove(job)
            cancellation.complete(self, job)
        self.later.run(now)

    async def run_due(self, now: datetime | None = None) -> int:
        """Settles due work and makes every delivery attempt that is due (at `now`, by default the shop's clock).

        Returns the number of attempts made. Attempts that these bring about in turn (a retry) are due later.
        """
        self.settle()
        return await self.outbox.run_due(now or self.now())

    def next_due(self) -> datetime | None:
        """When `run_due` next has something to do; None when nothing waits."""
        times = [j.due_at for j in self.open_jobs]
        waiting = (self.outbox.next_due(), self.later.next_due())
        return min([*times, *(t for t in waiting if t)], default=None)

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Lets something come to pass so many seconds from now; at once when the time is not above zero."""
        if seconds <= 0:
            action()
            return
        self.later.add(self.now() + timedelta(seconds=seconds), action)
        if self.outbox.wakeup is not None:
            self.outbox.wakeup.set()

    def order(self, key: int | str) -> Order:
        """An order by numeric id, gid, number (`1001`) or name (`#1001`). KeyError when there is none."""
        tail = str(key).rsplit("/", 1)[-1]
        if tail.isdigit() and int(tail) in self.orders:
            return self.orders[int(tail)]
        found = next((o for o in self.orders.values() if tail in {o.name, str(o.number)}), None)
        if found is None:
            raise KeyError(key)
        return found

    def customer_by_email(self, email: str | None) -> Customer | None:
        """The customer with this e-mail address, in any case."""
        return self.customers.get(self._emails.get((email or "").casefold(), 0))

    def note_email(self, customer: Customer) -> None:
        """Makes a customer findable by e-mail."""
        if customer.email:
            self._emails[customer.email.casefold()] = customer.id

    def rate(self, currency: str) -> Decimal | None:
        """How much of a currency one unit of the shop's buys; None when the shop does not trade in it."""
        return Decimal(1) if currency == self.currency else self.rates.get(currency)

    def app_gid(self) -> str:
        """The gid of the connector's app."""
        return gid("App", self.app_id)
