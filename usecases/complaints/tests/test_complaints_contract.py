"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from caseconnect.models import Case, Complaint, Customer, CustomerReply, Document, File, LineItem, OrderHistory
from caseconnect.sdk.decisions import Matter
from caseconnect.sdk.events import CaseChanged, CommandSettled, ComplaintChanged, CustomerReplied, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, money, sample_order
from caseconnect_complaints import plugin
from caseconnect_complaints.rules import decide
from caseconnect_complaints.settings import ComplaintsSettings

NOW = PLACED + timedelta(hours=1)
ITEM, OTHER = Subject("desk", "complaint", "c1"), Subject("mail", "complaint", "m1")
PHOTO = Document(name="photo.png", media_type="image/png", content=b"png")
BROKEN = Complaint(id="c1", category="damaged", text="Broken.", skus=("PLATE",), files=(File(document=PHOTO),))
PLATE = LineItem(id="l2", title="Plate", sku="PLATE", quantity=1, total=money("30"))
ORDERED = sample_order(lines=(PLATE,), refundable=money("30"))


def facts(outcome: Any = None, *items: tuple[Subject, Complaint]) -> Any:
    """All that can be read of complaints, their order and their case."""
    case = Case(id=CASE_ID.id, number="CC-1", outcome=outcome, revision=f"r-{outcome}")
    return {
        **{("complaint", subject): record for subject, record in (items or ((ITEM, BROKEN),))},
        ("order", ORDER): ORDERED,
        ("order_history", ORDER): OrderHistory(key="customer"),
        ("customer", ORDER._replace(kind="customer", id="77")): Customer(id="77", name="Jane Roe"),
        ("case", CASE_ID): case,
    }


def matter() -> Matter:
    """A complaint with its case open."""
    event = ComplaintChanged(subject=ORDER, item=ITEM, time=NOW, record=BROKEN)
    story = Story([("complaints", decide, ComplaintsSettings())], ORDERED, item=event)
    story.told()
    story.settle("OpenCase")
    return story.matter


class TestPlugin(PluginContract):
    plugin = plugin


class TestComplaints(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        told = ComplaintChanged(subject=ORDER, item=ITEM, time=NOW, record=BROKEN)
        alone = ComplaintChanged(subject=ITEM, item=ITEM, time=NOW, record=BROKEN)
        later = Complaint(id="m1", category="late", text="Where is it?")
        joined = ComplaintChanged(subject=ORDER, item=OTHER, time=NOW, record=later)
        case = CaseChanged(subject=CASE_ID, time=NOW)
        new, open_ = Matter(ORDER, "complaint", "desk:complaint/c1"), matter()
        settled = CommandSettled(subject=ORDER, time=NOW, matter=open_.id, key="k", kind="RefundPayment", state="done")
        again = TimerFired(subject=ORDER, time=NOW, use="complaints", item=new.item, name="damaged:settle", due=NOW)
        reply = CustomerReplied(
            subject=ORDER, time=NOW, item=Subject("mail", "reply", "m2"), record=CustomerReply(id="m2", text="Hello")
        )
        withdrawn = BROKEN.model_copy(update={"status": "withdrawn"})
        return [
            Situation(told, NOW, facts(), new, opens=True, name="broken"),
            Situation(again, NOW, facts(), new, opens=True, name="looked at again"),
            Situation(told, NOW, facts(), new, {"categories": ["late"]}, name="left out"),
            Situation(told, NOW, facts(None, (ITEM, withdrawn)), new, name="withdrawn"),
            Situation(alone, NOW, facts(), Matter(ITEM, "complaint", "complaint/c1"), opens=True, name="no order"),
            Situation(joined, NOW, facts(None, (OTHER, later)), open_, name="joins"),
            Situation(told, NOW, facts(), open_, name="broken still"),
            Situation(told, NOW, facts(), replace(open_, state="closed"), name="broken, handled"),
            *(
                Situation(case, NOW, facts(outcome), open_, name=f"outcome {outcome}")
                for outcome in (None, "refund", "replacement", "credit", "resolved", "surprise")
            ),
            Situation(settled, NOW, facts("refund"), open_, name="refunded"),
            Situation(reply, NOW, facts(), open_, name="the customer wrote"),
        ]
