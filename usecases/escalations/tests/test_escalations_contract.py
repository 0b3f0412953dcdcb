"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from caseconnect.models import Case, Customer, CustomerReply, OrderHistory, OrderSummary, Payment
from caseconnect.sdk.decisions import CaseRef, Matter
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, OrderChanged, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, ORDER, PLACED, Story, money, sample_order
from caseconnect_escalations import plugin
from caseconnect_escalations.clock import Hand
from caseconnect_escalations.rules import decide
from caseconnect_escalations.settings import EscalationsSettings

NOW = PLACED + timedelta(hours=1)
DECLINED = Payment(id="p1", kind="sale", status="failure", amount=money("120.00"), created_at=PLACED)
BEFORE = OrderSummary(
    id="900", number="#900", created_at=PLACED - timedelta(days=9), total=money("9.00"), payment_status="expired"
)
FAILING = sample_order(payments=(DECLINED,))
TWICE = {"failures": {"count": 2}}
OTHERS = Matter(
    ORDER, "complaint", "complaint/c1", state="open", episode=1, id="m1", owner="x", case=CaseRef(CASE_ID, "CC-1")
)


def facts(order: Any = FAILING, outcome: Any = None, tags: Any = ("vip",)) -> Any:
    """All that can be read of an order, its shopper and its case."""
    return {
        ("order", ORDER): order,
        ("order_history", ORDER): OrderHistory(key="customer", orders=(BEFORE,)),
        ("customer", ORDER._replace(kind="customer", id="77")): Customer(id="77", name="Jane Roe", tags=tags),
        ("case", CASE_ID): Case(id=CASE_ID.id, number="CC-1", status="New", outcome=outcome, revision=f"r-{outcome}"),
    }


def own() -> Any:
    """The matter of a case that this use case opened."""
    story = Story([("escalations", decide, EscalationsSettings(opens=("vip",)))], FAILING)
    story.customer = Customer(id="77", tags=("vip",))
    story.changed()
    story.settle("OpenCase")
    return story.matter


class TestPlugin(PluginContract):
    plugin = plugin


class TestEscalations(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        look, case = OrderChanged(subject=ORDER, time=NOW), CaseChanged(subject=CASE_ID, time=NOW)
        mine = own()
        running, standing = Hand("complaint", 0, at=NOW), Hand("complaint", 1, left=timedelta(hours=1))
        waits = replace(OTHERS, stage="waiting_for_customer", timers=frozenset({running.name}))
        goes_on = replace(OTHERS, stage="in_review", timers=frozenset({standing.name}))
        wrote = CustomerReplied(
            subject=ORDER, time=NOW, item=Subject("mail", "reply", "m1"), record=CustomerReply(id="m1", text="Hello?")
        )

        def fired(hand: Hand) -> TimerFired:
            return TimerFired(subject=ORDER, time=NOW, use="escalations", matter="m1", name=hand.name, due=NOW)

        def settled(kind: str, state: Any = "done") -> CommandSettled:
            return CommandSettled(subject=ORDER, time=NOW, matter="m1", key="k", kind=kind, state=state)

        return [
            Situation(look, NOW, facts(), None, {"opens": ["vip"]}, opens=True, name="a VIP's order"),
            Situation(look, NOW, facts(), None, TWICE, opens=True, name="failed again"),
            Situation(look, NOW, facts(), OTHERS, TWICE, name="raised"),
            Situation(look, NOW, facts(sample_order(), tags=()), OTHERS, name="nothing to raise"),
            Situation(look, NOW, facts(), mine, TWICE, name="its own case"),
            Situation(settled("OpenCase"), NOW, facts(), OTHERS, name="another's case is open"),
            Situation(settled("OpenCase"), NOW, facts(), mine, name="its own case is open"),
            Situation(settled("RefundPayment"), NOW, facts(), OTHERS, name="something else settled"),
            *(
                Situation(case, NOW, facts(outcome=outcome), mine, name=f"outcome {outcome}")
                for outcome in (None, "resolved", "verify", "surprise")
            ),
            Situation(case, NOW, facts(), waits, name="the clock stops"),
            Situation(wrote, NOW, facts(), goes_on, name="the clock goes on"),
            Situation(wrote, NOW, facts(), mine, name="the customer wrote"),
            Situation(fired(running), NOW, facts(), OTHERS, name="a step"),
            Situation(fired(running), NOW, facts(outcome="approved"), OTHERS, name="a step after the outcome"),
            Situation(fired(running), NOW, facts(), replace(OTHERS, state="closed"), name="a step too late"),
            Situation(fired(Hand("complaint", 7, at=NOW)), NOW, facts(), OTHERS, name="a step that is gone"),
            Situation(fired(standing), NOW, facts(), waits, name="still waiting"),
        ]
