"""Refunds that went around the gate: which are reported, and where."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from caseconnect.models import ApprovalRequest, Refund
from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.decisions import OtherCase
from caseconnect.sdk.testing.story import PLACED, Story, money, sample_order
from caseconnect_approvals.rules import decide
from caseconnect_approvals.settings import ApprovalsSettings

FREE = {"free_up_to": {"EUR": "10", "USD": "10"}}


def refund(amount: str = "15.00", number: str = "1", **more: Any) -> Refund:
    return Refund(**{"id": number, "created_at": PLACED, "total": money(amount), **more})


def story(*refunds: Refund, of: Any = None, **settings: Any) -> Story:
    """An order of which something was refunded, and nobody asked."""
    one = Story(
        [("approvals", decide, ApprovalsSettings.model_validate({**FREE, **settings}))], sample_order(**of or {})
    )
    one.changed(refunds=refunds)
    return one


def test_a_refund_that_nobody_asked_for_is_one_case_and_one_alert() -> None:
    one = story(refund())
    one.changed(refunds=(refund(),))
    (case,) = one.of(OpenCase)
    assert case.title == "Order #1001: refunded without an approval"
    assert "15.00 EUR was refunded in the shop" in case.description
    assert len(one.alerts) == 1
    one.settle("OpenCase")
    one.changed(refunds=(refund(), refund("11.00", "2")))
    assert (one.kinds(), len(one.alerts)) == (["OpenCase", "CommentCase"], 2)
    one.case_changed(outcome="approved", revision="r1")
    assert one.matter.state == "closed"
    one.changed(refunds=(refund(), refund("11.00", "2")))
    assert one.kinds() == ["OpenCase", "CommentCase"]


@pytest.mark.parametrize(
    ("made", "of", "settings", "why"),
    [
        (refund("10.00"), {}, {}, "above free_up_to"),
        (refund(total=money("99", "GBP")), {}, {}, "above free_up_to"),
        (refund("5.00", presentment_total=money("9", "USD")), {}, {}, "above free_up_to"),
        (refund(ours=True), {}, {}, "above free_up_to"),
        (refund(created_at=PLACED - timedelta(days=8)), {}, {}, "the last 7 days"),
        (refund(), {}, {"report_refunds": False}, "report_refunds is false"),
        (refund(), {}, {"free_up_to": {}}, "free_up_to is empty"),
        (refund(), {"test": True}, {}, "test order"),
        (refund(), {"channel": "pos"}, {}, "channel pos is in applies_to.except_channels"),
        (refund(), {"channel": "POS"}, {"applies_to": {"markets": []}}, "channel POS is in applies_to.except_channels"),
    ],
)
def test_what_is_not_reported_says_why(made: Refund, of: Any, settings: Any, why: str) -> None:
    one = story(made, of=of, **settings)
    assert one.sent == []
    assert why in one.reasons[-1]


@pytest.mark.parametrize(
    "sold",
    [
        {"delivery": ("pickup",)},
        {"delivery": ("digital",)},
        {"payment_terms": "net_30"},
        {"preorder": True},
        {"company": "ACME"},
    ],
)
def test_a_refund_is_reported_however_the_order_was_delivered_and_paid(sold: dict[str, Any]) -> None:
    assert story(refund(), of=sold).kinds() == ["OpenCase"]


def test_in_the_shoppers_currency_and_for_a_cancelled_order() -> None:
    made = refund("5.00", presentment_total=money("11", "USD"))
    assert story(made, of={"cancelled_at": PLACED}).kinds() == ["OpenCase"]


@pytest.mark.parametrize(("action", "reported"), [("refund", False), ("credit", True)])
def test_what_is_told_on_the_case_of_a_request_is_not_reported_again(action: Any, reported: bool) -> None:
    one = Story([("approvals", decide, ApprovalsSettings.model_validate(FREE))])
    asked = ApprovalRequest(id="a1", action=action, amount=money("15.00"), created_at=PLACED - timedelta(hours=1))
    one.facts["approval"] = asked
    other = OtherCase(case=_case(), topic="order_review", item="desk:approval/a1")
    one.matter = replace(one.matter, other_cases=(other,))
    one.changed(refunds=(refund(),))
    assert (one.kinds() == ["OpenCase"]) is reported
    if not reported:
        one.matter = replace(one.matter, other_cases=())
        one.changed(refunds=(refund(),))
        assert one.sent == []


def _case() -> Any:
    from caseconnect.sdk.decisions import CaseRef
    from caseconnect.sdk.testing.story import CASE_ID

    return CaseRef(CASE_ID, "CC-1")
