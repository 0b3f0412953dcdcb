from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from caseconnect.sdk.errors import ConfigError, TransientError
from caseconnect.sdk.secrets import Secret
from caseconnect.sdk.testing import START, LoopClock, MemorySecrets, RecordingLog, make_resources, run


def test_hours_of_sleep_take_no_time() -> None:
    async def story() -> Any:
        await asyncio.sleep(4 * 3600)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert run(story()) == pytest.approx(4 * 3600)
    assert time.monotonic() - began < 5


def test_sleepers_wake_in_order_of_their_time() -> None:
    async def story() -> Any:
        woken = []

        async def sleeper(seconds: Any) -> None:
            await asyncio.sleep(seconds)
            woken.append((seconds, asyncio.get_running_loop().time()))

        await asyncio.gather(*(sleeper(s) for s in (30, 0.5, 86_400 * 3, 2)))
        return woken

    woken = run(story())
    assert [s for s, _ in woken] == [0.5, 2, 30, 86_400 * 3]
    assert all(at == pytest.approx(s) for s, at in woken)


def test_timeout_fires_at_its_time() -> None:
    async def story() -> Any:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(story()) == pytest.approx(30)


def test_ready_work_goes_before_time_moves() -> None:
    async def story() -> Any:
        queue: asyncio.Queue[int] = asyncio.Queue()

        async def producer() -> None:
            for n in range(100):
                await queue.put(n)
                await asyncio.sleep(0)

        task = asyncio.create_task(producer())
        async with asyncio.timeout(0.001):
            got = [await queue.get() for _ in range(100)]
        await task
        return got

    assert run(story()) == list(range(100))


def test_deadlock_is_told() -> None:
    async def story() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="deadlock in virtual time"):
        run(story())


def test_error_leaves_run_and_other_tasks_are_cancelled() -> None:
    ended = []

    async def other() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("other")

    async def story() -> None:
        task = asyncio.create_task(other())
        await asyncio.sleep(1)
        assert not task.done()
        raise TransientError("no")

    with pytest.raises(TransientError, match="no"):
        run(story())
    assert ended == ["other"]


def test_thread_is_waited_for_in_real_time() -> None:
    def slow() -> str:
        time.sleep(0.05)
        return "done"

    async def story() -> Any:
        began = asyncio.get_running_loop().time()
        answer = await asyncio.wait_for(asyncio.to_thread(slow), timeout=0.01)
        return answer, asyncio.get_running_loop().time() - began

    assert run(story()) == ("done", pytest.approx(0, abs=0.001))


def test_clock_follows_the_loop_and_stands_still_outside() -> None:
    clock = LoopClock()
    assert clock.now() == START

    async def story() -> Any:
        await asyncio.sleep(90)
        return clock.now()

    assert run(story()) == START + timedelta(seconds=90) == clock.now()
    at = datetime(2030, 5, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert run(story(), start=at) == datetime(2030, 5, 1, 0, 1, 30, tzinfo=UTC)


def test_clock_refuses_a_loop_on_real_time() -> None:
    async def story() -> Any:
        return LoopClock().now()

    with pytest.raises(RuntimeError, match="VirtualTimeLoop"):
        asyncio.run(story())


def test_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        run(asyncio.sleep(0), start=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_memory_secrets_reveal_by_place_and_show_nothing() -> None:
    secrets = MemorySecrets({"A": "the-value", "/run/b": "other"})
    assert secrets.reveal(Secret(env="A")) == "the-value"
    assert secrets.reveal(Secret(file="/run/b")) == "other"
    with pytest.raises(ConfigError, match="C"):
        secrets.reveal(Secret(env="C"))
    assert "the-value" not in repr(secrets)


def test_recording_log_is_searched_in_values_too() -> None:
    log = RecordingLog()
    log.info("sent", body={"to": "jane@example.com"})
    log.error("failed")
    assert log.holding(["jane@"]) == [str(("info", "sent", {"body": {"to": "jane@example.com"}}))]
    assert log.holding(["", "bob"]) == []


def test_resources_without_an_application_reach_nobody() -> None:
    async def story() -> None:
        resources = make_resources()
        try:
            await resources.http("http://127.0.0.1:9").request("GET", "/")
        finally:
            await resources.close()
            await resources.close()

    with pytest.raises(TransientError, match="no connection"):
        run(story())


def test_resources_share_one_object_by_key() -> None:
    resources = make_resources()
    made = [resources.once("client", object), resources.once("client", object), resources.once("other", object)]
    assert made[0] is made[1] is not made[2]
