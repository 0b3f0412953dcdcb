"""The plugin keeps the SDK's contract, against the simulated shop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from caseconnect.sdk.commands import AnnotateOrder, CancelOrder, Command, HoldOrder, ReleaseOrder
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Pushed, SinkContract, SinkWorld, SourceContract, SourceWorld
from caseconnect_shopify import plugin
from caseconnect_shopify.simulator import Shop, create_app, create_order
from caseconnect_shopify.simulator.oauth import expire_tokens
from caseconnect_shopify.simulator.world import catalogue, disputes, fulfilment, people, staff

TOPICS = (
    "orders/create",
    "orders/updated",
    "orders/risk_assessment_changed",
    "order_transactions/create",
    "fulfillment_holds/added",
    "fulfillment_orders/placed_on_hold",
    "fulfillments/create",
    "returns/request",
    "disputes/create",
    "customers/update",
    "customer.tags_added",
    "customers/data_request",
    "customers/redact",
)
ADDRESS = {
    "first_name": "Jane",
    "last_name": "Shopper",
    "address1": "Elm Street 5",
    "city": "Bonn",
    "country_code": "DE",
}
LINES = [
    {"title": "Mug", "price": "20.00", "quantity": 2, "sku": "MUG"},
    {"title": "Tea", "price": "9.50", "quantity": 1},
]


class ShopWorld(SourceWorld, SinkWorld):
    """A shop with one old order of a customer, whose search lags by twenty seconds."""

    personal = ("jane@shopper.example", "Elm Street 5")
    index_lag = timedelta(seconds=20)

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secrets = {"SHOP_SECRET": "the-shop-client-secret"}
        self.settings = {
            "shop": "demo-shop.myshopify.com",
            "client_id": "the-client",
            "client_secret": {"env": "SHOP_SECRET"},
            "page_size": 2,
        }
        self.shop = Shop(
            client_id="the-client",
            client_secret=self.secrets["SHOP_SECRET"],
            now=now,
            index_lag=self.index_lag.total_seconds(),
            webhooks=dict.fromkeys(TOPICS, "http://127.0.0.1/hooks"),
            deliver=self._deliver,
        )
        self.app = create_app([self.shop])
        self.sent: list[Pushed] = []
        self.made = {-1: self._create()}
        self.changes = 0

    async def _deliver(self, url: str, headers: Any, body: bytes) -> int:
        self.sent.append(Pushed(headers, body))
        return 200

    def _create(self) -> str:
        spec = {
            "lines": LINES,
            "customer": {"email": "jane@shopper.example", "first_name": "Jane", "last_name": "Shopper"},
            "shipping_address": ADDRESS,
            "payment": {"kind": "authorization", "status": "success"},
            "risk": {"level": "HIGH", "facts": ["unusual"]},
            "split": True,
        }
        return str(create_order(self.shop, spec).id)

    def end_tokens(self) -> bool:
        return expire_tokens(self.shop) > 0

    async def change(self, n: int) -> str:
        if n in self.made:
            self.shop.touch(self.shop.order(self.made[n]))
        else:
            self.made[n] = self._create()
        return self.made[n]

    async def pushed(self) -> Sequence[Pushed]:
        order = self.shop.order(self.made[-1])
        fulfilment.hold_by_hand(self.shop, order, {})
        fulfilment.release_by_hand(self.shop, order)
        self._aftermath()
        customer = order.customer
        assert customer is not None
        people.retag(self.shop, customer, ["vip"])
        people.changed(self.shop, customer)
        for kind in ("data_request", "redact"):
            people.compliance(self.shop, kind, {"customer": str(customer.id)})
        await self.shop.run_due()
        sent, self.sent = self.sent, []
        return sent

    def _aftermath(self) -> tuple[str, str]:
        """A return and a dispute of an order of their own; their ids."""
        shipped = create_order(self.shop, {"lines": LINES, "payment": {"kind": "sale", "status": "success"}})
        fulfilment.fulfill(self.shop, shipped, {})
        returned = staff.ask_return(self.shop, shipped, {"note": "does not fit"})
        disputed = disputes.open_(self.shop, shipped, {})
        return str(returned.id), str(disputed.id)

    def needs(self) -> Sequence[Need]:
        customer = self.shop.order(self.made[-1]).customer
        assert customer is not None
        returned, disputed = self._aftermath()
        return [
            Need(fact="return", subject=Subject("shop", "return", returned)),
            Need(fact="dispute", subject=Subject("shop", "dispute", disputed)),
            Need(fact="product", subject=Subject("shop", "product", str(catalogue.product_of("MUG")))),
            Need(fact="order", subject=self._subject),
            Need(fact="order_history", subject=self._subject),
            Need(fact="customer", subject=Subject("shop", "customer", str(customer.id))),
        ]

    def command(self, kind: type[Command]) -> Command:
        order = self.shop.order(self.made[-1])
        if kind is ReleaseOrder:
            for part in order.fulfillment_orders:
                fulfilment.hold(self.shop, part, "HIGH_RISK_OF_FRAUD", handle="connect-old", app_id=self.shop.app_id)
            return ReleaseOrder(target=self._subject)
        if kind is AnnotateOrder:
            order.tags.append("case-closed")
            return AnnotateOrder(
                target=self._subject,
                name="status",
                add_tags=("case-open",),
                remove_tags=("case-closed",),
                attributes={"case_number": "CASE-1"},
            )
        if kind is HoldOrder:
            return HoldOrder(target=self._subject, cause="fraud", note="See the case")
        return CancelOrder(target=self._subject, cause="fraud")

    def refused(self, kind: type[Command]) -> Command | None:
        if kind in (HoldOrder, CancelOrder):
            order = self.shop.order(self.made[-1])
            fulfilment.fulfill(self.shop, order, {})
            return self.command(kind)
        return self.command(kind).model_copy(update={"target": Subject("shop", "order", self.absent)})

    def effects(self) -> Sequence[Any]:
        return self.shop.ledger

    @property
    def _subject(self) -> Subject:
        return Subject("shop", "order", self.made[-1])


class TestPlugin(PluginContract):
    plugin = plugin


class TestSource(SourceContract):
    plugin = plugin

    def world(self, now: Callable[[], datetime]) -> ShopWorld:
        return ShopWorld(now)


class TestSink(SinkContract):
    plugin = plugin

    def world(self, now: Callable[[], datetime]) -> ShopWorld:
        return ShopWorld(now)
