"""Commands go out once: whatever is lost, late or refused on the way."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from toys import (
    LOST_AFTER,
    LOST_BEFORE,
    ORDER,
    PLACED,
    Pipe,
    World,
    acting,
    flow,
    opening,
)

from caseconnect.sdk.commands import (
    CancelOrder,
)
from caseconnect.sdk.components import Outcome, Repeat, Sighting
from caseconnect.sdk.errors import PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.testing import run

CASE = ORDER._replace(connection="desk", kind="case", id="c1")
LOST = [
    # class, what happens to the first and following attempts, end, effects, attempts
    (Repeat.KEY, [LOST_BEFORE], "done", 1, 2),
    (Repeat.KEY, [LOST_AFTER], "done", 1, 2),
    (Repeat.KEY, [LOST_AFTER, LOST_BEFORE, LOST_AFTER], "done", 1, 4),
    (Repeat.STATE, [LOST_BEFORE], "done", 1, 2),
    (Repeat.STATE, [LOST_AFTER], "done", 1, 1),
    (Repeat.READ, [LOST_BEFORE], "done", 1, 2),
    (Repeat.READ, [LOST_AFTER], "done", 1, 1),
    (Repeat.READ, [LOST_BEFORE, LOST_AFTER], "done", 1, 2),
    (Repeat.READ, [LOST_BEFORE, LOST_BEFORE], "parked", 0, 2),
    (Repeat.READ, [TransientError("down"), LOST_BEFORE], "done", 1, 3),
    (Repeat.READ, [LOST_BEFORE, TransientError("down"), TransientError("down"), LOST_AFTER], "done", 1, 4),
    (Repeat.STATE, [LOST_BEFORE, ...], "parked", 0, 8),
    (Repeat.PERSON, [LOST_BEFORE], "parked", 0, 1),
    (Repeat.PERSON, [LOST_AFTER], "parked", 1, 1),
    (Repeat.READ, [RuntimeError("a bug after the request went out")], "done", 1, 2),
    (Repeat.READ, [ValueError("a bug"), UnknownOutcome("again")], "parked", 0, 2),
]


@pytest.mark.parametrize(("repeat", "script", "end", "effects", "attempts"), LOST)
def test_a_lost_answer_ends_right(
    tmp_path: Path, repeat: Repeat, script: list[Any], end: str, effects: int, attempts: int
) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:CancelOrder"] = [*script]
        async with Pipe(tmp_path, world, [flow("review", acting(CancelOrder()))], repeat=repeat) as p:
            await p.look()
            await p.pass_time(2 * 3600)
            assert p.commands() == {"CancelOrder": end}
            assert (len(world.of()), len(world.attempts)) == (effects, attempts)
            assert p.alerts() == (["parked:CancelOrder"] if end == "parked" else [])

    run(story())


def test_a_read_class_command_waits_out_the_lateness_and_looks_twice(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        looks: list[float] = []

        def note() -> None:
            looks.append(asyncio.get_running_loop().time())

        world.script["execute:CancelOrder"] = [LOST_BEFORE]
        world.script["verify:CancelOrder"] = [note, note, note]
        waits: dict[str, Any] = {
            "deadline": timedelta(seconds=30),
            "lateness": timedelta(seconds=120),
            "index_lag": timedelta(seconds=60),
        }
        async with Pipe(tmp_path, world, [flow("review", acting(CancelOrder()))], **waits) as p:
            await p.look()
            await p.pass_time(3600)
            assert looks[0] >= 30 + 120 + 60
            assert looks[1] - looks[0] >= 60
            assert (p.commands(), len(world.of())) == ({"CancelOrder": "done"}, 1)

    run(story())


def test_a_plugin_that_hangs_while_it_sends_leaves_an_unknown_outcome(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()

        async def hang() -> None:
            world.effect(CancelOrder(target=ORDER), p.told()["matters"][0]["commands"][0]["key"])
            await asyncio.sleep(10_000)

        world.script["execute:CancelOrder"] = [hang]
        async with Pipe(tmp_path, world, [flow("review", acting(CancelOrder()))]) as p:
            await p.look()
            await p.pass_time(3600)
            assert world.of() == ["CancelOrder"]
            assert (p.commands(), len(world.attempts)) == ({"CancelOrder": "done"}, 1)

    run(story())


@pytest.mark.parametrize(
    ("step", "end", "note"),
    [
        (PermanentError("it is shipped"), "refused", "it is shipped"),
        (Outcome(state="refused", note="money was captured"), "refused", "money was captured"),
    ],
)
def test_a_refusal_ends_the_command_with_its_reason(tmp_path: Path, step: Any, end: str, note: str) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:CancelOrder"] = [step]
        async with Pipe(tmp_path, world, [flow("review", acting(CancelOrder()))]) as p:
            await p.look()
            await p.pass_time(60)
            assert (p.commands(), p.notes()) == ({"CancelOrder": end}, {"CancelOrder": note})
            assert [e["type"] for e in p.told()["events"]] == ["OrderChanged", "CommandSettled"]

    run(story())


def test_no_connection_is_tried_again_for_hours_and_retry_after_is_obeyed(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:CancelOrder"] = [TransientError("busy", retry_after=900)]
        async with Pipe(tmp_path, world, [flow("review", acting(CancelOrder()))]) as p:
            await p.look()
            await p.pass_time(890)
            assert len(world.attempts) == 1
            await p.pass_time(20)
            assert p.commands() == {"CancelOrder": "done"}
            world.script["execute:CancelOrder"] = [TransientError("no connection"), ...]
            await p.look({"id": "2"})
            await p.pass_time(4 * 3600)
            assert p.commands(ORDER._replace(id="2")) == {"CancelOrder": "planned"}
            assert len(world.attempts) < 80
            world.script.clear()
            await p.pass_time(400)
            assert p.commands(ORDER._replace(id="2")) == {"CancelOrder": "done"}

    run(story())


@pytest.mark.parametrize(
    ("sightings", "end"),
    [
        ([Sighting(seen=False), Sighting(seen=False), Sighting(seen=True)], "done"),
        ([Sighting(seen=False), Sighting(seen=False, failed=True, note="the job failed")], "refused"),
        ([Sighting(seen=False), ...], "parked"),
        ([TransientError("down"), TransientError("down"), Sighting(seen=True)], "done"),
        ([RuntimeError("a bug"), Sighting(seen=True)], "done"),
    ],
)
def test_what_was_accepted_is_followed_to_its_end(tmp_path: Path, sightings: list[Any], end: str) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:CancelOrder"] = [Outcome(state="accepted", note="a job was started")]
        world.script["verify:CancelOrder"] = sightings
        async with Pipe(tmp_path, world, [flow("review", acting(CancelOrder()))]) as p:
            await p.look()
            assert p.commands() == {"CancelOrder": "accepted"}
            await p.pass_time(2 * 3600)
            assert p.commands() == {"CancelOrder": end}
            assert len(world.attempts) == 1

    run(story())


def test_a_key_is_relied_on_from_its_first_use_only(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:CancelOrder"] = [LOST_BEFORE, ...]
        flows = [flow("review", acting(CancelOrder()))]
        async with Pipe(tmp_path, world, flows, repeat=Repeat.KEY, key_window=timedelta(hours=1)) as p:
            await p.look()
            await p.pass_time(3 * 3600)
            assert p.commands() == {"CancelOrder": "parked"}
            last = max(
                o["at"] for c in p.told()["matters"][0]["commands"] for o in c["outcomes"] if o["became"] == "sending"
            )
            assert datetime.fromisoformat(last) < PLACED + timedelta(hours=1)

    run(story())


def test_a_refused_connection_does_not_make_an_unknown_outcome_known(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:CancelOrder"] = [LOST_AFTER, TransientError("no connection"), ...]
        flows = [flow("review", acting(CancelOrder()))]
        async with Pipe(tmp_path, world, flows, repeat=Repeat.KEY, key_window=timedelta(minutes=30)) as p:
            await p.look()
            await p.pass_time(1200)
            world.script["execute:CancelOrder"] = [TransientError("no connection"), ...]
            await p.pass_time(1800)
            assert p.commands() == {"CancelOrder": "done"}
            assert world.of() == ["CancelOrder"]

    run(story())


def test_a_case_that_was_opened_without_telling_its_id_is_looked_for(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:OpenCase"] = [Outcome(state="done")]
        world.script["verify:OpenCase"] = [Sighting(seen=True, data={"id": "c1"})]
        async with Pipe(tmp_path, world, [flow("review", opening())]) as p:
            await p.look()
            await p.pass_time(3600)
            assert p.commands() == {"OpenCase": "done"}
            assert p.matters()[0].case == CASE

    run(story())


def test_a_case_that_nobody_can_name_goes_to_a_person(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:OpenCase"] = [Outcome(state="done")]
        world.script["verify:OpenCase"] = [Sighting(seen=True), ...]
        async with Pipe(tmp_path, world, [flow("review", opening())]) as p:
            await p.look()
            await p.pass_time(3600)
            assert p.commands() == {"OpenCase": "parked"}

    run(story())
