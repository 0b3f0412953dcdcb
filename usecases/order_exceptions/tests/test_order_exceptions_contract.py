"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from caseconnect.models import Case, Customer, CustomerReply, Document, File, OrderHistory, OrderSummary, Risk, Shipment
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, OrderChanged, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, sample_order
from caseconnect_order_exceptions import plugin
from caseconnect_order_exceptions.rules import decide
from caseconnect_order_exceptions.settings import OrderExceptionsSettings

NOW = PLACED + timedelta(hours=1)
LATE = PLACED + timedelta(days=4)
SETTINGS = {"hold_for": ["duplicate_order", "suspected_fraud"]}
SHIPPED = Shipment(id="s1", status="success", created_at=PLACED + timedelta(hours=2))
PARTIAL = sample_order(fulfillment_status="partially_fulfilled", shipments=(SHIPPED,))
WRONG = sample_order(addresses_match=False, payment_status="voided", risk=Risk(level="high"))
TWIN = OrderSummary(
    id="1000", number="#1000", created_at=PLACED - timedelta(minutes=2), total=WRONG.total, items=(("MUG", 2),)
)

PROOF = Document(name="proof.txt", media_type="text/plain", content=b"proof")
REPLY = CustomerReplied(
    subject=ORDER,
    time=NOW,
    item=Subject("mail", "reply", "m1"),
    record=CustomerReply(id="m1", text="Here it is.", files=(File(name="proof.txt", document=PROOF),)),
)


def facts(order: Any, outcome: Any = None, *others: Any) -> Any:
    """All that can be read of an order and its case."""
    return {
        ("order", ORDER): order,
        ("order_history", ORDER): OrderHistory(key="customer", orders=others),
        ("customer", ORDER._replace(kind="customer", id="77")): Customer(id="77", name="Jane Roe"),
        ("case", CASE_ID): Case(id=CASE_ID.id, number="CC-1", status="New", outcome=outcome, revision=f"r-{outcome}"),
    }


def in_review() -> Any:
    """The matter of an order with exceptions, whose case is open."""
    story = Story([("order_exceptions", decide, OrderExceptionsSettings.model_validate(SETTINGS))], WRONG)
    story.changed()
    story.settle("HoldOrder")
    story.settle("OpenCase")
    return story.matter


class TestPlugin(PluginContract):
    plugin = plugin


class TestOrderExceptions(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        changed, case = OrderChanged(subject=ORDER, time=NOW), CaseChanged(subject=CASE_ID, time=NOW)
        matter = in_review()
        fired = TimerFired(subject=ORDER, time=LATE, use="order_exceptions", name="partial_fulfillment", due=LATE)
        settled = CommandSettled(subject=ORDER, time=NOW, matter=matter.id, key="k", kind="OpenCase", state="refused")
        return [
            Situation(changed, NOW, facts(WRONG), settings=SETTINGS, opens=True, name="three exceptions"),
            Situation(changed, NOW, facts(sample_order(), None, TWIN), settings=SETTINGS, opens=True, name="duplicate"),
            Situation(changed, NOW, facts(sample_order()), name="nothing wrong"),
            Situation(changed, NOW, facts(WRONG), matter, SETTINGS, name="the same still"),
            Situation(changed, NOW, facts(WRONG, None, TWIN), matter, SETTINGS, name="one more"),
            Situation(changed, NOW, facts(PARTIAL), name="partly shipped, not late yet"),
            Situation(fired, LATE, facts(PARTIAL), opens=True, name="partly shipped, late"),
            *(
                Situation(case, NOW, facts(WRONG, outcome), matter, SETTINGS, name=f"outcome {outcome}")
                for outcome in (None, "approved", "rejected", "surprise")
            ),
            Situation(settled, NOW, facts(WRONG), matter, SETTINGS, name="case refused"),
            Situation(REPLY, NOW, facts(WRONG), matter, SETTINGS, name="the customer wrote"),
        ]
