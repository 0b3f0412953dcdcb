"""Refunds: the approved amount, once, over the payments in their order; or a refusal that says why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Money
from caseconnect.sdk.commands import RefundPayment
from caseconnect.sdk.commands.money import LineQuantity
from caseconnect.sdk.errors import TransientError, UnknownOutcome
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify.simulator import Order
from caseconnect_shopify.simulator.world import payments

LINES = [{"title": "Mug", "price": "20.00", "quantity": 2, "sku": "MUG"}, {"title": "Cup", "price": "10.00"}]
CARD = {"kind": "sale", "status": "success"}
GIFT = {"kind": "sale", "status": "success", "gateway": "gift_card"}
CREDIT = {"kind": "sale", "status": "success", "gateway": "shopify_store_credit"}
CUSTOMER = {"email": "jane@shopper.example"}


Stage = Any


def refunds(stage: Stage) -> list[Any]:
    return [e.args for e in stage.shop.ledger if e.what == "refund"]


def moved(stage: Stage) -> list[tuple[str, Decimal]]:
    return [(t["gateway"], t["amount"]) for args in refunds(stage) for t in args["transactions"]]


def paid_order(stage: Stage, **more: Any) -> Order:
    made: Order = stage.order(**{"lines": LINES, "payment": CARD, "customer": CUSTOMER, **more})
    return made


def money(amount: str, currency: str = "USD") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


def refund(order: Order, amount: str, currency: str = "USD", **more: Any) -> RefundPayment:
    return RefundPayment(target=Subject("shop", "order", str(order.id)), amount=money(amount, currency), **more)


def paid(gift: str, card: str, *more: dict[str, Any]) -> list[dict[str, Any]]:
    return [*more, {**CARD, "amount": card}, {**GIFT, "amount": gift}]


def test_a_refund_goes_back_the_way_it_came_and_says_so_once(stage: Stage) -> None:
    order = paid_order(stage)
    command = refund(order, "12.50", note="agreed by phone")
    assert stage.seen(command).seen is False
    done = stage.do(command)
    assert (done.state, moved(stage)) == ("done", [("shopify_payments", Decimal("12.50"))])
    (args,) = refunds(stage)
    assert (args["lines"], args["notify"], args["shipping"]) == ([], False, 0)
    assert args["note"].startswith("agreed by phone (ref ")
    assert stage.seen(command).data == done.data == {"refund": str(order.refunds[0].id)}
    assert stage.do(command).state == "done"
    assert len(refunds(stage)) == 1


def test_a_second_approval_of_the_same_amount_is_a_second_refund(stage: Stage) -> None:
    order = paid_order(stage)
    assert stage.do(refund(order, "5.00"), "first").state == "done"
    assert stage.seen(refund(order, "5.00"), "second").seen is False
    assert stage.do(refund(order, "5.00"), "second").state == "done"
    assert len(refunds(stage)) == 2


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("5.00", [("gift_card", "5.00")]),
        ("15.00", [("gift_card", "15.00")]),
        ("15.01", [("gift_card", "15.00"), ("shopify_payments", "0.01")]),
        ("45.00", [("gift_card", "15.00"), ("shopify_payments", "25.00"), ("shopify_store_credit", "5.00")]),
        ("50.00", [("gift_card", "15.00"), ("shopify_payments", "25.00"), ("shopify_store_credit", "10.00")]),
    ],
)
def test_gift_card_then_card_then_store_credit(amount: str, expected: list[Any], stage: Stage) -> None:
    order = paid_order(stage, payment=paid("15.00", "25.00", {**CREDIT, "amount": "10.00"}))
    assert stage.do(refund(order, amount)).state == "done"
    assert moved(stage) == [(gateway, Decimal(share)) for gateway, share in expected]


def test_what_was_given_back_by_hand_is_taken_into_account(stage: Stage) -> None:
    order = paid_order(stage, payment=paid("15.00", "35.00"))
    payments.refund(stage.shop, order, {"amount": "20.00"})  # Shopify's own split: the card first
    assert stage.do(refund(order, "30.00")).state == "done"
    assert moved(stage) == [("gift_card", Decimal("15.00")), ("shopify_payments", Decimal("15.00"))]


@pytest.mark.parametrize(
    ("amount", "currency", "says"),
    [
        ("40.01", "USD", "changed: 40.01 USD was approved, and 40.00 USD can still be given back"),
        ("10.00", "EUR", "paid in USD and 10.00 EUR was approved"),
        ("0.00", "USD", "nothing to give back"),
        ("-1.00", "USD", "nothing to give back"),
        ("10.005", "USD", "finer than the smallest unit"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_lowered(amount: str, currency: str, says: str, stage: Stage) -> None:
    order = paid_order(stage)
    payments.refund(stage.shop, order, {"amount": "10.00"})
    outcome = stage.do(refund(order, amount, currency))
    assert outcome.state == "refused"
    assert says in outcome.note
    assert refunds(stage) == []


def test_an_order_that_is_only_authorized_has_nothing_to_give_back(stage: Stage) -> None:
    order = paid_order(stage, payment={"kind": "authorization", "status": "success"})
    assert "0.00 USD can still be given back" in stage.do(refund(order, "1.00")).note


def test_captured_money_goes_back_to_its_capture(stage: Stage) -> None:
    order = paid_order(
        stage, payment=[{"kind": "authorization", "status": "success"}, {"kind": "capture", "amount": "30"}]
    )
    assert stage.do(refund(order, "30.00")).state == "done"
    (args,) = refunds(stage)
    assert args["transactions"][0]["parent"] == f"gid://shopify/OrderTransaction/{order.transactions[1].id}"
    assert "0.00 USD can still" in stage.do(refund(order, "0.01"), "k-2").note


def test_the_shoppers_money_is_given_back_not_the_shops(make_stage: Any) -> None:
    stage = make_stage(rates={"JPY": "150"})
    order = paid_order(stage, presentment={"currency": "JPY", "rate": "150"})
    assert "paid in JPY" in stage.do(refund(order, "10.00", "USD")).note
    assert "finer than" in stage.do(refund(order, "100.5", "JPY")).note
    assert stage.do(refund(order, "1500", "JPY")).state == "done"
    (args,) = refunds(stage)
    assert [(t["amount"], t["currency"], t["shop_amount"]) for t in args["transactions"]] == [
        (Decimal(1500), "JPY", Decimal("10.00"))
    ]
    assert stage.do(refund(order, "6000", "JPY"), "rest").state == "done"
    assert order.transactions[-1].amount == Decimal("40.00")


def test_the_shops_side_is_a_cap_of_its_own(make_stage: Any) -> None:
    stage = make_stage(rates={"EUR": "0.5"})
    order = paid_order(stage, presentment={"currency": "EUR", "rate": "0.5"})
    payments.refund(stage.shop, order, {"amount": "40.00"})
    order.transactions[-1].presentment = Decimal("10.00")  # given back at another rate than it was taken
    outcome = stage.do(refund(order, "15.00", "EUR"))
    assert outcome.state == "refused"
    assert "of the shop's money can still be given back" in outcome.note
    assert refunds(stage) == []


def test_goods_and_where_they_go_are_said_explicitly(stage: Stage) -> None:
    order = paid_order(stage)
    lines = (
        LineQuantity(line=str(order.lines[0].id), quantity=1, restock="cancel"),
        LineQuantity(line=str(order.lines[1].id), quantity=1, restock="no"),
    )
    assert stage.do(refund(order, "30.00", lines=lines, notify_customer=True)).state == "done"
    (args,) = refunds(stage)
    assert [(x["units"], x["restock"], x["location"]) for x in args["lines"]] == [
        (1, "CANCEL", 1),
        (1, "NO_RESTOCK", None),
    ]
    assert args["notify"] is True


def test_more_goods_than_there_are_is_refused(stage: Stage) -> None:
    order = paid_order(stage)
    line = LineQuantity(line=str(order.lines[1].id), quantity=1)
    assert stage.do(refund(order, "10.00", lines=(line,)), "first").state == "done"
    with pytest.raises(Exception, match="more items than were purchased"):
        stage.do(refund(order, "10.00", lines=(line,)), "second")
    assert stage.do(refund(order, "10.00", lines=(line,)), "first").state == "done", "its own refund is found first"
    assert len(refunds(stage)) == 1


@pytest.mark.parametrize(
    ("shipping", "state", "says"),
    [("4.00", "done", ""), ("5.01", "refused", "5.00 USD is left of it"), ("20.00", "refused", "is no part of")],
)
def test_shipping_has_a_limit_of_its_own(shipping: str, state: str, says: str, stage: Stage) -> None:
    order = paid_order(stage, shipping="5.00", shipping_address={"city": "Bonn"})
    outcome = stage.do(refund(order, "10.00", shipping=money(shipping)))
    assert outcome.state == state
    assert says in outcome.note


def test_to_store_credit(stage: Stage) -> None:
    order = paid_order(stage)
    assert stage.do(refund(order, "10.00", to="store_credit")).state == "done"
    assert [a.balance for a in stage.shop.accounts.values()] == [Decimal("10.00")]
    assert "40.00 USD can still be given back" in stage.do(refund(order, "40.01"), "k-2").note
    guest = paid_order(stage, customer=None)
    assert "this order has none" in stage.do(refund(guest, "1.00", to="store_credit"), "k-3").note


@pytest.mark.parametrize("idempotency_errors", ["user_errors", "top_level"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "html"])
def test_a_lost_answer_gives_one_refund(kind: str, idempotency_errors: str, make_stage: Any) -> None:
    stage = make_stage(idempotency_errors=idempotency_errors)
    command = refund(paid_order(stage), "10.00")
    stage.fault(kind, "refundCreate")
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    assert stage.do(command).state == "done"
    assert stage.seen(command).seen is True
    assert len(refunds(stage)) == 1


@pytest.mark.parametrize("idempotency_errors", ["user_errors", "top_level"])
def test_a_late_effect_meets_the_same_key(idempotency_errors: str, make_stage: Any) -> None:
    stage = make_stage(idempotency_errors=idempotency_errors)
    command = refund(paid_order(stage), "10.00")
    stage.fault("late", "refundCreate", seconds=100)
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    stage.clock.forward(101)
    assert stage.do(command).state == "done"
    assert len(refunds(stage)) == 1


@pytest.mark.parametrize("idempotency_errors", ["user_errors", "top_level"])
def test_a_late_effect_with_other_shares_is_not_doubled(idempotency_errors: str, make_stage: Any) -> None:
    """A refund by hand between two attempts changes the split, and with it what Shopify compares under the key."""
    stage = make_stage(idempotency_errors=idempotency_errors)
    order = paid_order(stage, payment=paid("15.00", "35.00"))
    command = refund(order, "20.00")
    stage.fault("late", "refundCreate", seconds=100)
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    order.transactions.append(_given_back(order, "10.00"))
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    stage.clock.forward(101)
    with pytest.raises(UnknownOutcome, match="different parameters"):
        stage.do(command)
    assert stage.seen(command).seen is False, "the late one came to nothing; the host ends with a person"
    assert refunds(stage) == []


def _given_back(order: Order, amount: str) -> Any:
    gift = order.transactions[1]
    return type(gift)(
        id=gift.id + 900, order_id=order.id, kind="REFUND", status="SUCCESS", amount=Decimal(amount),
        gateway=gift.gateway, created_at=gift.created_at, parent_id=gift.id,
    )  # fmt: skip


def test_throttled_is_surely_without_effect(stage: Stage) -> None:
    command = refund(paid_order(stage), "10.00")
    stage.fault("throttle", "refundCreate")
    with pytest.raises(TransientError):
        stage.do(command)
    assert refunds(stage) == []
    stage.clock.forward(60)
    assert stage.do(command).state == "done"


def test_an_earlier_attempt_that_shopify_refused_ends_it(make_stage: Any) -> None:
    stage = make_stage(idempotency_errors="user_errors")
    order = paid_order(stage)
    command = refund(order, "10.00")
    stage.do(command, "other")
    (key,) = stage.shop.keys.values()
    key.state = "failed"
    order.refunds[0].note = None  # as if it had never been made
    outcome = stage.do(command, "other")
    assert outcome.state == "refused"
    assert "different" not in outcome.note


def test_a_refund_without_any_movement_of_money_is_not_done(stage: Stage) -> None:
    order = paid_order(stage)
    command = refund(order, "10.00")
    stage.do(command)
    moves, order.refunds[0].transactions = order.refunds[0].transactions, []
    assert (stage.do(command).state, stage.seen(command).seen) == ("accepted", None)
    order.refunds[0].transactions = moves
    assert (stage.do(command).state, stage.seen(command).seen) == ("done", True)


@pytest.mark.parametrize("to", ["original", "store_credit"])
def test_money_of_the_shop_that_is_gone_is_given_by_no_way(to: str, stage: Stage) -> None:
    euros = {"currency": "EUR", "rate": "0.5"}
    order = paid_order(stage, payment=[{**CARD, "amount": "40.00", "presentment_amount": "20.00"}], presentment=euros)
    payments.add(stage.shop, order, {"kind": "refund", "amount": "39.00", "presentment_amount": "5.00"})
    assert "only 1.00 USD of the shop's money" in stage.do(refund(order, "15.00", "EUR", to=to)).note
    assert refunds(stage) == []


def test_a_slow_gateway_is_waited_for(make_stage: Any) -> None:
    stage = make_stage(slow_refunds={"shopify_payments": {"seconds": 600, "outcome": "success"}})
    order = paid_order(stage)
    command = refund(order, "10.00")
    taken = stage.do(command)
    assert (taken.state, taken.data) == ("accepted", {"refund": str(order.refunds[0].id)})
    sighting = stage.seen(command)
    assert (sighting.seen, sighting.failed) == (None, False)
    stage.clock.forward(601)
    assert stage.seen(command).seen is True
    assert "40.00 USD can still" in stage.do(refund(order, "45.00"), "k-2").note


def test_what_is_on_its_way_counts_as_gone(make_stage: Any) -> None:
    stage = make_stage(slow_refunds={"shopify_payments": {"seconds": 600, "outcome": "success"}})
    order = paid_order(stage)
    assert stage.do(refund(order, "30.00")).state == "accepted"
    assert "20.00 USD can still be given back" in stage.do(refund(order, "30.00"), "k-2").note


def test_a_gateway_that_refuses_is_named_with_its_code(make_stage: Any) -> None:
    stage = make_stage(slow_refunds={"shopify_payments": {"seconds": 600, "outcome": "failure"}})
    command = refund(paid_order(stage), "10.00")
    assert stage.do(command).state == "accepted"
    stage.clock.forward(601)
    sighting = stage.seen(command)
    assert (sighting.seen, sighting.failed) == (False, True)
    assert "shopify_payments: processing_error" in sighting.note
    assert stage.do(command).state == "refused"


def test_a_part_that_failed_is_a_persons(make_stage: Any) -> None:
    stage = make_stage(slow_refunds={"shopify_payments": {"seconds": 600, "outcome": "failure"}})
    command = refund(paid_order(stage, payment=paid("15.00", "35.00")), "20.00")
    stage.do(command)
    stage.clock.forward(601)
    sighting = stage.seen(command)
    assert (sighting.seen, sighting.failed) == (None, False)
    assert "a part of the money did not go: shopify_payments" in sighting.note


MANUAL = {"kind": "sale", "status": "success", "gateway": "Bank deposit", "manual": True}


def test_what_is_only_recorded_is_said(stage: Stage) -> None:
    order = paid_order(stage, payment=paid("15.00", "30.00", {**MANUAL, "amount": "5.00"}))
    assert stage.do(refund(order, "45.00"), "k-1").note == "", "none of it was paid outside Shopify"
    done = stage.do(refund(order, "5.00"), "k-2")
    assert (done.state, done.note) == ("done", "5.00 USD is only recorded: pay it out by hand")
    assert stage.seen(refund(order, "5.00"), "k-2").note == done.note


def test_only_the_share_of_the_manual_payment_is_named(stage: Stage) -> None:
    order = paid_order(stage, payment=paid("15.00", "30.00", {**MANUAL, "amount": "5.00"}))
    assert stage.do(refund(order, "48.00")).note == "3.00 USD is only recorded: pay it out by hand"


def test_what_is_only_recorded_is_said_in_the_shoppers_money(make_stage: Any) -> None:
    stage = make_stage(rates={"JPY": "150"})
    order = paid_order(stage, payment=MANUAL, presentment={"currency": "JPY", "rate": "150"})
    assert stage.do(refund(order, "1500", "JPY")).note == "1500 JPY is only recorded: pay it out by hand"


def test_what_is_only_recorded_is_said_beside_what_waits(make_stage: Any) -> None:
    stage = make_stage(slow_refunds={"shopify_payments": {"seconds": 600, "outcome": "failure"}})
    order = paid_order(stage, payment=[{**MANUAL, "amount": "5.00"}, {**CARD, "amount": "45.00"}])
    command = refund(order, "50.00")
    assert "not said yet" in stage.do(command).note
    stage.clock.forward(601)
    assert "did not go: shopify_payments: processing_error; 5.00 USD is only recorded" in stage.seen(command).note


@pytest.mark.parametrize(("shelf", "state"), [(None, "refused"), ("77", "done")])
def test_a_place_for_the_goods_is_never_guessed(
    shelf: str | None, state: str, make_stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caseconnect_shopify.simulator.api.types.refunds._shelf", lambda line: None)
    stage = make_stage({"restock_location": shelf})
    order = paid_order(stage)
    line = LineQuantity(line=str(order.lines[1].id), quantity=1, restock="return")
    outcome = stage.do(refund(order, "10.00", lines=(line,)))
    assert outcome.state == state
    if shelf is None:
        assert "restock_location" in outcome.note
    else:
        assert refunds(stage)[0]["lines"][0]["location"] == 77
