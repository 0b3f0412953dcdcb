"""From an outcome to a refund, a replacement or credit: once, plain, and never more than can be given back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from caseconnect.models import Complaint, LineItem, Money, Order
from caseconnect.sdk.commands import CreateReplacement, IssueCredit, NotifyCustomer, RefundPayment
from caseconnect.sdk.events import ComplaintChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_complaints.rules import decide
from caseconnect_complaints.settings import ComplaintsSettings

ITEM = Subject("desk", "complaint", "c1")
LINES = (
    LineItem(id="l1", title="Mug", sku="MUG", quantity=2, variant_id="v1", total=money("20")),
    LineItem(id="l2", title="Plate", sku="PLATE", quantity=1, variant_id="v2", total=money("30")),
)


def order(**changes: Any) -> Order:
    return sample_order(**{"lines": LINES, "refundable": money("50.00"), **changes})


def story(
    of: Order | None = None, *, skus: tuple[str, ...] = ("PLATE",), alone: bool = False, **settings: Any
) -> Story:
    """A complaint about a plate, with its case open."""
    record = Complaint(id="c1", category="damaged", text="Broken.", skus=skus, email="jane@shop.test", locale="de")
    event = ComplaintChanged(subject=ORDER, item=ITEM, time=PLACED, record=record)
    policy = ComplaintsSettings.model_validate(settings)
    made = Story([("complaints", decide, policy)], of or order(), item=event, alone=alone)
    made.told()
    made.settle("OpenCase")
    return made


def done(one: Story) -> list[str]:
    """What was asked of the shop, in order."""
    return [c.kind for c in one.sent if c.side == "order"]


def decided(one: Story, outcome: str | None, revision: str = "r1", **attributes: str) -> None:
    """The agent decides."""
    one.case_changed(outcome=outcome, revision=revision, attributes=attributes)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [("refund", "RefundPayment"), ("Replacement", "CreateReplacement"), ("credit", "IssueCredit")],
)
def test_an_outcome_makes_good_tells_the_case_and_ends(outcome: str, kind: str) -> None:
    one = story()
    decided(one, outcome)
    assert done(one) == [kind]
    one.settle(kind)
    assert (one.matter.state, one.matter.stage, one.alerts) == ("closed", "resolved", [])
    decided(one, outcome)
    assert done(one) == [kind]


def test_what_is_given_is_for_the_goods_of_the_complaint() -> None:
    one, two, three = story(), story(), story()
    decided(one, "refund")
    decided(two, "replacement")
    decided(three, "credit")
    refund, credit = one.of(RefundPayment)[0], three.of(IssueCredit)[0]
    assert (refund.amount, refund.lines[0].line, credit.amount) == (money("30"), "l2", money("30"))
    (replacement,) = two.of(CreateReplacement)
    assert [(i.variant, i.sku, i.quantity) for i in replacement.items] == [("v2", "PLATE", 1)]
    assert replacement.price == money("30")


@pytest.mark.parametrize("outcome", ["resolved", "rejected"])
def test_an_outcome_may_do_nothing_but_end(outcome: str) -> None:
    one = story()
    decided(one, outcome)
    assert (done(one), one.matter.state) == ([], "closed")


def test_the_shopper_is_told_where_the_tenant_wants_it() -> None:
    one = story(outcomes={"rejected": ["notify", "close"]}, messages={"rejected": "no_complaint"})
    decided(one, "rejected", customer_reason="It was used.")
    (message,) = one.of(NotifyCustomer)
    assert (message.template, message.email, message.locale) == ("no_complaint", "jane@shop.test", "de")
    assert message.values["reason"] == "It was used."
    one.settle("NotifyCustomer")
    assert one.matter.state == "closed"


@pytest.mark.parametrize(
    ("outcome", "attributes", "says"),
    [
        ("refund", {}, "how much is not known: write it in approved_amount"),
        ("credit", {}, "how much is not known"),
        ("replacement", {}, "which goods are to be sent is not known: write them in exchange_items"),
        ("refund", {"approved_amount": "50.01"}, "more than can still be given back"),
        ("refund", {"approved_amount": "5 USD"}, "the shopper paid in EUR"),
        ("refund", {"approved_lines": "CUP"}, "CUP is not in order #1001"),
    ],
)
def test_nothing_is_guessed_and_nothing_too_large_is_done(outcome: str, attributes: Any, says: str) -> None:
    one = story(skus=("MUG",))
    for _ in range(2):
        decided(one, outcome, **attributes)
    assert (done(one), len(one.alerts), one.kinds().count("CommentCase")) == ([], 1, 1)
    assert says in one.comments()[-1]
    decided(one, outcome, "r2", approved_lines="MUG x 1")
    assert len(done(one)) == 1


@pytest.mark.parametrize(
    ("attributes", "amount", "lines"),
    [
        ({"approved_amount": "5"}, "5", [("l2", 1)]),
        ({"approved_lines": "MUG x 1"}, "10", [("l1", 1)]),
        ({"approved_lines": "MUG x 2; PLATE"}, "50", [("l1", 2), ("l2", 1)]),
        ({"approved_lines": "MUG", "approved_amount": "4.50"}, "4.50", [("l1", 1)]),
    ],
)
def test_a_part_by_amount_and_by_line(attributes: Any, amount: str, lines: Any) -> None:
    one = story()
    decided(one, "refund", **attributes)
    (refund,) = one.of(RefundPayment)
    assert refund.amount == money(amount)
    assert [(x.line, x.quantity) for x in refund.lines] == lines


def test_other_goods_may_be_sent() -> None:
    one = story()
    decided(one, "replacement", exchange_items="BOWL x 2")
    assert [(i.sku, i.quantity) for i in one.of(CreateReplacement)[0].items] == [("BOWL", 2)]


def test_a_complaint_without_an_order_gives_nothing_by_itself() -> None:
    one = story(alone=True)
    decided(one, "refund")
    assert (done(one), "the order is not known" in one.comments()[-1]) == ([], True)


def test_a_second_currency_is_the_shoppers() -> None:
    one = story(order(presentment_total=money("130", "USD"), refundable=money("60", "USD")))
    decided(one, "refund")
    assert (done(one), "approved_amount, such as 20.00 USD" in one.comments()[-1]) == ([], True)
    decided(one, "refund", "r2", approved_amount="33.00 USD")
    assert one.of(RefundPayment)[0].amount == money("33", "USD")


@pytest.mark.parametrize("end", ["done", "parked"])
def test_changed_after_execution_and_reopened_is_for_a_person(end: str) -> None:
    one = story()
    decided(one, "refund")
    one.settle("RefundPayment", end)
    one.alerts.clear()
    decided(one, "replacement", "r2")
    decided(one, None, "r3")
    decided(one, "replacement", "r4")
    assert done(one) == ["RefundPayment"]
    assert any("a person must decide" in text for text in one.comments())
    assert one.alerts


def test_an_outcome_that_nobody_mapped_alerts_and_does_nothing() -> None:
    one = story()
    decided(one, "approved")
    assert (done(one), len(one.alerts), one.matter.is_open()) == ([], 1, True)
    decided(one, "credit", "r2")
    assert done(one) == ["IssueCredit"]


@checked(deadline=None)
@given(
    st.decimals(min_value=0, max_value=60, places=2),
    st.sampled_from(["", "0.01", "30", "50", "60", "x"]),
    st.sampled_from(["", "MUG", "PLATE", "MUG x 2; PLATE", "PLATE x 2"]),
    st.lists(st.sampled_from(["refund", "credit", None, "resolved", "refund"]), min_size=1, max_size=4),
)
def test_no_refund_is_ever_more_than_can_be_given_back_and_there_is_one(
    left: Decimal, amount: str, lines: str, outcomes: list[str | None]
) -> None:
    one = story(order(refundable=Money(amount=left, currency="EUR")))
    for number, outcome in enumerate(outcomes):
        decided(one, outcome, f"r{number}", approved_amount=amount, approved_lines=lines)
        for kind in done(one):
            one.state(kind, "done")
        assert all(one.reasons)
    assert all(refund.amount.amount <= left for refund in one.of(RefundPayment))
    assert len(done(one)) <= 1
