"""One seed from its first minute to the judge: a troubled hour, peace, a restart, and everything told once more."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated
from tempfile import TemporaryDirectory

from reaping import reaping

from caseconnect.host.journal.records import Brake
from simulation.daemon import Daemon, Reaper
from simulation.judge import Judge
from simulation.loop import SeededLoop, on_its_own
from simulation.operator import Operator
from simulation.people import People
from simulation.swarm import COMMIT, POINTS, Plan, Swarm
from simulation.town import Town

TROUBLE = 45 * 60.0
"""Virtual seconds in which faults strike."""

_MOMENT = 1e-6  # below it a timer is due at once, and time stands still

PEACE = timedelta(hours=5)
"""Then, in this time, everything has to come to its end: a platform sends a lost webhook anew for four hours."""


@dataclass
class Result:
    """What became of a seed: broken promises in words, what struck, what came to pass, and the digest of its trace."""

    plan: Plan
    problems: list[str]
    seen: Counter[str]
    faults: list[str]
    trace: str
    lines: list[str] = field(repr=False, default_factory=list)

    def __str__(self) -> str:
        drawn = ", ".join(self.faults) or "none"
        return f"seed {self.plan.seed}: {self.problems[0] if self.problems else 'ok'}\n  drawn: {drawn}\n  {self.plan}"


def play(plan: Plan, *, keep: Path | None = None) -> Result:
    """Play one seed. With `keep` its journal stays there to be looked at."""
    with TemporaryDirectory() as folder:
        loop = SeededLoop(plan.stream("interleaving"))
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(_Day(plan, keep or Path(folder)).lived())


class _Day:
    """The story of one seed."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan, self._folder = plan, folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._rng = plan.stream("process")
        self._swarm = Swarm.of(plan)
        self._trace = sha256()
        self._lines: list[str] = []
        self._sent: list[tuple[str, dict[str, str], bytes]] = []

    async def lived(self) -> Result:
        """Live through it, and judge."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        self._loop = loop
        now = self._loop.now
        self._town = Town(self._plan, self._swarm, now, self._deliver)
        self._reaper = Reaper(self._swarm.seen, trace=self._told)
        self._daemon = Daemon(self._town, self._folder, self._reaper)
        self._judge = Judge(self._town, self._daemon, self._swarm)
        for wire in self._town.wires:
            wire.calm_at = TROUBLE
            wire.watch = self._judge.request
        self._people = People(self._town, self._plan, self._swarm, self._post, TROUBLE)
        self._operator = Operator(self._town, self._daemon, self._swarm, self._people.lives)
        self._judge.lives, self._judge.case_of = self._people.lives, self._people.case_of
        with self._judge.canaries, reaping(self._reaper):
            await self._daemon.start()
            shop = asyncio.create_task(self._run_shop())
            people = asyncio.create_task(self._people.live())
            try:
                await self._trouble()
            finally:
                shop.cancel()
            await people
            await self._peace()
        return self._result()

    def _result(self) -> Result:
        drawn = sorted(self._swarm.kinds)
        problems = [*self._daemon.failed, *self._judge.problems]
        self._told("end", str(self._judge.digest))
        return Result(self._plan, problems, self._swarm.seen, drawn, self._trace.hexdigest(), self._lines)

    def _told(self, what: str, detail: str) -> None:
        line = f"{self._loop.time():.3f} {what} {detail}"
        self._lines.append(line)
        self._trace.update(line.encode())

    # the troubled time

    async def _trouble(self) -> None:
        """The process lives among what the seed has drawn."""
        rng, swarm = self._rng, self._swarm
        if "crash" in swarm.kinds:
            self._reaper.kills = {rng.randrange(1, 1200) for _ in range(rng.randint(0, 3))}
            self._reaper.wanted = [(rng.choice(POINTS), rng.randint(1, 12)) for _ in range(rng.randint(1, 3))]
        happenings = sorted([*((rng.uniform(60, TROUBLE), what) for what in self._happenings(rng)), *self._breaks()])
        for at, what in happenings:
            await self._live_until(at)
            await getattr(self, f"_{what.replace(' ', '_')}")(rng)
        await self._live_until(TROUBLE)
        self._reaper.kills, self._reaper.wanted = set(), []
        self._daemon.breaking = None

    def _happenings(self, rng: Random) -> list[str]:
        kinds = ("freeze", "clock jump", "disk full", "another file", "pause")
        drawn = [kind for kind in kinds for _ in range(rng.randint(1, 2)) if self._swarm.strikes(kind, rng)]
        return drawn + ["answered"] * (rng.randint(1, 3) if "answered" in self._swarm.kinds else 0)

    def _breaks(self) -> list[tuple[float, str]]:
        rng = self._plan.stream("breaks")
        return [(rng.uniform(60, TROUBLE), COMMIT) for _ in range(rng.randint(1, 3)) if COMMIT in self._swarm.kinds]

    async def _commit_fails(self, rng: Random) -> None:
        """The next commit, or the next of a delivery, fails: it landed or it did not, and nobody knows."""
        self._daemon.breaking = (rng.choice(("", "receive")), rng.random() < 0.5)

    async def _answered(self, rng: Random) -> None:
        """Somebody looks at what is parked, and answers it."""
        await self._operator.answer(rng)

    async def _live_until(self, at: float) -> None:
        """Let time pass; a process that has died is followed by another."""
        while (left := at - self._loop.time()) > _MOMENT:
            ending = asyncio.create_task(self._daemon.ended())
            await asyncio.wait({ending}, timeout=left)
            died = ending.done()
            ending.cancel()
            if died or self._reaper.dead:
                await self._again()

    async def _again(self) -> None:
        await self._daemon.bury()
        await asyncio.sleep(self._rng.uniform(0.1, 60))
        await self._daemon.start()

    async def _freeze(self, rng: Random) -> None:
        """The process stands still longer than any of its deadlines, and then goes on as if nothing had been."""
        owner = self._daemon.owner
        if owner is None or self._reaper.dead:
            return
        owner.frozen = True
        await asyncio.sleep(rng.choice((rng.uniform(1, 30), rng.uniform(30, 600))))
        self._loop.thaw(owner)

    async def _clock_jump(self, rng: Random) -> None:
        """Somebody sets the machine's clock."""
        self._daemon.skew = timedelta(seconds=rng.choice((-3600, -300, 300, 3600)))

    async def _disk_full(self, rng: Random) -> None:
        """For some minutes the journal cannot grow."""
        if self._reaper.dead or not self._daemon.up:
            return
        db = self._daemon.journal._writing
        assert db is not None
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count={pages}")
        await self._live_until(self._loop.time() + rng.uniform(10, 300))
        if self._daemon.journal._writing is db:
            db.execute("PRAGMA max_page_count=1073741823")

    async def _another_file(self, rng: Random) -> None:
        """The process is stopped, and started with other settings."""
        self._daemon.high = rng.choice(("900", "1100"))
        await self._daemon.stop()
        await asyncio.sleep(rng.uniform(0.1, 10))
        await self._daemon.start()

    async def _pause(self, rng: Random) -> None:
        """Somebody stops a tenant, and lets it go on later; also who never heard whether it was stopped."""
        name = rng.choice(tuple(self._town.tenants))
        brake = Brake(name, "tenant", "", "let me look", "ann", self._daemon.now())
        told = await self._daemon.do(lambda journal: journal.pause(brake))
        since = self._loop.time()
        await self._live_until(since + rng.uniform(30, 600))
        if told:
            self._judge.paused.append((name, since, self._loop.time()))
        while not await self._daemon.do(
            lambda journal: journal.resume(name, "tenant", "", "go on", "ann", self._daemon.now())
        ):
            await self._live_until(self._loop.time() + 1)

    # the shop's webhooks

    async def _run_shop(self) -> None:
        shop = self._town.shop
        while True:
            await shop.run_due()
            await asyncio.sleep(2)

    async def _deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """On its way a webhook is lost, late, or comes twice."""
        rng, swarm = self._rng, self._swarm
        troubled = self._loop.time() < TROUBLE
        if troubled and swarm.strikes("webhook lost", rng, 0.15):
            return 200
        if troubled and swarm.strikes("webhook late", rng, 0.15):
            on_its_own(self._much_later(rng.uniform(30, 1800), url, headers, body))
            return 200
        if troubled and swarm.strikes("webhook reordered", rng, 0.4):
            await asyncio.sleep(rng.uniform(0, 4))
        if troubled and swarm.strikes("webhook doubled", rng, 0.3):
            on_its_own(self._much_later(rng.choice((0.0, rng.uniform(0, 600))), url, headers, body))
        return await self._post("/hooks/acme/shop", headers, body)

    async def _much_later(self, delay: float, url: str, headers: dict[str, str], body: bytes) -> None:
        await asyncio.sleep(delay)
        for _ in range(40):
            try:
                if 200 <= await self._post("/hooks/acme/shop", headers, body) < 300:
                    return
            except ConnectionError:
                pass
            await asyncio.sleep(30)

    async def _post(self, path: str, headers: dict[str, str], body: bytes) -> int:
        status = await self._daemon.post(path, headers, body)
        self._told("webhook", f"{path} {status}")
        if 200 <= status < 300:
            self._judge.taken(path, headers, body)
            self._sent.append((path, headers, body))
        return status

    # peace

    async def _peace(self) -> None:
        """All that is left comes to its end; then once more another process, and all that was ever told, again."""
        await self._daemon.stop()
        self._daemon.skew, self._daemon.poll = timedelta(), "20m"
        await asyncio.gather(*(wire.landed() for wire in self._town.wires))
        await self._daemon.start(rooms=False)
        await self._daemon.step(self._town.now() + PEACE)
        self._judge.all_ended()
        if await self._operator.answer(self._rng):
            await self._daemon.step(self._town.now() + timedelta(hours=1))
        await self._operator.erase_again()
        self._judge.all_ended()
        before = self._judge.effects()
        await self._daemon.bury()
        await self._daemon.start(rooms=False)
        for path, headers, body in tuple(self._sent):
            await self._post(path, headers, body)
        await self._daemon.step(self._town.now() + timedelta(hours=1))
        self._judge.nothing_new(before)
        self._judge.stored()
        await self._daemon.bury()
