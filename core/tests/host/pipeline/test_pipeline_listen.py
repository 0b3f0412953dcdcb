"""Listeners: a message is durable before its listener goes on, and one that fails is started again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from toys import ORDER, Pipe, World, flow, opening

from caseconnect.host.journal.records import Brake
from caseconnect.host.pipeline.listen import Listeners
from caseconnect.sdk.components import Deliver, Listener, Pushed
from caseconnect.sdk.errors import AuthError, TransientError
from caseconnect.sdk.testing import run

LISTENING = "listen:shop"


def message(name: str = "m1", **fields: Any) -> Pushed:
    return Pushed("changes", name, orjson.dumps({"events": [{}]}), **fields)


class Queue:
    """Messages that are taken one after another; `acknowledged` after they were delivered. Faults come first."""

    def __init__(self, *messages: Any, faults: list[Exception] | None = None, ends: bool = False) -> None:
        self.waiting, self.faults, self.ends = list(messages), faults or [], ends
        self.acknowledged: list[str] = []
        self.starts: list[float] = []

    async def __call__(self, settings: Any, resources: Any, deliver: Deliver) -> None:
        self.starts.append(asyncio.get_running_loop().time())
        assert resources.connection == "shop"
        if self.faults:
            raise self.faults.pop(0)
        while self.waiting:
            await deliver(self.waiting[0])
            self.acknowledged.append(self.waiting.pop(0).delivery_id)
        if not self.ends:
            await asyncio.Event().wait()


def play(folder: Path, queue: Queue, story: Callable[[Pipe, Listeners], Awaitable[None]]) -> None:
    async def go() -> None:
        pipe = Pipe(folder, World(), [flow("review", opening())])
        shop = replace(pipe.tenant.connections["shop"], listeners=(Listener(queue),))
        pipe.tenant = replace(pipe.tenant, connections={**pipe.tenant.connections, "shop": shop})
        async with pipe:
            listeners = Listeners(pipe.runner.context)
            listeners.start(pipe.live)
            try:
                await story(pipe, listeners)
            finally:
                await listeners.stop()

    run(go())


def test_a_message_is_worked_like_a_webhook(tmp_path: Path) -> None:
    queue = Queue(message(headers={"X-Test": "1"}))

    async def story(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(1)
        assert queue.acknowledged == ["m1"]
        await pipe.settle()
        assert len(pipe.matters(ORDER)) == 1
        assert pipe.journal.counts()["deliveries"] == {"events": 1}

    play(tmp_path, queue, story)


def test_one_that_comes_again_is_known(tmp_path: Path) -> None:
    queue = Queue(message(), message())

    async def story(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(1)
        assert queue.acknowledged == ["m1", "m1"]
        assert sum(pipe.journal.counts()["deliveries"].values()) == 1

    play(tmp_path, queue, story)


def test_it_is_started_again_later_and_later_and_told_once(tmp_path: Path) -> None:
    faults: list[Exception] = [TransientError("down") for _ in range(4)]
    queue = Queue(message(), faults=faults)

    async def story(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(4)
        assert pipe.alerts() == []  # a hiccup is none
        await asyncio.sleep(20)
        assert pipe.alerts() == [LISTENING]
        await asyncio.sleep(600)
        gaps = [b - a for a, b in zip(queue.starts, queue.starts[1:], strict=False)]
        assert len(gaps) == 4
        assert gaps == sorted(gaps)
        assert queue.acknowledged == ["m1"]
        assert pipe.alerts() == []

    play(tmp_path, queue, story)


def test_the_queues_own_wish_is_kept(tmp_path: Path) -> None:
    queue = Queue(faults=[TransientError("busy", retry_after=300)])

    async def story(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(299)
        assert len(queue.starts) == 1
        await asyncio.sleep(2)
        assert len(queue.starts) == 2

    play(tmp_path, queue, story)


def test_refused_credentials_of_a_queue_do_not_pause_the_platform(tmp_path: Path) -> None:
    queue = Queue(faults=[AuthError("refused"), AuthError("refused")])

    async def story(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(12)
        assert pipe.alerts() == [LISTENING]
        assert pipe.journal.brakes() == []

    play(tmp_path, queue, story)


def test_what_a_plugin_does_wrong_is_told_without_its_words(tmp_path: Path) -> None:
    queue = Queue(faults=[ValueError("jane@shopper.example"), ValueError("jane@shopper.example")])

    async def story(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(12)
        (alert,) = pipe.journal.stuck()["alerts"]
        assert "ValueError" in alert["title"]
        assert "jane" not in str(alert) + str(pipe.log.lines)

    play(tmp_path, queue, story)


def test_a_listener_that_ends_and_messages_that_are_none(tmp_path: Path) -> None:
    queue = Queue(Pushed("changes", "", b"{}"), ends=True)

    async def story(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(1)
        assert "is no Pushed" in str(pipe.log.lines)
        queue.waiting.clear()
        await asyncio.sleep(30)
        assert "ended by itself" in str(pipe.log.lines)
        assert sum(pipe.journal.counts().get("deliveries", {}).values()) == 0

    play(tmp_path, queue, story)


def test_one_that_listens_for_a_quarter_of_an_hour_works_though_nothing_comes(tmp_path: Path) -> None:
    queue = Queue(faults=[TransientError("down"), TransientError("down")])

    async def story(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(900)
        assert pipe.alerts() == [LISTENING]
        await asyncio.sleep(60)
        assert pipe.alerts() == []

    play(tmp_path, queue, story)


def test_the_alert_of_the_last_process_closes_when_it_works_again(tmp_path: Path) -> None:
    async def broken(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(12)
        assert pipe.alerts() == [LISTENING]

    async def mended(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(1)
        assert pipe.alerts() == []

    play(tmp_path, Queue(faults=[TransientError("down")] * 2), broken)
    play(tmp_path, Queue(message()), mended)


def test_a_connection_that_is_cut_off_is_not_listened_to(tmp_path: Path) -> None:
    queue = Queue(message())

    async def story(pipe: Pipe, listeners: Listeners) -> None:
        await asyncio.sleep(1)
        await pipe.journal.pause(Brake("acme", "access", "shop", "the key leaked", "ann", pipe.now()))
        await asyncio.sleep(60)
        queue.waiting.append(message("m2"))
        starts = len(queue.starts)
        await asyncio.sleep(3600)
        assert (len(queue.starts), queue.acknowledged) == (starts, ["m1"])
        await pipe.journal.resume("acme", "access", "shop", "changed", "ann", pipe.now())
        await asyncio.sleep(900)
        assert queue.acknowledged == ["m1", "m2"]

    play(tmp_path, queue, story)
