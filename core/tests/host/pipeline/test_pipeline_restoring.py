"""Undoing: the last of those that claimed it restores what was there before the first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from toy_world import ToySink
from toys import LOST_AFTER, LOST_BEFORE, ORDER, Pipe, World, flow, found

from caseconnect.sdk.commands import HoldOrder, RestoreProduct, SuppressProduct
from caseconnect.sdk.components import Outcome
from caseconnect.sdk.decisions import Decision, Facts, Matter
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.events import CommandSettled, Event
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run

PRODUCT = Subject("shop", "product", "p1")
FIRST, SECOND = ORDER, ORDER._replace(id="2")


def recalling(*steps: str) -> Callable[..., Any]:
    """At the n-th look at a subject its n-th step: "suppress" or "restore"; a closing follows what is restored."""
    seen: dict[Subject, int] = {}

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CommandSettled):
            over = event.kind == "RestoreProduct" and event.state == "done"
            return Decision(reason=f"{event.kind} {event.state}", close=over)
        number = seen[event.subject] = seen.get(event.subject, -1) + 1
        made = {"suppress": SuppressProduct(target=PRODUCT), "restore": RestoreProduct(target=PRODUCT)}
        commands = (made[steps[number]],) if number < len(steps) else ()
        return Decision(reason="look", findings=(found(f"g{number}"),), commands=commands)

    return decide


def world_with(shown: str = "online-eu") -> World:
    world = World()
    world.products[str(PRODUCT)] = shown
    return world


async def look(p: Pipe, subject: Subject) -> None:
    await p.look({"id": subject.id})


def test_two_recalls_suppress_one_product_and_the_last_to_end_restores_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = world_with()
        async with Pipe(tmp_path, world, [flow("recalls", recalling("suppress", "restore"))]) as p:
            await look(p, FIRST)
            await look(p, SECOND)
            assert world.of() == ["SuppressProduct"]
            assert p.notes(SECOND)["SuppressProduct"] == "nothing to send: it is held already"
            await look(p, FIRST)
            assert world.of("RestoreProduct") == []
            assert p.matters(FIRST)[0].state == "closed"
            await p.restart()
            await look(p, SECOND)
            assert (world.of("RestoreProduct"), world.products[str(PRODUCT)]) == (["RestoreProduct"], "online-eu")
            assert p.matters(SECOND)[0].state == "closed"

    run(story())


def test_restoring_what_was_not_claimed_sends_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        world = world_with()
        async with Pipe(tmp_path, world, [flow("recalls", recalling("restore"))]) as p:
            await look(p, FIRST)
            assert world.of() == []
            assert p.notes(FIRST)["RestoreProduct"] == "nothing to send: this matter claims nothing"

    run(story())


@pytest.mark.parametrize("script", [[LOST_AFTER], [LOST_BEFORE], [TransientError("busy")], [LOST_BEFORE, LOST_AFTER]])
def test_what_was_there_is_known_whatever_becomes_of_the_answer(tmp_path: Path, script: list[Any]) -> None:
    async def story() -> None:
        world = world_with()
        world.script["execute:SuppressProduct"] = [*script]
        async with Pipe(tmp_path, world, [flow("recalls", recalling("suppress", "restore"))]) as p:
            await look(p, FIRST)
            await p.restart()
            await p.pass_time(3600)
            assert world.products[str(PRODUCT)] == "hidden"
            await look(p, FIRST)
            assert world.products[str(PRODUCT)] == "online-eu"

    run(story())


def test_it_is_read_again_before_each_attempt_that_may_be_the_first_to_work(tmp_path: Path) -> None:
    async def story() -> None:
        world = world_with()
        world.script["execute:SuppressProduct"] = [TransientError("busy")]
        async with Pipe(tmp_path, world, [flow("recalls", recalling("suppress", "restore"))]) as p:
            await look(p, FIRST)
            world.products[str(PRODUCT)] = "online-us"
            await p.pass_time(600)
            await look(p, FIRST)
            assert world.products[str(PRODUCT)] == "online-us"

    run(story())


def test_a_refused_suppression_leaves_nothing_to_restore_from(tmp_path: Path) -> None:
    async def story() -> None:
        world = world_with()
        world.script["execute:SuppressProduct"] = [PermanentError("locked")]
        steps = recalling("suppress", "suppress", "restore")
        async with Pipe(tmp_path, world, [flow("recalls", steps)]) as p:
            await look(p, FIRST)
            assert p.commands(FIRST) == {"SuppressProduct": "refused"}
            assert p.told(FIRST)["matters"][0]["claims"] == []
            world.products[str(PRODUCT)] = "online-us"
            await look(p, FIRST)
            await look(p, FIRST)
            assert world.products[str(PRODUCT)] == "online-us"

    run(story())


def test_a_second_time_begins_with_what_is_there_then(tmp_path: Path) -> None:
    async def story() -> None:
        world = world_with()
        async with Pipe(
            tmp_path, world, [flow("recalls", recalling("suppress", "restore", "suppress", "restore"))]
        ) as p:
            await look(p, FIRST)
            await look(p, FIRST)
            world.products[str(PRODUCT)] = "online-us"
            await p.pass_time(60)
            await look(p, FIRST)
            await look(p, FIRST)
            assert world.of() == ["SuppressProduct", "RestoreProduct"] * 2
            assert world.products[str(PRODUCT)] == "online-us"

    run(story())


def test_what_the_answer_says_was_there_counts_where_the_sink_was_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(ToySink, "before")

    async def story() -> None:
        world = world_with()

        def hidden() -> Outcome:
            world.products[str(PRODUCT)] = "hidden"
            return Outcome(state="done", data={"before": {"shown": "by the answer"}})

        async with Pipe(tmp_path, world, [flow("recalls", recalling("suppress", "restore"))]) as p:
            world.script["execute:SuppressProduct"] = [hidden]
            await look(p, FIRST)
            await look(p, FIRST)
            assert world.products[str(PRODUCT)] == "by the answer"

    run(story())


def test_a_platform_that_cannot_be_read_keeps_the_suppression_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        world = world_with()
        world.script["before:SuppressProduct"] = [TransientError("not now")]
        async with Pipe(tmp_path, world, [flow("recalls", recalling("suppress", "restore"))]) as p:
            await look(p, FIRST)
            assert (world.of(), p.commands(FIRST)) == ([], {"SuppressProduct": "planned"})
            await p.pass_time(60)
            await look(p, FIRST)
            assert world.products[str(PRODUCT)] == "online-eu"

    run(story())


def test_a_hold_does_not_end_a_suppression_of_the_same_target(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CommandSettled) or matter.state != "none":
            return Decision(reason="told")
        commands = (SuppressProduct(target=PRODUCT), HoldOrder())
        return Decision(reason="look", findings=(found(),), commands=commands)

    async def story() -> None:
        async with Pipe(tmp_path, world_with(), [flow("recalls", decide)]) as p:
            await look(p, FIRST)
            assert p.told(FIRST)["matters"][0]["claims"] == [
                f"acme|shop|{ORDER}|hold",
                f"acme|shop|{PRODUCT}|suppressed",
            ]

    run(story())
