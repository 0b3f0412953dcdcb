"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from caseconnect.models import Case, Customer, CustomerReply, Document, File, OrderHistory, Risk
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, OrderChanged, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, sample_order
from caseconnect_fraud_review import plugin
from caseconnect_fraud_review.rules import decide
from caseconnect_fraud_review.settings import FraudReviewSettings

NOW = PLACED + timedelta(hours=1)
RISKY = sample_order(risk=Risk(level="high", recommendation="cancel"))
SETTINGS = {"high_value": {"EUR": "100"}}

PROOF = Document(name="proof.txt", media_type="text/plain", content=b"proof")
REPLY = CustomerReplied(
    subject=ORDER,
    time=NOW,
    item=Subject("mail", "reply", "m1"),
    record=CustomerReply(id="m1", text="Here it is.", files=(File(name="proof.txt", document=PROOF),)),
)


def facts(order: Any, outcome: Any = None) -> Any:
    """All that can be read of an order and its case."""
    return {
        ("order", ORDER): order,
        ("order_history", ORDER): OrderHistory(key="customer"),
        ("customer", ORDER._replace(kind="customer", id="77")): Customer(id="77", name="Jane Roe"),
        ("case", CASE_ID): Case(id=CASE_ID.id, number="CC-1", status="New", outcome=outcome, revision=f"r-{outcome}"),
    }


def in_review() -> Any:
    """The matter of a held order whose case is open."""
    story = Story([("fraud_review", decide, FraudReviewSettings.model_validate(SETTINGS))], RISKY)
    story.changed()
    story.settle("HoldOrder")
    story.settle("OpenCase")
    return story.matter


class TestPlugin(PluginContract):
    plugin = plugin


class TestFraudReview(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        changed, case = OrderChanged(subject=ORDER, time=NOW), CaseChanged(subject=CASE_ID, time=NOW)
        matter = in_review()
        settled = TimerFired(subject=ORDER, time=NOW, use="fraud_review", name="high_risk:settle", due=NOW)
        released = CommandSettled(subject=ORDER, time=NOW, matter=matter.id, key="k", kind="ReleaseOrder", state="done")
        return [
            Situation(changed, NOW, facts(RISKY), settings=SETTINGS, opens=True, name="risky and valuable"),
            Situation(changed, NOW, facts(sample_order()), name="nothing wrong"),
            Situation(changed, NOW, facts(sample_order(cancelled_at=PLACED)), settings=SETTINGS, name="cancelled"),
            Situation(changed, NOW, facts(RISKY), matter, SETTINGS, name="risky still"),
            Situation(changed, NOW, facts(RISKY), replace(matter, state="closed"), SETTINGS, name="risky, reviewed"),
            *(
                Situation(case, NOW, facts(RISKY, outcome), matter, SETTINGS, name=f"outcome {outcome}")
                for outcome in (None, "approved", "rejected", "verify", "surprise")
            ),
            Situation(released, NOW, facts(RISKY, "approved"), matter, SETTINGS, name="released"),
            Situation(
                settled,
                NOW,
                facts(RISKY),
                settings={"settle_minutes": {"high_risk": 30}},
                opens=True,
                name="old enough",
            ),
            Situation(REPLY, NOW, facts(RISKY), matter, SETTINGS, name="the customer wrote"),
        ]
