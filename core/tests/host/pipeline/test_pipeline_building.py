"""A connection that cannot be built, or hangs while it is, is shown and tried again; all others are at work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from toy_world import ToySink, ToySource
from toys import ORDER, PLACED, Pipe, World, flow, opening

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.pipeline.live import START, Accounts, build
from caseconnect.host.pipeline_thread import PipelineThread
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.sdk.commands import HoldOrder
from caseconnect.sdk.errors import ConfigError, PluginError, TransientError
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog


class Entered(ToySource):
    """A source that has to be entered: `enter` says what happens then."""

    def __init__(self, world: World, connection: str, enter: Callable[[], Any]) -> None:
        super().__init__(world, connection)
        self.enter = enter
        self.tasks: list[Any] = []

    async def __aenter__(self) -> Entered:
        self.tasks.append(asyncio.current_task())
        await self.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tasks.append(asyncio.current_task())


def entering(pipe: Pipe, world: World, enter: Callable[[], Any]) -> list[Entered]:
    """The shop's source has to be entered from now on; the sources that were built."""
    made: list[Entered] = []

    def source(settings: Any, resources: Any) -> Entered:
        made.append(Entered(world, resources.connection, enter))
        return made[-1]

    shop = pipe.tenant.connections["shop"]
    assert shop.source is not None
    shop = replace(shop, source=replace(shop.source, build=source))
    pipe.tenant = replace(pipe.tenant, connections={**pipe.tenant.connections, "shop": shop})
    return made


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (None, f"it took longer than {START:g} s"),
        (TransientError("no connection"), "no connection"),
        (ConfigError("the secret file shop.key cannot be read"), "the secret file shop.key cannot be read"),
        (ValueError("ann@shop.test"), "ValueError at "),
    ],
)
def test_a_connection_that_cannot_be_built_is_shown_and_taken_up_when_it_can(
    tmp_path: Path, failure: Exception | None, why: str
) -> None:
    async def story() -> None:
        world = World()
        well = False

        async def enter() -> None:
            if failure and not well:
                raise failure
            await (asyncio.sleep(0) if well else forever())

        p = Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))], poll={"shop": "10m"})
        made = entering(p, world, enter)
        async with p:
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["cause"] == "down:shop"
            assert alert["title"].startswith(f"shop does not work: toy-shop: shop could not be built: {why}")
            assert "ann@" not in str(alert)
            await p.send()
            await p.pass_time(3600)
            assert len(made) > 3
            assert p.journal.counts()["deliveries"] == {"waiting": 1}
            assert (world.of(), world.reads) == ([], [])
            well = True
            await p.pass_time(1800)
            assert sorted(world.of()) == ["HoldOrder", "OpenCase"]
            assert world.reads
            assert p.alerts() == []
        assert len(set(made[-1].tasks)) == 1, "it is entered and left in one task"
        assert len(made[-1].tasks) == 2

    run(story())


def test_the_other_connections_are_at_work_meanwhile_and_nothing_of_the_broken_one_is_lost(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        well = False

        async def enter() -> None:
            await (asyncio.sleep(0) if well else forever())

        p = Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))])
        async with p:
            await p.send()
            await p.runner.intake.turn()
            await p.runner.decider.turn()
            await p.runner.idle()
            assert p.commands() == {"OpenCase": "planned", "HoldOrder": "planned"}
        entering(p, world, enter)
        async with p:
            await p.pass_time(1200)
            assert p.commands() == {"OpenCase": "done", "HoldOrder": "planned"}
            well = True
            await p.pass_time(1800)
            assert p.commands() == {"OpenCase": "done", "HoldOrder": "done"}
            assert p.matters(ORDER)[0].case is not None

    run(story())


def test_trying_again_ends_with_the_pipeline(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        p = Pipe(tmp_path, world, [])
        made = entering(p, world, forever)
        async with p:
            running = asyncio.create_task(p.runner.run(1.0))
            await asyncio.sleep(60)
            p.runner.stop()
            await running
            tried = len(made)
            await asyncio.sleep(3600)
            assert len(made) == tried > 1

    run(story())


def test_a_check_is_told_what_cannot_be_built(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        p = Pipe(tmp_path, world, [])
        entering(p, world, forever)
        with pytest.raises(PluginError, match=r"^toy-shop: shop could not be built: it took longer than"):
            await build(p.tenant, accounts=Accounts(), secrets=MemorySecrets(), now=p.now, log=p.log, go_live=PLACED)

    run(story())


@pytest.mark.parametrize("hang", ["build", "enter"])
def test_intake_starts_while_a_plugin_hangs(tmp_path: Path, hang: str) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    async def enter() -> None:
        begun.set()
        while not go_on.is_set():  # noqa: ASYNC110 - it is set from another thread
            await asyncio.sleep(0.01)
        ended.set()

    def sink(settings: Any, resources: Any) -> ToySink:
        begun.set()
        assert go_on.wait(10)
        ended.set()
        return ToySink(World())

    async def tenant() -> Tenant:
        p = Pipe(tmp_path, World(), [flow("review", opening())])
        if hang == "enter":
            entering(p, World(), enter)
            return p.tenant
        shop = p.tenant.connections["shop"]
        assert shop.sink is not None
        return replace(p.tenant, connections={"shop": replace(shop, sink=replace(shop.sink, build=sink))})

    journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
    thread = PipelineThread(journal, {"acme": run(tenant())}, lambda: datetime.now(UTC), RecordingLog())
    try:
        thread.start()
        assert begun.wait(5)
        assert thread.alive()
        assert not ended.is_set()
    finally:
        go_on.set()
        thread.stop()
        journal.close()
    assert (ended.is_set(), thread.alive(), thread.failed) == (True, False, None)
