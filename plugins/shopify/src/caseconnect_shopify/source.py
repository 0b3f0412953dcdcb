"""The source: changes by webhook and poll, facts by GraphQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from caseconnect.models import Customer, Order, OrderHistory
from caseconnect.models.base import Record
from caseconnect.sdk.components import Check, Pacing, SourceSpec
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed, Polled
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify import checks, deliveries, queries
from caseconnect_shopify.config import EXAMPLE, ShopifySettings
from caseconnect_shopify.mapping import customer_of, summary_of
from caseconnect_shopify.orders import read_order
from caseconnect_shopify.parts import number_of
from caseconnect_shopify.polling import Cursor
from caseconnect_shopify.reading import client_of, complete, one

ROOT_KINDS: Final = frozenset({"order", "customer"})


class ShopifySource:
    """Reads one shop. Order events only say *look*; the order is read when a decision needs it."""

    def __init__(self, settings: ShopifySettings, resources: Resources) -> None:
        self._settings, self._resources = settings, resources
        self._client = client_of(settings, resources)
        self._fetchers: Mapping[str, tuple[str, Callable[[str], Awaitable[Record]]]] = {
            "order": ("order", self._order),
            "order_history": ("order", self._history),
            "customer": ("customer", self._customer),
        }

    async def check(self) -> Sequence[Check]:
        """Token, shop, API version, and the scopes that reading needs, one by one."""
        return await checks.run(self._client, self._settings, checks.READING)

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        """See `deliveries.parse`."""
        return deliveries.parse(delivery)

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        """The next page of orders by `updated_at`, oldest first; looks back by the overlap at each new sweep."""
        now = self._resources.now()
        if cursor is None:
            return Page(items=(), cursor=Cursor.begin(now).dump())
        at = Cursor.load(cursor).started(now, self._settings.overlap_seconds)
        try:
            orders = await self._changes(at)
        except PermanentError:
            if at.after is None:
                raise
            # A page cursor that Shopify no longer takes: the sweep begins again, nothing is lost.
            at = at.restarted()
            orders = await self._changes(at)
        items = tuple(
            Polled(
                kind=deliveries.POLLED,
                id=number_of(node["id"]),
                version=node["updatedAt"],
                body=orjson.dumps(node, option=orjson.OPT_SORT_KEYS),
            )
            for node in orders["nodes"]
        )
        info = orders["pageInfo"]
        at = at.advanced([i.version for i in items], info["endCursor"] if info["hasNextPage"] else None)
        return Page(items=items, cursor=at.dump(), more=at.after is not None or at.sweeping())

    async def root(self, alias: Subject) -> Subject | None:
        """The order of a fulfilment order, return or dispute; a dispute without an order stands alone."""
        if alias.kind in ROOT_KINDS:
            return alias
        if alias.kind not in queries.ROOTS:
            return None
        gid_type, operation = queries.ROOTS[alias.kind]
        data = await self._client.run(operation, {"id": f"gid://shopify/{gid_type}/{alias.id}"})
        (found,) = data.values()
        if not found:
            return None
        order = found.get("orderId") or (found.get("order") or {}).get("id")
        return Subject(alias.connection, "order", number_of(order)) if order else alias

    async def fetch(self, need: Need) -> Record:
        """The order, its shopper's other orders, or the customer, as they are now."""
        if need.fact not in self._fetchers:
            raise PermanentError(
                f"Shopify supplies no fact {need.fact!r}; it supplies {', '.join(sorted(self._fetchers))}"
            )
        kind, fetch = self._fetchers[need.fact]
        if need.subject.kind != kind or not need.subject.id.isdigit():
            raise PermanentError(f"the fact {need.fact!r} is asked of a {kind} by its number, not of {need.subject}")
        try:
            return await fetch(need.subject.id)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # Not the error's text: it may quote personal data.
            raise PermanentError(
                f"Shopify's answer for {need.fact} of {need.subject} has a shape that this version cannot read"
                f" ({type(error).__name__})"
            ) from None

    async def _order(self, number: str) -> Order:
        return await read_order(self._client, self._settings, number)

    async def _history(self, number: str) -> OrderHistory:
        shopper = await one(self._client, queries.SHOPPER, f"gid://shopify/Order/{number}", "order")
        customer, email = (shopper.get("customer") or {}).get("id"), shopper.get("email")
        if customer:
            key, search = "customer", f"customer_id:{number_of(customer)}"
        elif email:
            quoted = email.replace("\\", "\\\\").replace("'", "\\'")
            key, search = "email", f"email:'{quoted}'"
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

    async def _customer(self, number: str) -> Customer:
        return customer_of(await one(self._client, queries.CUSTOMER, f"gid://shopify/Customer/{number}", "customer"))

    async def _changes(self, at: Cursor) -> dict[str, Any]:
        search = f"updated_at:>='{at.floor_text()}'"
        variables = {"first": self._settings.page_size, "after": at.after, "search": search}
        orders: dict[str, Any] = (await self._client.run(queries.CHANGES, variables))["orders"]
        return orders


SOURCE = SourceSpec(
    name="shopify",
    summary="Orders of a Shopify shop: webhooks, a poll as the net under them, and facts by GraphQL.",
    settings=ShopifySettings,
    example=EXAMPLE,
    build=ShopifySource,
    account=lambda settings: str(settings.shop),
    emits=frozenset({OrderChanged}),
    facts={"order": Order, "order_history": OrderHistory, "customer": Customer},
    roots=ROOT_KINDS,
    pacing=Pacing(rate=100, burst=2000),
)
