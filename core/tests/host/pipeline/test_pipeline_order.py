"""Which command goes first, which waits for which, and which need not go at all."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from toys import (
    LOST_BEFORE,
    ORDER,
    Pipe,
    World,
    acting,
    flow,
    found,
    looking,
    opening,
)

from caseconnect.host.tenants.file_models import Limits, Timing
from caseconnect.sdk.commands import (
    AnnotateOrder,
    CancelOrder,
    CommentCase,
    Counter,
    Expect,
    HoldOrder,
)
from caseconnect.sdk.decisions import Decision, Facts, Matter
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.events import Event, OrderChanged
from caseconnect.sdk.testing import run


def test_protective_commands_go_first_and_wait_for_no_case(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:OpenCase"] = [TransientError("down"), ...]
        more = (CommentCase(name="a", text="a"), HoldOrder())
        async with Pipe(tmp_path, world, [flow("review", opening(*more))]) as p:
            await p.look()
            assert world.of() == ["HoldOrder"]
            assert p.commands() == {"HoldOrder": "done", "OpenCase": "planned", "CommentCase:a": "planned"}
            world.script.clear()
            await p.pass_time(600)
            assert world.of() == ["HoldOrder", "OpenCase", "CommentCase"]

    run(story())


def test_commands_of_one_target_start_in_order_whatever_they_look_at_first(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        names = [f"n{i}" for i in range(12)]
        world.script["fetch:order"] = [lambda: asyncio.sleep(5)]
        slow = Expect(fact="order", subject=ORDER, field="number", value="#1")
        commands = tuple(CommentCase(name=n, text=n, expects=(slow,) if i == 0 else ()) for i, n in enumerate(names))
        async with Pipe(tmp_path, world, [flow("review", opening(*commands))]) as p:
            await p.look()
            await p.pass_time(60)
            assert [key.rsplit(":", 1)[1] for kind, key in world.attempts if kind == "CommentCase"] == names

    run(story())


def test_a_waiting_command_blocks_only_those_that_name_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:AnnotateOrder"] = [TransientError("busy", retry_after=600)]
        commands = (
            AnnotateOrder(name="a", add_tags=("a",)),
            AnnotateOrder(name="b", add_tags=("b",), after=("AnnotateOrder:a",)),
            AnnotateOrder(name="c", add_tags=("c",)),
        )
        async with Pipe(tmp_path, world, [flow("review", acting(*commands))]) as p:
            await p.look()
            await p.pass_time(300)
            assert [value for _, _, value in world.effects] == ["c"]
            await p.pass_time(600)
            assert [value for _, _, value in world.effects] == ["c", "a", "b"]

    run(story())


@pytest.mark.parametrize(("even", "end"), [(False, "refused"), (True, "done")])
def test_a_refused_command_refuses_its_followers(tmp_path: Path, even: bool, end: str) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:AnnotateOrder"] = [PermanentError("no")]
        follower = CancelOrder(after=("AnnotateOrder:a",), even_if_failed=even)
        chain = (
            AnnotateOrder(name="a", add_tags=("a",)),
            follower,
            CommentCase(name="x", text="x", after=("CancelOrder",)),
        )
        async with Pipe(tmp_path, world, [flow("review", opening(*chain))]) as p:
            await p.look()
            await p.pass_time(60)
            assert p.commands()["CancelOrder"] == end
            assert p.commands()["CommentCase:x"] == end

    run(story())


def test_a_case_that_cannot_be_opened_while_the_order_is_held_alerts(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:OpenCase"] = [PermanentError("the definition is gone")]
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder(), CommentCase(name="a", text="a")))]) as p:
            await p.look()
            assert p.commands() == {"HoldOrder": "done", "OpenCase": "refused", "CommentCase:a": "refused"}
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["title"] == "an order is held but its case could not be opened: the definition is gone"

    run(story())


def test_a_connection_without_the_command_parks_it_until_the_file_is_mended(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(
            tmp_path, world, [flow("review", acting(CancelOrder(target=ORDER._replace(connection="gone"))))]
        ) as p:
            await p.look()
            (parked,) = p.journal.stuck()["commands"]
            assert "connection 'gone' does not carry out CancelOrder" in parked["note"]
            await p.pass_time(600)
            assert world.attempts == []

    run(story())


def test_a_slot_that_changes_too_often_parks_with_an_alert(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        tag = AnnotateOrder(name="t", add_tags=(now.strftime("%H%M%S"),))
        return Decision(reason="look", findings=(found(),), commands=(tag,))

    async def story() -> None:
        world = World()
        flows = [flow("review", decide, handles=frozenset({OrderChanged}))]
        async with Pipe(tmp_path, world, flows, limits=Limits(state_changes_per_hour=3)) as p:
            for _ in range(6):
                await p.look()
                await p.pass_time(60)
            assert world.of() == ["AnnotateOrder"] * 3
            assert "changed 3 times within an hour" in p.journal.stuck()["commands"][0]["note"]
            assert p.alerts() == ["parked:AnnotateOrder"]
            await p.pass_time(3600)
            await p.look()
            assert len(world.of()) == 4

    run(story())


def test_a_newer_value_supersedes_the_older_that_has_not_gone_out(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:AnnotateOrder"] = [TransientError("busy", retry_after=300)]
        tag = [(AnnotateOrder(name="t", add_tags=(t,)),) for t in ("a", "b", "b", "a")]
        async with Pipe(tmp_path, world, [flow("review", looking(*tag))]) as p:
            for _ in range(4):
                await p.look()
                await p.pass_time(30)
            await p.pass_time(900)
            states = [c["state"] for c in p.told()["matters"][0]["commands"]]
            assert states == ["superseded", "done", "done"]
            assert len(world.of()) == 2

    run(story())


def test_an_order_cancelled_before_is_not_cancelled_by_another_matter(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        flows = [
            flow("one", looking((CancelOrder(),)), topic="a"),
            flow("two", looking((), (CancelOrder(),)), topic="b"),
        ]
        async with Pipe(tmp_path, world, flows) as p:
            await p.look()
            await p.look()
            assert world.of() == ["CancelOrder"]
            assert [c["note"] for m in p.told()["matters"] for c in m["commands"]] == [
                "",
                "nothing to send: it is yes already",
            ]

    run(story())


def test_over_a_limit_a_command_is_born_parked(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        counter = Counter(name="credits", amount=Decimal(6), limit=Decimal(10))
        async with Pipe(tmp_path, world, [flow("review", acting(CancelOrder(counter=counter)))]) as p:
            await p.look()
            await p.look({"id": "2"})
            assert p.commands() == {"CancelOrder": "done"}
            assert p.commands(ORDER._replace(id="2")) == {"CancelOrder": "parked"}
            assert "credits: 6 used, 6 more would pass the limit of 10" in p.journal.stuck()["commands"][0]["note"]

    run(story())


def test_a_parked_command_can_be_retried_by_a_person(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:OpenCase"] = [LOST_BEFORE, LOST_BEFORE]
        async with Pipe(tmp_path, world, [flow("review", opening(CommentCase(name="a", text="a")))]) as p:
            await p.look()
            await p.pass_time(3600)
            (parked,) = p.journal.stuck()["commands"]
            assert (parked["kind"], parked["blocks"]) == ("OpenCase", 1)
            await p.journal.answer(parked["key"], "retry", "looked: it is not there", "ann", p.now())
            await p.settle()
            assert world.of() == ["OpenCase", "CommentCase"]
            assert p.alerts() == []

    run(story())


def test_waits_of_the_tenant_file_hold(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:CancelOrder"] = [LOST_BEFORE]
        timing = Timing(quiet=timedelta(seconds=2), look_again=timedelta(seconds=1), deadline=timedelta(seconds=1))
        async with Pipe(tmp_path, world, [flow("review", acting(CancelOrder()))], timing=timing) as p:
            await p.look()
            await p.pass_time(10)
            assert p.commands() == {"CancelOrder": "done"}

    run(story())
