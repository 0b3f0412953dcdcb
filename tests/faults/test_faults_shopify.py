"""The Shopify sink under seeds: refunds by key, credit by intent, replacements and cancelling by looking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated

import pytest
from money_seeds import WEATHERS, Effect, MoneyWorld, Planned, run_seeds, seeds_wanted

from caseconnect.models import Money
from caseconnect.sdk.commands import CancelOrder, Command, CreateReplacement, Expect, IssueCredit, RefundPayment
from caseconnect.sdk.commands.money import Item
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.wire import Sent
from caseconnect_shopify.simulator import Order, Shop, create_app, create_order
from caseconnect_shopify.simulator.world import balances, money, payments
from caseconnect_shopify.sink import SINK
from caseconnect_shopify.source import SOURCE

MET = {
    "answers": ("done", "unknown", "lost before", "lost after", "error after", "busy", "503", "no connection"),
    "late": ("done", "unknown", "late", "landed late"),
    "crash": ("done", "unknown"),
    "revoked": ("done", "refused", "revoke", "by hand", "twice", "change"),
}
LINES = [{"title": "Mug", "price": "40.00", "quantity": 2, "sku": "MUG"}]
HOME = {"first_name": "Jane", "address1": "Elm Street 5", "city": "Bonn", "country_code": "DE"}


class ShopifyMoneyWorld(MoneyWorld):
    """A shop that trades in yen beside dollars, with one order for each way; its search lags."""

    source, sink = SOURCE, SINK

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secrets = {"SHOP_SECRET": "the-shop-client-secret"}
        self.settings = {
            "shop": "demo-shop.myshopify.com",
            "client_id": "the-client",
            "client_secret": {"env": "SHOP_SECRET"},
        }
        self.shop = Shop(
            client_id="the-client",
            client_secret=self.secrets["SHOP_SECRET"],
            now=now,
            index_lag=20,
            rates={"JPY": "150"},
        )
        self.app = create_app([self.shop])
        self._orders: dict[Subject, Order] = {}

    def moves(self, request: Sent) -> bool:
        return b'"query":"mutation' in request.body

    async def plan(self, rng: Random) -> Sequence[Planned]:
        self.shop.idempotency_errors = rng.choice(("user_errors", "top_level"))
        if rng.random() < 0.3:
            self.shop.slow_refunds = {"shopify_payments": {"seconds": rng.uniform(1, 7200), "outcome": "success"}}
        card = {"kind": "sale", "status": "success"}
        gift = {**card, "gateway": "gift_card", "amount": f"{rng.randrange(1, 79)}.50"}
        split = self._order("split", payment=[gift, card])
        yen = self._order("yen", payment=card, presentment={"currency": "JPY", "rate": "150"})
        credit, parcel = self._order("credit", payment=card), self._order("parcel", payment=card)
        held = self._order("held", payment={"kind": "authorization", "status": "success"})
        return [
            self._refund(split, Decimal(rng.randrange(1, 8000)) / 100, "USD", rng),
            self._refund(yen, Decimal(rng.randrange(1, 12000)), "JPY", rng),
            self._credit(credit, Decimal(rng.randrange(1, 9999)) / 100),
            Planned(CreateReplacement(target=parcel, items=(Item(sku="MUG", quantity=1),))),
            Planned(CancelOrder(target=held, cause="fraud")),
        ]

    def effects(self) -> Sequence[Effect]:
        self.shop.settle()
        found = (self._effect(e.what, e.target, e.args) for e in self.shop.ledger)
        return [effect for effect in found if effect]

    async def by_hand(self, planned: Planned, rng: Random) -> None:
        order = self._orders[planned.target]
        if isinstance(planned.command, RefundPayment):
            left = money.received(order) - money.returning(order)
            if back := min(left, rng.choice((Decimal(80), Decimal(40), Decimal("1.50")))):
                payments.refund(self.shop, order, {"amount": back})
        elif isinstance(planned.command, IssueCredit) and order.customer:
            account = balances.account_for(self.shop, order.customer, "USD")
            balances.credit(self.shop, account, planned.command.amount.amount + 1)
        elif isinstance(planned.command, CancelOrder) and not order.cancelled_at:
            payments.add(self.shop, order, {"kind": "capture", "amount": "1.00"})

    def _order(self, name: str, **spec: object) -> Subject:
        customer = {"email": f"{name}@shopper.example"}
        made = create_order(self.shop, {"lines": LINES, "customer": customer, "shipping_address": HOME, **spec})
        subject = Subject("shop", "order", str(made.id))
        self._orders[subject] = made
        return subject

    def _refund(self, target: Subject, amount: Decimal, currency: str, rng: Random) -> Planned:
        to = rng.choice(("original", "original", "store_credit"))

        def refund(much: Decimal) -> Command:
            worth = Money(amount=much, currency=currency)
            left = Expect(
                fact="order", subject=target, field="refundable", value=worth.model_dump(mode="json"), test="at_least"
            )
            return RefundPayment(target=target, amount=worth, to=to, expects=(left,))

        return Planned(refund(amount), refund(amount + Money(amount=amount, currency=currency).unit))

    @staticmethod
    def _credit(target: Subject, amount: Decimal) -> Planned:
        worth = Money(amount=amount, currency="USD")
        return Planned(IssueCredit(target=target, amount=worth), IssueCredit(target=target, amount=worth + worth))

    def _effect(self, what: str, target: str, args: dict[str, object]) -> Effect | None:
        if what == "cancel":
            return Effect(_subject(target), CancelOrder.kind)
        if what == "draft_complete":
            made = self.shop.order(str(args["order"]).rsplit("/", 1)[-1])
            first = next(s for s, o in self._orders.items() if o.name == dict(made.attributes)["replaces"])
            return Effect(first, CreateReplacement.kind)
        if what == "store_credit":
            owner = next(s for s, o in self._orders.items() if str(args["customer"]).endswith(f"/{o.customer.id}"))  # type: ignore[union-attr] # each has one
            return Effect(owner, IssueCredit.kind, Money.model_validate({k: args[k] for k in ("amount", "currency")}))
        if what != "refund":
            return None
        moved: list[dict[str, object]] = args["transactions"]  # type: ignore[assignment] # a list of what was moved
        total = sum((Decimal(str(t["amount"])) for t in moved), Decimal(0))
        worth = Money.model_validate({"amount": total, "currency": moved[0]["currency"]})
        return Effect(_subject(str(args["order"])), RefundPayment.kind, worth)


def _subject(gid: str) -> Subject:
    return Subject("shop", "order", gid.rsplit("/", 1)[-1])


@pytest.mark.parametrize("weather", WEATHERS)
def test_no_seed_gives_anything_twice_or_a_wrong_amount(weather: str, tmp_path: Path) -> None:
    tally = run_seeds(ShopifyMoneyWorld, weather, tmp_path, seeds_wanted(7))
    tally.require(*MET[weather])
    print(weather, dict(sorted(tally.seen.items())))  # noqa: T201 - `make simulate` shows it
