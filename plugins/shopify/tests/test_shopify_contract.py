"""The plugin keeps the SDK's contract, against the simulated shop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from caseconnect.models import Document, Money
from caseconnect.sdk.commands import (
    AnnotateCustomer,
    AnnotateOrder,
    ApproveReturn,
    AssessRisk,
    CancelOrder,
    Command,
    CreateReplacement,
    DeclineReturn,
    DeleteDraft,
    ExchangeReturn,
    HoldOrder,
    IssueCredit,
    NoteOrder,
    RefundPayment,
    ReleaseOrder,
    SubmitEvidence,
)
from caseconnect.sdk.commands.money import Item, LineQuantity
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.order_names import NAMED_ORDERS, named
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Pushed, SinkContract, SinkWorld, SourceContract, SourceWorld
from caseconnect_shopify import plugin
from caseconnect_shopify.simulator import Shop, create_app, create_order
from caseconnect_shopify.simulator.oauth import expire_tokens
from caseconnect_shopify.simulator.world import catalogue, disputes, fulfilment, people, returns, staff
from caseconnect_shopify.simulator.world.aftersale import ExchangeLine, ReturnLine
from caseconnect_shopify.simulator.world.records import Order
from caseconnect_shopify.simulator.world.shop import SCOPES

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
EVIDENCE = (
    "read_shopify_payments_dispute_evidences write_shopify_payments_dispute_evidences"
    " write_shopify_payments_dispute_file_uploads"
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
PAID = [
    {"kind": "sale", "status": "success", "gateway": "gift_card", "amount": "15.00"},
    {"kind": "sale", "status": "success", "amount": "34.50"},
]
TEA = (catalogue.product_of("TEA") + 1, 1, Decimal("9.50"), "Tea", "TEA")


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
            scopes=f"{SCOPES} {EVIDENCE}",
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
            Need(fact=NAMED_ORDERS, subject=named("shop", self.shop.order(self.made[-1]).name, None)),
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
        if kind is CancelOrder:
            return CancelOrder(target=self._subject, cause="fraud")
        if kind.money:
            return self._of_value(kind)
        return self._other(kind)

    def refused(self, kind: type[Command]) -> Command | None:
        if kind in (HoldOrder, CancelOrder, AssessRisk):
            command = self.command(kind)
            fulfilment.fulfill(self.shop, self.shop.order(self.made[-1]), {})
            return command
        command = self.command(kind)
        if isinstance(command, ApproveReturn | DeclineReturn | ExchangeReturn):
            return command.model_copy(update={"returned": Subject("shop", "return", self.absent)})
        if isinstance(command, DeleteDraft):
            staff.decide_draft(self.shop, command.draft, "complete", {})
            return command
        if isinstance(command, SubmitEvidence):
            return command.model_copy(update={"dispute": Subject("shop", "dispute", self.absent)})
        return command.model_copy(update={"target": Subject("shop", "order", self.absent)})

    def _of_value(self, kind: type[Command]) -> Command:
        """For an order that was paid by gift card and card."""
        ten = Money(amount=Decimal(10), currency="USD")
        if kind is IssueCredit:
            return IssueCredit(target=self._subject, amount=ten)
        if kind is CreateReplacement:
            return CreateReplacement(target=self._subject, items=(Item(sku="MUG", quantity=1),))
        paid = create_order(self.shop, {"lines": LINES, "payment": PAID})
        at = Subject("shop", "order", str(paid.id))
        if kind is RefundPayment:
            line = LineQuantity(line=str(paid.lines[0].id), quantity=1, restock="cancel")
            return RefundPayment(target=at, amount=Money(amount=Decimal(20), currency="USD"), lines=(line,))
        returned = self._return(paid, "OPEN", [ExchangeLine(self.shop.next_id(), *TEA)])
        return ExchangeReturn(target=at, returned=returned, items=(Item(sku="TEA", quantity=1),))

    def _other(self, kind: type[Command]) -> Command:
        order = self.shop.order(self.made[-1])
        if kind is AssessRisk:
            return AssessRisk(target=self._subject, level="low", facts=("known customer",))
        if kind is AnnotateCustomer:
            return AnnotateCustomer(target=self._subject, add_tags=("watch",), attributes={"case": "CASE-1"})
        if kind is NoteOrder:
            return NoteOrder(target=self._subject, title="Case CASE-1", text="looked at")
        if kind is DeleteDraft:
            draft = staff.draft(self.shop, {"lines": [{"title": "Mug", "price": "5.00"}]})
            return DeleteDraft(target=self._subject, draft=str(draft.id))
        if kind is SubmitEvidence:
            dispute = disputes.add(self.shop, order, {})
            paper = Document(name="tracking.pdf", media_type="application/pdf", content=b"%PDF-1.4 tracking")
            subject = Subject("shop", "dispute", str(dispute.id))
            return SubmitEvidence(target=self._subject, dispute=subject, documents=(paper,), text="Sent.", send=True)
        returned = self._return(create_order(self.shop, {"lines": LINES, "payment": PAID}), "REQUESTED", [])
        return kind(target=self._subject, returned=returned)  # approve or decline

    def _return(self, order: Order, status: str, exchanges: list[ExchangeLine]) -> Subject:
        catalogue.add(self.shop, {"title": "Tea", "sku": "TEA", "price": "9.50"})
        parcel = fulfilment.fulfill(self.shop, order, {})
        number, line, _ = parcel.lines[0]
        goods = [ReturnLine(self.shop.next_id(), line, number, 1)]
        return Subject("shop", "return", str(returns.start(self.shop, order, goods, status, exchanges=exchanges).id))

    def effects(self) -> Sequence[Any]:
        return [e for e in self.shop.ledger if not self._names_its_credit(e)]

    @staticmethod
    def _names_its_credit(entry: Any) -> bool:
        """What the sink remembers of a credit after it was given: it need not be there for the credit to be done."""
        return entry.what == "metafields_set" and '"credit":' in entry.args["value"]

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
