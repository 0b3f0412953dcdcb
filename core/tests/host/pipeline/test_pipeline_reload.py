"""Another tenant file while everything runs: what is on ends as it began, what begins after is under the new one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from types import TracebackType
from typing import Any

import pytest
from toy_world import ToySettings, ToySink, ToySource
from toys import ORDER, Pipe, World, acting, flow, found, opening

from caseconnect.host.pipeline_thread import PipelineThread
from caseconnect.host.tenants.caps import Cap
from caseconnect.host.tenants.schedule import Poll, Schedule
from caseconnect.models import Money, Order
from caseconnect.models.base import Record
from caseconnect.sdk.commands import CancelOrder, Command, Expect, HoldOrder, RefundPayment
from caseconnect.sdk.components import Listener, Outcome, Pushed
from caseconnect.sdk.decisions import Decision, Need, Needs
from caseconnect.sdk.deliveries import Page
from caseconnect.sdk.errors import ConfigError, TransientError
from caseconnect.sdk.events import OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run

REFUND = RefundPayment(amount=Money(amount=Decimal("4.00"), currency="EUR"))


class Marked(ToySource):
    """Reads what the world holds and writes its own mark on it; knows when it was closed."""

    def __init__(self, world: World, connection: str, mark: str, marks: Marks) -> None:
        super().__init__(world, connection)
        self.mark, self.marks = mark, marks

    async def __aenter__(self) -> Marked:
        self.marks.open.append(self.mark)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.marks.open.remove(self.mark)

    async def fetch(self, need: Need) -> Record:
        assert self.mark in self.marks.open, "it is closed"
        await asyncio.sleep(self.marks.slow())
        assert self.mark in self.marks.open, "it was closed meanwhile"
        found = await super().fetch(need)
        return found.model_copy(update={"number": self.mark}) if isinstance(found, Order) else found

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        await asyncio.sleep(self.marks.slow())
        assert self.mark in self.marks.open, "it was closed while it was polled"
        return await super().read(cursor, watch)


class MarkedSink(ToySink):
    """Carries out slowly, and must not be closed meanwhile."""

    def __init__(self, world: World, mark: str, marks: Marks) -> None:
        super().__init__(world)
        self.mark, self.marks = mark, marks

    async def execute(self, command: Command, key: str) -> Outcome:
        await asyncio.sleep(self.marks.slow())
        assert self.mark in self.marks.open, "it was closed while a command was out"
        return await super().execute(command, key)


class Marks:
    """Generations of one tenant: in `open` are the connections that are at work."""

    def __init__(self, pipe: Pipe, seconds: float = 0.0, random: Random | None = None) -> None:
        self.pipe, self.open, self.seconds, self.random = pipe, list[str](), seconds, random

    def slow(self) -> float:
        """How long the next call takes."""
        return self.seconds * (self.random.random() if self.random else 1)

    def of(self, mark: str, **flow_: Any) -> dict[str, Any]:
        """What is another in the tenant with this mark: its shop connection and its flow."""
        pipe, world = self.pipe, self.pipe.world
        shop = pipe.tenant.connections["shop"]
        assert shop.source
        assert shop.sink
        source = replace(shop.source, build=lambda s, r: Marked(world, r.connection, mark, self))
        sink = replace(shop.sink, build=lambda s, r: MarkedSink(world, mark, self))
        connections = {**pipe.tenant.connections, "shop": replace(shop, source=source, sink=sink)}
        made = replace(flow("review", reads_its_mark, **flow_), settings=ToySettings(account=mark))
        return {"connections": connections, "flows": (made,)}


def reads_its_mark(event: Any, matter: Any, facts: Any, settings: ToySettings, now: datetime) -> Any:
    """Tell under which settings it was asked, and which connections read for it."""
    if not isinstance(event, OrderChanged):
        return Decision(reason="settled")
    # One after the other, so that a reload may come between the two.
    twin = Subject("shop", "order", f"twin of {event.subject.id}")
    for subject in (event.subject, twin):
        if facts.lacking((need := Need(fact="order", subject=subject),)):
            return Needs(needs=(need,))
    read = [facts.get("order", subject, Order).number for subject in (event.subject, twin)]
    commands = (HoldOrder(),) if matter.state == "none" else ()
    return Decision(reason=f"asked {settings.account} read {' '.join(read)}", findings=(found(),), commands=commands)


def halves(p: Pipe, orders: int) -> list[str]:
    """Reasons that show two generations in one turn."""
    reasons = [r for n in range(orders) for r in p.reasons(Subject("shop", "order", str(n))) if r.startswith("asked")]
    assert reasons
    return [r for r in reasons if len(set(r.split()) - {"asked", "read"}) > 1]


def test_a_turn_ends_under_what_it_began_with_and_the_next_is_under_the_new(tmp_path: Path) -> None:
    async def story() -> None:
        p = Pipe(tmp_path, World(), [])
        marks = Marks(p, seconds=5)
        p.tenant = replace(p.tenant, **marks.of("one"))
        async with p:
            await p.send({"id": "1"})
            await p.runner.intake.turn()
            assert await p.runner.decider.turn()
            await asyncio.sleep(1)
            await p.reload(**marks.of("two"))
            assert sorted(marks.open) == ["one", "two"], "what is on has its connections still"
            await p.settle()
            assert p.reasons()[0] == "asked one read one one"
            await p.look({"id": "1"})
            assert "asked two read two two" in p.reasons()
            await asyncio.sleep(1)
            assert marks.open == ["two"], "nobody uses the former ones any more"

    run(story())


def test_what_was_queued_begins_under_the_new(tmp_path: Path) -> None:
    async def story() -> None:
        p = Pipe(tmp_path, World(), [])
        marks = Marks(p, seconds=5)
        p.tenant = replace(p.tenant, **marks.of("one"))
        async with p:
            await p.send(*({"id": str(n)} for n in range(40)))
            await p.runner.intake.turn()
            await p.runner.decider.turn()
            await asyncio.sleep(1)
            await p.reload(**marks.of("two"))
            await p.settle()
            said = [p.reasons(Subject("shop", "order", str(n)))[0] for n in range(40)]
            assert set(said) == {"asked one read one one", "asked two read two two"}
            assert said.count("asked one read one one") == 16

    run(story())


@pytest.mark.parametrize("seed", range(3))
def test_a_tenant_is_reloaded_as_a_whole_whenever_it_comes(tmp_path: Path, seed: int) -> None:
    """Ten reloads at random moments under load: no turn sees two files, nothing is lost, all connections end."""

    async def story() -> None:
        random, orders = Random(seed), 20
        p = Pipe(tmp_path, World(), [], poll={"shop": "1m"})
        marks = Marks(p, seconds=2, random=random)
        p.tenant = replace(p.tenant, **marks.of("0"))
        async with p:
            running = asyncio.create_task(p.runner.run(20.0))
            for generation in range(1, 11):
                for _ in range(random.randrange(6)):
                    await p.send({"id": str(random.randrange(orders))}, {"id": str(random.randrange(orders))})
                p.runner.context.wake.ring()
                await asyncio.sleep(random.random() * 3)
                await p.reload(**marks.of(str(generation)))
            await asyncio.sleep(120)
            p.runner.stop()
            await running
            assert halves(p, orders) == []
            assert marks.open == ["10"]
            assert set(p.journal.counts()["deliveries"]) == {"events"}
            assert set(p.journal.counts()["commands"]) == {"done"}
            assert len(p.world.of("HoldOrder")) == len({t for k, t, _ in p.world.effects if k == "HoldOrder"})
            assert not [line for line in p.log.lines if line[0] == "error"]

    run(story())


def test_a_command_that_is_out_ends_and_one_that_is_not_is_under_the_new_mode(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        out, answer = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            out.set()
            await answer.wait()

        world.script["execute:HoldOrder"] = [hold]
        async with Pipe(tmp_path, world, [flow("review", acting(HoldOrder()))]) as p:
            await p.send({"id": "1"}, {"id": "2"})
            p.runner.deliverer._room["acme", "shop", True] = asyncio.Semaphore(1)
            await p.runner.intake.turn()
            while await p.runner.decider.turn():
                await p.runner.decider.idle()
            await p.runner.deliverer.turn()
            await out.wait()
            await p.reload(flows=(flow("review", acting(HoldOrder()), mode="observe"),))
            answer.set()
            await p.settle()
            assert [target for _, target, _ in world.effects] == ["shop/order/1"]
            (waits,) = p.notes(Subject("shop", "order", "2")).values()
            assert "mode observe" in waits
            await p.reload(flows=(flow("review", acting(HoldOrder())),))
            await p.pass_time(120)
            assert [target for _, target, _ in world.effects] == ["shop/order/1", "shop/order/2"]

    run(story())


def test_a_command_that_is_looked_at_while_the_mode_changes_is_not_sent(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        expect = Expect(fact="order", subject=ORDER, field="number", value="#1")
        live, observes = (flow("review", opening(CancelOrder(expects=(expect,))), mode=m) for m in ("live", "observe"))
        async with Pipe(tmp_path, world, [live]) as p:
            world.script["fetch:order"] = [lambda: p.reload(flows=(observes,))]
            await p.look()
            assert world.of("CancelOrder") == []
            assert p.notes()["CancelOrder"].startswith("mode observe")
            await p.reload(flows=(live,))
            await p.pass_time(61)
            assert world.of("CancelOrder") == ["CancelOrder"]

    run(story())


def test_money_of_a_flow_that_is_gone_waits(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:RefundPayment"] = [TransientError("busy")]
        async with Pipe(tmp_path, world, [flow("review", acting(REFUND))]) as p:
            await p.look()
            assert p.commands() == {"RefundPayment": "planned"}
            await p.reload(flows=(flow("other", opening()),))
            await p.pass_time(3600)
            assert world.of("RefundPayment") == []
            assert "no flow review any more" in p.notes()["RefundPayment"]
            await p.reload(flows=(flow("review", acting(REFUND)),))
            await p.pass_time(3600)
            assert world.of("RefundPayment") == ["RefundPayment"]

    run(story())


def test_a_cap_that_is_lowered_counts_what_went_out_before(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        five, one = ({"RefundPayment": Cap.model_validate({"day": {"count": n}})} for n in (5, 1))
        async with Pipe(tmp_path, world, [flow("review", acting(REFUND), caps=five)]) as p:
            await p.look({"id": "1"})
            await p.reload(flows=(flow("review", acting(REFUND), caps=one),))
            await p.look({"id": "2"})
            assert len(world.of("RefundPayment")) == 1
            assert p.commands(Subject("shop", "order", "2")) == {"RefundPayment": "parked"}

    run(story())


def test_a_schedule_that_changes_during_a_poll_counts_from_its_end(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening())], poll={"shop": "1d"}) as p:
            polling, go = asyncio.Event(), asyncio.Event()

            async def wait() -> None:
                polling.set()
                await go.wait()

            world.script["read"] = [wait]
            p.runner.poller.tick(p.now())
            await p.pass_time(0)
            asyncio.get_running_loop().call_later(3600, go.set)
            work = asyncio.create_task(p.pass_time(7200))
            await polling.wait()
            shop = replace(p.tenant.connections["shop"], schedule=Schedule(Poll(every="10m"), "shop"))
            await p.reload(connections={**p.tenant.connections, "shop": shop})
            await work
            assert len(world.reads) >= 5

    run(story())


def test_a_tenant_that_is_ended_keeps_its_work_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))], poll={"shop": "1m"}) as p:
            live = p.live
            await p.send()
            await p.runner.replace("acme", None)
            await p.send(id="late")
            await p.pass_time(3600)
            assert p.journal.counts()["deliveries"] == {"new": 2}
            assert (world.of(), world.reads, p.runner.poller.due()) == ([], [], {})
            await live.close()
            p.live = await p.build()
            await p.runner.replace("acme", p.live)
            await p.settle()
            assert sorted(world.of()) == ["HoldOrder", "OpenCase"]

    run(story())


def test_a_listener_is_ended_with_its_connection_and_the_new_one_takes_its_place(tmp_path: Path) -> None:
    heard: list[str] = []

    def listener(mark: str) -> Listener:
        async def listen(settings: Any, resources: Any, deliver: Any) -> None:
            heard.append(f"{mark} begins")
            await deliver(Pushed("changes", mark, b'{"events": [{}]}'))
            try:
                await asyncio.Event().wait()
            finally:
                heard.append(f"{mark} ends")

        return Listener(listen)

    async def story() -> None:
        p = Pipe(tmp_path, World(), [flow("review", opening())])
        shop = p.tenant.connections["shop"]
        desk = p.tenant.connections["desk"]
        p.tenant = replace(p.tenant, connections={"desk": desk, "shop": replace(shop, listeners=(listener("a"),))})
        async with p:
            running = asyncio.create_task(p.runner.run(5.0))
            await asyncio.sleep(1)
            await p.reload(connections={"desk": desk, "shop": replace(shop, listeners=(listener("b"),))})
            await asyncio.sleep(1)
            p.runner.stop()
            await running
            assert sorted(heard[1:3]) == ["a ends", "b begins"]
            assert (heard[0], heard[3:]) == ("a begins", ["b ends"])
            assert p.journal.counts()["deliveries"] == {"events": 2}

    run(story())


def test_one_that_cannot_be_built_leaves_the_tenant_as_it_was(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        p = Pipe(tmp_path, world, [flow("review", opening())])
        async with p:
            thread = PipelineThread(p.journal, {"acme": p.tenant}, p.now, p.log, pacing=False)
            thread._runner, thread._loop = p.runner, asyncio.get_running_loop()
            thread._started.set()
            shop = p.tenant.connections["shop"]
            assert shop.source is not None

            def refuses(settings: Any, resources: Any) -> Any:
                raise ConfigError("the secret file shop.key cannot be read")

            sick = replace(shop, source=replace(shop.source, build=refuses))
            bad = replace(p.tenant, connections={**p.tenant.connections, "shop": sick})
            why = await thread._replace("acme", bad)
            assert why == "toy-shop: shop could not be built: the secret file shop.key cannot be read"
            assert p.runner.context.tenants["acme"] is p.live
            assert p.alerts() == []
            await p.look()
            assert world.of() == ["OpenCase"]
            assert await thread._replace("acme", replace(p.tenant, digest="2")) == ""
            assert p.runner.context.tenants["acme"] is not p.live
            await p.runner.context.tenants["acme"].close()

    run(story())


def test_a_refused_reload_starts_no_clock_and_is_no_tenant_that_is_refused(tmp_path: Path) -> None:
    def account(_: Any) -> str:
        raise ConfigError("no such account")

    async def story() -> None:
        p = Pipe(tmp_path, World(), [flow("review", opening())])
        async with p:
            thread = PipelineThread(p.journal, {"acme": p.tenant}, p.now, p.log, pacing=False)
            thread._runner, thread._loop = p.runner, asyncio.get_running_loop()
            thread._started.set()
            first, shop = p.journal.starts("acme"), p.tenant.connections["shop"]
            assert shop.source is not None
            second = replace(shop, name="shop2")
            both = replace(p.tenant, go_live=None, connections={**p.tenant.connections, "shop2": second})
            sick = replace(second, source=replace(shop.source, account=account))
            bad = replace(both, connections={**both.connections, "shop2": sick})
            assert "no such account" in await thread._replace("acme", bad)
            assert (p.journal.starts("acme"), (await thread.live()).refused) == (first, {})
            await p.pass_time(3600)
            assert await thread._replace("acme", both) == ""
            live = p.runner.context.tenants["acme"]
            began = {name: each.go_live for name, each in live.connections.items()}
            assert began == {"shop": first["start"], "desk": first["start"], "shop2": p.now()}
            assert p.journal.starts("acme")["start:shop2"] == p.now()
            await live.close()

    run(story())


def test_a_tenant_that_was_refused_at_the_start_is_so_until_a_reload_mends_or_ends_it(tmp_path: Path) -> None:
    async def story() -> None:
        p = Pipe(tmp_path, World(), [flow("review", opening())])
        async with p:
            thread = PipelineThread(p.journal, {"acme": p.tenant}, p.now, p.log, pacing=False)
            thread._runner, thread._loop = p.runner, asyncio.get_running_loop()
            thread._started.set()
            thread.refused |= {"acme": "no such account", "gone": "no such account"}
            assert await thread._replace("acme", replace(p.tenant, digest="2")) == ""
            assert list((await thread.live()).refused) == ["gone"]
            assert await thread._replace("gone", None) == ""
            assert (await thread.live()).refused == {}
            await p.runner.context.tenants["acme"].close()

    run(story())
