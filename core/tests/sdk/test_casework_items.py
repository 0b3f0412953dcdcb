from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import Complaint, Document, File, LineItem, Money, Order, Record
from caseconnect.sdk.casework import Action, CaseworkSettings, Requested, UseCase, Verdict, decide_item
from caseconnect.sdk.casework.answers import ImpossibleError, amount_in, goods_in, points_in
from caseconnect.sdk.commands import (
    AttachDocument,
    CloseCase,
    CreateReplacement,
    LineQuantity,
    NotifyCustomer,
    OpenCase,
    RefundPayment,
    digest_of,
)
from caseconnect.sdk.decisions import Facts, Finding
from caseconnect.sdk.events import CaseChanged, ComplaintChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, money, sample_order

ITEM = Subject("forms", "complaint", "c7")
PHOTO = Document(name="photo.png", media_type="image/png", content=b"png")


class Policy(CaseworkSettings):
    names: ClassVar[tuple[str, ...]] = ("broken",)
    item: ClassVar[type[Record] | None] = Complaint
    actions: ClassVar[tuple[Action, ...]] = ("refund", "replace", "credit", "notify", "as_requested", "close")


def reading(item: Complaint, order: Order | None) -> Requested:
    """What a complaint asks for: its SKUs once each."""
    lines = [x for x in (order.lines if order else ()) if x.sku in item.skus]
    asked = tuple(LineQuantity(line=x.id, quantity=1) for x in lines)
    return Requested(item.text, wish="replace", files=item.files, lines=asked, email=item.email or "")


def judge(item: Complaint, order: Order | None, *_: Any) -> list[Verdict]:
    """Every complaint counts."""
    finding = Finding(exception="broken", ground=digest_of(item.id, item.text), summary="broken", arose_at=PLACED)
    return [Verdict("broken: it says so", finding)]


def over(item: Complaint, order: Order | None) -> str | None:
    """Withdrawn."""
    return "the complaint was withdrawn" if item.status == "withdrawn" else None


USE = UseCase(name="complaining", exceptions=("broken",), item=Complaint, reading=reading)


def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Any:
    """The use case of these tests."""
    return decide_item(USE, event, matter, facts, settings, now, judge=judge, over=over)


def order(**changes: Any) -> Order:
    """Two mugs of 10.00 and a plate of 30.00, all paid."""
    lines = (
        LineItem(id="l1", title="Mug", sku="MUG", quantity=2, variant_id="v1", unit_price=money("10.00")),
        LineItem(id="l2", title="Plate", sku="PLATE", quantity=1, unit_price=money("30.00")),
    )
    return sample_order(**{"lines": lines, "refundable": money("50.00"), **changes})


def story(outcome: Any = "refund", *, of: Order | None = None, alone: bool = False, **settings: Any) -> Story:
    """A complaint about a mug, with its case open."""
    made = begun(outcome, of=of, alone=alone, **settings)
    made.settle("OpenCase")
    return made


def begun(outcome: Any = "refund", *, of: Order | None = None, alone: bool = False, **settings: Any) -> Story:
    """A complaint about a mug came in."""
    record = Complaint(id="c7", text="The mug is broken.", skus=("MUG",), files=(File(name="p.png", document=PHOTO),))
    policy = Policy.model_validate({"outcomes": {"approved": outcome}, **settings})
    event = ComplaintChanged(subject=ORDER, item=ITEM, time=PLACED, record=record)
    made = Story([("complaining", decide, policy)], of or order(), item=event, alone=alone)
    made.told()
    return made


def test_a_case_holds_the_request_its_files_and_who_works_on_it_until_when() -> None:
    one = story(owner={"*": "desk"}, due_hours={"broken": 4}, definition="complaints", description="{request}")
    (opened,) = one.of(OpenCase)
    assert (opened.owner, opened.definition, opened.description) == ("desk", "complaints", "The mug is broken.")
    assert opened.due is not None
    assert (opened.due - one.now).total_seconds() == 4 * 3600
    assert [d.name for d in opened.documents] == ["photo.png", "order-1001.json"]
    assert b"The mug" not in opened.documents[1].content


def test_a_changed_request_adds_to_the_open_case_and_the_same_one_does_not() -> None:
    one = story()
    one.told()
    assert one.kinds() == ["OpenCase"]
    one.told(Complaint(id="c7", text="And the plate too.", files=(File(name="p.png", document=PHOTO),)))
    assert one.kinds() == ["OpenCase", "CommentCase", "AttachDocument"]
    assert "And the plate too." in one.comments()[0]
    assert one.of(AttachDocument)[0].document == PHOTO


def test_an_item_without_an_order_opens_and_gives_nothing_back_by_itself() -> None:
    one = story(alone=True)
    assert one.of(OpenCase)[0].title == "Order unknown: broken"
    one.case_changed(outcome="approved", revision="r1")
    assert one.kinds() == ["OpenCase", "CommentCase"]
    assert "the order is not known" in one.comments()[0]
    assert len(one.alerts) == 1


@pytest.mark.parametrize(
    ("attributes", "amount", "lines"),
    [
        ({}, "10.00", [("l1", 1)]),
        ({"approved_amount": "7.50"}, "7.50", [("l1", 1)]),
        ({"approved_amount": "7.50 eur"}, "7.50", [("l1", 1)]),
        ({"approved_lines": "PLATE; MUG x 2"}, "50.00", [("l2", 1), ("l1", 2)]),
    ],
)
def test_a_refund_is_what_the_agent_wrote_else_what_was_asked_for(attributes: Any, amount: Any, lines: Any) -> None:
    one = story()
    one.case_changed(outcome="approved", revision="r1", attributes=attributes)
    (refund,) = one.of(RefundPayment)
    assert refund.amount == money(amount)
    assert [(line.line, line.quantity) for line in refund.lines] == lines
    watched = {e.field for e in refund.expects}
    assert watched == {"outcome", "attributes.approved_amount", "attributes.approved_lines", "refundable"}
    assert one.matter.stage == "carrying_out"
    one.settle("RefundPayment")
    assert (one.matter.state, one.matter.stage) == ("closed", "resolved")


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"approved_amount": "60"}, "more than can still be given back"),
        ({"approved_amount": "7,50"}, "write an amount such as"),
        ({"approved_amount": "-1"}, "write an amount such as"),
        ({"approved_amount": "0"}, "more than nothing"),
        ({"approved_amount": "1.005"}, "currency's digits"),
        ({"approved_amount": "1.500"}, "currency's digits"),
        ({"approved_lines": "MUG; MUG x 2"}, "has 2 of MUG left, not 3"),
        ({"approved_amount": "5 USD"}, "the shopper paid in EUR"),
        ({"approved_lines": "CUP"}, "CUP is not in order #1001"),
        ({"approved_lines": "MUG x 3"}, "has 2 of MUG left"),
        ({"approved_lines": ";"}, "write SKUs"),
    ],
)
def test_what_cannot_be_done_does_nothing_and_says_so_once(attributes: Any, says: Any) -> None:
    one = story()
    for _ in range(2):
        one.case_changed(outcome="approved", revision="r1", attributes=attributes)
    assert one.kinds() == ["OpenCase", "CommentCase"]
    assert says in one.comments()[0]
    assert len(one.alerts) == 1
    one.case_changed(attributes={"approved_amount": "5"})
    assert one.of(RefundPayment)[0].amount == money("5")


def test_the_goods_of_an_order_that_staff_cancelled_are_sent_again_only_if_the_agent_names_them() -> None:
    one = story(["replace"])
    one.order = order(cancelled_at=PLACED)
    one.case_changed(outcome="approved", revision="r1")
    assert one.of(CreateReplacement) == []
    assert "order #1001 is cancelled" in one.comments()[-1]
    assert len(one.alerts) == 1
    one.case_changed(attributes={"exchange_items": "MUG"})
    assert [(i.sku, i.quantity) for i in one.of(CreateReplacement)[0].items] == [("MUG", 1)]


def test_actions_go_one_after_the_other_and_the_end_is_the_last_ones() -> None:
    one = story(["refund", "replace", "notify"], messages={"approved": "sorry"})
    one.case_changed(outcome="approved", revision="r1", attributes={"customer_reason": "our fault"})
    refund, replacement, message = one.of(RefundPayment)[0], one.of(CreateReplacement)[0], one.of(NotifyCustomer)[0]
    assert (refund.after, replacement.after) == ((), ("RefundPayment",))
    assert message.after == ("RefundPayment", "CreateReplacement")
    assert (message.template, message.values["reason"]) == ("sorry", "our fault")
    assert [(i.variant, i.sku, i.quantity) for i in replacement.items] == [("v1", "MUG", 1)]
    one.settle("RefundPayment")
    one.settle("CreateReplacement")
    assert one.matter.is_open()
    one.settle("NotifyCustomer")
    assert one.matter.state == "closed"


def test_what_was_asked_for_is_an_action_too() -> None:
    one = story("as_requested")
    one.case_changed(outcome="approved", revision="r1")
    assert [c.kind for c in one.sent if c.side == "order"] == ["CreateReplacement"]


def test_a_matter_that_resolves_itself_is_noted_and_closed_only_where_that_is_wanted() -> None:
    for wish, closed in (("note", False), ("close", True)):
        one = story(when_resolved=wish)
        for _ in range(2):
            one.told(Complaint(id="c7", status="withdrawn"))
        assert len([t for t in one.comments() if "resolved itself: the complaint was withdrawn" in t]) == 1
        assert (one.matter.state == "closed", len(one.of(CloseCase))) == (closed, int(closed))


def test_what_was_decided_is_not_closed_by_itself() -> None:
    one = story(when_resolved="close")
    one.case_changed(outcome="approved", revision="r1")
    one.told(Complaint(id="c7", status="withdrawn"))
    assert one.matter.is_open()
    assert one.of(CloseCase) == []


def test_a_condition_that_does_not_hold_opens_nothing_and_says_so() -> None:
    one = begun(only_if={"broken": "order.total.minor > 50000"})
    assert one.kinds() == []
    assert "only_if.broken" in one.reasons[-1]
    assert begun(only_if={"*": "item.text.contains('mug')"}).kinds() == ["OpenCase"]


def test_a_condition_of_the_tenant_opens_and_reads_the_customer_only_where_it_looks_at_one() -> None:
    one = begun(only_if={"broken": "false"}, also={"loyal": "customer.orders_count > 2"})
    assert one.kinds() == ["OpenCase"]
    assert [f.exception for f in one.matter.findings] == ["condition"]
    one.settle("OpenCase")
    one.case_changed(outcome="approved", revision="r1")
    assert one.of(RefundPayment)


def test_an_exception_settles_before_it_counts() -> None:
    one = begun(settle_minutes={"broken": 60})
    assert one.kinds() == []
    assert one.timers["broken:settle"] == PLACED + timedelta(minutes=60)
    one.matter = replace(one.matter, owner="complaining")
    one.tick(2)
    assert one.kinds() == ["OpenCase"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"only_if": {"broken": "order.totl.minor > 1"}}, "total"),
        ({"only_if": {"broken": "item.colour == 'red'"}}, "colour"),
        ({"settle_minutes": {"late": 5}}, "unknown exception 'late'"),
        ({"outcomes": {"a": "cancel"}}, "cancel is not for this use case"),
        ({"outcomes": {"a": ["refund", "refund"]}}, "twice"),
        ({"outcomes": {"a": "notify"}}, "name its template"),
        ({"outcomes": {"a": []}}, "at least 1"),
        ({"owner": {"late": "x"}}, "unknown exception 'late'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: Any, says: Any) -> None:
    with pytest.raises(ValidationError, match=says):
        Policy.model_validate({"outcomes": {"approved": "refund"}, **settings})


@given(st.text(max_size=40))
def test_whatever_is_written_is_an_amount_or_is_refused(text: str) -> None:
    try:
        found = amount_in(text, "EUR", "amount")
    except ImpossibleError:
        return
    assert found.amount > 0
    assert found == Money(amount=found.amount.quantize(Decimal("0.01")), currency="EUR")


@given(st.text(max_size=40))
def test_whatever_is_written_is_goods_or_is_refused(text: str) -> None:
    try:
        found = goods_in(text, "lines")
    except ImpossibleError:
        return
    assert found
    assert all(sku.strip() == sku and sku and quantity > 0 for sku, quantity in found)


@given(st.decimals(min_value=0, max_value=100, places=2), st.decimals(min_value=0, max_value=200, places=2))
def test_no_refund_is_ever_more_than_can_be_given_back(left: Decimal, wanted: Decimal) -> None:
    one = story(of=order(refundable=Money(amount=left, currency="EUR")))
    one.case_changed(outcome="approved", revision="r1", attributes={"approved_amount": str(wanted)})
    assert all(refund.amount.amount <= left for refund in one.of(RefundPayment))
    assert bool(one.of(RefundPayment)) == (0 < wanted <= left)


def test_value_is_given_on_the_order_as_it_is_and_waits_for_it() -> None:
    one = story()
    needs = decide(
        CaseChanged(subject=CASE_ID, time=one.now),
        one.matter,
        Facts({("case", CASE_ID): one.case.model_copy(update={"outcome": "approved", "revision": "r1"})}),
        Policy.model_validate({"outcomes": {"approved": "refund"}}),
        one.now,
    )
    assert [(n.fact, n.required) for n in needs.needs] == [("order", True), ("complaint", False)]


def test_an_outcome_after_the_end_is_told_and_calls_a_person() -> None:
    one = story()
    one.case_changed(closed=True, status="Closed")
    assert one.matter.state == "closed"
    for _ in range(2):
        one.case_changed(outcome="approved", revision="r1")
    assert one.of(RefundPayment) == []
    assert (len(one.alerts), "after this was closed" in one.comments()[-1]) == (1, True)


@pytest.mark.parametrize("text", ["1.500", "100.7", "inf", "", "1e3", "٣"])
def test_points_are_whole_numbers(text: str) -> None:
    with pytest.raises(ImpossibleError):
        points_in(text, "points")
    assert points_in(" -5 ", "points") == -5


def test_a_step_that_a_person_answers_late_still_ends_the_matter() -> None:
    one = story(["notify"], messages={"approved": "sorry"})
    one.case_changed(outcome="approved", revision="r1")
    one.settle("NotifyCustomer", "parked", "its answer was lost")
    assert one.matter.stage == "blocked"
    one.settle("NotifyCustomer")
    assert one.matter.state == "closed"
