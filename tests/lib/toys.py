"""A toy shop and a toy case desk in memory, and a pipeline over them on virtual time: for tests of the host.

What the toys do wrong is scripted: `world.script[place]` is a list that each call at `place` takes from; an exception
is raised, an `Outcome` or `Sighting` is answered, a callable is awaited, `LOST_BEFORE` and `LOST_AFTER` lose the answer.
Places are `execute:<kind>`, `verify:<kind>`, `fetch:<fact>`, `root`, `read` and `parse`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import MatterRow, NewDelivery
from caseconnect.host.pipeline.live import Accounts, LiveTenant, build
from caseconnect.host.pipeline.runner import Runner
from caseconnect.host.tenants.file_models import Limits, Timing
from caseconnect.host.tenants.schedule import Poll, Schedule
from caseconnect.host.tenants.tenant import Connection, Flow, Tenant
from caseconnect.models import Case, FulfillmentOrder, Hold, Money, Order
from caseconnect.models.base import Record
from caseconnect.sdk.commands import (
    AnnotateOrder,
    CancelOrder,
    Command,
    CommentCase,
    HoldOrder,
    OpenCase,
    ReleaseOrder,
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
    TransformSpec,
)
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter, Need, Needs
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed, Polled
from caseconnect.sdk.errors import PermanentError, UnknownOutcome
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event, OrderChanged, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog

LOST_BEFORE, LOST_AFTER = "lost before", "lost after"
PLACED = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = Subject("shop", "order", "1")
ALL = frozenset({OrderChanged, CaseChanged, CommandSettled, TimerFired})
COMMANDS = (OpenCase, CommentCase, UpdateCase, AnnotateOrder, HoldOrder, ReleaseOrder, CancelOrder)


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
            case CancelOrder():
                self.cancelled.add(target)
        value = command.text if isinstance(command, CommentCase) else command.name
        self.effects.append((command.kind, target, value))
        outcome = Outcome(state="done", data=data)
        self.keys[key] = outcome
        return outcome

    def order(self, subject: Subject) -> Order:
        """The order as it is now."""
        held = str(subject) in self.held
        holds = (Hold(id="h1", reason="other", ours=True),) if held else ()
        return Order(
            id=subject.id,
            number=f"#{subject.id}",
            created_at=PLACED,
            updated_at=PLACED,
            total=Money(amount=Decimal("10.00"), currency="EUR"),
            cancelled_at=PLACED if str(subject) in self.cancelled else None,
            fulfillment_orders=(FulfillmentOrder(id="f1", status="on_hold" if held else "open", holds=holds),),
        )


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

    async def verify(self, command: Command, key: str) -> Sighting:
        step = await self.world.play(f"verify:{command.kind}")
        if isinstance(step, Sighting):
            return step
        known = self.world.keys.get(key)
        return Sighting(seen=known is not None, data=known.data if known else {})


def specs(world: World, repeat: Repeat = Repeat.READ, **waits: timedelta) -> tuple[dict[str, SourceSpec], SinkSpec]:
    """The source specs by connection, and the sink spec of both."""
    common: dict[str, Any] = {"summary": "a toy", "settings": ToySettings}
    pacing = Pacing(rate=float("inf"), burst=1)
    sources = {
        name: SourceSpec(
            name=f"toy-{name}",
            build=lambda settings, resources: ToySource(world, resources.connection),
            account=lambda settings: settings.account,
            emits=frozenset({OrderChanged, CaseChanged}),
            facts=facts,
            roots=frozenset({"order"}) if name == "shop" else frozenset(),
            pacing=pacing,
            **common,
        )
        for name, facts in {"shop": {"order": Order}, "desk": {"case": Case}}.items()
    }
    state = {AnnotateOrder, UpdateCase, HoldOrder, ReleaseOrder}
    commands = {kind: Repeat.STATE if kind in state and repeat is Repeat.READ else repeat for kind in COMMANDS}
    sink = SinkSpec(name="toy", build=lambda settings, resources: ToySink(world), commands=commands, **common, **waits)
    return sources, sink


def flow(use: str, decide: Callable[..., Any], *, mode: Any = "live", on: tuple[str, ...] = ("shop",), **spec: Any) -> Flow:
    """A use case at work on the toy shop, with its cases in the toy desk."""
    spec = {
        "topic": "review",
        "handles": ALL,
        "needs": frozenset({"order", "case"}),
        "uses": frozenset(COMMANDS),
        "exceptions": ("odd",),
    } | spec
    transform = TransformSpec(name=use, summary="a toy", settings=ToySettings, decide=decide, **spec)
    return Flow(use, transform, mode, ToySettings(), on, "desk")


def found(ground: str = "g1", arose_at: datetime = PLACED, exception: str = "odd") -> Finding:
    """A finding."""
    return Finding(exception=exception, ground=ground, summary="something is odd", arose_at=arose_at)


def case_command(**fields: Any) -> OpenCase:
    """What opens a case."""
    return OpenCase(**{"title": "odd order", "description": "look"} | fields)


def opening(*more: Command) -> Callable[..., Decision | Needs]:
    """A use case that opens one matter with a case and these commands when it first sees an order."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision | Needs:
        if not isinstance(event, OrderChanged) or matter.state != "none":
            return Decision(reason="seen before")
        return Decision(reason="first sight", findings=(found(),), commands=(case_command(), *more))

    return decide


class Pipe:
    """The pipeline over a world. `pass_time` lets virtual time go by; `restart` drops it and takes the journal up."""

    def __init__(
        self,
        folder: Path,
        world: World,
        flows: Sequence[Flow],
        *,
        repeat: Repeat = Repeat.READ,
        poll: dict[str, str] | None = None,
        timing: Timing | None = None,
        limits: Limits | None = None,
        go_live: datetime | None = PLACED - timedelta(days=1),
        **waits: timedelta,
    ) -> None:
        loop: Any = asyncio.get_running_loop()
        self.now, self.world, self.folder = loop.now, world, folder
        self.log = RecordingLog()
        sources, sink = specs(world, repeat, **waits)
        schedules = {name: Schedule(Poll(every=every), name) for name, every in (poll or {}).items()}
        connections = {
            name: Connection(name, spec.name, ToySettings(account=name), spec, sink, None, (), schedules.get(name))
            for name, spec in sources.items()
        }
        self.tenant = Tenant(
            "acme",
            "test",
            go_live,
            connections,
            tuple(flows),
            timing or Timing(),
            limits or Limits(),
            folder / "acme.yaml",
            "",
        )
        self._sent = 0

    async def start(self) -> Pipe:
        """Open the journal and take the tenant up."""
        self.journal = SqliteJournal.open(self.folder / "journal.db", synchronous="OFF")
        self.runner = Runner(self.journal, self.now, self.log)
        self.live: LiveTenant = await build(
            self.tenant,
            accounts=Accounts(off=True),
            secrets=MemorySecrets(),
            now=self.now,
            log=self.log,
            go_live=await self.journal.first("acme", "start", self.now()),
        )
        await self.runner.start({"acme": self.live})
        return self

    async def stop(self) -> None:
        """Let the turns that are on end, and close."""
        await self.runner.idle()
        await self.live.close()
        self.journal.close()

    async def __aenter__(self) -> Pipe:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def restart(self) -> None:
        """Another process on the same journal."""
        await self.stop()
        await self.start()

    async def send(self, *events: dict[str, Any], connection: str = "shop", **fields: Any) -> None:
        """Store a delivery with these events (default: order 1 changed)."""
        self._sent += 1
        body = fields.get("body") or orjson.dumps({"events": [*events] or [{}]})
        name = fields.get("id", f"d{self._sent}")
        new = NewDelivery("acme", connection, "changes", name, self.now(), body)
        await self.journal.receive([new], None, self.now())

    async def look(self, *events: dict[str, Any], connection: str = "shop", **fields: Any) -> None:
        """Store a delivery and work off what is due."""
        await self.send(*events, connection=connection, **fields)
        await self.settle()

    async def settle(self) -> None:
        """Work off what is due now."""
        await self.runner.settle(2_000)

    async def pass_time(self, seconds: float) -> None:
        """Let time go by, working off what comes due on the way."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            await self.settle()
            left = end - loop.time()
            if left <= 0:
                return
            due = self.runner.next_due()
            await asyncio.sleep(min(left, max((due - self.now()).total_seconds(), 0.001)) if due else left)

    def told(self, subject: Subject = ORDER) -> dict[str, Any]:
        """The journal's account of a subject."""
        return self.journal.explain("acme", subject)

    def matters(self, subject: Subject = ORDER) -> list[MatterRow]:
        """The matters of a subject, newest first."""
        return self.journal.matters_of("acme", subject)

    def commands(self, subject: Subject = ORDER) -> dict[str, str]:
        """State by 'Kind' or 'Kind:name'; of several generations the newest."""
        rows = [c for matter in self.told(subject)["matters"] for c in matter["commands"]]
        return {f"{c['kind']}:{c['name']}" if c["name"] else c["kind"]: c["state"] for c in rows}

    def notes(self, subject: Subject = ORDER) -> dict[str, str]:
        """Note of each command, named as in `commands`."""
        rows = [c for matter in self.told(subject)["matters"] for c in matter["commands"]]
        return {f"{c['kind']}:{c['name']}" if c["name"] else c["kind"]: c["note"] for c in rows}

    def reasons(self, subject: Subject = ORDER) -> list[str]:
        """The reason of every answer, in order."""
        return [a["reason"] for d in self.told(subject)["decisions"] for a in d["answers"]]

    def alerts(self) -> list[str]:
        """Causes of the open alerts."""
        return [a["cause"] for a in self.journal.stuck()["alerts"]]
