"""What stops the sending: people, refused credentials, a full disk. Intake goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from toys import LOST_AFTER, ORDER, Pipe, World, flow, found, opening

from caseconnect.host.journal.errors import JournalFull
from caseconnect.host.journal.records import Brake
from caseconnect.sdk.commands import CancelOrder, CommentCase, Expect, HoldOrder
from caseconnect.sdk.decisions import Decision, Need, Needs
from caseconnect.sdk.errors import AuthError, ConfigError, TransientError
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run

REVIEW = opening(HoldOrder(), CommentCase(name="a", text="a"))


async def pause(p: Pipe, scope: Any, name: str, by: str = "ann") -> None:
    assert await p.journal.pause(Brake("acme", scope, name, "stocktaking", by, p.now()))


async def resume(p: Pipe, scope: str, name: str) -> None:
    assert await p.journal.resume("acme", scope, name, "done", "ann", p.now())
    p.runner.context.wake.ring()


@pytest.mark.parametrize(
    ("scope", "name", "goes_on"),
    [
        ("tenant", "", []),
        ("flow", "review", []),
        ("connection", "desk", ["HoldOrder"]),
        ("connection", "shop", ["OpenCase", "CommentCase"]),
        ("command", "CommentCase", ["HoldOrder", "OpenCase"]),
        ("flow", "other", ["HoldOrder", "OpenCase", "CommentCase"]),
    ],
)
def test_a_pause_stops_what_it_names_survives_a_restart_and_leaves_intake_running(
    tmp_path: Path, scope: str, name: str, goes_on: list[str]
) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", REVIEW)]) as p:
            await pause(p, scope, name)
            await p.look()
            await p.restart()
            await p.pass_time(7200)
            assert world.of() == goes_on
            assert p.journal.counts()["events"].keys() == {"done"}
            await resume(p, scope, name)
            await p.settle()
            assert sorted(world.of()) == ["CommentCase", "HoldOrder", "OpenCase"]

    run(story())


def test_a_pause_holds_for_what_is_still_being_looked_at(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        expect = Expect(fact="order", subject=ORDER, field="number", value="#1")
        async with Pipe(tmp_path, world, [flow("review", opening(CancelOrder(expects=(expect,))))]) as p:
            world.script["fetch:order"] = [lambda: pause(p, "connection", "shop")]
            await p.look()
            assert world.of() == ["OpenCase"]
            assert p.commands()["CancelOrder"] == "planned"
            await resume(p, "connection", "shop")
            await p.settle()
            assert world.of() == ["OpenCase", "CancelOrder"]

    run(story())


def test_refused_credentials_pause_the_connection_once_and_it_resumes_by_itself(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:HoldOrder"] = [AuthError("the app was removed")]
        world.script["read"] = [AuthError("the app was removed"), ...]
        async with Pipe(tmp_path, world, [flow("review", REVIEW)], poll={"shop": "10m"}) as p:
            await p.look()
            await p.look({"id": "2"})
            (brake,) = p.journal.brakes()
            assert (brake.scope, brake.name, brake.by) == ("connection", "shop", "connect")
            assert p.alerts() == ["auth:shop"]
            await p.pass_time(3600)
            assert world.of("HoldOrder") == []
            await p.restart()
            await p.pass_time(3600)
            assert (world.of("HoldOrder"), p.alerts()) == ([], ["auth:shop"])
            assert p.journal.stuck()["alerts"][0]["count"] == 1
            world.script.clear()
            await p.pass_time(1200)
            assert world.of("HoldOrder") == ["HoldOrder", "HoldOrder"]
            assert (p.journal.brakes(), p.alerts()) == ([], [])

    run(story())


@pytest.mark.parametrize("place", ["fetch:order", "root", "execute:HoldOrder", "verify:HoldOrder"])
def test_a_secret_that_is_missing_at_work_pauses_the_connection_and_parks_nothing(tmp_path: Path, place: str) -> None:
    def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Any:
        lacking = facts.lacking((Need(fact="order", subject=matter.subject),))
        return Needs(needs=lacking) if lacking else REVIEW(event, matter, facts, settings, now)

    async def story() -> None:
        world = World()
        missing = ConfigError("the secret file shop.key cannot be read: No such file or directory")
        alias = Subject("shop", "return", "9")
        world.roots[alias] = ORDER
        async with Pipe(tmp_path, world, [flow("review", decide)], poll={"shop": "10m"}) as p:
            await p.pass_time(1)
            world.script = {place: [missing, ...], "read": [missing, ...]}
            if place.startswith("verify"):
                world.script["execute:HoldOrder"] = [LOST_AFTER]
            await p.look(*([{"kind": "return", "id": "9"}] if place == "root" else []))
            await p.pass_time(3 * 3600)
            (brake,) = p.journal.brakes()
            assert (brake.scope, brake.name, brake.by, brake.reason) == ("connection", "shop", "connect", str(missing))
            assert p.alerts() == ["auth:shop"]
            assert p.journal.stuck()["alerts"][0]["count"] == 1
            counts = p.journal.counts()
            assert not [what for what, states in counts.items() if {"parked", "refused"} & states.keys()]
            world.script.clear()
            await p.pass_time(1200)
            assert sorted(world.of()) == ["CommentCase", "HoldOrder", "OpenCase"]
            assert (p.journal.brakes(), p.alerts()) == ([], [])

    run(story())


def test_credentials_that_work_again_do_not_lift_a_persons_pause(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["read"] = [AuthError("revoked"), AuthError("revoked")]
        async with Pipe(tmp_path, world, [flow("review", REVIEW)], poll={"shop": "10m"}) as p:
            await pause(p, "connection", "shop")
            await p.look()
            assert p.alerts() == ["auth:shop"]
            await p.pass_time(3600)
            assert [b.by for b in p.journal.brakes()] == ["ann"]
            assert (world.of("HoldOrder"), p.alerts()) == ([], [])

    run(story())


def test_credentials_refused_again_after_a_person_resumed_pause_again(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:HoldOrder"] = [AuthError("revoked"), AuthError("still revoked")]
        async with Pipe(tmp_path, world, [flow("review", REVIEW)]) as p:
            await p.look()
            await resume(p, "connection", "shop")
            await p.pass_time(60)
            assert [b.reason for b in p.journal.brakes()] == ["still revoked"]
            await resume(p, "connection", "shop")
            await p.pass_time(60)
            assert world.of("HoldOrder") == ["HoldOrder"]

    run(story())


def full(p: Pipe, verb: str, times: int) -> None:
    """The next `times` writes of `verb` find the disk full."""
    real: Callable[..., Any] = getattr(p.journal, verb)
    left = times

    async def write(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left >= 0:
            raise JournalFull("no room")
        return await real(*args, **kwargs)

    setattr(p.journal, verb, write)


@pytest.mark.parametrize("verb", ["parsed", "decided", "began", "settled", "fire", "schedule"])
def test_a_full_disk_stops_nothing_for_good_and_does_nothing_twice(tmp_path: Path, verb: str) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", REVIEW)], poll={"shop": "10m"}) as p:
            full(p, verb, 3)
            await p.send()
            working = asyncio.create_task(p.runner.run())
            for _ in range(120):
                with suppress(JournalFull):
                    await p.runner.tick(p.now())
                await asyncio.sleep(10)
            assert not working.done()
            assert sorted(world.of()) == ["CommentCase", "HoldOrder", "OpenCase"]
            assert set(p.commands().values()) == {"done"}
            assert len(p.log.lines) < 100
            p.runner.stop()
            await working

    run(story())


def test_an_answer_that_could_not_be_written_down_is_looked_for(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening())]) as p:
            full(p, "settled", 1)
            await p.look()
            assert p.commands() == {"OpenCase": "unknown"}
            await p.pass_time(1200)
            assert (p.commands(), world.of()) == ({"OpenCase": "done"}, ["OpenCase"])

    run(story())


def test_a_fault_of_our_own_neither_spins_nor_stops_the_others(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", REVIEW)]) as p:
            real = p.runner.deliverer._answered

            async def broken(connection: Any, stored: Any, outcome: Any) -> None:
                if stored.kind == "HoldOrder" and stored.attempt == 0:
                    raise ZeroDivisionError
                await real(connection, stored, outcome)

            p.runner.deliverer._answered = broken  # type: ignore[method-assign] # as above
            await p.look()
            assert p.commands() == {"HoldOrder": "unknown", "OpenCase": "done", "CommentCase:a": "done"}
            assert p.alerts() == ["broke:HoldOrder"]
            await p.pass_time(60)
            assert p.commands()["HoldOrder"] == "done"
            assert world.of("HoldOrder") == ["HoldOrder"]
            assert p.alerts() == [], "it is over with the command"

    run(story())


def test_the_process_ends_while_a_request_is_out(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()

        async def gone() -> str:
            await asyncio.sleep(5)
            return LOST_AFTER

        world.script["execute:OpenCase"] = [gone]
        p = await Pipe(tmp_path, world, [flow("review", opening())]).start()
        await p.send()
        settling = asyncio.create_task(p.settle())
        await asyncio.sleep(1)
        assert p.commands() == {"OpenCase": "sending"}
        settling.cancel()
        for task in p.runner.deliverer._running.values():
            task.cancel()
        await asyncio.sleep(0)
        await p.live.close()
        p.journal.close()
        await p.start()
        assert p.commands() == {"OpenCase": "unknown"}
        await p.pass_time(1200)
        assert (p.commands(), len(world.attempts)) == ({"OpenCase": "done"}, 2)
        assert world.of() == ["OpenCase"]
        await p.stop()

    run(story())


def test_an_outage_of_hours_makes_one_alert_that_closes_by_itself(tmp_path: Path) -> None:
    def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Any:
        lacking = facts.lacking((Need(fact="order", subject=matter.subject),))
        if lacking:
            return Needs(needs=lacking)
        return Decision(reason="odd", findings=(found(),), commands=(HoldOrder(),))

    async def story() -> None:
        world = World()
        down = TransientError("no connection")
        for place in ("read", "fetch:order", "execute:HoldOrder"):
            world.script[place] = [down, ...]
        async with Pipe(tmp_path, world, [flow("review", decide)], poll={"shop": "10m"}) as p:
            await p.look()
            await p.look({"id": "2"})
            await p.pass_time(4 * 3600)
            assert len(p.journal.stuck()["alerts"]) == 1
            assert "no connection" in p.journal.stuck()["alerts"][0]["title"]
            world.script.clear()
            await p.pass_time(1200)
            assert world.of() == ["HoldOrder", "HoldOrder"]
            assert p.alerts() == []

    run(story())
