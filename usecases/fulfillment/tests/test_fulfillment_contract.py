"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from caseconnect.models import (
    Case,
    Complaint,
    Customer,
    CustomerReply,
    Document,
    File,
    OrderHistory,
    Shipment,
    ShipmentReport,
)
from caseconnect.sdk.events import (
    CaseChanged,
    CommandSettled,
    ComplaintChanged,
    CustomerReplied,
    OrderChanged,
    ShipmentReported,
    TimerFired,
)
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, sample_order
from caseconnect_fulfillment import plugin
from caseconnect_fulfillment.rules import decide
from caseconnect_fulfillment.settings import FulfillmentSettings

NOW, LATE = PLACED + timedelta(hours=1), PLACED + timedelta(days=4)
SETTINGS = {"outcomes": {"resolved": "close", "refund": "refund", "cancelled": "cancel"}}
PARCEL = Shipment(id="s1", status="delivered", created_at=NOW, tracking_numbers=("T1",), delivered_at=LATE)
SENT = sample_order(fulfillment_status="fulfilled", shipments=(PARCEL,))
AWAY = sample_order(
    fulfillment_status="fulfilled",
    shipments=(PARCEL.model_copy(update={"delivered_at": None, "status": "in_transit"}),),
)
MISSED = Complaint(id="c7", category="not_received", created_at=LATE, text="Where is it?")
SCAN = ShipmentReport(id="s", status="returned", tracking_number="T1")
COMPLAINT, REPORT = Subject("forms", "complaint", "c7"), Subject("forms", "shipment", "s")
PROOF = Document(name="proof.txt", media_type="text/plain", content=b"proof")
REPLY = CustomerReplied(
    subject=ORDER,
    time=NOW,
    item=Subject("mail", "reply", "m1"),
    record=CustomerReply(id="m1", text="Here it is.", files=(File(name="proof.txt", document=PROOF),)),
)


def facts(order: Any, outcome: Any = None) -> Any:
    """All that can be read of an order, its case, a complaint and a report."""
    return {
        ("order", ORDER): order,
        ("order_history", ORDER): OrderHistory(key="customer"),
        ("customer", ORDER._replace(kind="customer", id="77")): Customer(id="77", name="Jane Roe"),
        ("case", CASE_ID): Case(id=CASE_ID.id, number="CC-1", status="New", outcome=outcome, revision=f"r-{outcome}"),
        ("complaint", COMPLAINT): MISSED,
        ("shipment", REPORT): SCAN,
    }


def in_review() -> Any:
    """The matter of an order that was not shipped, whose case is open."""
    story = Story([("fulfillment", decide, FulfillmentSettings.model_validate(SETTINGS))])
    story.now = LATE
    story.changed()
    story.settle("OpenCase")
    return story.matter


class TestPlugin(PluginContract):
    plugin = plugin


class TestFulfillment(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        changed, case = OrderChanged(subject=ORDER, time=NOW), CaseChanged(subject=CASE_ID, time=NOW)
        matter, unsent = in_review(), sample_order()
        fired = TimerFired(subject=ORDER, time=LATE, use="fulfillment", name="not_shipped:x", due=LATE)
        missed = ComplaintChanged(subject=ORDER, time=LATE, item=COMPLAINT, record=MISSED)
        kept = fired.model_copy(update={"name": f"delivered_not_received:{COMPLAINT}@20261106T090000Z"})
        scanned = ShipmentReported(subject=ORDER, time=LATE, item=REPORT, record=SCAN)
        settled = CommandSettled(subject=ORDER, time=NOW, matter=matter.id, key="k", kind="OpenCase", state="refused")
        return [
            Situation(changed, NOW, facts(unsent), name="in time"),
            Situation(fired, LATE, facts(unsent), opens=True, name="not shipped"),
            Situation(changed, LATE, facts(unsent), matter, SETTINGS, name="not shipped still"),
            Situation(changed, LATE, facts(SENT), matter, SETTINGS, name="shipped after all"),
            Situation(missed, LATE, facts(SENT), opens=True, name="delivered, not received"),
            Situation(missed, LATE, facts(AWAY), name="a complaint comes first"),
            Situation(kept, LATE, facts(SENT), opens=True, name="a complaint is compared again"),
            Situation(scanned, LATE, facts(AWAY), opens=True, name="returned to the sender"),
            *(
                Situation(case, NOW, facts(unsent, outcome), matter, SETTINGS, name=f"outcome {outcome}")
                for outcome in (None, "resolved", "refund", "cancelled", "surprise")
            ),
            Situation(settled, NOW, facts(unsent), matter, SETTINGS, name="case refused"),
            Situation(REPLY, NOW, facts(unsent), matter, SETTINGS, name="the customer wrote"),
        ]
