"""Polls: on time, one at a time, each page with its cursor in one commit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from toys import Pipe, World, flow, opening

from caseconnect.host.journal.records import Brake
from caseconnect.sdk.deliveries import Polled
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.testing import run


def item(number: int, version: str = "1", extra: str = "") -> Polled:
    body = f'{{"events": [{{"id": "{number}"}}], "extra": "{extra}"}}'
    return Polled("order", str(number), version, body.encode())


def times(world: World) -> list[float]:
    return [round(at) for at, _ in world.reads]


def test_a_poll_finds_what_no_webhook_sent_page_by_page(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(feed=[item(n) for n in range(1, 6)])
        async with Pipe(tmp_path, world, [flow("review", opening())], poll={"shop": "10m"}) as p:
            await p.settle()
            assert world.of() == ["OpenCase"] * 5
            assert [cursor for _, cursor in world.reads] == [None, "2", "4"]
            world.feed.append(item(6))
            await p.pass_time(601)
            assert len(world.of()) == 6
            assert p.journal.cursor("acme", "shop") == "6"

    run(story())


def test_what_the_overlap_shows_again_is_stored_once_and_opens_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(feed=[item(1), item(2)])
        async with Pipe(tmp_path, world, [flow("review", opening())], poll={"shop": "10m"}) as p:
            await p.settle()
            world.feed += [item(1), item(2), item(2, "2"), item(1, "1", extra="changed without a new version")]
            await p.pass_time(601)
            assert sum(p.journal.counts()["deliveries"].values()) == 4
            assert len(world.of()) == 2

    run(story())


def test_a_process_that_ends_between_two_pages_reads_the_second_again_and_only_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(feed=[item(n) for n in range(1, 5)])
        world.script["read"] = [None, lambda: asyncio.sleep(50)]
        p = await Pipe(tmp_path, world, [flow("review", opening())], poll={"shop": "10m"}).start()
        p.runner.poller.tick(p.now())
        await asyncio.sleep(1)
        assert p.journal.cursor("acme", "shop") == "2"
        for task in p.runner.poller._running.values():
            task.cancel()
        await asyncio.sleep(0)
        await p.live.close()
        p.journal.close()
        await p.start()
        await p.settle()
        assert [cursor for _, cursor in world.reads] == [None, "2", "2"]
        assert len(world.of()) == 4
        await p.stop()

    run(story())


def test_two_polls_of_a_connection_never_overlap(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        on = most = 0

        async def slow() -> None:
            nonlocal on, most
            on += 1
            most = max(on, most)
            await asyncio.sleep(90)
            on -= 1

        world.script["read"] = [slow, ...]
        async with Pipe(tmp_path, world, [], poll={"shop": "1m", "desk": "1m"}) as p:
            for _ in range(600):
                await p.runner.tick(p.now())
                await asyncio.sleep(1)
            shop = p.runner.poller
            await shop.idle()
            assert most == 2
            assert 6 <= len(world.reads) / 2 <= 7.5

    run(story())


def test_restarted_every_minute_it_still_polls_every_ten(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [], poll={"shop": "10m"}) as p:
            for _ in range(61):
                await p.pass_time(60)
                await p.restart()
            assert times(world) == [0, 600, 1200, 1800, 2400, 3000, 3600]

    run(story())


def test_a_run_that_was_missed_is_made_up_once_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [], poll={"shop": "10m"}) as p:
            await p.settle()
            await asyncio.sleep(3 * 3600 + 10)
            await p.restart()
            await p.pass_time(60)
            assert times(world) == [0, 10810]

    run(story())


def test_a_shorter_interval_holds_from_the_next_start_on(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [], poll={"shop": "1d"}) as p:
            await p.settle()
        async with Pipe(tmp_path, world, [], poll={"shop": "1m"}) as p:
            await p.pass_time(125)
            assert times(world) == [0, 60, 120]

    run(story())


@pytest.mark.parametrize("error", [TransientError("down"), PermanentError("no such scope"), ValueError("a bug")])
def test_a_poll_that_fails_backs_off_alerts_once_and_recovers(tmp_path: Path, error: Any) -> None:
    async def story() -> None:
        world = World()
        world.script["read"] = [error, ...]
        async with Pipe(tmp_path, world, [flow("review", opening())], poll={"shop": "1m"}) as p:
            await p.pass_time(4 * 3600)
            assert 20 < len(world.reads) < 60
            assert len(p.alerts()) == 1
            world.script.clear()
            world.feed.append(item(1))
            await p.pass_time(1200)
            assert (p.alerts(), world.of()) == ([], ["OpenCase"])

    run(story())


def test_a_poll_obeys_retry_after(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["read"] = [TransientError("busy", retry_after=2000)]
        async with Pipe(tmp_path, world, [], poll={"shop": "1m"}) as p:
            await p.pass_time(1990)
            assert len(world.reads) == 1
            await p.pass_time(60)
            assert len(world.reads) == 2

    run(story())


def test_a_poll_that_was_throttled_comes_back_when_it_was_told_to(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["read"] = [TransientError("busy", retry_after=1)] * 3
        async with Pipe(tmp_path, world, [], poll={"shop": "1m"}) as p:
            await p.pass_time(5)
            assert len(world.reads) == 4

    run(story())


def test_polls_go_on_while_the_connection_is_paused(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(feed=[item(1)])
        async with Pipe(tmp_path, world, [flow("review", opening())], poll={"shop": "1m"}) as p:
            await p.journal.pause(Brake("acme", "tenant", "", "x", "ann", p.now()))
            await p.pass_time(300)
            assert len(world.reads) == 6
            assert p.commands() == {"OpenCase": "planned"}

    run(story())
