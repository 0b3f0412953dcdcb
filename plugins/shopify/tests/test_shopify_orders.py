"""What an order tells: read from the simulated shop, whole, and at what cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Money, Order
from caseconnect.sdk.commands import NoteOrder
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify.mapping import notes_of, terms_of
from caseconnect_shopify.orders import read_order
from caseconnect_shopify.simulator import Order as ShopOrder
from caseconnect_shopify.simulator.world import disputes, fulfilment, payments, returns
from caseconnect_shopify.simulator.world.aftersale import ReturnLine
from caseconnect_shopify.simulator.world.records import Metafield

Stage = Any
LINES = [{"title": "Mug", "price": "20.00", "quantity": 3}, {"title": "Cup", "price": "5.00"}]
CARD = {"kind": "sale", "status": "success"}


def read(stage: Stage, order: ShopOrder) -> Order:
    return asyncio.run(read_order(stage.sink._client, stage.sink._settings, str(order.id)))


def usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def test_who_bought_on_which_terms_and_how_it_is_delivered(stage: Stage) -> None:
    terms = {"name": "Net 30", "type": "net", "days": 30}
    made = stage.order(
        lines=LINES, customer={"email": "a@b.example"}, company="Acme", payment_terms=terms, delivery="pick_up"
    )
    order = read(stage, made)
    assert (order.company, order.payment_terms, order.delivery) == ("Acme", "net_30", ("pickup",))
    assert (order.locale, order.site) == ("en", None)
    plain = read(stage, stage.order(lines=LINES))
    assert (plain.company, plain.payment_terms, plain.delivery) == (None, None, ("shipping",))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (None, None),
        ({"paymentTermsType": "NET", "dueInDays": 60}, "net_60"),
        ({"paymentTermsType": "RECEIPT", "dueInDays": None}, "receipt"),
        ({"paymentTermsType": "BRAND_NEW"}, "brand_new"),
    ],
)
def test_payment_terms(node: Any, expected: str | None) -> None:
    assert terms_of(node) == expected


def test_money_that_went_back_and_what_is_left(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(slow_refunds={"gift_card": {"seconds": 600, "outcome": "success"}})
    gift = {**CARD, "gateway": "gift_card", "amount": "25.00"}
    made = stage.order(lines=LINES, payment=[gift, {**CARD, "amount": "40.00"}])
    line = str(made.lines[0].id)
    payments.refund(stage.shop, made, {"amount": "30.00", "lines": {line: 1}})
    payments.refund(stage.shop, made, {"amount": "15.00"})  # the card's last 10, 5 of the gift card: pending
    order = read(stage, made)
    assert (order.refundable, order.captured) == (usd("20.00"), usd("25.00"))
    assert [p.tender for p in order.payments if p.kind == "sale"] == ["gift_card", "card"]
    assert [(p.kind, p.parent_id) for p in order.payments[2:]] == [
        ("refund", order.payments[1].id),
        ("refund", order.payments[1].id),
        ("refund", order.payments[0].id),
    ]
    assert [(r.lines, r.pending) for r in order.refunds] == [(((line, 1),), False), ((), True)]
    assert [r.presentment_total for r in order.refunds] == [usd("30.00"), usd("10.00")]
    assert [x.refundable_quantity for x in order.lines] == [2, 1]


def test_the_shoppers_money_beside_the_shops(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(rates={"JPY": "150"})
    made = stage.order(lines=LINES, payment=CARD, presentment={"currency": "JPY", "rate": "150"})
    order = read(stage, made)
    assert order.refundable == order.payments[0].presentment_amount == Money(amount=Decimal(9750), currency="JPY")
    assert order.payments[0].amount == usd("65.00")


def test_an_order_with_many_refunds_and_returns_is_read_whole(stage: Stage) -> None:
    made = stage.order(lines=[{"title": f"L{n}", "price": "1.00", "quantity": 40} for n in range(30)], payment=CARD)
    payments.refund(stage.shop, made, {"lines": {str(x.id): 1 for x in made.lines}})
    for _ in range(11):
        payments.refund(stage.shop, made, {"amount": "1.00", "lines": {str(made.lines[0].id): 1}})
    number, line, _ = fulfilment.fulfill(stage.shop, made, {}).lines[1]
    for _ in range(7):
        returns.start(stage.shop, made, [ReturnLine(stage.shop.next_id(), line, number, 1)], "REQUESTED")
    order = read(stage, made)
    assert [len(r.lines) for r in order.refunds] == [30] + [1] * 11
    assert [r.name for r in order.returns] == [f"{made.name}-R{n}" for n in range(1, 8)]
    assert {r.status for r in order.returns} == {"requested"}
    assert {r.order_id for r in order.returns} == {order.id}


def test_a_dispute_and_a_declined_return_are_seen_with_the_order(stage: Stage) -> None:
    made = stage.order(lines=LINES, payment=CARD)
    dispute = disputes.add(stage.shop, made, {})
    number, line, _ = fulfilment.fulfill(stage.shop, made, {}).lines[0]
    found = returns.start(stage.shop, made, [ReturnLine(stage.shop.next_id(), line, number, 1)], "REQUESTED")
    returns.decline(stage.shop, found, "FINAL_SALE", None)
    order = read(stage, made)
    assert (order.disputes, order.returns) == ((str(dispute.id),), ())
    returns.start(stage.shop, made, [ReturnLine(stage.shop.next_id(), line, number, 1)], "REQUESTED")
    order = read(stage, made)
    assert [(r.id, r.status, r.decline_reason) for r in order.returns][:1] == [
        (str(found.id), "declined", "final_sale")
    ]


def test_only_the_metafields_that_are_named(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage({"order_attributes": ("custom.gift", "custom.absent")})
    made = stage.order(lines=LINES)
    stamp = stage.clock()
    for key in ("gift", "secret"):
        field = Metafield(1, f"gid://shopify/Order/{made.id}", "custom", key, "text", f"a {key}", "d", stamp, stamp)
        made.metafields["custom", key] = field
    assert read(stage, made).attributes == {"custom.gift": "a gift"}


def test_notes_of_staff_and_ours(stage: Stage) -> None:
    made = stage.order(lines=LINES, note="call first")
    target = Subject("shop", "order", str(made.id))
    stage.do(NoteOrder(target=target, title="Case 7", text="looked at"), "a")
    stage.do(NoteOrder(target=target, text="approved (ref no. 4)\nby Kim"), "b")
    assert read(stage, made).notes == ("call first", "Case 7\nlooked at", "approved (ref no. 4)\nby Kim")
    assert notes_of({"note": None, "notes": None}) == ()


def test_what_is_withheld_leaves_the_rest(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.shop.scopes -= {"read_payment_terms", "read_returns", "write_returns"}
    made = stage.order(lines=LINES, payment=CARD, payment_terms={"type": "net", "days": 30})
    number, line, _ = fulfilment.fulfill(stage.shop, made, {}).lines[0]
    returns.start(stage.shop, made, [ReturnLine(stage.shop.next_id(), line, number, 1)], "REQUESTED")
    order = read(stage, made)
    assert (order.payment_terms, order.returns, order.refundable) == (None, (), usd("65.00"))


def test_an_ordinary_order_costs_one_request_of_few_points(stage: Stage) -> None:
    made = stage.order(lines=LINES, payment=CARD)
    asked: list[dict[str, Any]] = []
    note = stage.sink._client._note_cost

    def spy(operation: Any, answer: Any) -> Any:
        asked.append(answer["extensions"]["cost"])
        return note(operation, answer)

    stage.sink._client._note_cost = spy
    read(stage, made)
    assert len(asked) == 1
    assert asked[0]["requestedQueryCost"] <= 320
    assert asked[0]["actualQueryCost"] <= 45
