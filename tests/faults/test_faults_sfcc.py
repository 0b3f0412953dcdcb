"""Refunds and credit on B2C Commerce: whatever is lost, late or killed, each is done once or is a person's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated
from typing import Any

import pytest
import sfcc_instance
from money_seeds import WEATHERS, Effect, MoneyWorld, Planned, run_seeds, seeds_wanted

from caseconnect.models import Money
from caseconnect.sdk.commands import Expect, IssueCredit, RefundPayment
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.wire import Sent
from caseconnect_sfcc.simulator import SfccSettings, create_app
from caseconnect_sfcc.simulator.scenarios import create_order
from caseconnect_sfcc.simulator.world.orders import Order
from caseconnect_sfcc.sink import SINK
from caseconnect_sfcc.source import SOURCE

MET = {
    "answers": ("done", "refused", "unknown", "lost before", "lost after", "error after", "busy", "503"),
    "late": ("done", "refused", "unknown", "late", "landed late"),
    "crash": ("done",),
    "revoked": ("done", "refused", "revoke", "by hand", "twice", "change"),
}


class SfccMoneyWorld(MoneyWorld):
    """An instance with five paid orders: two refunds by the cartridge's job, two gift certificates, and one order with
    two refunds, of which often only one can be."""

    source = SOURCE
    sink = SINK

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secrets = dict(sfcc_instance.SECRETS)
        self.settings: dict[str, Any] = {
            **sfcc_instance.settings("https://sim.test"),
            "late": [],
            "read_notes": False,
            "read_related": False,
        }
        self.app = create_app(SfccSettings(), now=now)
        self.instance = self.app.instances["zzxy_prd"]

    async def plan(self, rng: Random) -> Sequence[Planned]:
        """Amounts up to all that was paid. In half of the worlds the job is started, too."""
        self.settings["writing"] = {"start_job": rng.random() < 0.5}
        found = []
        for number in range(4):
            order, cents = self._paid(rng)
            amounts = [_dollars(cents), _dollars(cents - 1)]
            if number % 2:
                target = Subject("shop", "order", order.number)
                found.append(Planned(*(IssueCredit(target=target, amount=each) for each in amounts)))
            else:
                found.append(self._refund(order, amounts))
        order, cents = self._paid(rng)
        rest = int(order.total * 100) - cents
        more = max(rest + rng.choice((-1, 0, 1, 100)), 2)
        looks = rng.random() < 0.5  # else only sink and job know what is left
        return [
            *found,
            self._refund(order, [_dollars(cents), _dollars(cents - 1)], "first", looks=looks),
            self._refund(order, [_dollars(more), _dollars(more - 1)], "second", looks=looks),
        ]

    def _paid(self, rng: Random) -> tuple[Order, int]:
        """A paid order, and a part of its total in cents."""
        order = create_order(self.instance, {"payment": "paid", "export": "exported"})
        return order, rng.randrange(100, int(order.total * 100))

    def _refund(self, order: Order, amounts: Sequence[Money], name: str = "", *, looks: bool = True) -> Planned:
        """A refund, and the same of another amount. The payload tells its name as a note."""
        target = Subject("shop", "order", order.number)
        refunds = [RefundPayment(name=name, note=name, target=target, amount=each) for each in amounts]
        expected = [(self._expect(target, each.amount),) if looks else () for each in refunds]
        return Planned(*(r.model_copy(update={"expects": e}) for r, e in zip(refunds, expected, strict=True)))

    @staticmethod
    def _expect(target: Subject, amount: Money) -> Expect:
        value = amount.model_dump(mode="json")
        return Expect(fact="order", subject=target, field="refundable", value=value, test="at_least")

    def effects(self) -> Sequence[Effect]:
        """What the hook gave back, and the certificates."""
        found = []
        for each in self.instance.ledger:
            if each.what == "merchant.refund":
                payload = each.args["payload"]
                worth = Money(amount=payload["amount"], currency=payload["currency"])
                target = Subject("shop", "order", each.target)
                found.append(Effect(target, "RefundPayment", worth, payload["note"]))
            if each.what == "certificate.create":
                worth = Money(amount=each.args["amount"], currency=each.args["currency"])
                found.append(Effect(Subject("shop", "order", each.args["orderNo"]), "IssueCredit", worth))
        return found

    def amiss(self) -> Sequence[str]:
        """The hook gave more back of an order than it cost."""
        given: dict[str, Decimal] = defaultdict(Decimal)
        for each in self.instance.ledger:
            if each.what == "merchant.refund":
                given[each.target] += Decimal(each.args["payload"]["amount"])
        orders = self.instance.orders
        return [f"{back} of {number} was given back" for number, back in given.items() if back > orders[number].total]

    def moves(self, request: Sent) -> bool:
        """A token moves nothing."""
        return request.method != "GET" and not request.path.endswith("access_token")

    async def by_hand(self, planned: Planned, rng: Random) -> None:
        """A person gives a part back at the payment provider, and the order's attribute tells."""
        order = self.instance.orders[planned.target.id]
        given = Decimal(rng.randrange(1, int(order.total * 100))) / 100
        values = {"refundAmount": float(Decimal(str(order.custom.get("refundAmount", 0))) + given)}

        def change() -> bool:
            order.custom.update(values)
            return True

        self.instance.write_order(order, "merchant", "order.custom", change, values)


def _dollars(cents: int) -> Money:
    return Money(amount=Decimal(cents) / 100, currency="USD")


@pytest.mark.parametrize("weather", WEATHERS)
def test_no_seed_moves_money_twice_or_by_a_wrong_amount(weather: str, tmp_path: Path) -> None:
    tally = run_seeds(SfccMoneyWorld, weather, tmp_path, seeds_wanted(7))
    print(weather, dict(sorted(tally.seen.items())))  # noqa: T201 - `make simulate` shows it
    tally.require(*MET[weather])


def test_what_becomes_due_while_the_last_work_ends_is_done(tmp_path: Path) -> None:
    tally = run_seeds(SfccMoneyWorld, "answers", tmp_path, [135])  # its job answers within the five seconds of a look
    assert tally.seen["done"] == 6
