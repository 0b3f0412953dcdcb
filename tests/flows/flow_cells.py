"""A cell of the matrix: a row that is played in a situation, and the judgement on both ledgers and the journal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from flow_rows import Does, Row
from flow_worlds import Buyer, World, world
from stories import AGENT

MINUTE, HOUR = 60.0, 3600.0
_ENDED = {"done", "refused", "superseded"}
_BUSY = (
    "SELECT 1 FROM commands WHERE state IN ('planned', 'sending', 'unknown', 'accepted')",
    "SELECT 1 FROM events WHERE state IN ('ready', 'waiting')",
    "SELECT 1 FROM alerts WHERE closed_at IS NULL AND cause LIKE 'down:%'",
)


@dataclass
class Cell:
    """What a situation plays with. `effects` and `alerts` grow by what must have come of it."""

    row: Row
    w: World
    every: float
    effects: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    cases: int = 0
    open: int = 0
    tag: str = ""
    times: dict[str, float] = field(default_factory=dict)

    TIMES: ClassVar = ("case", "decision", "effect")

    async def wait(self, seconds: float) -> None:
        """Time goes by."""
        await self.w.h.pass_time(seconds)

    async def begins(self, *, waits: bool = True) -> None:
        """The matter arises, and its case is opened."""
        at = self.w.h.now()
        await self.row.begins(self.w)
        self.expect(self.row.held)
        self.tag = self.row.tag
        self.cases, self.open = self.cases + self.row.opens, self.open + self.row.opens
        if waits:
            await self.opened()
            self.times["case"] = (self.case().created_on - at).total_seconds()

    async def again(self) -> None:
        """A second matter of the same order."""
        await self.row.again.begins(self.w)
        self.cases, self.open = self.cases + self.row.opens, self.open + self.row.opens
        await self.opened()

    async def opened(self) -> None:
        """Wait for as many cases as there must be, and for Connect to know them."""
        for _ in range(30):
            await self.wait(MINUTE)
            if len(self.w.opened) >= self.cases:
                break
        assert len(self.w.opened) == self.cases, f"{len(self.w.opened)} cases instead of {self.cases}"
        await self.wait(MINUTE)

    def case(self, n: int = 0) -> Any:
        """The n-th case."""
        return self.w.cases[n]

    def expect(self, effects: tuple[str, ...]) -> None:
        """These effects must be in the ledger, too."""
        own = self.w.money("1").split()[1]
        told = (re.sub(r"\{=([\d.]+)\}", rf"\1 {own}", each) for each in effects)
        self.effects += [re.sub(r"\{([\d.]+)\}", lambda m: self.w.money(m[1]), each) for each in told]

    def comes_to(self, does: Does) -> None:
        """This must come of the last decision."""
        self.expect(does.effects)
        self.alerts += [does.alert] if does.alert else []
        self.open += does.open
        self.tag = does.tag or self.tag

    def says(self, outcome: str, does: Does, n: int = 0) -> None:
        """An agent writes what belongs to the outcome, and sets it."""
        told = {**(self.row.abroad if self.w.buyer.abroad else {}), **does.says}
        if told:
            self.w.h.cases.change(self.case(n).id, AGENT, custom=told)
        self.w.h.cases.decide(self.case(n).id, outcome, AGENT)

    async def decides(self, outcome: str | None = None, does: Does | None = None, n: int = 0) -> None:
        """An agent decides, and it is carried out."""
        outcome = outcome or self.row.moving
        does = does or self.row.decisions[outcome]
        at, before = self.w.h.now(), len(self.w.effects())
        self.says(outcome, does, n)
        await self.calm()
        if does.then:
            does.then(self.w)
            await self.calm()
        self.comes_to(does)
        self.times |= self._times(at, self.w.effects()[before:])

    def _times(self, at: datetime, effects: list[tuple[datetime, str]]) -> dict[str, float]:
        rows = self.rows("SELECT d.at FROM decisions d JOIN matters m ON m.subject = d.lane WHERE d.at > ?", at)
        known = min((datetime.fromisoformat(when) for (when,) in rows), default=None)
        found = {"decision": known, "effect": min((when for when, _ in effects), default=None)}
        return {name: (when - at).total_seconds() for name, when in found.items() if when is not None}

    async def calm(self) -> None:
        """Time goes by until all is polled and nothing is on its way any more, for half a day at most."""
        await self.wait(self.every + MINUTE)
        for step in (MINUTE, 3 * MINUTE, 10 * MINUTE, *[HOUR] * 12):
            if not any(self.rows(sql) for sql in _BUSY):
                return
            await self.wait(step)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the journal."""
        bound = tuple(v.isoformat() if isinstance(v, datetime) else v for v in values)
        found: list[tuple[Any, ...]] = self.w.h.journal._db().execute(sql, bound).fetchall()
        return found

    def right(self) -> None:
        """Fail with all that is not as it must be."""
        found = self.judged()
        assert not found, "\n".join(found)

    def judged(self) -> list[str]:
        """What is not as it must be."""
        found: list[str] = []
        done = [what for _, what in self.w.effects()]
        if Counter(done) != Counter(self.effects):
            found.append(f"effects {done} instead of {self.effects}")
        titles = [str(alert["title"]) for alert in self.w.h.journal.stuck()["alerts"]]
        if len(titles) != len(self.alerts) or any(w not in t for w, t in zip(self.alerts, titles, strict=False)):
            found.append(f"alerts {titles} instead of {self.alerts}")
        if self.tag and self.w.orders[0].tags != [self.tag]:
            found.append(f"the order shows {self.w.orders[0].tags} instead of {self.tag}")
        return found + self._cases() + self._journal()

    def _cases(self) -> list[str]:
        matters = self.rows("SELECT case_subject, state FROM matters")
        subjects = [subject for subject, _ in matters if subject]
        found = []
        if len(self.w.opened) != self.cases:
            found.append(f"{len(self.w.opened)} cases instead of {self.cases}")
        if len(set(subjects)) != len(subjects):
            found.append(f"one case of several matters: {subjects}")
        if (still := sum(state == "open" for _, state in matters)) != self.open:
            found.append(f"{still} matters are open instead of {self.open}")
        return found

    def _journal(self) -> list[str]:
        commands = self.rows("SELECT kind, state, note FROM commands")
        found = [f"{kind} is {state} ({note})" for kind, state, note in commands if state not in _ENDED]
        refused = [f"{kind}: {note}" for kind, state, note in commands if state == "refused"]
        found += [f"refused without a person: {each}" for each in refused if not self.alerts and "changed" not in each]
        events = self.rows("SELECT type, state, reason, decision FROM events")
        found += [f"{kind} is {state} ({why})" for kind, state, why, _ in events if state != "done"]
        found += [f"{kind} has no verdict" for kind, _, why, verdict in events if verdict is None and not why]
        deliveries = self.rows("SELECT topic, state, reason FROM deliveries WHERE state NOT IN ('events', 'ignored')")
        found += [f"delivery {topic} is {state} ({why})" for topic, state, why in deliveries]
        empty = self.rows(
            "SELECT 1 FROM decisions, json_each(answers) a"
            " WHERE trim(coalesce(json_extract(a.value, '$.reason'), '')) = ''"
        )
        return found + ["a verdict is empty"] * len(empty)


ONE = Buyer()
Situation = Callable[[Cell], Awaitable[None]]


async def played(row: Row, situation: Situation, folder: Path, buyer: Buyer = ONE, minutes: int = 5) -> Cell:
    """Play a row in a situation, and judge. Fails with all that is not as it must be."""
    async with world(row.world, folder, row.flows, buyer, outcomes_of(row), f"{minutes}m") as w:
        cell = Cell(row, w, minutes * MINUTE)
        await cell.wait(MINUTE)
        if (name := getattr(situation, "__name__", "")) in row.alerts:
            cell.alerts.append(row.alerts[name])
        await situation(cell)
        await cell.calm()
        cell.right()
        return cell


def outcomes_of(row: Row) -> Mapping[str, None]:
    """All outcomes that the row's agents use."""
    return dict.fromkeys([*row.decisions, row.again.outcome])
