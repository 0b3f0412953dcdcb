"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from caseconnect.models import Case, Customer, CustomerReply, Dispute, Document, File, OrderHistory
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, DisputeChanged, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, money, sample_order
from caseconnect_disputes import plugin
from caseconnect_disputes.rules import decide
from caseconnect_disputes.settings import DisputesSettings

NOW = PLACED + timedelta(days=1)
ITEM, FILE = Subject("shop", "dispute", "9"), Subject("cases", "document", "c-1/a")
SETTINGS = {"outcomes": {"evidence": "submit_evidence", "refund": "refund", "verify": "ask_verification"}}
DISPUTE = Dispute(
    id="9",
    kind="chargeback",
    amount=money("20.00"),
    status="needs_response",
    created_at=PLACED,
    evidence_due_at=NOW + timedelta(days=9),
)
CHANGED = DisputeChanged(subject=ORDER, item=ITEM, time=NOW)
REPLY = CustomerReplied(
    subject=ORDER, time=NOW, item=Subject("mail", "reply", "m1"), record=CustomerReply(id="m1", text="Here it is.")
)


def facts(dispute: Dispute = DISPUTE, outcome: Any = None) -> Any:
    """All that can be read of a dispute, its order and its case."""
    attributes = {"approved_amount": "5.00"}
    case = Case(
        id=CASE_ID.id,
        number="CC-1",
        outcome=outcome,
        revision=f"r-{outcome}",
        files=(File(id=FILE.id, name="receipt.pdf"),),
        attributes=attributes,
    )
    return {
        ("dispute", ITEM): dispute,
        ("order", ORDER): sample_order(refundable=money("50.00")),
        ("order_history", ORDER): OrderHistory(key="customer"),
        ("customer", ORDER._replace(kind="customer", id="77")): Customer(id="77", name="Jane Roe"),
        ("document", FILE): Document(name="receipt.pdf", media_type="application/pdf", content=b"%PDF"),
        ("case", CASE_ID): case,
    }


def in_review() -> Story:
    """A chargeback whose case is open."""
    policy = DisputesSettings.model_validate(SETTINGS)
    story = Story([("disputes", decide, policy)], item=CHANGED.model_copy(update={"record": DISPUTE}))
    story.told()
    story.settle("OpenCase")
    return story


class TestPlugin(PluginContract):
    plugin = plugin


class TestDisputes(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        story = in_review()
        matter = story.matter
        (timer,) = story.timers
        fresh = replace(
            matter, state="none", id="", findings=(), commands=(), case=None, stage=None, episode=0, timers=frozenset()
        )
        fired = TimerFired(
            subject=ORDER, time=NOW, use="disputes", matter=matter.id, item=matter.item, name=timer, due=NOW
        )
        won = DISPUTE.model_copy(update={"status": "won"})
        moved = DISPUTE.model_copy(update={"evidence_due_at": NOW + timedelta(days=30)})
        twice = Dispute(id="9", kind="duplicate_charge", created_at=PLACED)
        done = CommandSettled(subject=ORDER, time=NOW, matter=matter.id, key="k", kind="SubmitEvidence", state="done")
        waiting = replace(matter, stage="waiting_for_bank")
        return [
            Situation(CHANGED, NOW, facts(), fresh, opens=True, name="a chargeback"),
            Situation(CHANGED, NOW, facts(twice), fresh, opens=True, name="charged twice, as the shopper says"),
            Situation(CHANGED, NOW, facts(), fresh, {"kinds": ["loyalty"]}, name="not in kinds"),
            Situation(CHANGED, NOW, facts(won), fresh, name="won already"),
            Situation(CHANGED, NOW, facts(), matter, name="as it was"),
            Situation(CHANGED, NOW, facts(moved), matter, name="another day"),
            Situation(CHANGED, NOW, facts(won), matter, name="won"),
            Situation(CHANGED, NOW, facts(won), waiting, name="won with evidence"),
            Situation(CHANGED, NOW, facts(), replace(matter, state="closed"), name="decided"),
            Situation(fired, NOW, facts(), matter, name="the day comes near"),
            Situation(fired, NOW, facts(won), matter, name="the day comes near, and nobody waits"),
            *(
                Situation(
                    CaseChanged(subject=CASE_ID, time=NOW),
                    NOW,
                    facts(DISPUTE, outcome),
                    matter,
                    SETTINGS,
                    name=str(outcome),
                )
                for outcome in (None, "evidence", "refund", "verify", "surprise")
            ),
            Situation(done, NOW, facts(), matter, name="handed in"),
            Situation(REPLY, NOW, facts(), matter, name="the customer wrote"),
        ]
