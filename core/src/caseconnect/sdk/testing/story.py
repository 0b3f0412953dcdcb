"""A small model of the host for one order's matter, in memory: a use case is tested through whole stories.

It keeps PIPELINE's rules as far as rules can see them: needs are fetched, flows run in order and each sees the
former's matter, a command is new by kind and name (a state command by its value), a closed matter opens again as
a new episode. It sends nothing: a story says itself how far a command got.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from caseconnect.models import (
    Address,
    Case,
    Customer,
    FulfillmentOrder,
    LineItem,
    Money,
    Order,
    OrderHistory,
    Record,
)
from caseconnect.sdk.commands import HOLD, Command, CommentCase
from caseconnect.sdk.decisions import CaseRef, CommandState, Decision, Facts, Matter, Missing, Needs, item_name
from caseconnect.sdk.events import CaseChanged, CommandSettled, ItemEvent, OrderChanged, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.rig import ContractBroken, require

PLACED = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ORDER = Subject("shop", "order", "1001")
CASE_ID = Subject("cases", "case", "c-1")

C = TypeVar("C", bound=Command)


def money(amount: str, currency: str = "EUR") -> Money:
    """An amount, given as text."""
    return Money(amount=Decimal(amount), currency=currency)


def sample_order(**changes: Any) -> Order:
    """An order with nothing wrong, 120.00 EUR, changed by what is named."""
    fields: dict[str, Any] = {
        "id": "1001",
        "number": "#1001",
        "created_at": PLACED,
        "updated_at": PLACED,
        "total": money("120.00"),
        "captured": money("0.00"),
        "payment_status": "authorized",
        "fulfillment_status": "unfulfilled",
        "channel": "web",
        "email": "jane.roe@example.com",
        "customer_id": "77",
        "customer_name": "Jane Roe",
        "billing_address": Address(line1="1 First St", city="Bonn", country="DE"),
        "shipping_address": Address(line1="1 First St", city="Bonn", country="DE", validation="ok"),
        "addresses_match": True,
        "lines": (LineItem(id="l1", title="Mug", sku="MUG", quantity=2, unfulfilled_quantity=2),),
        "fulfillment_orders": (FulfillmentOrder(id="f1", status="open", remaining_quantity=2),),
    }
    return Order(**{**fields, **changes})


class Story:
    """Runs flows, each (name, decide, settings), on one order's matter, or that of `item`.

    `alone`: the item names no order and is its own subject. `facts` are further ones, by kind.
    """

    def __init__(
        self,
        flows: Sequence[tuple[str, Callable[..., Any], Any]],
        order: Order | None = None,
        *,
        item: ItemEvent | None = None,
        alone: bool = False,
    ) -> None:
        self.flows = list(flows)
        self.item = item
        self.order = order or sample_order()
        self.history: OrderHistory | Missing = OrderHistory(key="customer")
        self.customer: Customer | Missing = Customer(id="77", name="Jane Roe", orders_count=3)
        self.case = Case(id=CASE_ID.id, number="CC-1", status="New", stage="Review", revision="r0")
        self.now = PLACED + timedelta(minutes=5)
        self.facts: dict[str, Record] = {}
        self.subject = item.item if item and alone else ORDER
        name = item_name(self.subject, item.item) if item else ""
        self.matter = Matter(subject=self.subject, topic="order_review", item=name, mode="live")
        self.sent: list[Command] = []
        self.alerts: list[str] = []
        self.reasons: list[str] = []
        self.timers: dict[str, datetime] = {}
        self.most_rounds = 0
        self._slots: dict[tuple[str, str], str] = {}
        self._count = 0

    def kinds(self) -> list[str]:
        """Kinds of all commands that were new, in order."""
        return [c.kind for c in self.sent]

    def of(self, kind: type[C]) -> list[C]:
        """The new commands of one kind."""
        return [c for c in self.sent if isinstance(c, kind)]

    def comments(self) -> list[str]:
        """Texts of all comments, in order."""
        return [c.text for c in self.of(CommentCase)]

    def changed(self, **changes: Any) -> list[Decision]:
        """The order changes, and an event says so."""
        self.order = self.order.model_copy(update=changes)
        return self.run(OrderChanged(subject=self.subject, time=self.now))

    def told(self, record: Record | None = None) -> list[Decision]:
        """The item is told, or told anew."""
        if self.item is None:
            raise ContractBroken("this story is about no item")
        if record is not None:
            self.item = self.item.model_copy(update={"record": record})
        return self.run(self.item.model_copy(update={"subject": self.subject, "time": self.now}))

    def case_changed(self, **changes: Any) -> list[Decision]:
        """The case changes, and an event says so."""
        self.case = self.case.model_copy(update=changes)
        return self.run(CaseChanged(subject=CASE_ID, time=self.now))

    def tick(self, hours: float) -> list[Decision]:
        """Time passes; timers that came due fire."""
        self.now += timedelta(hours=hours)
        answers = []
        for name, due in sorted(self.timers.items()):
            if due <= self.now:
                del self.timers[name]
                self.matter = replace(self.matter, timers=frozenset(self.timers))
                event = TimerFired(
                    subject=self.subject,
                    time=self.now,
                    use=self.matter.owner,
                    matter=self.matter.id,
                    item=self.matter.item,
                    name=name,
                    due=due,
                )
                answers += self.run(event)
        return answers

    def settle(self, kind: str, state: str = "done", note: str = "", **data: Any) -> list[Decision]:
        """The newest command of `kind` ends; its use cases hear of it, with what is known of its end."""
        command = next(c for c in reversed(self.matter.commands) if c.kind == kind)
        self.state(kind, state)
        if kind == "OpenCase" and state == "done":
            self.matter = replace(self.matter, case=CaseRef(CASE_ID, "CC-1", "https://cases.example/c-1"))
        held = kind == "HoldOrder" and state == "done"
        freed = kind in ("ReleaseOrder", "CancelOrder") and state == "done"
        if held or freed:
            self.matter = replace(self.matter, claims=frozenset({HOLD}) if held else frozenset())
        return self.run(
            CommandSettled(
                subject=self.subject,
                time=self.now,
                matter=self.matter.id,
                key=command.key,
                kind=kind,
                name=command.name,
                state=state,
                note=note,
                data=data,
            )
        )

    def state(self, kind: str, state: str) -> None:
        """The newest command of `kind` gets as far as `state`."""
        newest = max(i for i, c in enumerate(self.matter.commands) if c.kind == kind)
        commands = list(self.matter.commands)
        commands[newest] = replace(commands[newest], state=state)
        self.matter = replace(self.matter, commands=tuple(commands))

    def run(self, event: Any) -> list[Decision]:
        """Offer the event to every flow, in order."""
        answers = []
        for name, decide, settings in self.flows:
            decision = self._ask(decide, event, settings)
            self._apply(name, decision)
            answers.append(decision)
        return answers

    def _ask(self, decide: Callable[..., Any], event: Any, settings: Any) -> Decision:
        found: dict[tuple[str, Subject], Record] = {}
        for rounds in range(4):
            before = replace(self.matter)
            answer = decide(event, self.matter, Facts(found), settings, self.now)
            again = decide(event, self.matter, Facts(found), settings, self.now)
            require(answer == again and self.matter == before, "decide() is not pure")
            if isinstance(answer, Decision):
                self.most_rounds = max(self.most_rounds, rounds)
                return answer
            require(isinstance(answer, Needs) and bool(answer.needs), "decide() answers neither a decision nor needs")
            for need in answer.needs:
                require((need.fact, need.subject) not in found, f"{need.fact} is asked for twice")
                found[need.fact, need.subject] = self._fact(need.fact, need.subject)
        raise ContractBroken("more than three rounds of needs")

    def _fact(self, kind: str, subject: Subject) -> Record:
        facts: dict[str, Record] = {
            "order": self.order,
            "order_history": self.history,
            "customer": self.customer,
            "case": self.case,
            **self.facts,
        }
        told = self.item.told() if self.item is not None and self.item.item.kind == kind else None
        return facts.get(kind, told or Missing(why=f"this story has no {kind}"))

    def _apply(self, name: str, decision: Decision) -> None:
        require(bool(decision.reason.strip()), "a decision without a reason")
        self.reasons.append(decision.reason)
        for timer in decision.cancel_timers:
            self.timers.pop(timer, None)
        self.timers.update({timer.name: timer.due for timer in decision.timers})
        self.matter = replace(self.matter, timers=frozenset(self.timers))
        if decision.alert:
            self.alerts.append(decision.alert)
        if decision.findings and not self.matter.is_open():
            self.matter = Matter(
                subject=self.subject,
                topic=self.matter.topic,
                item=self.matter.item,
                mode=self.matter.mode,
                state="open",
                episode=self.matter.episode + 1,
                id=f"m{self.matter.episode + 1}",
                owner=name,
                timers=self.matter.timers,
                seen_grounds=self.matter.seen_grounds | {f.ground for f in self.matter.findings},
            )
        require(not self._not_planned(decision.revokes), "revokes names what is not planned")
        kept = (replace(c, state="superseded") if c.key in decision.revokes else c for c in self.matter.commands)
        self.matter = replace(self.matter, findings=(*self.matter.findings, *decision.findings), commands=tuple(kept))
        for command in decision.commands:
            self._take(name, command)
        if decision.stage is not None:
            self.matter = replace(self.matter, stage=decision.stage)
        if decision.acted_on is not None:
            self.matter = replace(self.matter, acted_on=decision.acted_on)
        if decision.close:
            require(HOLD not in self.matter.claims, "the matter is closed while it claims a hold")
            self.matter = replace(self.matter, state="closed")

    def _not_planned(self, keys: Sequence[str]) -> set[str]:
        return {*keys} - {c.key for c in self.matter.commands if c.state == "planned"}

    def _take(self, name: str, command: Command) -> None:
        require(self.matter.state != "none", f"{command.kind} without a matter")
        same = self.matter.command(command.kind, command.name)
        slot = command.slot()
        unchanged = slot is None or self._slots.get((self.matter.id, slot[0])) == slot[1]
        if same is not None and same.state == "done" and slot == (HOLD, "held") and HOLD not in self.matter.claims:
            unchanged = False  # a person took it off
        if same is not None and same.state not in ("refused", "superseded") and unchanged:
            return
        if slot is not None:
            self._slots[self.matter.id, slot[0]] = slot[1]
        self._count += 1
        self.sent.append(command)
        entry = CommandState(kind=command.kind, name=command.name, state="planned", by=name, key=f"k{self._count}")
        self.matter = replace(self.matter, commands=(*self.matter.commands, entry))
