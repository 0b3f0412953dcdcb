"""The Shopify sink under seeds: refunds by key, credit by intent, replacements and cancelling by looking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
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
from caseconnect_shopify.simulator.world.records import gid
from caseconnect_shopify.sink import SINK
from caseconnect_shopify.source import SOURCE

MET = {
    "answers": ("done", "unknown", "lost before", "lost after", "error after", "busy", "503", "no connection"),
    "late": ("done", "unknown", "late", "landed late"),
    "crash": ("done", "unknown"),
    "revoked": ("done", "refused", "revoke", "by hand", "twice", "change"),
}
YEN = {"currency": "JPY", "rate": "149.37"}
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

    def amiss(self) -> Sequence[str]:
        """More went back of an order, or of one payment, than was paid, in either money."""
        self.shop.settle()
        return [problem for order in self._orders.values() for problem in _amiss(order)]

    def effects(self) -> Sequence[Effect]:
        self.shop.settle()
        found = (self._effect(e.what, e.target, e.args) for e in self.shop.ledger)
        return [effect for effect in found if effect]

    async def by_hand(self, planned: Planned, rng: Random) -> None:
        order = self._orders[planned.target]
        if isinstance(planned.command, RefundPayment):
            left = money.received(order) - money.returning(order)
            if (back := min(left, rng.choice((Decimal(80), Decimal(40), Decimal("1.50"))))) > 0:
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

    def _refund(
        self, target: Subject, amount: Decimal, currency: str, rng: Random, name: str = "", *, looks: bool = True
    ) -> Planned:
        """The payload tells its name as a note. Unless it `looks`, only the sink knows what is left."""
        to = rng.choice(("original", "original", "store_credit"))

        def refund(much: Decimal) -> Command:
            worth = Money(amount=much, currency=currency)
            left = Expect(
                fact="order", subject=target, field="refundable", value=worth.model_dump(mode="json"), test="at_least"
            )
            expects = (left,) if looks else ()
            return RefundPayment(target=target, amount=worth, to=to, name=name, note=name, expects=expects)

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
        refunded = self._orders[_subject(str(args["order"]))]
        moved = [t for r in refunded.refunds if gid("Refund", r.id) == target for t in r.transactions]
        moved = [t for t in moved if t.status != "FAILURE"]  # the ledger tells of them as they were at first
        if not moved:
            return None
        total = sum((money.seen(refunded, t) for t in moved), Decimal(0))
        worth = Money(amount=total, currency=refunded.presentment_currency)
        name = str(args["note"]).partition("(ref ")[0].strip()
        return Effect(_subject(str(args["order"])), RefundPayment.kind, worth, name)


class TwoRefundsWorld(ShopifyMoneyWorld):
    """Two orders, each with two refunds at once, of which often only one can be; and staff who refund, too."""

    async def plan(self, rng: Random) -> Sequence[Planned]:
        self.shop.idempotency_errors = rng.choice(("user_errors", "top_level"))
        if rng.random() < 0.4:
            seconds, outcome = rng.uniform(1, 300), rng.choice(("success", "failure"))
            slow = {"seconds": seconds, "outcome": outcome}
            self.shop.slow_refunds = {"gift_card": slow, "shopify_payments": slow}
        card = {"kind": "sale", "status": "success"}
        gift = {**card, "gateway": "gift_card", "amount": f"{rng.randrange(1, 79)}.50"}
        held, part = {"kind": "authorization", "status": "success"}, {"kind": "capture", "amount": "30.01"}
        ways = rng.choice(([gift, card], [card], [held, part, {**part, "amount": "49.99"}]))
        dollars = self._order("dollars", payment=ways)
        foreign = self._order("yen", payment=rng.choice((card, [gift, card])), presentment=YEN)
        planned = []
        for target, whole, unit, currency in (
            (dollars, 8000, Decimal("0.01"), "USD"),
            (foreign, money.net_seen(self._orders[foreign]), Decimal(1), "JPY"),
        ):
            first = rng.randrange(1, int(whole))
            second = max(int(whole) - first + rng.choice((-1, 0, 0, 1, 100)), 1)
            looks = rng.random() < 0.5
            planned += [
                self._refund(target, first * unit, currency, rng, "first", looks=looks),
                self._refund(target, second * unit, currency, rng, "second", looks=looks),
            ]
            if rng.random() < 0.3:
                self.shop.after(rng.uniform(0, 20), partial(self._in_the_admin, target, rng))
        return planned

    def _in_the_admin(self, target: Subject, rng: Random) -> None:
        order = self._orders[target]
        left = money.received(order) - money.returning(order)
        if (back := min(left, rng.choice((Decimal(80), Decimal("0.01"), Decimal("33.33"))))) > 0:
            payments.refund(self.shop, order, {"amount": back})


def _amiss(order: Order) -> list[str]:
    """A store credit ends no payment, so what it comes to in the money of the shop may be off by a cent, as rounded."""
    back = [t for t in order.transactions if t.kind == "REFUND" and t.status != "FAILURE"]
    found = []
    paid = [t for t in order.transactions if t.kind in ("SALE", "CAPTURE") and t.status == "SUCCESS"]
    for given, taken in ((back, paid), *(([t for t in back if t.parent_id == p.id], [p]) for p in paid)):
        seen = sum(money.seen(order, t) for t in given), sum(money.seen(order, t) for t in taken)
        shop = sum(t.amount for t in given), sum(t.amount for t in taken)
        off = Decimal("0.01") * sum(t.parent_id is None for t in given)
        if seen[0] > seen[1] or shop[0] > shop[1] + off * (order.presentment_rate != 1):
            where = "in all" if taken is paid else "of one payment"
            found.append(f"{order.name}: {where}, paid and given back: {seen}, and in the shop's money {shop}")
    return found


def _subject(order: str) -> Subject:
    return Subject("shop", "order", order.rsplit("/", 1)[-1])


@pytest.mark.parametrize("weather", WEATHERS)
def test_no_seed_gives_anything_twice_or_a_wrong_amount(weather: str, tmp_path: Path) -> None:
    tally = run_seeds(ShopifyMoneyWorld, weather, tmp_path, seeds_wanted(7))
    tally.require(*MET[weather])
    print(weather, dict(sorted(tally.seen.items())))  # noqa: T201 - `make simulate` shows it


@pytest.mark.parametrize("weather", WEATHERS)
def test_no_seed_gives_more_back_by_two_refunds_of_one_order(weather: str, tmp_path: Path) -> None:
    tally = run_seeds(TwoRefundsWorld, weather, tmp_path, seeds_wanted(4))
    print(weather, dict(sorted(tally.seen.items())))  # noqa: T201 - `make simulate` shows it
    tally.require("done", "refused")
