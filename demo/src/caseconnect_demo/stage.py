"""Where a flow is played: what happens on one side, the case, the agent's decision, the effect on the other side."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from caseconnect.host.journal import SqliteJournal
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.subjects import Subject
from caseconnect_demo.control import Control
from caseconnect_demo.house import AGENTS, House
from caseconnect_demo.tenants import INSTANCES, SERVICE

PATIENCE = 240.0
"""Seconds after which one step has not happened: many times what it takes, because a machine may be busy."""

_TELL_EVERY = 20.0
_LOOK = 0.1
Json = dict[str, Any]
Tell = Callable[[str], None]
T = TypeVar("T")


class DidNotHappenError(ConnectError):
    """A step of a flow did not happen in time."""


@dataclass
class World:
    """What case management and the tenants' platforms hold, read again and again by one reader for all flows."""

    house: House
    journal: SqliteJournal
    tenants: frozenset[str]
    cases: dict[str, list[Json]] = field(default_factory=dict)
    effects: dict[str, list[Json]] = field(default_factory=dict)
    undecided: set[str] = field(default_factory=set)

    async def watch(self) -> None:
        """Read until cancelled. A process that has ended by itself ends this."""
        while True:
            self.house.check()
            await self.look()
            await asyncio.sleep(0.3)

    async def look(self) -> None:
        """Read once."""
        for tenant in self.tenants:
            told = await self.house.cases.get(f"/_sim/state?tenant={tenant}")
            self.cases[tenant] = told["tenants"][tenant]["cases"]
            self.effects[tenant] = await self._effects(tenant)

    def last_poll(self, tenant: str) -> datetime | None:
        """When the cases of a tenant were last looked at, by the journal."""
        return self.journal.schedules().get((tenant, "cases"), (None, None))[1]

    async def _effects(self, tenant: str) -> list[Json]:
        found: list[Json] = []
        if tenant in self.house.shops:
            found += await self.house.shops[tenant].get("/_sim/ledger")
        if tenant in INSTANCES:
            found += (await self.house.sfcc.get(f"/_sim/ledger?instance={INSTANCES[tenant]}"))["ledger"]
        return found


@dataclass(frozen=True)
class Played:
    """What happened in a flow, and the last entry of the other side's ledger that belongs to it.

    `seconds` count from the trigger: to the case, to the first decision, and to the first effect of that.
    """

    row: str
    flow: str
    tenant: str
    trigger: str = ""
    case: str = ""
    decisions: tuple[str, ...] = ()
    effect: str = ""
    ledger: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    explain: str = ""
    problem: str = ""


@dataclass
class Stage:
    """One flow at play. What is told to it in order becomes its `Played`."""

    row: str
    flow: str
    tenant: str
    world: World
    tell_all: Tell
    _told: dict[str, Any] = field(default_factory=dict)
    _seconds: dict[str, float] = field(default_factory=dict)
    _began: float = 0.0
    _case: Json = field(default_factory=dict)

    @property
    def shop(self) -> Control:
        """The tenant's Shopify shop."""
        return self.world.house.shops[self.tenant]

    async def sfcc(self, path: str, **body: Any) -> Any:
        """Something happens in the tenant's SFCC."""
        return await self.world.house.sfcc.post(f"/_sim/{path}", {"instance": INSTANCES[self.tenant], **body})

    async def knock(self, kind: str, **body: Any) -> None:
        """The tenant's own systems tell something: they post it to Connect's door, signed."""
        await self.world.house.tell(self.tenant, kind, {"id": f"{self.row}-{int(time.time() * 1000)}", **body})

    def begin(self, trigger: str, explain: str = "") -> None:
        """What begins the flow happens now; `explain` is its subject for `connect explain`."""
        self._began = time.monotonic()
        self._told |= {"trigger": trigger, "explain": explain}
        self.tell(trigger)

    def tell(self, text: str) -> None:
        """One line of progress."""
        self.tell_all(f"{self.row}: {text}")

    async def case(self, about: str) -> Json:
        """Wait for the only case that holds this text; it is the flow's case from now on."""
        found = await self.until(
            lambda: next((c for c in self.world.cases.get(self.tenant, ()) if about in json.dumps(c)), None), "a case"
        )
        self._case = found
        self.now("to_case")
        self._told["case"] = ", ".join(filter(None, (self._told.get("case"), found["number"])))
        self.tell(f"{found['number']} is open: {found['default'].get('caseTitle')}")
        return found

    async def decide(self, outcome: str, *, after: str = "", **attributes: str) -> None:
        """The agent writes what belongs to the outcome, and sets it; `after` we have said this on the case."""
        if after:
            await self.until(lambda: after in self._said(), f"'{after}' on {self._case['number']}")
        if attributes:
            await self._act("change", custom=attributes)
        await self._act("decide", outcome=outcome)
        self.now("to_decision")
        self.world.undecided.discard(self.row)
        self._told["decisions"] = (*self._told.get("decisions", ()), outcome)
        self.tell(f"{self._case['number']}: the agent decides {outcome}")

    async def effect(self, text: str, so: Callable[[Json], bool]) -> Json:
        """Wait for an entry of the other side's ledger."""
        entry = await self.until(
            lambda: next((e for e in self.world.effects.get(self.tenant, ()) if so(e)), None), f"in the ledger: {text}"
        )
        if "to_decision" in self._seconds:
            self.now("to_effect")
        self._told["effect"] = f"{self._told['effect']}; {text}" if self._told.get("effect") else text
        self._told["ledger"] = {key: entry[key] for key in ("at", "who", "what", "target", "args")}
        self.tell(text)
        return entry

    def explained(self) -> Json:
        """The journal's account of what began the flow."""
        return self.world.journal.explain(self.tenant, Subject.parse(self._told["explain"]))

    def note(self, **told: Any) -> None:
        """What `Played` tells beside the rest."""
        self._told |= told

    def now(self, name: str) -> None:
        """Take the time of a step, once."""
        self._seconds.setdefault(name, time.monotonic() - self._began)

    def effects(self, so: Callable[[Json], bool]) -> Sequence[Json]:
        """Entries of the other side's ledger until now."""
        return [e for e in self.world.effects.get(self.tenant, ()) if so(e)]

    def must(self, so: bool, what: str) -> None:
        """What must be so at this moment."""
        if not so:
            raise DidNotHappenError(what)

    async def said(self, text: str) -> None:
        """Wait until we have said this on the case."""
        await self.until(lambda: text in self._said(), f"'{text}' on {self._case['number']}")

    async def shows(self, text: str, so: Callable[[Json], bool]) -> None:
        """Wait until the case is like that."""
        await self.until(lambda: self._case and so(self._case), text)

    async def until(self, so: Callable[[], T | None], what: str) -> T:
        """Wait for it, and say now and then that it is waited for."""
        began = told = time.monotonic()
        while not (found := so()):
            now = time.monotonic()
            if now - began > PATIENCE:
                raise DidNotHappenError(f"did not happen within {PATIENCE:g} seconds: {what}")
            if now - told > _TELL_EVERY:
                told = now
                self.tell(f"waits for {what}")
            await asyncio.sleep(_LOOK)
            self._refresh()
        return found

    def played(self, problem: str = "") -> Played:
        """What happened until now."""
        seconds = {name: round(value, 1) for name, value in self._seconds.items()}
        return Played(self.row, self.flow, self.tenant, **self._told, seconds=seconds, problem=problem)

    def _refresh(self) -> None:
        if self._case:
            cases = self.world.cases.get(self.tenant, ())
            self._case = next((c for c in cases if c["id"] == self._case["id"]), self._case)

    def _said(self) -> str:
        return "\n".join(c["text"] for c in self._case.get("comments", ()) if c["by"] == SERVICE)

    async def _act(self, action: str, **body: Any) -> None:
        agent = AGENTS[ord(self.row[-1]) % len(AGENTS)]
        path = f"/_sim/cases/{self._case['id']}/{action}"
        await self.world.house.cases.post(path, {"by": agent, "tenant": self.tenant, **body})


Act = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Row:
    """One flow of the fifteen: its id, what it is in the owner's words, the tenant file that plays it, and the play."""

    id: str
    flow: str
    tenant: str
    act: Act


async def play(row: Row, world: World, tell: Tell) -> Played:
    """Play one flow. What did not happen is its `problem`."""
    stage = Stage(row.id, row.flow, row.tenant, world, tell)
    try:
        await row.act(stage)
    except DidNotHappenError as error:
        stage.tell(str(error))
        return stage.played(str(error))
    finally:
        world.undecided.discard(row.id)
    return stage.played()
