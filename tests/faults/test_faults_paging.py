"""Polling under faults (faults.md 3.G): whatever fails on whatever page, nothing that changed is missed (I9).

The real plugin, the real poller and journal; the wire fails by seed, the process is killed around its commits, orders
change in the same instant, while pages are read, and before search shows them.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated

import pytest
from faults_catalogue import READ
from faults_cells import Operation, is_token
from journal_desk import opened
from money_seeds import seeds_wanted
from reaping import Reaper, reaping
from toys import Pipe, World

from caseconnect.host.crash import crashpoint
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import CursorMove, NewDelivery, Receipt
from caseconnect.host.pipeline.live import Accounts, build
from caseconnect.host.pipeline.runner import Runner
from caseconnect.host.tenants.file_models import Limits, Timing
from caseconnect.host.tenants.schedule import Poll, Schedule
from caseconnect.host.tenants.tenant import Connection, Tenant
from caseconnect.sdk.deliveries import Polled
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog
from caseconnect.sdk.testing.virtual import START
from caseconnect.sdk.testing.wire import CUT_AFTER, LOST_AFTER, LOST_BEFORE, Fault, Sent, answers, too_many

FAULTS: tuple[Fault, ...] = (
    answers(500, b"{}"),
    answers(503, b"", "text/plain"),
    answers(200, b"<html>", "text/html"),
    too_many(20),
    LOST_BEFORE,
    LOST_AFTER,
    CUT_AFTER,
)
ORDERS = 14
CHANGES = 14
OUTAGE = timedelta(minutes=10), timedelta(minutes=65)
"""Nothing is answered: what is read afterwards is older than any overlap would show again."""


class Polling:
    """One seed: a platform that changes, and as many processes as are killed."""

    def __init__(self, platform: str, seed: int, folder: Path, journal: type[SqliteJournal]) -> None:
        self._rig = Operation(platform, "poll page", READ, "read").rig()
        self._rng, self._seen, self._folder, self._journal = (
            Random(f"{platform}-{seed}"),
            Counter[str](),
            folder,
            journal,
        )
        kills = {self._rng.randrange(1, 120) for _ in range(12)}
        self._reaper = Reaper(kills, self._seen)
        self._changed: dict[str, datetime] = {}

    async def play(self) -> tuple[list[str], Counter[str]]:
        """What was missed, and what was met."""
        with reaping(self._reaper):
            self._reaper.resting = True
            await self._start()
            await self._live_through(60)
            self._rig.wire.plan = self._fault
            self._reaper.resting = False
            changing = asyncio.create_task(self._change())
            await self._live_through(2 * 3600)
            await changing
            self._rig.wire.mend()
            self._reaper.resting = True
            await self._live_through(1200)
            missed = self._missed()
            await self._stop()
        return missed, self._seen

    def _fault(self, number: int, sent: Sent) -> Fault | None:
        if self._rng.random() < 0.05:
            self._seen["token ends"] += 1
            self._rig.world.end_tokens()
        if self._rng.random() > (1.0 if OUTAGE[0] < self._rig.now() - START < OUTAGE[1] else 0.2):
            return None
        fault = self._rng.choice(FAULTS[:1] if is_token(sent) else FAULTS)
        self._seen[fault.name] += 1
        return fault

    async def _change(self) -> None:
        """Several in one instant, some while pages are read, some again."""
        for _ in range(CHANGES):
            for _ in range(self._rng.choice((1, 1, 2, 4))):
                changed = await self._rig.world.change(self._rng.randrange(ORDERS))
                self._changed[changed] = self._rig.now()
            await asyncio.sleep(self._rng.choice((0.0, 0.3, 7.0, *(self._rng.uniform(0, 900) for _ in range(3)))))

    async def _start(self) -> None:
        rig, loop = self._rig, asyncio.get_running_loop()
        self._db = self._journal.open(self._folder / "journal.db", synchronous="OFF")
        self._runner = Runner(self._db, rig.now, RecordingLog())
        schedule = Schedule(Poll(every="5m"), "shop")
        spec = Connection(rig.world.connection, rig.spec.name, rig.settings, rig.spec, None, None, None, schedule)
        tenant = Tenant(
            *("acme", "test", START, {spec.name: spec}, (), Timing(), Limits(), self._folder / "acme.yaml", "")
        )
        self._live = await build(
            tenant,
            accounts=Accounts(off=True),
            secrets=MemorySecrets(rig.world.secrets),
            now=rig.now,
            log=RecordingLog(),
            go_live=START,
            transport=lambda *_: rig.wire,
        )
        await self._runner.start({"acme": self._live})
        assert loop.is_running()

    async def _stop(self) -> None:
        tasks = list(self._runner.poller._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._live.close()
        self._db.close()

    async def _live_through(self, seconds: float) -> None:
        end = self._rig.now() + timedelta(seconds=seconds)
        while self._rig.now() < end:
            if self._reaper.dead:
                self._reaper.resting = True
                await self._stop()
                await asyncio.sleep(self._rng.uniform(0.1, 30))
                self._reaper.dead = False
                await self._start()
                self._reaper.resting = False
            self._runner.poller.tick(self._rig.now())
            await asyncio.sleep(20)

    def _missed(self) -> list[str]:
        """Changes after which the journal was told nothing of that order."""
        rows = self._db._db().execute("SELECT delivery_id, received_at FROM deliveries")
        told: dict[str, datetime] = {}
        for name, at in rows:
            order = name.partition("@")[0]
            told[order] = max(told.get(order, START), datetime.fromisoformat(at))
        return [f"{order} changed at {at}" for order, at in self._changed.items() if told.get(order, START) < at]


def play(
    platform: str, seeds: Sequence[int], folder: Path, journal: type[SqliteJournal] = SqliteJournal
) -> Counter[str]:
    """All seeds. Fails with all that was missed."""
    missed, met = [], Counter[str]()
    for seed in seeds:
        place = folder / str(seed)
        opened(place / "journal.db").close()
        lost, seen = run(_played(platform, seed, place, journal))
        missed += [f"{platform}, seed {seed}: {each}" for each in lost]
        met += seen
    assert not missed, "\n".join(missed)
    return met


async def _played(
    platform: str, seed: int, place: Path, journal: type[SqliteJournal]
) -> tuple[list[str], Counter[str]]:
    return await Polling(platform, seed, place, journal).play()


@pytest.mark.parametrize("platform", ["sfcc", "shopify"])
def test_no_seed_misses_a_change(platform: str, tmp_path: Path) -> None:
    met = play(platform, seeds_wanted()[: max(3, len(seeds_wanted()) // 5)], tmp_path)
    print(platform, dict(sorted(met.items())))  # noqa: T201 - `make simulate` shows it
    assert {fault.name for fault in FAULTS} <= set(met)
    assert any(name.startswith("killed at") for name in met)


class CursorFirst(SqliteJournal):
    """Planted bug: the cursor is saved before the page that it covers."""

    async def receive(self, deliveries: Sequence[NewDelivery], move: CursorMove | None, now: datetime) -> list[Receipt]:
        if move and deliveries:
            await super().receive([], move, now)
            crashpoint("between cursor and page")
        return await super().receive(deliveries, move, now)


def test_a_cursor_that_is_saved_first_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="changed at"):
        play("sfcc", range(2, 4), tmp_path, CursorFirst)


MUCH = 100_000 if os.environ.get("CONNECT_SEEDS") else 2_000
PAGE = 200


def _memory() -> float:
    """Megabytes that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def test_what_changed_in_three_days_is_journaled_within_bounds_and_taken_up_at_the_page_after_a_kill(
    tmp_path: Path,
) -> None:
    """G2: a page's rows and its cursor are one commit, so after a kill only what was not stored is asked for again."""

    async def story() -> None:
        feed = [Polled("order", str(n), "1", b'{"events": [{"id": "%d"}]}' % n) for n in range(MUCH)]
        world, rng, seen = World(feed=feed, page_size=PAGE), Random(7), Counter[str]()
        pages = MUCH // PAGE
        reaper = Reaper({rng.randrange(2, 2 * pages) for _ in range(5)}, seen)
        before = _memory()
        with reaping(reaper):
            reaper.resting = True
            p = await Pipe(tmp_path, world, [], poll={"shop": "10m"}).start()
            while p.journal.cursor("acme", "shop") != str(MUCH):
                reaper.resting = False
                p.runner.poller.tick(p.now())
                await p.runner.poller.idle()
                reaper.resting = True
                if reaper.dead:
                    reaper.dead = False
                    await p.restart()
        held = _memory() - before
        assert sum(p.journal.counts()["deliveries"].values()) == MUCH
        asked = [int(cursor or 0) for _, cursor in world.reads]
        kills = sum(seen.values())
        assert kills >= 3
        assert sorted(set(asked)) == list(range(0, MUCH, PAGE)), "no page is left out"
        assert len(asked) <= pages + kills, "and none is read again but one for each kill"
        assert asked == sorted(asked), "nor does it begin again"
        assert held < 64 + 50 * MUCH / 100_000, f"{held:.0f} MB for {MUCH} rows"
        await p.stop()

    run(story())
