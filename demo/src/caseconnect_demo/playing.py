"""Plays the day: the shop's side, the agents' side, and the wait until everything has come to rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from caseconnect.host.journal import SqliteJournal
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.subjects import Subject
from caseconnect_demo.control import deliver_twice
from caseconnect_demo.day import Scenario, Turn
from caseconnect_demo.house import AGENTS, House
from caseconnect_demo.tenants import DAY as TENANT
from caseconnect_demo.tenants import SERVICE, SHOP_DOMAIN

LONGEST = 300.0
"""Seconds after which the day must have come to rest."""

Tell = Callable[[str], None]
_LOOK = 0.2
_OPEN: Mapping[str, tuple[str, ...]] = {
    "deliveries": ("new", "waiting"),
    "events": ("ready", "waiting"),
    "commands": ("planned", "sending", "accepted", "unknown"),
}
_EFFECTS = {"hold": "the shop holds {}", "release": "the shop releases {}", "cancel": "the shop cancels {}"}


@dataclass(frozen=True)
class Placed:
    """An order as the shop has it. `repeated` is the id of the delivery that came twice."""

    id: str
    name: str
    repeated: str = ""


@dataclass
class Day:
    """One day at one house. `placed` fills as orders are placed, by the scenario's key."""

    house: House
    scenarios: Sequence[Scenario]
    journal: SqliteJournal
    tell: Tell
    placed: dict[str, Placed] = field(default_factory=dict)
    came_to_rest: bool = False
    _taken: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=lambda: {"shop": 0, "cases": 0})

    async def play(self) -> None:
        """The whole day. Leaves `came_to_rest` false when it takes too long."""
        until = time.monotonic() + LONGEST
        try:
            async with asyncio.TaskGroup() as group:
                await self._play(group, until)
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        await self._narrate()
        self.tell("everything has come to rest" if self.came_to_rest else f"no rest within {LONGEST:g} seconds")

    async def _play(self, group: asyncio.TaskGroup, until: float) -> None:
        agents = group.create_task(self._agents(until))
        watching = group.create_task(self._watch())
        for scenario in self.scenarios:
            await self._order(scenario, until)
        self.tell("the last order is placed")
        await agents
        self.tell("the agents are done")
        self.came_to_rest = await self._rest(until)
        watching.cancel()

    async def _order(self, scenario: Scenario, until: float) -> None:
        house = self.house
        control = house.cases if scenario.fault and scenario.fault.where == "cases" else house.shop
        if scenario.fault:
            self.tell(scenario.fault.told)
            where = {"tenant": TENANT} if control is house.cases else {}
            await control.post("/_sim/faults", {**scenario.fault.spec, **where})
        body = dict(scenario.order) | ({"emit": False} if scenario.silent else {})
        if scenario.ago:
            body["created_at"] = (datetime.now(UTC) - scenario.ago).isoformat()
        made = await house.shop.post("/_sim/orders", body)
        placed = self.placed[scenario.key] = Placed(made["id"], made["name"])
        self.tell(f"{placed.name}: {scenario.story}")
        if scenario.fault:
            await self._until(lambda: self._used_up(control), until)
        if scenario.twice:
            delivery = str(uuid4())
            answers = await deliver_twice(house.hook, SHOP_DOMAIN, house.shop_secret, made, delivery)
            self.placed[scenario.key] = Placed(placed.id, placed.name, delivery)
            self.tell(f"{placed.name}: one delivery comes twice, answered {' and '.join(map(str, answers))}")
        for step in scenario.then:
            if step.looked:
                await self._until(lambda: self._looked(placed), until)
            await house.shop.post(f"/_sim/orders/{placed.id}/{step.action}", dict(step.body))
            self.tell(f"{placed.name}: {step.told}")

    async def _used_up(self, control: Any) -> bool:
        told = await control.get("/_sim/faults")
        return not (told["faults"] if isinstance(told, dict) else told)

    async def _looked(self, placed: Placed) -> bool:
        return bool(self.journal.explain(TENANT, Subject("shop", "order", placed.id))["decisions"])

    async def _until(self, so: Callable[[], Any], until: float) -> None:
        while not await so():
            self.house.check()
            if time.monotonic() > until:
                raise ConnectError(f"the day came to a halt: nothing moved on within {LONGEST:g} seconds")
            await asyncio.sleep(_LOOK)

    async def _agents(self, until: float) -> None:
        """Agents take their turns as their cases get ready. Ends when there is no turn left, or no time."""
        turns = sum(len(s.agent) for s in self.scenarios)
        while sum(self._taken.values()) < turns and time.monotonic() < until:
            cases = (await self.house.cases.get(f"/_sim/state?tenant={TENANT}"))["tenants"][TENANT]["cases"]
            for number, scenario in enumerate(self.scenarios):
                placed, taken = self.placed.get(scenario.key), self._taken.get(scenario.key, 0)
                case = next((c for c in cases if placed and _about(c, placed)), None)
                if case and taken < len(scenario.agent) and _ready(case, scenario.agent[taken]):
                    await self._decide(case, scenario.agent[taken], AGENTS[number % len(AGENTS)])
                    self._taken[scenario.key] = taken + 1
            await asyncio.sleep(_LOOK)

    async def _decide(self, case: Mapping[str, Any], turn: Turn, agent: str) -> None:
        body = {"outcome": turn.outcome, "by": agent, "comment": turn.comment, "tenant": TENANT}
        await self.house.cases.post(f"/_sim/cases/{case['id']}/decide", body)
        said = f" ({turn.comment})" if turn.comment else ""
        self.tell(f"{case['number']}: {agent.partition('@')[0]} decides {turn.outcome}{said}")

    async def _rest(self, until: float) -> bool:
        """Nothing is open, and both platforms have been polled since nothing was."""
        since: datetime | None = None
        while time.monotonic() < until:
            self.house.check()
            now = datetime.now(UTC)
            if not await self._nothing_open():
                since = None
            elif since is None:
                since = now
            elif all(last and last > since for last in self._polls()):
                return True
            await asyncio.sleep(_LOOK)
        return False

    def _polls(self) -> list[datetime | None]:
        return [last for (tenant, _), (_, last) in self.journal.schedules().items() if tenant == TENANT]

    async def _nothing_open(self) -> bool:
        counts = self.journal.counts(TENANT)
        if any(counts[what].get(state, 0) for what, states in _OPEN.items() for state in states):
            return False
        shop = (await self.house.shop.get("/_sim/state"))["counts"]
        return not shop["waiting_deliveries"] and not shop["open_jobs"]

    async def _watch(self) -> None:
        while True:
            self.house.check()
            await self._narrate()
            await asyncio.sleep(_LOOK)

    async def _narrate(self) -> None:
        """Tell of effects as they happen, from the platforms' own ledgers."""
        names = {p.id: p.name for p in self.placed.values()}
        shop = await self.house.shop.get("/_sim/ledger")
        for effect in shop[self._seen["shop"] :]:
            if effect["what"] in _EFFECTS:
                order = str(effect["args"].get("order") or effect["target"]).rpartition("/")[2]
                self.tell(_EFFECTS[effect["what"]].format(names.get(order, order)))
        cases = (await self.house.cases.get(f"/_sim/ledger?tenant={TENANT}"))["ledger"]
        for effect in cases[self._seen["cases"] :]:
            if effect["operation"] == "create_case":
                self.tell(f"{effect['detail']['number']} is opened: {effect['detail']['default'].get('caseTitle')}")
        self._seen = {"shop": len(shop), "cases": len(cases)}


def _about(case: Mapping[str, Any], placed: Placed) -> bool:
    return f"/order/{placed.id}/" in str(case["custom"].get("externalReference"))


def _ready(case: Mapping[str, Any], turn: Turn) -> bool:
    return not turn.after or any(turn.after in c["text"] for c in case["comments"] if c["by"] == SERVICE)
