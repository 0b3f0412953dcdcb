"""A pipeline over the toy world on virtual time, and use cases for it: for tests of the host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from journal_desk import opened
from toy_world import ALL, COMMANDS, LOST_AFTER, LOST_BEFORE, ORDER, PLACED, ToySettings, World, specs

from caseconnect.host.journal.records import MatterRow, NewDelivery
from caseconnect.host.pipeline.live import Accounts, LiveTenant, build, first_starts
from caseconnect.host.pipeline.runner import Runner
from caseconnect.host.tenants.caps import Cap, Storm
from caseconnect.host.tenants.file_models import Limits, Timing
from caseconnect.host.tenants.schedule import Poll, Schedule
from caseconnect.host.tenants.tenant import Connection, Flow, Tenant
from caseconnect.sdk.commands import (
    Command,
    OpenCase,
)
from caseconnect.sdk.components import (
    Repeat,
    TransformSpec,
)
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter, Needs
from caseconnect.sdk.events import Event, OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog

__all__ = [
    "LOST_AFTER",
    "LOST_BEFORE",
    "ORDER",
    "PLACED",
    "Pipe",
    "World",
    "acting",
    "case_command",
    "flow",
    "found",
    "looking",
    "opening",
]


def flow(
    use: str,
    decide: Callable[..., Any],
    *,
    mode: Any = "live",
    on: tuple[str, ...] = ("shop",),
    via: Mapping[str, str] | None = None,
    caps: Mapping[str, Cap] | None = None,
    storm: Storm | None = None,
    **spec: Any,
) -> Flow:
    """A use case at work on the toy shop, with its cases in the toy desk."""
    spec = {
        "topic": "review",
        "handles": ALL,
        "needs": frozenset({"order", "case"}),
        "uses": frozenset(COMMANDS),
        "exceptions": ("odd",),
    } | spec
    transform = TransformSpec(name=use, summary="a toy", settings=ToySettings, decide=decide, **spec)
    return Flow(use, transform, mode, ToySettings(), on, "desk", via or {}, caps or {}, storm)


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


def acting(*commands: Command) -> Callable[..., Any]:
    """Opens a matter without a case and asks for these."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if not isinstance(event, OrderChanged) or matter.state != "none":
            return Decision(reason="seen before")
        return Decision(reason="act", findings=(found(),), commands=commands)

    return decide


def looking(*answers: tuple[Command, ...]) -> Callable[..., Any]:
    """At the n-th look these commands; the first opens the matter."""
    left = list(answers)

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if not isinstance(event, OrderChanged) or not left:
            return Decision(reason="nothing more")
        return Decision(reason="look", findings=(found(),), commands=left.pop(0))

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
        **waits: Any,
    ) -> None:
        loop: Any = asyncio.get_running_loop()
        self.now, self.world, self.folder = loop.now, world, folder
        self.log = RecordingLog()
        sources, sink = specs(world, repeat, **waits)
        schedules = {name: Schedule(Poll(every=every), name) for name, every in (poll or {}).items()}
        connections = {
            name: Connection(name, spec.name, ToySettings(account=name), spec, sink, None, None, schedules.get(name))
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

    live: LiveTenant

    async def start(self) -> Pipe:
        """Open the journal and take the tenant up."""
        self.journal = opened(self.folder / "journal.db")
        self.runner = Runner(self.journal, self.now, self.log)
        self.live = await self.build()
        await self.runner.start({"acme": self.live})
        return self

    async def reload(self, **changed: Any) -> None:
        """The tenant's file is another one from now on."""
        self.tenant = replace(self.tenant, **changed)
        self.live = await self.build()
        await self.runner.replace("acme", self.live)

    async def build(self) -> LiveTenant:
        """The tenant's connections, made anew."""
        began, starts = await first_starts(self.journal, self.tenant, self.now())
        return await build(
            self.tenant,
            accounts=Accounts(off=True),
            secrets=MemorySecrets(),
            now=self.now,
            log=self.log,
            go_live=began,
            starts=starts,
            whole=False,
        )

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
