"""The source: changes by webhook and poll, facts by GraphQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from caseconnect.models import Customer, Dispute, Order, OrderHistory, Product, ReturnRequest
from caseconnect.models.base import Record
from caseconnect.sdk.components import Check, Pacing, SourceSpec
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import (
    ApprovalRequested,
    ConnectionEnded,
    CustomerChanged,
    DisputeChanged,
    OrderChanged,
    PrivacyRequested,
    ReturnChanged,
)
from caseconnect.sdk.order_names import NAMED_ORDERS, name_of
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify import asking, backfill, changes, checks, deliveries, queries, subscriptions
from caseconnect_shopify.config import EXAMPLE, ShopifySettings
from caseconnect_shopify.items import read_dispute, read_return
from caseconnect_shopify.mapping import summary_of
from caseconnect_shopify.orders import read_order
from caseconnect_shopify.parts import Json, number_of
from caseconnect_shopify.polling import Cursor
from caseconnect_shopify.profiles import read_customer, read_product
from caseconnect_shopify.reading import client_of, complete, one
from caseconnect_shopify.setup import setup

_SHAPE: Final = (KeyError, TypeError, ValueError, AttributeError)

RECENT: Final = timedelta(days=3)
"""Of so many days a search gives what changed soon enough; an export takes minutes, and few run at once."""

ROOT_KINDS: Final = frozenset({"order", "customer", "shop"})


class ShopifySource:
    """Reads one shop. Order events only say *look*; the order is read when a decision needs it."""

    def __init__(self, settings: ShopifySettings, resources: Resources) -> None:
        self._settings, self._resources = settings, resources
        self._client = client_of(settings, resources)
        self._fetchers: Mapping[str, tuple[str, Callable[[str], Awaitable[Record]]]] = {
            "order": ("order", partial(read_order, self._client, settings)),
            "order_history": ("order", self._history),
            "customer": ("customer", partial(read_customer, self._client)),
            "return": ("return", partial(read_return, self._client, order_url=settings.order_url)),
            "dispute": ("dispute", partial(read_dispute, self._client)),
            "product": ("product", partial(read_product, self._client)),
        }

    async def check(self) -> Sequence[Check]:
        """Token, shop, API version, and the scopes that reading needs, one by one."""
        return await checks.run(self._client, self._settings, checks.READING, subscribed=True)

    async def identity(self) -> str:
        """The shop's own `myshopifyDomain`, which never changes (Admin API, `Shop`)."""
        domain, _ = await checks.installation(self._client)
        return domain

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        """See `deliveries.parse`."""
        return deliveries.parse(delivery, self._settings.shop)

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        """The next page of orders by `updated_at`, oldest first; looks back by the overlap at each new sweep.

        Once an hour, at the beginning of a sweep, webhooks that were lost are made again; the sweep then fills the gap.
        """
        now = self._resources.now()
        if cursor is None:
            return Page(items=(), cursor=Cursor.begin(now).dump())
        try:
            return await self._page(Cursor.load(cursor), now)
        except _SHAPE as error:
            raise PermanentError(
                f"Shopify's list of what changed has a shape that this version cannot read ({type(error).__name__})"
            ) from None

    async def since(self, since: datetime, cursor: str | None) -> Page:
        """What changed since: of a few days page by page, as the poll reads, of more by an export."""
        now = self._resources.now()
        if cursor is None and now - since <= RECENT:
            cursor = Cursor(since=since, floor=since, began=now).dump()
        if cursor is None or backfill.is_place(cursor):
            return await backfill.page(self._client, self._resources, since, cursor)
        return await self.read(cursor, ())

    async def _page(self, at: Cursor, now: datetime) -> Page:
        if at.of_people():
            return await self._people(at)
        if not at.sweeping():
            at = await self._watched(at, now)
            at = at.started(now, self._settings.overlap_seconds)
        try:
            found, after = await self._changes(at)
        except PermanentError:
            if at.after is None:
                raise
            # A page cursor that Shopify no longer takes: the sweep begins again, nothing is lost.
            at = at.restarted()
            found, after = await self._changes(at)
        items = await changes.orders(self._client, found)
        items += await asking.requests(self._client, self._settings.approvals, found)
        if after is None:
            items += await asking.drafts(self._client, self._settings.approvals, at.floor_text())
        at = at.advanced([order["updatedAt"] for order in found], after)
        return Page(items=tuple(items), cursor=at.dump(), more=at.sweeping())

    async def _watched(self, at: Cursor, now: datetime) -> Cursor:
        """Look whether webhooks were lost, and make them again."""
        address = self._settings.webhook_address
        if address is None or not at.to_look(now):
            return at
        _, scopes = await checks.installation(self._client)
        found = await subscriptions.compare(self._client, self._settings, address, scopes)
        refused = {t: p for t in found.missing if (p := await subscriptions.subscribe(self._client, t, address))}
        log = self._resources.log
        if made := [t for t in found.missing if t not in refused]:
            log.warning("webhooks were missing and were made again", topics=made, since=at.whole or "never seen")
        for topic, problem in refused.items():
            log.error("a webhook is missing and cannot be made", topic=topic, why=problem)
        lost, overlap = bool(found.missing), self._settings.overlap_seconds
        return at.seen(now, lost=lost, mended=not refused, overlap_seconds=overlap)

    async def _people(self, at: Cursor) -> Page:
        asked = {"first": self._settings.page_size, "search": f"updated_at:>='{at.people_text()}'"}
        found, after = await changes.page_of(self._client, changes.CUSTOMERS, after=at.people_after, **asked)
        at = at.people_advanced(after)
        return Page(items=tuple(map(changes.customer_item, found)), cursor=at.dump(), more=at.sweeping())

    async def root(self, alias: Subject) -> Subject | None:
        """The order of a fulfilment order, return or dispute, or as somebody names it; a dispute may have none."""
        if alias.kind in ROOT_KINDS:
            return alias
        if meant := name_of(alias):
            number = await changes.order_named(self._client, meant)
            return Subject(alias.connection, "order", number) if number else None
        if alias.kind not in changes.ROOTS:
            return None
        gid_type, operation = changes.ROOTS[alias.kind]
        data = await self._client.run(operation, {"id": f"gid://shopify/{gid_type}/{alias.id}"})
        (found,) = data.values()
        if not found:
            return None
        order = found.get("orderId") or (found.get("order") or {}).get("id")
        return Subject(alias.connection, "order", number_of(order)) if order else alias

    async def fetch(self, need: Need) -> Record:
        """The order, its shopper's other orders, the customer, return, dispute or product, as they are now."""
        if need.fact == NAMED_ORDERS and (meant := name_of(need.subject)):
            return await changes.orders_named(self._client, meant)
        if need.fact not in self._fetchers:
            raise PermanentError(
                f"Shopify supplies no fact {need.fact!r}; it supplies {', '.join(sorted(self._fetchers))}"
            )
        kind, fetch = self._fetchers[need.fact]
        if need.subject.kind != kind or not need.subject.id.isdigit():
            raise PermanentError(f"the fact {need.fact!r} is asked of a {kind} by its number, not of {need.subject}")
        try:
            return await fetch(need.subject.id)
        except _SHAPE as error:
            # Not the error's text: it may quote personal data.
            raise PermanentError(
                f"Shopify's answer for {need.fact} of {need.subject} has a shape that this version cannot read"
                f" ({type(error).__name__})"
            ) from None

    async def _history(self, number: str) -> OrderHistory:
        shopper = await one(self._client, queries.SHOPPER, f"gid://shopify/Order/{number}", "order")
        customer, email = (shopper.get("customer") or {}).get("id"), shopper.get("email")
        if customer:
            key, search = "customer", f"customer_id:{number_of(customer)}"
        elif email:
            key, search = "email", f"email:{changes.quoted(email)}"
        else:
            return OrderHistory(key="none", complete=True)
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            data = await self._client.run(queries.HISTORY, {"search": search, "after": after})
            page = data["orders"]
            found += [n for n in page["nodes"] if number_of(n["id"]) != number]
            after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
            if after is None or len(found) > self._settings.history_limit:
                break
        whole = after is None and len(found) <= self._settings.history_limit
        kept = found[: self._settings.history_limit]
        for node in kept:
            await complete(self._client, node, queries.ORDER_LINES, node["id"], "order")
        return OrderHistory(key=key, orders=tuple(summary_of(n) for n in kept), complete=whole)

    async def _changes(self, at: Cursor) -> tuple[list[Json], str | None]:
        asked = {"first": self._settings.page_size, "search": f"updated_at:>='{at.floor_text()}'"}
        return await changes.page_of(self._client, changes.ORDERS, after=at.after, **asked)


async def _history(source: ShopifySource, since: datetime, cursor: str | None) -> Page:
    return await source.since(since, cursor)


async def _expected(source: ShopifySource, since: datetime) -> int:
    return await backfill.expected(source._client, since)


SOURCE = SourceSpec(
    name="shopify",
    summary="Orders of a Shopify shop: webhooks, a poll as the net under them, and facts by GraphQL.",
    settings=ShopifySettings,
    example=EXAMPLE,
    build=ShopifySource,
    account=lambda settings: str(settings.shop),
    emits=frozenset(
        {
            OrderChanged,
            ReturnChanged,
            DisputeChanged,
            CustomerChanged,
            ApprovalRequested,
            PrivacyRequested,
            ConnectionEnded,
        }
    ),
    facts={
        "order": Order,
        "order_history": OrderHistory,
        NAMED_ORDERS: OrderHistory,
        "customer": Customer,
        "return": ReturnRequest,
        "dispute": Dispute,
        "product": Product,
    },
    tells=frozenset({"approval"}),
    roots=ROOT_KINDS,
    pacing=Pacing(rate=100, burst=2000),
    setup=setup,
    history=_history,
    expected=_expected,
)
