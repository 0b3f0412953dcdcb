"""What is wrong at one tenant or one plugin stays there, and quotes nobody's data."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from toys import ORDER, PLACED, Pipe, World, case_command, flow, found, opening

from caseconnect.host.journal.errors import JournalFull
from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.pipeline.live import Accounts, build
from caseconnect.host.pipeline_thread import PipelineThread
from caseconnect.host.tenants.caps import Storm
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.deliveries import Page
from caseconnect.sdk.errors import PluginError
from caseconnect.sdk.events import Event
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import MemorySecrets


def test_a_tenant_whose_platform_hangs_takes_no_turn_from_another(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        lacking = facts.lacking((Need(fact="order", subject=matter.subject),))
        return Needs(needs=lacking) if lacking else opening()(event, matter, facts, settings, now)

    async def story() -> None:
        slow, quick = World(), World()
        slow.script["fetch:order"] = [lambda: asyncio.sleep(400), ...]
        p = Pipe(tmp_path, slow, [flow("review", decide, storm=Storm(cases=100))])
        other = replace(Pipe(tmp_path, quick, [flow("review", decide)]).tenant, name="quick")
        async with p:
            live = await build(
                other, accounts=Accounts(off=True), secrets=MemorySecrets(), now=p.now, log=p.log, go_live=PLACED
            )
            p.runner.context.tenants["quick"] = live
            working = asyncio.create_task(p.runner.run(0.1))
            await p.send(*({"id": str(number)} for number in range(100)))
            p.runner.context.wake.ring()
            await asyncio.sleep(1)
            body = b'{"events": [{"id": "7"}]}'
            await p.journal.receive([NewDelivery("quick", "shop", "changes", "d", p.now(), body)], None, p.now())
            p.runner.context.wake.ring()
            await asyncio.sleep(5)
            assert quick.of() == ["OpenCase"]
            assert len(slow.fetched) == 16
            await asyncio.sleep(3600)
            assert len(slow.of()) == 100, "the hanging one is worked off, a lane's end at a time"
            p.runner.stop()
            await working
            await live.close()

    run(story())


@pytest.mark.parametrize(
    "page",
    [None, {"items": []}, Page(("x",), "1"), Page((), 7), Page(None, "1")],  # type: ignore[arg-type] # a plugin's fault
)
def test_a_malformed_page_is_the_plugins_fault_and_is_not_asked_for_hotly(tmp_path: Path, page: Any) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [], poll={"shop": "10m"}) as p:
            source = p.live.connections["shop"].source
            assert source is not None
            asked = 0

            async def read(cursor: str | None, watch: Any) -> Any:
                nonlocal asked
                asked += 1
                return page

            source.read = read  # type: ignore[method-assign] # as above
            await p.pass_time(3600)
            assert 5 <= asked <= 13
            assert p.alerts() == ["down:shop"]

    run(story())


def test_a_poll_that_cannot_write_its_due_time_waits_longer_and_longer(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [], poll={"shop": "10m"}) as p:

            async def full(*_: Any, **__: Any) -> None:
                raise JournalFull("no room")

            real, p.journal.schedule = p.journal.schedule, full  # type: ignore[method-assign] # a full disk
            for _ in range(3600):
                await p.runner.tick(p.now())
                await asyncio.sleep(1)
            assert 5 <= len(world.reads) <= 14
            assert p.alerts() == ["late:shop"], "the platform is not to blame"
            p.journal.schedule = real  # type: ignore[method-assign] # there is room again
            await p.pass_time(1300)
            seen = len(world.reads)
            await p.pass_time(600)
            assert len(world.reads) == seen + 1

    run(story())


def test_a_plugin_that_cannot_name_its_account_stops_its_own_tenant_only(tmp_path: Path) -> None:
    def account(_: Any) -> str:
        raise ValueError("ann@shop.test has no account")

    async def story() -> None:
        world = World()
        p = Pipe(tmp_path, world, [flow("review", opening())])
        shop = p.tenant.connections["shop"]
        assert shop.source is not None
        sick = replace(shop, source=replace(shop.source, account=account))
        bad = replace(p.tenant, name="bad", connections={**p.tenant.connections, "shop": sick})
        async with p:
            with pytest.raises(PluginError, match=r"^toy-shop: shop could not be built: ValueError at ") as raised:
                await build(bad, accounts=Accounts(), secrets=MemorySecrets(), now=p.now, log=p.log, go_live=PLACED)
            assert "ann@" not in str(raised.value)
            thread = PipelineThread(p.journal, {"bad": bad, "acme": p.tenant}, p.now, p.log)
            live = await thread._build(await thread._starts())
            assert (list(live), list(thread.refused)) == (["acme"], ["bad"])
            await live["acme"].close()

    run(story())


class _Shopper(BaseModel):
    age: int


def test_a_text_that_quotes_personal_data_is_in_no_log_verdict_or_alert(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        _Shopper.model_validate({"age": "ann.lee@shop.test"})

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look()
            await p.runner.tick(p.now())
            (reason,) = p.reasons()
            assert reason.startswith("review broke on OrderChanged: ValidationError at ")
            assert f"{__name__}:" in reason
            (alert,) = p.journal.stuck()["alerts"]
            assert p.log.lines
            for told in (p.told(), alert, p.log.lines):
                assert "ann.lee" not in repr(told)

    run(story())


@pytest.mark.parametrize(("hours", "opened"), [(1, 0), (5, 1)])
def test_a_connection_added_later_goes_live_when_it_is_first_started(tmp_path: Path, hours: int, opened: int) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        finding = found(arose_at=PLACED + timedelta(hours=hours))
        return Decision(reason="odd", findings=(finding,), commands=(case_command(),))

    async def story() -> None:
        world = World()
        p = Pipe(tmp_path, world, [flow("review", decide)], go_live=None)
        shop = p.tenant.connections["shop"]
        first, p.tenant = p.tenant, replace(p.tenant, connections={"desk": p.tenant.connections["desk"]}, flows=())
        async with p:
            await asyncio.sleep(4 * 3600)
        p.tenant = replace(first, connections={**p.tenant.connections, "shop": shop})
        async with p:
            await p.look()
            await p.restart()
            await p.look({"id": "2"})
            assert world.of() == ["OpenCase"] * opened * 2
            assert len(p.matters(ORDER)) == opened

    run(story())


def test_while_the_disk_is_full_no_platform_is_asked_hotly(tmp_path: Path) -> None:
    """A lane and a delivery that cannot be written down would wake each other's room without an end."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        lacking = facts.lacking((Need(fact="order", subject=matter.subject),))
        return Needs(needs=lacking) if lacking else opening()(event, matter, facts, settings, now)

    async def story() -> None:
        world, full = World(), True
        slow = [lambda: asyncio.sleep(0.05), ...]
        world.script |= {"fetch:order": slow, "root": slow}
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            decided, parsed = p.journal.decided, p.journal.parsed

            async def no_room(*given: Any) -> Any:
                if full:
                    raise JournalFull("no room")
                return await (decided(*given) if len(given) == 1 else parsed(*given))

            p.journal.decided = no_room  # type: ignore[assignment,method-assign] # the disk
            await p.look()
            p.journal.parsed = no_room  # type: ignore[assignment,method-assign] # the disk
            await p.send({"kind": "shipment", "id": "7"})
            living = asyncio.create_task(p.runner.run())
            await asyncio.sleep(60)
            assert 2 < len(world.fetched) < 30
            full = False
            await asyncio.sleep(10)
            assert world.of("OpenCase"), "within ten seconds after there is room again"
            p.runner.stop()
            await living

    run(story())
