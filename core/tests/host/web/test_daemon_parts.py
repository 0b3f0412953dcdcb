"""Parts of the daemon by themselves: where it can be killed, what it waits for at its end, how it tells an error."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from toy_world import World
from toys import Pipe, flow, opening

from caseconnect.host import crash
from caseconnect.host.pipeline.runner import BREATH
from caseconnect.host.pipeline_thread import PipelineThread
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.virtual import START


def read_again(monkeypatch: pytest.MonkeyPatch, **environment: str) -> tuple[ModuleType, list[int]]:
    """A copy of `crash` as a process with this environment has it, and the signals that it sends."""
    for name in ("CONNECT_CRASH", "CONNECT_CRASH_LOG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("crash_again", str(crash.__file__))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
    return module, sent


@pytest.mark.parametrize(
    ("asked", "dies_at"),
    [
        ("sending", 0),
        ("sending:2", 3),
        ("decided:before", 1),
        ("decided:before:2", 4),
        ("*:3", 2),
        ("*", 0),
        ("", None),
    ],
)
def test_a_process_dies_at_the_place_that_was_named(
    monkeypatch: pytest.MonkeyPatch, asked: str, dies_at: int | None
) -> None:
    module, sent = read_again(monkeypatch, CONNECT_CRASH=asked)
    died = None
    for number, name in enumerate(["sending", "decided:before", "decided:after", "sending", "decided:before"]):
        module.crashpoint(name)
        if sent and died is None:
            died = number
    assert died == dies_at
    assert set(sent) <= {signal.SIGKILL}


def test_passings_are_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module, sent = read_again(monkeypatch, CONNECT_CRASH_LOG=str(tmp_path / "passed"))
    for name in ("sending", "decided:before", "sending"):
        module.crashpoint(name)
    assert (tmp_path / "passed").read_text().splitlines() == ["sending", "decided:before", "sending"]
    assert sent == []


def test_a_send_that_outlasts_the_drain_stays_sending(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        asked, answer = asyncio.Event(), asyncio.Event()

        async def lose() -> None:
            asked.set()
            await answer.wait()

        world.script["execute:OpenCase"] = [lose]
        async with Pipe(tmp_path, world, [flow("a", opening())]) as pipe:
            running = asyncio.create_task(pipe.runner.run(2.0))
            await pipe.send()
            pipe.runner.context.wake.ring()
            await asked.wait()
            pipe.runner.stop()
            await running
            answer.set()
            await pipe.runner.idle()
            assert pipe.commands() == {"OpenCase": "sending"}

    run(story())


def test_a_flood_wakes_the_pipeline_once_in_a_breath_and_a_single_delivery_at_once() -> None:
    woken: list[float] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        thread = PipelineThread(SimpleNamespace(), {}, lambda: START, SimpleNamespace())
        wake = SimpleNamespace(ring=lambda: woken.append(round(loop.time() / BREATH, 3)))
        thread._loop, thread._runner = loop, SimpleNamespace(context=SimpleNamespace(wake=wake))  # type: ignore[assignment]
        for _ in range(30):
            thread.ring()
            await asyncio.sleep(BREATH / 10)
        await asyncio.sleep(10 * BREATH)
        thread.ring()
        await asyncio.sleep(10 * BREATH)

    run(story())
    assert woken == [0, 1, 2, 3, 13]


def test_between_two_bites_of_deliveries_there_is_a_breath(tmp_path: Path) -> None:
    turns: list[float] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()

        async def bite() -> bool:
            turns.append(round(loop.time() / BREATH, 3))
            return len(turns) < 3

        async with Pipe(tmp_path, World(), [flow("a", opening())]) as pipe:
            pipe.runner.intake.turn = bite  # type: ignore[method-assign]
            running = asyncio.create_task(pipe.runner.run(2.0))
            await asyncio.sleep(10 * BREATH)
            pipe.runner.stop()
            await running

    run(story())
    assert turns[:3] == [0, 1, 2]


def test_what_ended_the_pipeline_is_told_without_its_texts() -> None:
    thread = object.__new__(PipelineThread)
    try:
        raise ExceptionGroup("two", [_raised(), ValueError("ann@shop.test")])
    except ExceptionGroup as error:
        thread.failed = error
    first, second = thread.why().split("; ")
    assert first.startswith(f"KeyError at {__name__}:")
    assert second == "ValueError at unknown"
    thread.failed = None
    assert thread.why() == ""


def _raised() -> KeyError:
    try:
        raise KeyError("ann@shop.test")
    except KeyError as error:
        return error
