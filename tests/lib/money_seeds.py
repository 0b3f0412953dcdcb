"""Seeds: commands that move money, under faults, on virtual time. Any sink with a simulator can be put in.

The port is `MoneyWorld`. A plugin's test hands in a class of its own, and that is all:

    @pytest.mark.parametrize("weather", WEATHERS)
    def test_no_seed_moves_money_twice(weather: str, tmp_path: Path) -> None:
        run_seeds(MyMoneyWorld, weather, tmp_path).require("done", "lost after")

For each seed a new world is made inside virtual time, `plan` is asked what is to be carried out, and the real
pipeline over a real journal carries it out, while the wire to `app` and the process fail as the seed draws. The
faults are made by the wire, so a world needs none of its own. Then, a day later, `effects` (the platform's own
ledger) is compared with what was planned:

- no command has two effects, and none another amount than was planned;
- `done` has its effect, `refused` has none, and nothing is left `planned`, `sending`, `unknown` or `accepted`;
- no more commands are parked than answers were lost;
- nothing was sent after its approval was taken back;
- nothing that the world itself calls `amiss` is so, such as more given back of an order than was paid;
- a person who then answers what is parked, by the ledger, gets each one done once.

`CONNECT_SEEDS` says how many seeds of each weather; `make simulate SEEDS=n` sets it. A failure names its seed:
`CONNECT_SEED=n` plays that one alone.
"""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from journal_desk import opened
from reaping import Killed, Reaper, reaping
from seeded_wire import Chances, SeededWire
from toy_world import ToySettings, specs
from toy_world import World as Desk

from caseconnect.host.journal.records import DeliveryResult, NewDelivery, Resolved
from caseconnect.host.pipeline.live import Accounts, LiveTenant, build
from caseconnect.host.pipeline.runner import Runner
from caseconnect.host.tenants.file_models import Limits, Timing
from caseconnect.host.tenants.tenant import Connection, Flow, Tenant
from caseconnect.models.money import Money
from caseconnect.sdk.commands import Command, Expect
from caseconnect.sdk.components import SinkSpec, SourceSpec, TransformSpec
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter
from caseconnect.sdk.events import CommandSettled, Event, OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import World, run
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog
from caseconnect.sdk.testing.virtual import START
from caseconnect.sdk.testing.wire import Sent

WEATHERS = ("answers", "late", "crash", "revoked")
"""What befalls a seed: answers lost before and after the effect, 429 and 503 (faults.md E1) · effects that land up to
two minutes after we gave up (E2) · the process killed at its commit points · approvals taken back, changed or given
twice, and people who act by hand (E5)."""

_DAY = 26 * 3600.0
_SLACK = 120.0  # between the last look at the approval and the first byte there may be one slow read


Key = tuple[Subject, str]
"""One planned command of a seed."""


@dataclass(frozen=True)
class Planned:
    """One command to be carried out, its target filled in. `other`: the same with another approval (an amount).

    Two of one target have different names, and their effects bear them.
    """

    command: Command
    other: Command | None = None

    @property
    def target(self) -> Subject:
        """What it is about."""
        assert self.command.target is not None
        return self.command.target

    @property
    def key(self) -> Key:
        """Its target and its name."""
        return self.target, self.command.name


@dataclass(frozen=True)
class Effect:
    """One entry of the platform's ledger, named as the command that it belongs to."""

    target: Subject
    kind: str
    worth: Money | None = None
    name: str = ""


class MoneyWorld(World):
    """One simulated platform (`sdk.testing.World`: app, settings, secrets) with what its plugin offers."""

    source: ClassVar[SourceSpec]
    sink: ClassVar[SinkSpec]

    def __init__(self, now: Callable[[], datetime]) -> None:
        raise NotImplementedError

    @abstractmethod
    async def plan(self, rng: Random) -> Sequence[Planned]:
        """Make ready what is needed, and say what is to be carried out: a few commands."""

    @abstractmethod
    def effects(self) -> Sequence[Effect]:
        """What was done there by the API since this world began; not what people did by hand."""

    def amiss(self) -> Sequence[str]:
        """What no platform may come to, whatever was planned; by default nothing is known."""
        return ()

    def moves(self, request: Sent) -> bool:
        """The request is meant to change something; those are hit by more faults."""
        return request.method != "GET"

    async def by_hand(self, planned: Planned, rng: Random) -> None:
        """A person at the platform does what the command is for, or a part of it, so that less is left for us."""


@dataclass
class Tally:
    """What happened over all seeds: ends of commands, faults that were met, commit points that were killed at."""

    seen: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def require(self, *names: str) -> None:
        """Each of these was met: a run in which nothing happens proves nothing."""
        absent = [name for name in names if not self.seen[name]]
        assert not absent, f"never met: {', '.join(absent)}; met: {dict(self.seen)}"


def seeds_wanted(default: int = 10) -> list[int]:
    """The seeds to play."""
    if one := os.environ.get("CONNECT_SEED"):
        return [int(one)]
    return list(range(int(os.environ.get("CONNECT_SEEDS") or default)))


def run_seeds(make: type[MoneyWorld], weather: str, folder: Path, seeds: Sequence[int] | None = None) -> Tally:
    """Play every seed in `weather`. Fails with all seeds that broke a rule."""
    total = Tally()
    for seed in seeds_wanted() if seeds is None else seeds:
        with TemporaryDirectory(dir=folder) as place:
            one = run(_Seed(make, seed, weather, Path(place)).play())
        total.seen += one.seen
        total.problems += [f"{weather}, seed {seed}: {problem}" for problem in one.problems]
    assert not total.problems, "\n".join(total.problems)
    return total


class _Seed:
    """One seed: a world, a desk where approvals are given, and as many processes as are killed."""

    def __init__(self, make: type[MoneyWorld], seed: int, weather: str, folder: Path) -> None:
        self._make, self._folder, self._weather = make, folder, weather
        self._rng = Random(f"{weather}-{seed}")
        self._tally = Tally()
        self._plan: dict[Key, Planned] = {}
        self._revoked: dict[Key, float] = {}
        self._changed: set[Key] = set()
        self._events = 0

    async def play(self) -> Tally:
        """The whole story of the seed."""
        loop: Any = asyncio.get_running_loop()
        self._now = loop.now
        self._world, self._desk = self._make(self._now), Desk()
        rng = self._rng
        calm = 13 * 3600.0 if rng.random() < 0.1 else rng.uniform(60, 7200)
        self._wire = SeededWire(self._world.app, self._world.moves, rng, self._tally.seen, Chances.of(self._weather))
        self._wire.calm_at = loop.time() + calm
        self._plan = {p.key: p for p in await self._world.plan(rng)}
        kills = {rng.randrange(1, 90) for _ in range(rng.randint(1, 4))} if self._weather == "crash" else set[int]()
        self._reaper = Reaper(kills, self._tally.seen)
        with reaping(self._reaper):
            self._reaper.resting = True
            await self._start()
            for key in self._plan:
                self._desk.cases[self._case(key)] = {"reference": "", "outcome": "approved", "revision": "1"}
            for target in self._targets():
                await self._look(target)
            self._reaper.resting = False
            people = [asyncio.create_task(self._interfere(p)) for p in self._people()]
            await self._live_through(_DAY)
            await asyncio.gather(*people)
            await self._wire.landed()
            self._reaper.resting = True
            self._judge()
            await self._answer_parked()
            await self._stop()
        return self._tally

    # the process

    async def _start(self) -> None:
        self._journal = opened(self._folder / "journal.db")
        self._runner = Runner(self._journal, self._now, RecordingLog())
        tick = self._runner.tick

        async def living(now: datetime) -> bool:
            if self._reaper.dead:  # a death in a task is the whole process's
                raise Killed("before")
            return await tick(now)

        self._runner.tick = living  # type: ignore[method-assign] # every round of work begins with it
        self._live: LiveTenant = await build(
            self._tenant(),
            accounts=Accounts(off=True),
            secrets=MemorySecrets(self._world.secrets),
            now=self._now,
            log=RecordingLog(),
            go_live=START,
            transport=lambda _, connection: self._wire if connection == self._world.connection else None,
        )
        await self._runner.start({"acme": self._live})

    async def _stop(self) -> None:
        rooms = self._runner.decider._lanes, self._runner.deliverer._running, self._runner.poller._running
        tasks = [task for room in (*rooms, self._runner.intake._asking) for task in room.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._live.close()
        self._journal.close()

    def _tenant(self) -> Tenant:
        world, (sources, _) = self._world, specs(self._desk)
        settings = world.source.settings.model_validate(world.settings)
        shop = Connection(world.connection, world.source.name, settings, world.source, world.sink, None)
        desk = Connection("desk", "toy-desk", ToySettings(account="desk"), sources["desk"], None, None)
        spec = TransformSpec(
            name="seeds",
            summary="asks for what the world plans",
            settings=ToySettings,
            topic="approval",
            handles=frozenset({OrderChanged, CommandSettled}),
            needs=frozenset({"order", "case"}),
            uses=frozenset(type(p.command) for p in self._plan.values()),
            decide=self._decide,
        )
        flow = Flow("seeds", spec, "live", ToySettings(), (world.connection,), None)
        connections = {world.connection: shop, "desk": desk}
        return Tenant("acme", "test", START, connections, (flow,), Timing(), Limits(), self._folder / "acme.yaml", "")

    def _decide(self, event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision:
        """At first sight, and again each time that an approval is given once more, the planned commands."""
        if not isinstance(event, OrderChanged):
            return Decision(reason="told")
        mine = [planned for planned in self._plan.values() if planned.target == event.subject]
        ground = f"look {matter.episode} {len(matter.findings)}"
        finding = Finding(exception="approved", ground=ground, summary="somebody approved it", arose_at=now)
        return Decision(reason="approved", findings=(finding,), commands=tuple(self._wanted(each) for each in mine))

    def _wanted(self, planned: Planned) -> Command:
        """The command as it is approved now, as long as it is."""
        wanted = planned.other if planned.key in self._changed and planned.other else planned.command
        case = Subject("desk", "case", self._case(planned.key))
        approved = Expect(fact="case", subject=case, field="outcome", value="approved")
        return wanted.model_copy(update={"expects": (*wanted.expects, approved)})

    def _case(self, key: Key) -> str:
        return str(list(self._plan).index(key))

    def _targets(self) -> list[Subject]:
        return list(dict.fromkeys(planned.target for planned in self._plan.values()))

    async def _look(self, target: Subject) -> None:
        """The approval is given (once more): an event in the target's lane."""
        self._events += 1
        name = f"look-{self._events}"
        new = NewDelivery("acme", self._world.connection, "look", name, self._now(), name.encode())
        receipt = (await self._journal.receive([new], None, self._now()))[0]
        event = OrderChanged(source=self._world.connection, subject=target, time=self._now())
        result = DeliveryResult(receipt.seq, "events", events=(Resolved(event, target),))
        await self._journal.parsed([("acme", result)], self._now())

    async def _live_through(self, seconds: float) -> None:
        """Let time pass; killed on the way, begin again as another process."""
        end = self._now().timestamp() + seconds
        while (left := end - self._now().timestamp()) > 0:
            try:
                await self._runner.settle()
                due = self._runner.next_due()
                wait = max((due - self._now()).total_seconds(), 0.001) if due else left
                await asyncio.sleep(min(left, wait, 60.0 if self._busy() else left))
            except Killed:
                assert self._reaper.dead
            if self._reaper.dead:
                self._reaper.resting = True
                await self._stop()
                await asyncio.sleep(self._rng.uniform(0.1, 30))
                self._reaper.dead = False
                await self._start()
                self._reaper.resting = False

    def _busy(self) -> bool:
        """People may still come by."""
        return self._weather == "revoked" and self._now().timestamp() - START.timestamp() < 3600

    # people

    def _people(self) -> list[Planned]:
        return list(self._plan.values()) if self._weather == "revoked" else []

    async def _interfere(self, planned: Planned) -> None:
        """One thing that a person does meanwhile, at any time in the first minutes."""
        rng = self._rng
        what = rng.choice(("revoke", "by hand", "twice", "change", "nothing"))
        await asyncio.sleep(rng.choice((rng.uniform(0, 5), rng.uniform(0, 400))))
        self._tally.seen[what] += 1
        if what == "revoke":
            self._revoked[planned.key] = asyncio.get_running_loop().time()
            self._desk.cases[self._case(planned.key)]["outcome"] = "rejected"
        elif what == "by hand":
            await self._world.by_hand(planned, rng)
        elif what in ("twice", "change"):
            if what == "change" and planned.other:
                self._changed.add(planned.key)
            await self._look(planned.target)

    async def _answer_parked(self) -> None:
        """A person looks at the ledger: what is there is done; what is not there is tried again, or refused.

        What the platform then refuses, because others have taken what it asks for, is given up.
        """
        await self._answer("refuse" if self._weather == "revoked" else "retry")
        await self._answer("refuse", "the repeat was refused")
        for planned in self._plan.values():
            found = self._effects_of(planned)
            if len(found) > 1:
                self._tally.problems.append(f"{planned.command.kind} happened twice after a person's answer")
        self._tally.problems += self._world.amiss()
        left = Counter(c["state"] for c in self._commands())
        if set(left) - {"done", "refused", "superseded"}:
            self._tally.problems.append(f"after a person's answers: {dict(left)}")

    async def _answer(self, absent: Any, why: str = "") -> None:
        for row in [row for row in self._journal.stuck()["commands"] if why in row["note"]]:
            stored = self._journal.command(row["key"])
            assert stored is not None
            assert stored.target is not None
            there = bool(self._effects_of(self._plan[stored.target, stored.command.name]))
            await self._journal.answer(row["key"], "done" if there else absent, "seen there", "ann", self._now())
        await self._live_through(3600)

    # the judge

    def _commands(self) -> list[dict[str, Any]]:
        told = [self._journal.explain("acme", target) for target in self._targets()]
        return [c for one in told for matter in one["matters"] for c in matter["commands"]]

    def _effects_of(self, planned: Planned) -> list[Effect]:
        mine = (*planned.key, planned.command.kind)
        return [e for e in self._world.effects() if (e.target, e.name, e.kind) == mine]

    def _judge(self) -> None:
        commands, tell = self._commands(), self._tally.problems.append
        for command in commands:
            self._tally.seen[command["state"]] += 1
            self._judge_one(command)
        for planned in self._plan.values():
            found = self._effects_of(planned)
            if len(found) > 1:
                tell(f"{planned.command.kind} happened {len(found)} times")
            asked = planned.other if planned.other and self._replaced(planned) else planned.command
            if any(effect.worth != asked.worth() for effect in found):
                tell(f"{asked.kind} of {asked.worth()} became {[str(e.worth) for e in found]}")
        self._tally.problems += self._world.amiss()
        for sent_at, body in self._wire.moving:
            for target, at in self._ended().items():
                if sent_at > at + _SLACK and target.id.encode() in body:
                    tell(f"{target} was worked on {sent_at - at:.0f} s after its approval was taken back")
        doubtful = [c for c in commands if c["state"] == "parked" and c["attempt"]]
        lost = sum(o["became"] == "unknown" for c in commands for o in c["outcomes"])
        self._tally.seen["unknown"] += lost
        if len(doubtful) > lost:
            tell(f"{len(doubtful)} are parked, and {lost} answers were lost")

    def _ended(self) -> dict[Subject, float]:
        """Targets of which nothing is approved any more, and since when."""
        left = {planned.target for key, planned in self._plan.items() if key not in self._revoked}
        since: dict[Subject, float] = {}
        for (target, _), at in self._revoked.items():
            since[target] = max(at, since.get(target, at))
        return {target: at for target, at in since.items() if target not in left}

    def _judge_one(self, command: dict[str, Any]) -> None:
        state, kind = command["state"], command["kind"]
        planned = self._plan[Subject.parse(command["target"]), command["name"]]
        there = len(self._effects_of(planned))
        if state in ("planned", "sending", "unknown", "accepted"):
            self._tally.problems.append(f"{kind} is {state} for ever: {command['note']}")
        same = self._journal.command(command["key"])
        assert same is not None
        if same.command.approval() != planned.command.approval() and not self._replaced(planned):
            there = 0  # the same with another approval: nothing of it may have happened
        if state == "done" and not there:
            self._tally.problems.append(f"{kind} is done, and the ledger shows nothing")
        if state == "refused" and there and not self._done_otherwise(command):
            self._tally.problems.append(f"{kind} is refused ({command['note']}), and the ledger shows it")

    def _replaced(self, planned: Planned) -> bool:
        """As it was approved first it was refused (another refund of the order took its money), so another may be."""
        mine = (str(planned.target), planned.command.name, planned.command.kind)
        rows = [c for c in self._commands() if (c["target"], c["name"], c["kind"]) == mine]
        stored = [(c["state"], self._journal.command(c["key"])) for c in rows]
        first = [state for state, s in stored if s and s.command.approval() == planned.command.approval()]
        return planned.key in self._changed and all(state == "refused" for state in first)

    def _done_otherwise(self, command: dict[str, Any]) -> bool:
        """Another generation of the same command was carried out."""
        same = (command["kind"], command["name"], command["target"])
        return any((c["kind"], c["name"], c["target"]) == same and c["state"] == "done" for c in self._commands())
