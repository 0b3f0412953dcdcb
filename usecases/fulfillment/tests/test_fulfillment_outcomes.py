from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from caseconnect.models import LineItem, Order
from caseconnect.sdk.commands import (
    CancelOrder,
    CreateReplacement,
    IssueCredit,
    NotifyCustomer,
    RefundPayment,
    SetOrderStatus,
)
from caseconnect.sdk.testing.story import PLACED, Story, money, sample_order
from caseconnect_fulfillment.rules import decide
from caseconnect_fulfillment.settings import FulfillmentSettings

POLICY: dict[str, Any] = {
    "outcomes": {
        "resolved": ["set_status", "notify", "close"],
        "refund": ["refund", "set_status"],
        "replace": "replace",
        "credit": "credit",
        "cancelled": "cancel",
        "nothing": "close",
    },
    "messages": {"resolved": "shipping_done"},
    "statuses": {"resolved": {"external": "delivered late"}, "refund": {"external": "refunded", "shipping": "lost"}},
}
DECISIVE = {"RefundPayment", "CreateReplacement", "IssueCredit", "CancelOrder"}


def order(**changes: Any) -> Order:
    """Two mugs of 60.00 that nobody shipped."""
    line = LineItem(
        id="l1", title="Mug", sku="MUG", quantity=2, unfulfilled_quantity=2, variant_id="v1", unit_price=money("60.00")
    )
    return sample_order(**{"lines": (line,), "payment_status": "paid", "refundable": money("120.00"), **changes})


def in_review(made: Order | None = None) -> Story:
    """An order that was not shipped in time, with its case open."""
    host = Story([("fulfillment", decide, FulfillmentSettings.model_validate(POLICY))], made or order())
    host.now = PLACED + timedelta(hours=80)
    host.changed()
    host.settle("OpenCase")
    return host


def decided(host: Story, outcome: str, revision: str = "r1", **attributes: str) -> None:
    """An agent decides, and writes something with it."""
    host.case_changed(outcome=outcome, revision=revision, attributes=attributes)


def test_the_end_reaches_the_order_then_the_shopper_and_ends_the_matter() -> None:
    host = in_review()
    decided(host, "resolved")
    (status,), (message,) = host.of(SetOrderStatus), host.of(NotifyCustomer)
    assert (status.status, status.value, status.target) == ("external", "delivered late", host.matter.subject)
    assert (message.template, message.after) == ("shipping_done", ("SetOrderStatus:external",))
    host.settle("SetOrderStatus")
    assert host.matter.is_open()
    host.settle("NotifyCustomer")
    assert (host.matter.state, host.matter.stage) == ("closed", "resolved")


def test_a_refund_is_by_amount_or_by_line_and_the_statuses_wait_for_it() -> None:
    by_line, by_amount = in_review(), in_review()
    decided(by_line, "refund", approved_lines="MUG x 1")
    decided(by_amount, "refund", approved_amount="15.50")
    assert [str(h.of(RefundPayment)[0].amount) for h in (by_line, by_amount)] == ["60.00 EUR", "15.50 EUR"]
    assert all("RefundPayment" in c.after for c in by_line.of(SetOrderStatus))
    for kind in ("RefundPayment", "SetOrderStatus"):
        assert by_line.matter.is_open()
        by_line.settle(kind)
    assert by_line.matter.state == "closed"


@pytest.mark.parametrize(
    ("outcome", "written", "says"),
    [
        ("refund", {"approved_amount": "500"}, "more than can still be given back"),
        ("refund", {}, "how much is not known"),
        ("refund", {"approved_amount": "10 USD"}, "the shopper paid in EUR"),
        ("refund", {"approved_lines": "MUG x 9"}, "has 2 of MUG left"),
        ("replace", {}, "which goods are to be sent is not known"),
        ("credit", {}, "how much is not known"),
    ],
)
def test_what_cannot_be_done_is_not_done_and_told(outcome: str, written: dict[str, str], says: str) -> None:
    host = in_review()
    before = len(host.sent)
    decided(host, outcome, **written)
    assert says in host.comments()[-1]
    assert [c.kind for c in host.sent[before:]] == ["CommentCase"]
    assert len(host.alerts) == 1
    assert host.matter.acted_on is None


def test_a_replacement_a_credit_and_a_cancellation() -> None:
    replaced, credited, cancelled = in_review(), in_review(), in_review()
    decided(replaced, "replace", approved_lines="MUG x 2")
    decided(credited, "credit", approved_amount="5")
    decided(cancelled, "cancelled")
    assert [(i.sku, i.quantity) for i in replaced.of(CreateReplacement)[0].items] == [("MUG", 2)]
    assert str(credited.of(IssueCredit)[0].amount) == "5.00 EUR"
    assert cancelled.of(CancelOrder)[0].cause == "inventory"
    for host, kind in ((replaced, "CreateReplacement"), (credited, "IssueCredit"), (cancelled, "CancelOrder")):
        host.settle(kind)
        assert host.matter.state == "closed"


def test_our_own_cancellation_is_not_told_as_something_that_resolved_itself() -> None:
    host = in_review()
    decided(host, "cancelled")
    host.changed(cancelled_at=host.now)
    assert not [text for text in host.comments() if "resolved itself" in text]


@pytest.mark.parametrize("second", ["replace", "cancelled", "nothing"])
def test_an_outcome_changed_after_execution_goes_to_a_person(second: str) -> None:
    host = in_review()
    decided(host, "refund", approved_amount="20")
    host.settle("RefundPayment")
    for revision in ("r2", "r3"):
        decided(host, second, revision, approved_lines="MUG x 1")
    assert [c.kind for c in host.sent if c.kind in DECISIVE] == ["RefundPayment"]
    assert len(host.alerts) == 1


def test_a_reopened_case_does_nothing_again() -> None:
    host = in_review()
    decided(host, "cancelled")
    host.settle("CancelOrder")
    count = len(host.sent)
    host.case_changed(status="Reopened", revision="r4")
    host.case_changed(status="Closed", closed=True, revision="r5")
    assert len(host.sent) == count


@checked(max_examples=100, deadline=None)
@given(
    st.decimals(min_value=0, max_value=200, places=2),
    st.decimals(min_value=0, max_value=200, places=2),
    st.sampled_from(["", "MUG x 1", "MUG x 2"]),
)
def test_a_refund_is_never_larger_than_what_is_refundable(asked: Decimal, left: Decimal, lines: str) -> None:
    host = in_review(order(refundable=money(f"{left}")))
    decided(host, "refund", approved_amount=f"{asked}", approved_lines=lines)
    assert all(refund.amount.amount <= left for refund in host.of(RefundPayment))
