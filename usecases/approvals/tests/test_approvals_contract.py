"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from caseconnect.models import ApprovalRequest, Case, Customer, CustomerReply, OrderHistory, Refund
from caseconnect.sdk.events import (
    ApprovalRequested,
    CaseChanged,
    CommandSettled,
    CustomerReplied,
    OrderChanged,
    TimerFired,
)
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, money, sample_order
from caseconnect_approvals import plugin
from caseconnect_approvals.gate import EXPIRY
from caseconnect_approvals.rules import decide
from caseconnect_approvals.settings import ApprovalsSettings

NOW = PLACED + timedelta(hours=1)
ITEM = Subject("desk", "approval", "a1")
ASKED = ApprovalRequest(id="a1", action="refund", amount=money("15.00"), requested_by="mia", created_at=NOW)
EVENT = ApprovalRequested(subject=ORDER, item=ITEM, time=NOW, record=ASKED)
PAID = sample_order(refundable=money("20.00"))
BACK = Refund(id="r1", created_at=NOW, total=money("15.00"))
FREE = {"free_up_to": {"EUR": "50"}}


def facts(outcome: Any = None) -> Any:
    """All that can be read of the order, the request and its case."""
    return {
        ("approval", ITEM): ASKED,
        ("order", ORDER): PAID,
        ("order_history", ORDER): OrderHistory(key="customer"),
        ("customer", ORDER._replace(kind="customer", id="77")): Customer(id="77", name="Jane Roe"),
        ("case", CASE_ID): Case(id=CASE_ID.id, number="CC-1", status="New", outcome=outcome, revision=f"r-{outcome}"),
    }


def waiting(*, opened: bool = True) -> Any:
    """The matter of a request; with its case open."""
    story = Story([("approvals", decide, ApprovalsSettings.model_validate({}))], PAID, item=EVENT)
    begun = story.matter
    story.told()
    story.settle("OpenCase")
    return story.matter if opened else begun


class TestPlugin(PluginContract):
    plugin = plugin


class TestApprovals(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        case, matter, none = CaseChanged(subject=CASE_ID, time=NOW), waiting(), waiting(opened=False)
        paid = CommandSettled(subject=ORDER, time=NOW, matter=matter.id, key="k", kind="RefundPayment", state="done")
        late = TimerFired(subject=ORDER, time=NOW, use="approvals", item=matter.item, name=EXPIRY, due=NOW)
        wrote = CustomerReplied(
            subject=ORDER, time=NOW, item=Subject("mail", "reply", "m1"), record=CustomerReply(id="m1", text="Hello?")
        )
        return [
            Situation(EVENT, NOW, facts(), none, opens=True, name="asked"),
            Situation(EVENT, NOW, facts(), none, FREE, opens=True, name="asked for little"),
            Situation(EVENT, NOW, facts(), matter, name="asked again"),
            Situation(OrderChanged(subject=ORDER, time=NOW), NOW, facts(), matter, name="the order changed"),
            Situation(OrderChanged(subject=ORDER, time=NOW), NOW, facts(), replace(none, item=""), name="no request"),
            Situation(
                OrderChanged(subject=ORDER, time=NOW),
                NOW,
                {**facts(), ("order", ORDER): PAID.model_copy(update={"refunds": (BACK,)})},
                replace(none, item=""),
                {"free_up_to": {"EUR": "5"}},
                opens=True,
                name="refunded around the gate",
            ),
            Situation(late, NOW, facts(), matter, name="expired"),
            *(
                Situation(case, NOW, facts(outcome), matter, name=f"outcome {outcome}")
                for outcome in (None, "approved", "rejected", "surprise")
            ),
            Situation(paid, NOW, facts("approved"), matter, name="paid"),
            Situation(wrote, NOW, facts(), matter, name="the customer wrote"),
        ]
