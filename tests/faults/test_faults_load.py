"""Load and fairness (faults.md 3.H): poison, a noisy tenant, a hot order. Nobody waits for somebody else's trouble."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from toys import PLACED, Pipe, World, acting, flow, opening

from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.pipeline.live import Accounts, build
from caseconnect.host.tenants.caps import Storm
from caseconnect.sdk.commands import Command, HoldOrder
from caseconnect.sdk.components import Outcome
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.events import Event
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import MemorySecrets

MANY = Storm(cases=100_000)
MUCH = 10_000 if os.environ.get("CONNECT_SEEDS") else 1_000
"""The whole backlog in `make simulate` and CI."""

BAD = Subject("shop", "order", "1")
OTHERS = [str(number) for number in range(2, 8)]


def reading(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
    """Needs the order, then opens a case."""
    lacking = facts.lacking((Need(fact="order", subject=matter.subject),))
    return Needs(needs=lacking) if lacking else opening()(event, matter, facts, settings, now)


def poison(name: str, world: World) -> Callable[..., Any]:
    """A use case at which order 1 fails for ever."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision | Needs:
        if name == "rule raises" and event.subject == BAD:
            raise ValueError("cannot divide this order")
        found: Decision | Needs = reading(event, matter, facts, settings, now)
        return found

    fetch = world.order

    def order(subject: Subject) -> Any:
        if subject == BAD and name == "fact is refused":
            raise PermanentError("there is no such order")
        if subject == BAD and name == "fact never comes":
            raise TransientError("the platform is out of order for this one")
        return fetch(subject)

    world.order = order  # type: ignore[method-assign] # this one order fails
    return decide


@pytest.mark.parametrize(
    ("name", "says"),
    [("rule raises", "ValueError"), ("fact is refused", "no such order"), ("fact never comes", "out of order")],
)
def test_a_poisoned_order_is_parked_or_shown_with_its_reason_and_the_others_go_on(
    name: str, says: str, tmp_path: Path
) -> None:
    """A platform that is down is waited for however long it takes, with an alert; what never will be is parked."""

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", poison(name, world), storm=MANY)]) as p:
            for number in ("1", *OTHERS):
                await p.send({"id": number})
            await p.pass_time(60)
            assert len(world.of("OpenCase")) == len(OTHERS)
            await p.look({"id": "1"})
            await p.look({"id": "9"})
            assert len(world.of("OpenCase")) == len(OTHERS) + 1, "and so do later ones"
            await p.pass_time(6 * 3600)
            assert says in str(p.told(BAD)["events"]) + str(p.told(BAD)["decisions"]), "with the reason"
            assert p.alerts(), "and a person is told"
            states = [event["state"] for event in p.told(BAD)["events"]]
            assert set(states) <= {"parked", "done", "waiting"}
            assert "ready" not in states, "nothing is skipped silently"
            assert len(world.fetched) < 120, "it is not asked hotly"

    run(story())


def test_a_hot_order_is_worked_off_in_order_and_starves_no_other(tmp_path: Path) -> None:
    """Each look at the hot order takes a minute; the other order's event comes after all of its events."""

    async def story() -> None:
        world = World()
        on = most = 0
        done: dict[str, float] = {}
        loop = asyncio.get_running_loop()

        def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
            done.setdefault(event.subject.id, loop.time())
            return reading(event, matter, facts, settings, now)

        async def slow() -> None:
            nonlocal on, most
            if world.fetched[-1].endswith("/1"):
                on += 1
                most = max(most, on)
                await asyncio.sleep(60)
                on -= 1

        world.script["fetch:order"] = [slow, ...]
        async with Pipe(tmp_path, world, [flow("review", decide, storm=MANY)]) as p:
            await p.send(*({"id": "1"} for _ in range(MUCH)))
            await p.send({"id": "2"})
            working = asyncio.create_task(p.runner.run(0.1))
            began = loop.time()
            await asyncio.sleep(3600)
            p.runner.stop()
            await working
            assert done["2"] - began < 5, "the other order waits for no look at the hot one"
            assert most == 1, "one look at a time"
            events = p.told(BAD)["events"]
            assert {event["state"] for event in events} == {"done"}
            assert len([event for event in events if event["type"] == "OrderChanged"]) == MUCH
            assert world.of("OpenCase") == ["OpenCase"] * 2

    run(story())


@asynccontextmanager
async def beside(p: Pipe, folder: Path, world: World, decide: Callable[..., Any]) -> AsyncIterator[None]:
    """Another tenant, `quiet`, in the same pipeline."""
    tenant = replace(Pipe(folder, world, [flow("review", decide, storm=MANY)]).tenant, name="quiet")
    live = await build(
        tenant, accounts=Accounts(off=True), secrets=MemorySecrets(), now=p.now, log=p.log, go_live=PLACED
    )
    p.runner.context.tenants["quiet"] = live
    working = asyncio.create_task(p.runner.run(0.1))
    yield
    p.runner.stop()
    for lane in p.runner.decider._lanes.values():
        lane.cancel()  # what is left of the backlog is not waited for
    await working
    await live.close()


def seconds_of_the_quiet_tenant(folder: Path, backlog: int, *, hangs: bool) -> float:
    """How long 20 events of one tenant take, each with one read of a second, while another has a backlog."""

    async def story() -> float:
        loud, quiet = World(), World()
        loud.script["fetch:order"] = [lambda: asyncio.sleep(400 if hangs else 1), ...]
        quiet.script["fetch:order"] = [lambda: asyncio.sleep(1), ...]
        async with (
            Pipe(folder, loud, [flow("review", reading, storm=MANY)]) as p,
            beside(p, folder, quiet, reading),
        ):
            if backlog:
                await p.send(*({"id": str(number)} for number in range(backlog)))
                await asyncio.sleep(3)
            began = asyncio.get_running_loop().time()
            body = orjson.dumps({"events": [{"id": str(number)} for number in range(20)]})
            await p.journal.receive([NewDelivery("quiet", "shop", "changes", "d", p.now(), body)], None, p.now())
            p.runner.context.wake.ring()
            while len(quiet.of("OpenCase")) < 20:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.05)
            took = asyncio.get_running_loop().time() - began
            if backlog:
                assert p.journal.counts()["events"]["ready"] > backlog / 2, "the other's backlog is still there"
            return took

    return run(story())


@pytest.mark.parametrize("hangs", [False, True], ids=["works", "hangs"])
def test_a_noisy_tenant_takes_at_most_half_of_a_quiet_one(hangs: bool, tmp_path: Path) -> None:
    alone = seconds_of_the_quiet_tenant(tmp_path / "alone", 0, hangs=False)
    beside_it = seconds_of_the_quiet_tenant(tmp_path / "beside", MUCH, hangs=hangs)
    assert beside_it <= 2 * alone, f"{beside_it:.1f} s instead of {alone:.1f} s"


def test_a_command_that_never_goes_through_is_shown_with_its_reason_and_the_others_are_sent(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        carry_out = world.effect

        def effect(command: Command, key: str) -> Outcome:
            if command.target == BAD:
                raise TransientError("this order is locked")
            return carry_out(command, key)

        world.effect = effect  # type: ignore[method-assign] # this one order fails
        async with Pipe(tmp_path, world, [flow("review", acting(HoldOrder(cause="fraud")), storm=MANY)]) as p:
            for number in ("1", *OTHERS):
                await p.send({"id": number})
            await p.pass_time(60)
            assert len(world.of("HoldOrder")) == len(OTHERS)
            await p.pass_time(6 * 3600)
            assert p.commands(BAD)["HoldOrder"] == "planned", "what surely had no effect is sent when it can be"
            assert "this order is locked" in p.notes(BAD)["HoldOrder"]
            assert p.alerts(), "and a person is told"
            assert len(world.attempts) < len(OTHERS) + 120, "it is not asked hotly"

    run(story())
