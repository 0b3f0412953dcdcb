"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from caseconnect.models import Case, Customer, CustomerReply, OrderHistory, ReturnLine, ReturnRequest
from caseconnect.sdk.decisions import Matter
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, ReturnChanged, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, sample_order
from caseconnect_returns import plugin
from caseconnect_returns.rules import decide
from caseconnect_returns.settings import ReturnsSettings

NOW = PLACED + timedelta(days=40)
ITEM = Subject("shop", "return", "r1")
LATE = ReturnRequest(
    id="r1",
    order_id="1001",
    status="requested",
    requested_at=NOW,
    lines=(ReturnLine(line_id="l1", sku="MUG", quantity=1),),
)
SETTINGS: dict[str, Any] = {"refund_when": "approved", "answers": {"amount": "approved_amount"}}


def facts(item: ReturnRequest, outcome: Any = None, at: Subject = ITEM, **attributes: str) -> Any:
    """All that can be read of a return, its order and its case."""
    case = Case(id=CASE_ID.id, number="CC-1", outcome=outcome, revision=f"r-{outcome}", attributes=attributes)
    return {
        ("return", at): item,
        ("order", ORDER): sample_order(),
        ("order_history", ORDER): OrderHistory(key="customer"),
        ("customer", ORDER._replace(kind="customer", id="77")): Customer(id="77", name="Jane Roe"),
        ("case", CASE_ID): case,
    }


def matter() -> Matter:
    """A return that is reviewed."""
    event = ReturnChanged(subject=ORDER, item=ITEM, time=NOW, record=LATE)
    story = Story([("returns", decide, ReturnsSettings.model_validate(SETTINGS))], sample_order(), item=event)
    story.now = NOW
    story.told()
    story.settle("OpenCase")
    return story.matter


class TestPlugin(PluginContract):
    plugin = plugin


class TestReturns(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        told = ReturnChanged(subject=ORDER, item=ITEM, time=NOW)
        alone = ReturnChanged(subject=ITEM, item=ITEM, time=NOW)
        case = CaseChanged(subject=CASE_ID, time=NOW)
        new, open_ = Matter(ORDER, "return", "return/r1"), matter()
        early = LATE.model_copy(update={"requested_at": PLACED})
        approved = CommandSettled(subject=ORDER, time=NOW, matter=open_.id, key="k", kind="ApproveReturn", state="done")
        reply = CustomerReplied(
            subject=ORDER, time=NOW, item=Subject("mail", "reply", "m1"), record=CustomerReply(id="m1", text="Hello")
        )
        again = TimerFired(subject=ORDER, time=NOW, use="returns", item="return/r1", name="no_proof:settle", due=NOW)
        return [
            Situation(again, NOW, facts(LATE), new, SETTINGS, opens=True, name="looked at again"),
            Situation(told, NOW, facts(LATE), new, SETTINGS, opens=True, name="too late"),
            Situation(told, NOW, facts(early), new, SETTINGS, name="inside policy"),
            Situation(told, NOW, facts(LATE.model_copy(update={"status": "open"})), new, SETTINGS, name="answered"),
            Situation(
                alone, NOW, facts(LATE), Matter(ITEM, "return", "return/r1"), SETTINGS, opens=True, name="no order"
            ),
            Situation(told, NOW, facts(LATE), open_, SETTINGS, name="late still"),
            Situation(told, NOW, facts(LATE), replace(open_, state="closed"), SETTINGS, name="late, reviewed"),
            *(
                Situation(case, NOW, facts(LATE, outcome, approved_amount="5"), open_, SETTINGS, name=f"{outcome}")
                for outcome in (None, "approved", "refund", "exchange", "declined", "surprise")
            ),
            Situation(approved, NOW, facts(LATE, "approved"), open_, SETTINGS, name="approved in the shop"),
            Situation(reply, NOW, facts(LATE), open_, SETTINGS, name="the customer wrote"),
        ]
