"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from caseconnect.models import Case, CustomerReply, OrderHistory, OrderSummary, ReturnRequest
from caseconnect.sdk.casework import IN_REVIEW
from caseconnect.sdk.decisions import CaseRef, Matter, OtherCase
from caseconnect.sdk.events import (
    CaseChanged,
    ClaimChanged,
    CommandSettled,
    ComplaintChanged,
    CustomerReplied,
    DisputeChanged,
    OrderChanged,
    ReturnChanged,
    TimerFired,
)
from caseconnect.sdk.order_names import NAMED_ORDERS, named
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, money, sample_order
from caseconnect_adopted_cases import plugin
from caseconnect_adopted_cases.rules import LOOK_AGAIN, decide
from caseconnect_adopted_cases.settings import AdoptedCasesSettings

NOW = PLACED + timedelta(hours=1)
SHOPS = {"shops": {"Web": "shop"}}
DECIDES = {**SHOPS, "decisions": True, "outcomes": {"approved": ["refund"], "rejected": ["cancel"]}}
EVENT = CaseChanged(subject=CASE_ID, time=NOW)
ASKED = Matter(CASE_ID, "agent_case", mode="live")
HERE = Matter(ORDER, "agent_case", mode="live")
OTHER = OtherCase(CaseRef(Subject("cases", "case", "c-9"), "CC-9"), "order_review")


def facts(number: str = "1001", found: int = 1, **case: Any) -> Any:
    """The case with a number, and how many orders of the shop bear it."""
    orders = [OrderSummary(id=f"{1001 + n}", number="#1001", created_at=PLACED, total=money("9")) for n in range(found)]
    said = {"order_number": number, "shop": "web", "approved_amount": "5.00"}
    record = {"id": CASE_ID.id, "number": "CC-1", "status": "New", "attributes": said, "revision": "r", **case}
    return {
        ("case", CASE_ID): Case(**record),
        (NAMED_ORDERS, named("shop", number, None)): OrderHistory(key="number", orders=tuple(orders)),
        ("order", ORDER): sample_order(refundable=money("20.00")),
    }


def adopted() -> Matter:
    """The matter as adopting leaves it."""
    from caseconnect.sdk.decisions import Decision, Facts
    from caseconnect.sdk.testing.transform import matter_after

    situation = Situation(EVENT, NOW, facts(), HERE)
    answer = decide(EVENT, HERE, Facts(facts()), AdoptedCasesSettings.model_validate(SHOPS), NOW)
    assert isinstance(answer, Decision)
    assert answer.stage == IN_REVIEW
    return replace(matter_after(HERE, answer, situation, "done"), case=CaseRef(CASE_ID, "CC-1"))


class TestPlugin(PluginContract):
    plugin = plugin


class TestAdoptedCases(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        matter, item = adopted(), {"subject": ORDER, "time": NOW}
        again = TimerFired(subject=CASE_ID, time=NOW, use="adopted_cases", name=LOOK_AGAIN, due=NOW)
        settled = CommandSettled(**item, matter=matter.id, key="k", kind="RefundPayment", state="done")
        wrote = CustomerReplied(
            **item, item=Subject("mail", "reply", "m1"), record=CustomerReply(id="m1", text="Hello?")
        )
        beside = replace(HERE, other_cases=(OTHER,))
        later = replace(matter, other_cases=(OTHER,))
        items = [
            ReturnChanged(**item, item=Subject("shop", "return", "7"), record=ReturnRequest(id="7")),
            *(
                event(**item, item=Subject("shop", "thing", "7"))
                for event in (DisputeChanged, ComplaintChanged, ClaimChanged)
            ),
        ]
        return [
            Situation(EVENT, NOW, facts(), HERE, SHOPS, opens=True, name="adopted"),
            Situation(EVENT, NOW, facts(), ASKED, SHOPS, name="found, and belongs to the order"),
            Situation(EVENT, NOW, facts(found=0), ASKED, SHOPS, name="not found yet"),
            Situation(again, NOW, facts(found=0), ASKED, SHOPS, opens=True, name="not found"),
            Situation(again, NOW, facts(), ASKED, SHOPS, name="found after all"),
            Situation(EVENT, NOW, facts(found=2), ASKED, SHOPS, opens=True, name="two"),
            Situation(EVENT, NOW, facts(), ASKED, {"shops": {"x": "a", "y": "b"}}, opens=True, name="no shop"),
            Situation(EVENT, NOW, facts(number=""), ASKED, SHOPS, name="no number"),
            Situation(EVENT, NOW, facts(closed=True), ASKED, SHOPS, name="closed"),
            Situation(EVENT, NOW, facts(reference="a/b/c/d/e/1"), ASKED, SHOPS, name="of Connect"),
            Situation(EVENT, NOW, facts(), beside, SHOPS, opens=True, name="worked elsewhere"),
            Situation(EVENT, NOW, facts(), matter, SHOPS, name="adopted already"),
            Situation(EVENT, NOW, facts(number="2", found=2), matter, SHOPS, name="another number that two have"),
            Situation(EVENT, NOW, facts(outcome="approved"), matter, SHOPS, name="outcome, not allowed"),
            *(
                Situation(EVENT, NOW, facts(outcome=outcome), matter, DECIDES, name=f"outcome {outcome}")
                for outcome in (None, "approved", "rejected", "surprise")
            ),
            Situation(OrderChanged(**item), NOW, facts(), later, SHOPS, name="the order changed"),
            Situation(settled, NOW, facts(outcome="approved"), matter, DECIDES, name="carried out"),
            Situation(wrote, NOW, facts(), matter, SHOPS, name="the customer wrote"),
            *(Situation(each, NOW, facts(), matter, SHOPS, name=each.type) for each in items),
        ]
