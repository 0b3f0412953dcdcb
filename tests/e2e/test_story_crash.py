"""Killed at every commit point of one story (hold, case, decision, release), in one process on virtual time.

`make test` takes the first passing of every point and a spread of the others; CONNECT_ALL_CRASHPOINTS=1 takes all.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from house import House, house
from stories import AGENT, RISKY, ended, only_case

from caseconnect.host import crash
from caseconnect.sdk.testing import run
from caseconnect_opentext_case.simulator import Fault as CaseFault
from caseconnect_shopify.simulator import Fault, create_order

STEP = 1 if os.environ.get("CONNECT_ALL_CRASHPOINTS") else 11
IDLE = ("schedule", "receive", "fire")


class Killed(BaseException):
    """The process is dead: no code of ours runs on."""


class Reaper:
    """Kills at these passings; from then on at every passing, until the next process has begun."""

    def __init__(self, *kills: int) -> None:
        self.kills, self.dead, self.resting, self.passed = list(kills), False, False, list[str]()

    def __call__(self, name: str) -> None:
        if self.resting:
            return
        self.passed.append(name)
        self.dead = self.dead or len(self.passed) in self.kills
        if self.dead:
            raise Killed(name)


@contextmanager
def reaping(reaper: Reaper) -> Iterator[None]:
    before = crash._wanted, crash._pass
    crash._wanted, crash._pass = "*", reaper
    try:
        yield
    finally:
        crash._wanted, crash._pass = before


def _mortal(h: House, reaper: Reaper) -> None:
    """A death in a task of its own is the whole process's: nothing is begun after it."""
    tick = h.runner.tick

    async def living(now: datetime) -> bool:
        if reaper.dead:
            raise Killed("before")
        return await tick(now)

    h.runner.tick = living  # type: ignore[method-assign] # every round of work begins with it


async def _lived_through(h: House, reaper: Reaper, seconds: float) -> None:
    """Let time pass; killed on the way, begin again as another process."""
    end = h.now().timestamp() + seconds
    while (left := end - h.now().timestamp()) > 0:
        try:
            await h.pass_time(left)
        except Killed:
            assert reaper.dead
        if reaper.dead:
            await h.kill()
            await asyncio.sleep(3)
            reaper.dead, reaper.resting = False, True
            await h.start()
            _mortal(h, reaper)
            reaper.resting = False


async def _played(h: House, reaper: Reaper) -> dict[str, Any]:
    h.subscribe()
    _mortal(h, reaper)
    await _lived_through(h, reaper, 30)
    order = create_order(h.shop, RISKY)
    await _lived_through(h, reaper, 1500)
    h.cases.decide(only_case(h).id, "approved", AGENT)
    await _lived_through(h, reaper, 1500)
    return ended(h, order)


def lived(folder: Path, at: int = 0) -> tuple[dict[str, Any], list[str]]:
    """How the story ends when it is killed at the `at`-th passing, and what was passed."""
    reaper = Reaper(at)

    async def story() -> dict[str, Any]:
        async with house(folder) as h:
            with reaping(reaper):
                return await _played(h, reaper)

    return run(story()), reaper.passed


@cache
def undisturbed() -> tuple[dict[str, Any], list[str]]:
    with TemporaryDirectory() as folder:
        return lived(Path(folder))


def chosen() -> list[int]:
    """The first passing of each point, and a spread of all; those of idle polls say nothing new."""
    _, passed = undisturbed()
    first = {name: number for number, name in reversed(list(enumerate(passed, 1)))}
    busy = [n for n, name in enumerate(passed, 1) if STEP == 1 or not name.startswith(IDLE)]
    return sorted({*first.values(), *busy[::STEP]})


def test_undisturbed_it_passes_every_commit_point() -> None:
    end, passed = undisturbed()
    assert end["shop"] == ["hold", "release"]
    assert end["alerts"] == []
    assert {"decide", "sending", "answered"} < set(passed)
    assert {"receive:before", "parsed:after", "decided:after", "began:after", "settled:before"} < set(passed)


SHOP = ("fulfillmentOrderHold", "fulfillmentOrderReleaseHold", "tagsAdd", "metafieldsSet", "order", "access_token")
DESK = ("create_case", "add_comment", "read_case", "list_cases")
KINDS = ("drop_after", "truncate", "throttle", "drop_before", "status", "html")


def bad_day(h: House, seed: int) -> list[int]:
    """Faults on both platforms and two kills, drawn from the seed.

    What is made once, and can only be looked for, loses its answer but not its effect: lost twice it is a person's.
    """

    def drawn(what: str, among: int) -> int:
        return int.from_bytes(sha256(f"{seed} {what}".encode()).digest()[:4], "big") % among

    for name in SHOP:
        kind = KINDS[drawn(name, 6)]
        h.shop.faults.add(Fault(kind, operation=name, skip=drawn(f"skip {name}", 2), status=503))
    for name in DESK:
        kind = KINDS[drawn(name, 3 if name in ("create_case", "add_comment") else 6)]
        skip = drawn(f"skip {name}", 3)
        h.case_app.faults.schedule(CaseFault(kind=kind, operation=name, skip=skip, code=503))  # type: ignore[arg-type]
    return [5 + drawn(f"kill {n}", 120) for n in range(2)]


@pytest.mark.parametrize("seed", range(8 if STEP > 1 else 200))
def test_a_bad_day_ends_the_same(tmp_path: Path, seed: int) -> None:
    reaper = Reaper()

    async def story() -> dict[str, Any]:
        async with house(tmp_path) as h:
            reaper.kills = bad_day(h, seed)
            with reaping(reaper):
                return await _played(h, reaper)

    end, (wanted, _) = run(story()), undisturbed()
    kept = ("shop", "tags", "metafields", "holds", "case", "comments", "matters")
    assert {k: end[k] for k in kept} == {k: wanted[k] for k in kept}
    # That an optional fact could not be read is a use case's own alert.
    assert [a for a in end["alerts"] if not a.startswith("order_exceptions:")] == []


@pytest.mark.parametrize("part", range(4))
def test_killed_anywhere_it_ends_the_same(tmp_path: Path, part: int) -> None:
    wanted, passed = undisturbed()
    for at in chosen()[part::4]:
        end, _ = lived(tmp_path / str(at), at)
        assert {**end, "commands": None} == {**wanted, "commands": None}, f"killed at {at}: {passed[at - 1]}"
        kept = [{c for c in e["commands"] if c[2] != "superseded"} for e in (end, wanted)]
        assert kept[0] == kept[1], f"killed at {at}: {passed[at - 1]}"
