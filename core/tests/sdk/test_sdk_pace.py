from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from caseconnect.sdk.pace import BACKGROUND, NORMAL, PROTECTIVE, Pace, priority
from caseconnect.sdk.testing import run


def now() -> float:
    return asyncio.get_running_loop().time()


async def asking(pace: Any, log: Any, name: Any, cost: Any = 1.0, rank: Any = NORMAL, after: Any = 0.0) -> None:
    await asyncio.sleep(after)
    priority.set(rank)
    await pace.take(cost)
    log.append((name, round(now(), 3)))


def told(pace: Any, *askers: Any) -> Any:
    """Who was served when; each asker is (name, cost, rank, after)."""

    async def story() -> Any:
        log: list[Any] = []
        async with asyncio.TaskGroup() as group:
            for asker in askers:
                group.create_task(asking(pace, log, *asker))
        return log

    return run(story())


def test_burst_at_once_then_the_rate() -> None:
    log = told(Pace(2.0, 3.0), *((n,) for n in range(7)))
    assert [n for n, _ in log] == list(range(7))
    assert [at for _, at in log] == pytest.approx([0, 0, 0, 0.5, 1.0, 1.5, 2.0], abs=0.01)


def test_saved_up_tokens_end_at_the_burst() -> None:
    async def story() -> Any:
        pace = Pace(10.0, 5.0)
        await asyncio.sleep(3600)
        began = now()
        for _ in range(10):
            await pace.take()
        return now() - began

    assert run(story()) == pytest.approx(0.5, abs=0.01)


def test_more_than_the_burst_is_taken_when_the_bucket_is_full() -> None:
    async def story() -> Any:
        pace = Pace(10.0, 20.0)
        await pace.take(1000.0)
        first = now()
        await pace.take(1000.0)
        return first, now()

    assert run(story()) == (0, pytest.approx(2.0, abs=0.01))


def test_protective_goes_first_background_last_and_equals_in_order() -> None:
    log = told(
        Pace(1.0, 1.0),
        ("first", 1, NORMAL, 0),
        ("poll-1", 1, BACKGROUND, 0.01),
        ("poll-2", 1, BACKGROUND, 0.02),
        ("case-1", 1, NORMAL, 0.03),
        ("case-2", 1, NORMAL, 0.04),
        ("hold", 1, PROTECTIVE, 0.05),
    )
    assert [name for name, _ in log] == ["first", "hold", "case-1", "case-2", "poll-1", "poll-2"]


def test_costly_poll_that_waits_does_not_delay_a_hold() -> None:
    log = told(
        Pace(10.0, 1000.0),
        ("empties", 1000, NORMAL, 0),
        ("poll", 1000, BACKGROUND, 1),
        ("hold", 10, PROTECTIVE, 5),
    )
    times = dict(log)
    assert times["hold"] == pytest.approx(5, abs=0.1)
    assert times["poll"] == pytest.approx(101, abs=1)


def test_latecomer_never_overtakes_its_equal() -> None:
    log = told(Pace(1.0, 10.0), ("empties", 10, NORMAL, 0), ("large", 5, NORMAL, 1), ("small", 1, NORMAL, 3))
    assert [name for name, _ in log] == ["empties", "large", "small"]


def test_cancelled_waiter_costs_nothing() -> None:
    async def story() -> Any:
        pace = Pace(1.0, 1.0)
        log: list[Any] = []
        await pace.take()
        gone = asyncio.create_task(asking(pace, log, "gone", 1))
        stays = asyncio.create_task(asking(pace, log, "stays", 1))
        await asyncio.sleep(0.1)
        gone.cancel()
        await asyncio.wait({gone, stays})
        return log

    assert run(story()) == [("stays", pytest.approx(1.0, abs=0.01))]


def test_all_waiters_cancelled_and_asked_again() -> None:
    async def story() -> Any:
        pace = Pace(1.0, 1.0)
        await pace.take()
        gone = asyncio.create_task(pace.take())
        await asyncio.sleep(0.1)
        gone.cancel()
        await asyncio.wait({gone})
        await asyncio.sleep(10)
        began = now()
        await pace.take()
        return now() - began

    assert run(story()) == 0


def test_platform_that_has_less_is_believed() -> None:
    async def story() -> Any:
        pace = Pace(10.0, 100.0)
        pace.observe(5.0)
        await pace.take(15.0)
        return now()

    assert run(story()) == pytest.approx(1.0, abs=0.01)


def test_platform_that_has_more_is_not() -> None:
    async def story() -> Any:
        pace = Pace(10.0, 100.0)
        await pace.take(100.0)
        pace.observe(100.0)
        await pace.take(10.0)
        return now()

    assert run(story()) == pytest.approx(1.0, abs=0.01)


def test_rate_and_burst_that_the_platform_tells_hold() -> None:
    async def story() -> Any:
        pace = Pace(10.0, 100.0)
        pace.observe(0.0, rate=50.0, burst=1000.0)
        await pace.take(500.0)
        return now()

    assert run(story()) == pytest.approx(10.0, abs=0.01)


def test_infinite_rate_never_waits() -> None:
    async def story() -> Any:
        pace = Pace(math.inf, 1.0)
        pace.observe(0.0)
        for _ in range(1000):
            await pace.take(1e9)
        return now()

    assert run(story()) == 0


def test_nothing_is_left_running() -> None:
    async def story() -> Any:
        pace = Pace(1.0, 1.0)
        await asyncio.gather(*(pace.take() for _ in range(3)))
        await asyncio.sleep(5)
        return len(asyncio.all_tasks())

    assert run(story()) == 1


def test_background_work_leaves_the_reserve_to_the_others() -> None:
    pace = Pace(10.0, 100.0)
    pace.reserve = 0.4
    log = told(
        pace,
        ("poll", 60.0, BACKGROUND),
        ("next poll", 10.0, BACKGROUND),
        ("hold", 40.0, PROTECTIVE, 0.1),
        ("refund", 2.0, NORMAL, 0.2),
    )
    assert [name for name, _ in log] == ["poll", "hold", "refund", "next poll"]
    assert [at for _, at in log] == pytest.approx([0, 0.1, 0.2, 5.2], abs=0.01)


def test_what_is_dearer_than_the_bucket_less_its_reserve_waits_for_a_full_one() -> None:
    pace = Pace(10.0, 100.0)
    pace.reserve = 0.4
    log = told(pace, ("first", 50.0, NORMAL), ("huge", 500.0, BACKGROUND, 0.1))
    assert log == [("first", 0.0), ("huge", pytest.approx(5.0, abs=0.01))]


def test_refusal_is_a_rest_for_all_and_a_slower_pace_that_recovers() -> None:
    pace = Pace(10, 1)

    async def story() -> list[float]:
        clock = asyncio.get_running_loop().time
        await pace.take()
        began = clock()
        pace.refused(2)
        pace.refused(2)
        times = []
        for _ in range(3):
            await pace.take()
            times.append(clock() - began)
        await asyncio.sleep(400)
        again = clock()
        await pace.take()
        await pace.take()
        return [*times, clock() - again]

    first, second, third, recovered = run(story())
    assert first >= 2.1
    assert 0.15 <= second - first <= 0.16
    assert 0.15 <= third - second <= 0.16
    assert recovered == pytest.approx(0.1, abs=0.001)


def test_background_work_waits_five_seconds_at_most_for_those_who_came_later() -> None:
    pace = Pace(1, 1)
    order: list[str] = []

    async def one(name: str, level: int) -> None:
        token = priority.set(level)
        await pace.take()
        priority.reset(token)
        order.append(name)

    async def story() -> None:
        await pace.take()
        tasks = [asyncio.create_task(one("poll", BACKGROUND))]
        for second in range(9):
            tasks.append(asyncio.create_task(one(f"n{second}a", NORMAL)))
            tasks.append(asyncio.create_task(one(f"n{second}b", NORMAL)))
            await asyncio.sleep(1)
        await asyncio.gather(*tasks)

    run(story())
    assert 5 <= order.index("poll") <= 10
