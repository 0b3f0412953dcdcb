"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from caseconnect.models import Case, Customer, CustomerReply, OrderHistory, WarrantyClaim
from caseconnect.sdk.events import CaseChanged, ClaimChanged, CommandSettled, CustomerReplied, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, money, sample_order
from caseconnect_warranty_claims import plugin
from caseconnect_warranty_claims.rules import decide
from caseconnect_warranty_claims.settings import WarrantyClaimsSettings

NOW = PLACED + timedelta(days=3)
ITEM, OTHER = Subject("shop", "claim", "RefArch/C-1"), Subject("shop", "claim", "RefArch/C-2")
CLAIM = WarrantyClaim(id="C-1", sku="MUG", wish="refund", defect="broken", created_at=NOW)
CHANGED = ClaimChanged(subject=ORDER, item=ITEM, time=NOW)
REPLY = CustomerReplied(
    subject=ORDER, time=NOW, item=Subject("mail", "reply", "m1"), record=CustomerReply(id="m1", text="Here it is.")
)


def facts(claim: Any = CLAIM, outcome: Any = None) -> Any:
    """All that can be read of a claim, its order and its case."""
    order = sample_order(refundable=money("50.00"))
    return {
        ("claim", ITEM): claim,
        ("claim", OTHER): CLAIM.model_copy(update={"id": "C-2"}),
        ("order", ORDER): order,
        ("order_history", ORDER): OrderHistory(key="customer"),
        ("customer", ORDER._replace(kind="customer", id="77")): Customer(id="77", name="Jane Roe"),
        ("case", CASE_ID): Case(id=CASE_ID.id, number="CC-1", status="New", outcome=outcome, revision=f"r-{outcome}"),
    }


def in_review() -> Any:
    """The matter of a claim whose case is open."""
    event = CHANGED.model_copy(update={"record": CLAIM})
    story = Story([("warranty_claims", decide, WarrantyClaimsSettings())], item=event)
    story.told()
    story.settle("OpenCase")
    return story.matter


class TestPlugin(PluginContract):
    plugin = plugin


class TestWarrantyClaims(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        matter = in_review()
        fresh = replace(matter, state="none", id="", findings=(), commands=(), case=None, stage=None, episode=0)
        settled = CommandSettled(subject=ORDER, time=NOW, matter=matter.id, key="k", kind="RefundPayment", state="done")
        fired = TimerFired(subject=ORDER, time=NOW, use="warranty_claims", item=matter.item, name="x", due=NOW)
        late = CLAIM.model_copy(update={"created_at": PLACED + timedelta(days=2000)})
        return [
            Situation(CHANGED, NOW, facts(), fresh, opens=True, name="claimed"),
            Situation(CHANGED, NOW, facts(late), fresh, opens=True, name="too late"),
            Situation(CHANGED, NOW, facts(), replace(fresh, beside=(OTHER,)), opens=True, name="claimed twice"),
            Situation(CHANGED, NOW, facts(CLAIM.model_copy(update={"status": "closed"})), fresh, name="over"),
            Situation(CHANGED, NOW, facts(), matter, name="claimed still"),
            Situation(fired, NOW, facts(), fresh, opens=True, name="it settled"),
            Situation(CHANGED, NOW, facts(late), matter, name="claimed anew"),
            Situation(CHANGED, NOW, facts(), replace(matter, state="closed"), name="claimed and decided"),
            *(
                Situation(CaseChanged(subject=CASE_ID, time=NOW), NOW, facts(CLAIM, outcome), matter, name=str(outcome))
                for outcome in (None, "approved", "refund", "credit", "verify", "declined", "surprise")
            ),
            Situation(settled, NOW, facts(), matter, name="given back"),
            Situation(REPLY, NOW, facts(), matter, name="the customer wrote"),
        ]
