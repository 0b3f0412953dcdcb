"""A toy shop and a toy case desk in memory.

What the toys do wrong is scripted: `world.script[place]` is a list that each call at `place` takes from; an exception
is raised, an `Outcome` or `Sighting` is answered, a callable is called, `LOST_BEFORE` and `LOST_AFTER` lose the answer.
Places are `execute:<kind>`, `verify:<kind>`, `fetch:<fact>`, `root`, `read` and `parse`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from pydantic import Field

from caseconnect.models import Case, FulfillmentOrder, Hold, Money, Order
from caseconnect.models.base import Record
from caseconnect.sdk.commands import (
    AnnotateOrder,
    AttachDocument,
    CancelOrder,
    CloseCase,
    Command,
    CommentCase,
    HoldOrder,
    IssueCredit,
    OpenCase,
    RefundPayment,
    ReleaseOrder,
    RestoreProduct,
    SuppressProduct,
    UpdateCase,
)
from caseconnect.sdk.components import (
    Outcome,
    Pacing,
    Repeat,
    Settings,
    Sighting,
    SinkSpec,
    SourceSpec,
)
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed, Polled
from caseconnect.sdk.errors import PermanentError, UnknownOutcome
from caseconnect.sdk.events import (
    CaseChanged,
    CommandSettled,
    ComplaintChanged,
    CustomerReplied,
    Event,
    OrderChanged,
    ReturnChanged,
    TimerFired,
)
from caseconnect.sdk.subjects import Subject

LOST_BEFORE, LOST_AFTER = "lost before", "lost after"
PLACED = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = Subject("shop", "order", "1")
ITEMS: frozenset[type[Event]] = frozenset({ReturnChanged, ComplaintChanged, CustomerReplied})
ALL: frozenset[type[Event]] = frozenset({OrderChanged, CaseChanged, CommandSettled, TimerFired, *ITEMS})
COMMANDS = (
    *(OpenCase, CommentCase, UpdateCase, AttachDocument, CloseCase),
    *(AnnotateOrder, HoldOrder, ReleaseOrder, CancelOrder),
    *(RefundPayment, IssueCredit, SuppressProduct, RestoreProduct),
)


class ToySettings(Settings):
    """Settings of both toys."""

    account: str = Field("one", description="The remote account.")


@dataclass
class World:
    """What both platforms hold. `effects` is the ledger: (kind, target, value), one entry an effect that happened."""

    effects: list[tuple[str, str, str]] = field(default_factory=list)
    attempts: list[tuple[str, str]] = field(default_factory=list)
    keys: dict[str, Outcome] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    products: dict[str, str] = field(default_factory=dict)
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    roots: dict[Subject, Subject] = field(default_factory=dict)
    feed: list[Polled] = field(default_factory=list)
    page_size: int = 2
    fetched: list[str] = field(default_factory=list)
    reads: list[tuple[float, str | None]] = field(default_factory=list)
    script: dict[str, list[Any]] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[str]:
        """Kinds of the effects that happened, in order; only of `kinds` if given."""
        return [kind for kind, _, _ in self.effects if not kinds or kind in kinds]

    def next(self, place: str) -> Any:
        """What the script says for this call; None: nothing special. A last `...` repeats the one before it."""
        left = self.script.get(place)
        if not left:
            return None
        return left[0] if left[1:2] == [...] else left.pop(0)

    async def play(self, place: str) -> Any:
        """Do what the script says for this call."""
        step = self.next(place)
        if isinstance(step, BaseException):
            raise step
        if callable(step):
            made = step()
            return await made if asyncio.iscoroutine(made) else made
        return step

    def decide(self, case: str, outcome: str | None, revision: str) -> None:
        """An agent sets an outcome."""
        self.cases[case] |= {"outcome": outcome, "revision": revision}

    def effect(self, command: Command, key: str) -> Outcome:
        """Carry a command out, once."""
        target = str(command.target or "")
        data: dict[str, Any] = {}
        match command:
            case OpenCase():
                number = f"c{len(self.cases) + 1}"
                self.cases[number] = {"reference": command.reference, "outcome": None, "revision": "0"}
                data = {"id": number}
                target = number
            case HoldOrder():
                self.held.add(target)
            case ReleaseOrder():
                self.held.discard(target)
            case SuppressProduct():
                self.products[target] = "hidden"
            case RestoreProduct():
                self.products[target] = command.receipt["before"]["shown"]
            case CancelOrder():
                self.cancelled.add(target)
        value = command.text if isinstance(command, CommentCase) else str(command.worth() or command.name)
        self.effects.append((command.kind, target, value))
        outcome = Outcome(state="done", data=data)
        self.keys[key] = outcome
        return outcome

    def order(self, subject: Subject) -> Order:
        """The order as it is now."""
        held = str(subject) in self.held
        given = [value for kind, target, value in self.effects if (kind, target) == ("RefundPayment", str(subject))]
        left = Decimal("10.00") - sum(Decimal(value.split()[0]) for value in given)
        holds = (Hold(id="h1", reason="other", ours=True),) if held else ()
        return Order(
            id=subject.id,
            number=f"#{subject.id}",
            created_at=PLACED,
            updated_at=PLACED,
            total=Money(amount=Decimal("10.00"), currency="EUR"),
            refundable=Money(amount=left, currency="EUR"),
            cancelled_at=PLACED if str(subject) in self.cancelled else None,
            fulfillment_orders=(FulfillmentOrder(id="f1", status="on_hold" if held else "open", holds=holds),),
        )


_ITEMS: dict[str, type[Event]] = {
    "return": ReturnChanged,
    "complaint": ComplaintChanged,
    "reply": CustomerReplied,
}


def _about_an_item(name: Subject, item: dict[str, Any], delivery: Delivery) -> Event:
    """An event about an item: of order `of`, or by itself; `text` is what it tells."""
    order = Subject(item.get("at", delivery.connection), "order", item["of"]) if "of" in item else name
    fields: dict[str, Any] = {"subject": order, "item": name, "time": item.get("time", delivery.received_at)}
    if "text" in item:
        record = {"id": name.id, "text": item["text"]}
        fields["record"] = record
    return _ITEMS[name.kind].model_validate(fields)


class ToySource:
    """Reads the world for one connection."""

    def __init__(self, world: World, connection: str) -> None:
        self.world, self.connection = world, connection

    async def check(self) -> list[Any]:
        return []

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        self.world.reads.append((asyncio.get_running_loop().time(), cursor))
        await self.world.play("read")
        at = int(cursor or 0)
        items = tuple(self.world.feed[at : at + self.world.page_size])
        return Page(items, str(at + len(items)), more=at + len(items) < len(self.world.feed))

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        step = self.world.next("parse")
        if isinstance(step, Exception):
            raise step
        try:
            body = orjson.loads(delivery.body)
        except orjson.JSONDecodeError:
            raise PermanentError("the body is not JSON") from None
        if body.get("ignore"):
            return Ignored(reason="no flow uses it")
        events: list[Event] = []
        for item in body["events"]:
            subject = Subject(delivery.connection, item.get("kind", "order"), item.get("id", "1"))
            if kind := item.get("item"):
                events.append(_about_an_item(Subject(delivery.connection, kind, item["number"]), item, delivery))
                continue
            base = {"id": item.get("event", ""), "subject": subject, "time": delivery.received_at}
            if subject.kind == "case":
                events.append(CaseChanged(**base, reference=item.get("reference")))
            else:
                events.append(OrderChanged(**base))
        return Parsed(events=tuple(events))

    async def root(self, alias: Subject) -> Subject | None:
        await self.world.play("root")
        return self.world.roots.get(alias)

    async def fetch(self, need: Need) -> Record:
        self.world.fetched.append(f"{need.fact}:{need.subject}")
        step = await self.world.play(f"fetch:{need.fact}")
        if isinstance(step, Record):
            return step
        if need.fact == "order":
            return self.world.order(need.subject)
        return Case(id=need.subject.id, **self.world.cases[need.subject.id])


class ToySink:
    """Carries commands out on the world."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def check(self) -> list[Any]:
        return []

    async def execute(self, command: Command, key: str) -> Outcome:
        self.world.attempts.append((command.kind, key))
        step = await self.world.play(f"execute:{command.kind}")
        if isinstance(step, Outcome):
            return step
        if step != LOST_BEFORE:
            known = self.world.keys.get(key)
            outcome = known or self.world.effect(command, key)
            if step != LOST_AFTER:
                return outcome
        raise UnknownOutcome("the answer was lost")

    async def before(self, command: Command) -> dict[str, Any]:
        await self.world.play(f"before:{command.kind}")
        return {"shown": self.world.products[str(command.target)]} if isinstance(command, SuppressProduct) else {}

    async def verify(self, command: Command, key: str) -> Sighting:
        step = await self.world.play(f"verify:{command.kind}")
        if isinstance(step, Sighting):
            return step
        known = self.world.keys.get(key)
        return Sighting(seen=known is not None, data=known.data if known else {})


def specs(world: World, repeat: Repeat = Repeat.READ, **waits: Any) -> tuple[dict[str, SourceSpec], SinkSpec]:
    """The source specs by connection, and the sink spec of both."""
    common: dict[str, Any] = {"summary": "a toy", "settings": ToySettings}
    pacing = Pacing(rate=float("inf"), burst=1)
    supplied: dict[str, dict[str, type[Record]]] = {"shop": {"order": Order}, "desk": {"case": Case}}
    sources = {
        name: SourceSpec(
            name=f"toy-{name}",
            build=lambda settings, resources: ToySource(world, resources.connection),
            account=lambda settings: settings.account,
            emits=frozenset({OrderChanged, CaseChanged}) | ITEMS,
            tells=frozenset({"complaint", "reply"}) if name == "shop" else frozenset(),
            facts=facts,
            roots=frozenset({"order"}) if name == "shop" else frozenset(),
            pacing=pacing,
            **common,
        )
        for name, facts in supplied.items()
    }
    state = {AnnotateOrder, UpdateCase, HoldOrder, ReleaseOrder, SuppressProduct, RestoreProduct}
    commands: dict[type[Command], Repeat] = {
        kind: Repeat.STATE if kind in state and repeat is Repeat.READ else repeat for kind in COMMANDS
    }
    sink = SinkSpec(name="toy", build=lambda settings, resources: ToySink(world), commands=commands, **common, **waits)
    return sources, sink
