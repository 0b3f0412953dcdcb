"""Cancelling: Shopify does it later, and no captured money is ever left behind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Money
from caseconnect.sdk.commands import CancelOrder, HoldOrder, RefundPayment
from caseconnect.sdk.errors import UnknownOutcome
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify.simulator import Order
from caseconnect_shopify.simulator.world import fulfilment, payments

Stage = Any


def target(order: Order) -> Subject:
    return Subject("shop", "order", str(order.id))


def test_a_cancelled_order_is_not_held(stage: Stage) -> None:
    order = stage.order()
    stage.do(CancelOrder(target=target(order)))
    stage.clock.forward(10)
    outcome = stage.do(HoldOrder(target=target(order)))
    assert (outcome.state, outcome.note) == ("refused", "already cancelled")


def test_cancelling_is_done_only_when_the_order_says_so(stage: Stage) -> None:
    order = stage.order()
    command = CancelOrder(target=target(order), cause="fraud", note="by decision", restock=True)
    first = stage.do(command)
    assert first.state == "accepted"
    assert first.data["job"].startswith("gid://shopify/Job/")
    assert (stage.seen(command).seen, stage.seen(command).failed) == (False, False)
    stage.clock.forward(5)
    assert stage.seen(command).seen is True
    assert (order.cancel_reason, order.cancel_note) == ("FRAUD", "by decision")
    assert stage.do(command).state == "done"
    assert stage.effects() == ["cancel"]


def test_a_cancellation_whose_answer_was_lost(stage: Stage) -> None:
    command = CancelOrder(target=target(stage.order()))
    stage.fault("drop_after", "orderCancel")
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    stage.clock.forward(150)
    assert stage.seen(command).seen is True
    assert stage.effects() == ["cancel"]


def test_a_cancellation_that_came_to_nothing(stage: Stage) -> None:
    order = stage.order()
    command = CancelOrder(target=target(order))
    taken = stage.do(command)
    assert taken.state == "accepted"
    fulfilment.fulfill(stage.shop, order, {})
    stage.clock.forward(5)
    sighting = stage.seen(command.model_copy(update={"receipt": taken.data}))
    assert (sighting.seen, sighting.failed) == (False, True)
    assert "cancel" not in stage.effects()


@pytest.mark.parametrize(
    ("payment", "says"),
    [
        ({"kind": "sale", "status": "success"}, "50.00 USD was captured"),
        ({"kind": "sale", "status": "success", "amount": "10.00"}, "10.00 USD was captured"),
    ],
)
def test_captured_money_is_never_left_behind(payment: dict[str, Any], says: str, stage: Stage) -> None:
    order = stage.order(payment=payment, lines=[{"title": "Mug", "price": "50.00"}])
    outcome = stage.do(CancelOrder(target=target(order)))
    assert outcome.state == "refused"
    assert says in outcome.note
    assert "first give it back (RefundPayment)" in outcome.note
    assert order.cancelled_at is None
    assert stage.shop.open_jobs == []


def test_money_given_back_in_full_does_not_stand_in_the_way(stage: Stage) -> None:
    order = stage.order(payment={"kind": "sale", "status": "success"}, lines=[{"title": "Mug", "price": "50.00"}])
    payments.refund(stage.shop, order, {"amount": "50.00"})
    assert stage.do(CancelOrder(target=target(order))).state == "accepted"


def test_what_rounding_leaves_in_the_money_of_the_shop_is_not_captured(make_stage: Any) -> None:
    stage = make_stage(rates={"JPY": "150"})
    yen = {"currency": "JPY", "rate": "150"}
    card, customer = {"kind": "sale", "status": "success"}, {"email": "jane@shopper.example"}
    order = stage.order(payment=card, presentment=yen, customer=customer, lines=[{"title": "Mug", "price": "80.00"}])
    for number, share in enumerate((3002, 3002, 5996)):
        much = Money(amount=Decimal(share), currency="JPY")
        credit = RefundPayment(target=target(order), amount=much, to="store_credit")
        assert stage.do(credit, f"k-{number}").state == "done"
    assert sum(t.amount for t in order.transactions if t.kind == "REFUND") == Decimal("79.99")
    assert stage.do(CancelOrder(target=target(order)), "k-cancel").state == "accepted"


def test_money_that_was_captured_while_shopify_cancelled_is_told(stage: Stage) -> None:
    order = stage.order(lines=[{"title": "Mug", "price": "50.00"}])
    command = CancelOrder(target=target(order))
    assert stage.do(command).state == "accepted"
    payments.add(stage.shop, order, {"kind": "capture", "amount": "20.00"})
    stage.clock.forward(5)
    assert (stage.seen(command).seen, stage.seen(command).note) == (
        True,
        "20.00 USD was captured and is still with the shop: give it back",
    )


def test_a_failed_payment_is_no_captured_money(stage: Stage) -> None:
    order = stage.order(payment={"kind": "sale", "status": "failure", "error_code": "card_declined"})
    assert stage.do(CancelOrder(target=target(order))).state == "accepted"


def test_shopify_may_refuse_to_cancel(stage: Stage) -> None:
    order = stage.order()
    fulfilment.fulfill(stage.shop, order, {})
    outcome = stage.do(CancelOrder(target=target(order)))
    assert outcome.state == "refused"
    assert outcome.note
