"""Store credit and replacements: nothing at Shopify protects them, so they are looked for before they are repeated."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Money
from caseconnect.sdk.commands import CreateReplacement, IssueCredit
from caseconnect.sdk.commands.money import Item
from caseconnect.sdk.errors import TransientError, UnknownOutcome
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify.simulator import Order
from caseconnect_shopify.simulator.world import balances, catalogue

LINES = [{"title": "Mug", "price": "20.00", "sku": "MUG"}]
CUSTOMER = {"email": "jane@shopper.example", "first_name": "Jane"}
HOME = {"first_name": "Jane", "last_name": "Shopper", "address1": "Elm Street 5", "city": "Bonn", "country_code": "DE"}
Stage = Any


def make_order(stage: Stage, **more: Any) -> Order:
    made: Order = stage.order(**{"lines": LINES, "customer": CUSTOMER, "shipping_address": HOME, **more})
    return made


def at(order: Order) -> Subject:
    return Subject("shop", "order", str(order.id))


def credit(order: Order, amount: str = "10.00", currency: str = "USD", **more: Any) -> IssueCredit:
    return IssueCredit(target=at(order), amount=Money(amount=Decimal(amount), currency=currency), **more)


def given(stage: Stage) -> list[Decimal]:
    return [e.args["amount"] for e in stage.shop.ledger if e.what == "store_credit"]


def test_credit_goes_to_the_customer_of_the_order(stage: Stage) -> None:
    order = make_order(stage)
    until = stage.clock() + timedelta(days=90)
    command = credit(order, expires_at=until, notify_customer=True)
    assert stage.seen(command).seen is False
    done = stage.do(command)
    assert (done.state, given(stage)) == ("done", [Decimal("10.00")])
    (entry,) = [e.args for e in stage.shop.ledger if e.what == "store_credit"]
    assert (entry["notify"], entry["expires_at"]) == (True, until)
    assert stage.seen(command).data == done.data
    assert stage.do(command).note == "it was given already"
    assert given(stage) == [Decimal("10.00")]


def test_credit_for_a_customer_without_an_order(stage: Stage) -> None:
    customer = make_order(stage).customer
    assert customer is not None
    target = Subject("shop", "customer", str(customer.id))
    command = IssueCredit(target=target, amount=Money(amount=Decimal(5), currency="USD"))
    assert stage.do(command).state == "done"
    assert stage.seen(command).seen is True


def test_a_guest_has_no_credit(stage: Stage) -> None:
    command = credit(make_order(stage, customer=None))
    assert "this order has none" in stage.do(command).note
    assert stage.seen(command).seen is False
    assert stage.effects() == []


@pytest.mark.parametrize("amount", ["0", "-1.00", "10.001"])
def test_an_amount_that_is_none(amount: str, stage: Stage) -> None:
    assert stage.do(credit(make_order(stage), amount)).state == "refused"
    assert stage.effects() == []


@pytest.mark.parametrize("operation", ["metafieldsSet", "storeCreditAccountCredit"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate"])
def test_a_lost_answer_gives_one_credit(kind: str, operation: str, stage: Stage) -> None:
    order = make_order(stage)
    stage.fault(kind, operation)
    with pytest.raises(UnknownOutcome):
        stage.do(credit(order))
    if not stage.seen(credit(order)).seen:
        assert given(stage) == []
        assert stage.do(credit(order)).state == "done"
    assert given(stage) == [Decimal("10.00")]


def test_a_late_credit_is_found(stage: Stage) -> None:
    order = make_order(stage)
    stage.fault("late", "storeCreditAccountCredit", seconds=100)
    with pytest.raises(UnknownOutcome):
        stage.do(credit(order))
    stage.clock.forward(200)
    assert stage.seen(credit(order)).seen is True
    assert given(stage) == [Decimal("10.00")]


def test_credit_that_was_there_before_is_not_taken_for_ours(stage: Stage) -> None:
    order = make_order(stage)
    account = balances.account_for(stage.shop, order.customer, "USD")  # type: ignore[arg-type] # there is one
    for _ in range(3):
        balances.credit(stage.shop, account, Decimal("10.00"))
    stage.fault("drop_before", "storeCreditAccountCredit")
    with pytest.raises(UnknownOutcome):
        stage.do(credit(order))
    assert stage.seen(credit(order)).seen is False
    assert stage.do(credit(order)).state == "done"
    assert given(stage) == [Decimal("10.00")]


def test_two_that_could_be_ours_are_a_persons(stage: Stage) -> None:
    order = make_order(stage)
    stage.fault("drop_after", "storeCreditAccountCredit")
    with pytest.raises(UnknownOutcome):
        stage.do(credit(order))
    account = balances.account_for(stage.shop, order.customer, "USD")  # type: ignore[arg-type] # there is one
    balances.credit(stage.shop, account, Decimal("9.00"))
    assert stage.seen(credit(order)).seen is True
    balances.credit(stage.shop, account, Decimal("10.00"))
    assert stage.seen(credit(order)).seen is None
    with pytest.raises(UnknownOutcome, match="a person"):
        stage.do(credit(order))


def test_what_another_command_gave_is_not_taken_for_ours(stage: Stage) -> None:
    order = make_order(stage)
    stage.fault("drop_before", "storeCreditAccountCredit")
    with pytest.raises(UnknownOutcome):
        stage.do(credit(order), "k-1")
    other = stage.do(credit(order), "k-2")
    assert stage.seen(credit(order), "k-1").seen is False
    ours = stage.do(credit(order), "k-1")
    assert (ours.state, ours.note, given(stage)) == ("done", "", [Decimal("10.00")] * 2)
    assert stage.seen(credit(order), "k-1").data == ours.data != other.data
    assert stage.seen(credit(order), "k-2").data == other.data


def test_credits_for_two_orders_of_one_customer_are_two(stage: Stage) -> None:
    first, second = make_order(stage), make_order(stage)
    assert first.customer is second.customer
    stage.fault("drop_before", "storeCreditAccountCredit")
    with pytest.raises(UnknownOutcome):
        stage.do(credit(first), "k-1")
    assert stage.do(credit(second), "k-2").state == "done"
    assert stage.seen(credit(first), "k-1").seen is False
    assert stage.do(credit(first), "k-1").note == ""
    assert given(stage) == [Decimal("10.00")] * 2


def test_an_intent_behind_a_hundred_others_is_found(stage: Stage) -> None:
    order = make_order(stage)
    stage.do(credit(order), "k-0")
    assert order.customer is not None
    fields = order.customer.metafields
    ((where, first),) = fields.items()
    for number in range(100):
        key = f"credit_{number:016x}"
        fields[where[0], key] = replace(first, id=number, key=key)
    stage.fault("drop_after", "storeCreditAccountCredit")
    with pytest.raises(UnknownOutcome):
        stage.do(credit(order, "5.00"), "k-1")
    assert stage.seen(credit(order, "5.00"), "k-1").seen is True
    assert stage.do(credit(order, "5.00"), "k-1").note == "it was given already"
    assert given(stage) == [Decimal("10.00"), Decimal("5.00")]


def test_one_credit_and_two_open_intents_are_a_persons(stage: Stage) -> None:
    order = make_order(stage)
    for kind, key in (("drop_before", "k-1"), ("drop_after", "k-2")):
        stage.fault(kind, "storeCreditAccountCredit")
        with pytest.raises(UnknownOutcome):
            stage.do(credit(order), key)
    for key in ("k-1", "k-2"):
        assert stage.seen(credit(order), key).seen is None
        with pytest.raises(UnknownOutcome, match="a person"):
            stage.do(credit(order), key)
    assert given(stage) == [Decimal("10.00")]


def test_an_open_intent_of_another_amount_is_no_rival(stage: Stage) -> None:
    order = make_order(stage)
    for amount, key in (("9.00", "k-1"), ("10.00", "k-2")):
        stage.fault("drop_after", "storeCreditAccountCredit")
        with pytest.raises(UnknownOutcome):
            stage.do(credit(order, amount), key)
    assert stage.do(credit(order), "k-2").note == "it was given already"
    assert stage.seen(credit(order, "9.00"), "k-1").seen is True


def test_a_credit_that_could_not_be_noted_is_still_done(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order(stage)
    give = balances.credit

    def given_and_then_throttled(*args: Any, **more: Any) -> Any:
        stage.fault("throttle", "metafieldsSet")
        return give(*args, **more)

    monkeypatch.setattr(balances, "credit", given_and_then_throttled)
    done = stage.do(credit(order))
    assert (done.state, given(stage)) == ("done", [Decimal("10.00")])
    stage.clock.forward(60)
    assert stage.seen(credit(order)).data == done.data


def test_throttled_before_the_intent_is_surely_without_effect(stage: Stage) -> None:
    order = make_order(stage)
    stage.fault("throttle", "metafieldsSet")
    with pytest.raises(TransientError):
        stage.do(credit(order))
    assert stage.effects() == []


def nothing(payload: str, field: str) -> dict[str, Any]:
    """An answer without errors in which nothing was made, as the schema allows."""
    return {"data": {payload: {field: None, "userErrors": []}}}


def test_an_answer_that_names_no_credit_is_not_done(stage: Stage) -> None:
    body = nothing("storeCreditAccountCredit", "storeCreditAccountTransaction")
    stage.fault("status", "storeCreditAccountCredit", status=200, body=body)
    with pytest.raises(UnknownOutcome, match="names no credit"):
        stage.do(credit(make_order(stage)))
    assert given(stage) == []


def test_shopifys_refusal_is_told(stage: Stage) -> None:
    outcome = stage.do(credit(make_order(stage), "100000.01"))
    assert (outcome.state, given(stage)) == ("refused", [])
    assert "credit limit" in outcome.note


def replacement(order: Order, *items: Item) -> CreateReplacement:
    return CreateReplacement(target=at(order), items=items or (Item(sku="MUG", quantity=2),))


def made(stage: Stage) -> list[str]:
    return [what for what in stage.effects() if what.startswith("draft")]


def test_a_replacement_is_an_order_for_nothing_that_names_the_first(stage: Stage) -> None:
    order = make_order(stage)
    command = replacement(order)
    done = stage.do(command)
    assert (done.state, made(stage)) == ("done", ["draft_create", "draft_complete"])
    sent = stage.shop.order(done.data["order"])
    assert (sent.customer, [(x.sku, x.quantity) for x in sent.lines]) == (order.customer, [("MUG", 2)])
    assert (stage.shop.ledger[-1].args["total"], sent.transactions) == (0, [])
    assert sent.shipping_address is not None
    assert order.shipping_address is not None
    assert sent.shipping_address.place() == order.shipping_address.place()
    assert dict(sent.attributes)["replaces"] == order.name
    assert sent.tags[0].startswith("connect-")
    assert stage.seen(command).data == done.data
    assert stage.do(command).data == done.data
    assert len(made(stage)) == 2


@pytest.mark.parametrize("operation", ["draftOrderCreate", "draftOrderComplete"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "html"])
def test_a_lost_answer_gives_one_replacement(kind: str, operation: str, make_stage: Any) -> None:
    stage = make_stage(index_lag=20)
    order = make_order(stage)
    stage.clock.forward(60)
    stage.fault(kind, operation)
    with pytest.raises(UnknownOutcome):
        stage.do(replacement(order))
    stage.clock.forward(210)
    if not stage.seen(replacement(order)).seen:
        assert stage.do(replacement(order)).state == "done"
    assert made(stage) == ["draft_create", "draft_complete"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda draft: setattr(draft.lines[0], "quantity", 3), "other goods"),
        (lambda draft: setattr(draft, "discount", None), "costs 40.00 USD"),
    ],
)
def test_a_draft_that_staff_changed_since_the_first_attempt_is_not_completed(
    change: Any, says: str, stage: Stage
) -> None:
    command = replacement(make_order(stage))
    stage.fault("drop_before", "draftOrderComplete")
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    (draft,) = stage.shop.drafts.values()
    change(draft)
    with pytest.raises(UnknownOutcome, match=says):
        stage.do(command)
    assert made(stage) == ["draft_create"]


@pytest.mark.parametrize(
    ("item", "says"),
    [(Item(sku="NO-SUCH", quantity=1), "not exactly one variant with SKU 'NO-SUCH'"), (Item(quantity=1), "SKU ''")],
)
def test_what_the_shop_does_not_have(item: Item, says: str, stage: Stage) -> None:
    assert says in stage.do(replacement(make_order(stage), item)).note
    assert stage.effects() == []


def test_an_answer_that_names_no_completed_draft_is_not_done(stage: Stage) -> None:
    body = nothing("draftOrderComplete", "draftOrder")
    stage.fault("status", "draftOrderComplete", status=200, body=body)
    with pytest.raises(UnknownOutcome, match="does not say"):
        stage.do(replacement(make_order(stage)))
    assert made(stage) == ["draft_create"]


@pytest.mark.parametrize("others", [1, 60])
def test_an_sku_that_two_variants_bear_is_not_guessed(others: int, stage: Stage) -> None:
    """Shopify's search knows no case: the second may be on the next page."""
    order = make_order(stage)
    tea = catalogue.add(stage.shop, {"title": "Tea", "sku": "TEA", "price": "9.50"})
    for number, sku in enumerate((*["tea"] * others, "TEA"), 1):
        stage.shop.variants[tea.id + number] = replace(tea, id=tea.id + number, sku=sku)
    assert "not exactly one" in stage.do(replacement(order, Item(sku="TEA", quantity=1))).note
    assert made(stage) == []


def test_a_variant_by_its_id(stage: Stage) -> None:
    tea = catalogue.add(stage.shop, {"title": "Tea", "sku": "TEA'S", "price": "9.50"})
    order = make_order(stage)
    assert stage.do(replacement(order, Item(variant=str(tea.id), quantity=1))).state == "done"
    assert stage.do(replacement(order, Item(sku="TEA'S", quantity=1)), "k-2").state == "done"


def test_goods_are_not_sent_where_the_address_is_withheld(make_stage: Any) -> None:
    stage = make_stage(personal_data=False)
    outcome = stage.do(replacement(make_order(stage)))
    assert outcome.state == "refused"
    assert "where the order was shipped" in outcome.note
