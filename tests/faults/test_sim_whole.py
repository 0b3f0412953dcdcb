"""A few fixed seeds of the whole-pipeline simulation. Many of them: `make simulate`."""

from __future__ import annotations

import asyncio
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated

import pytest
from simulation.loop import OWNER, Owner, SeededLoop
from simulation.play import Result, play
from simulation.run import Met, play_all, smaller
from simulation.swarm import KINDS, Plan

FIXED = ((0, 1), (2, 6), (9, 12))
"""Each pair is played in one test."""


@pytest.mark.parametrize("seeds", FIXED, ids=str)
def test_no_promise_is_broken(seeds: tuple[int, int]) -> None:
    met = play_all(iter(seeds))
    assert not met.broken, "\n\n".join(map(str, met.broken))
    assert met.seen["command done"] > 10


def test_a_seed_is_the_same_each_time_it_is_played() -> None:
    plan = Plan(10, orders=2)
    first, second = play(plan), play(plan)
    assert first.lines == second.lines
    assert first.trace == second.trace
    assert play(Plan(20, orders=1)).trace != first.trace


def test_another_seed_runs_what_is_ready_in_another_order() -> None:
    def order(seed: int) -> list[int]:
        ran: list[int] = []

        async def story() -> None:
            async def one(number: int) -> None:
                ran.append(number)

            await asyncio.gather(*(one(n) for n in range(8)))

        with asyncio.Runner(loop_factory=lambda: SeededLoop(Random(seed))) as runner:
            runner.run(story())
        return ran

    assert order(1) == order(1)
    assert sorted(order(2)) == sorted(order(1)) != order(1) != order(2)


def test_a_frozen_process_stands_still_and_a_killed_one_ends() -> None:
    ticks: list[float] = []

    async def ticking() -> None:
        while True:
            ticks.append(asyncio.get_running_loop().time())
            await asyncio.sleep(1)

    async def begin(owner: Owner) -> None:
        OWNER.set(owner)
        asyncio.create_task(ticking())  # noqa: RUF006 - its owner has it
        await asyncio.sleep(0)

    async def story() -> None:
        loop, owner = asyncio.get_running_loop(), Owner()
        assert isinstance(loop, SeededLoop)
        await asyncio.create_task(begin(owner))
        await asyncio.sleep(2.5)
        owner.frozen = True
        await asyncio.sleep(10)
        loop.thaw(owner)
        await asyncio.sleep(1.5)
        owner.kill()
        await asyncio.sleep(10)

    with asyncio.Runner(loop_factory=lambda: SeededLoop(Random(3))) as runner:
        runner.run(story())
    assert [round(t) for t in ticks] == [0, 1, 2, 12, 14]


def test_what_spins_without_time_passing_is_found() -> None:
    async def spins() -> None:
        while asyncio.get_running_loop().time() < 1:  # noqa: ASYNC110 - that is what is to be found
            await asyncio.sleep(0)

    with (
        pytest.raises(RuntimeError, match="something spins"),
        asyncio.Runner(loop_factory=lambda: SeededLoop(Random(1), patience=2_000)) as runner,
    ):
        runner.run(spins())


def test_a_broken_seed_is_made_smaller() -> None:
    def played(plan: Plan) -> Result:
        broken = "late" not in plan.without and plan.orders != 1
        return Result(plan, ["I3: twice"] if broken else [], Met().seen, [], "")

    plan = next(p for p in map(Plan, range(100)) if not played(p).plan.without)
    found = smaller(played(plan), played)
    assert found.problems == ["I3: twice"]
    assert found.plan.orders == 2
    assert "late" not in found.plan.without
    assert Met().never() == list(KINDS)
