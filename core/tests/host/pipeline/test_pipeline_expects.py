"""What a command expects, and who holds an order: compared before every attempt, given up only when it is so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from toys import (
    LOST_AFTER,
    LOST_BEFORE,
    ORDER,
    Pipe,
    World,
    case_command,
    flow,
    found,
    opening,
)

from caseconnect.sdk.commands import (
    CancelOrder,
    Expect,
    HoldOrder,
    ReleaseOrder,
)
from caseconnect.sdk.components import Repeat
from caseconnect.sdk.decisions import ActedOn, Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event, OrderChanged
from caseconnect.sdk.testing import run

CASE = ORDER._replace(connection="desk", kind="case", id="c1")


def still(outcome: str | None) -> Expect:
    return Expect(fact="case", subject=CASE, field="outcome", value=outcome)


def deciding() -> Callable[..., Any]:
    """Opens a case; carries out 'cancel' as the case says, and nothing when it says nothing."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CaseChanged):
            return Decision(reason="decided", commands=(CancelOrder(expects=(still("cancel"),)),))
        if isinstance(event, CommandSettled):
            return Decision(reason=f"{event.kind} {event.state}")
        return opening()(event, matter, facts, settings, now)

    return decide


@pytest.mark.parametrize("repeat", list(Repeat))
def test_what_changed_before_anything_was_sent_is_refused_and_told(tmp_path: Path, repeat: Repeat) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", deciding())], repeat=repeat) as p:
            await p.look()
            world.decide("c1", "cancel", "1")
            await p.send({"kind": "case", "id": "c1"}, connection="desk")
            world.script["fetch:case"] = [lambda: world.decide("c1", None, "2")]
            await p.settle()
            assert p.commands()["CancelOrder"] == "refused"
            assert p.notes()["CancelOrder"].startswith("changed: case outcome is None now")
            assert world.of() == ["OpenCase"]
            assert p.reasons()[-1] == "CancelOrder refused"

    run(story())


@pytest.mark.parametrize(
    ("repeat", "lost", "end", "effects"),
    [
        (Repeat.KEY, LOST_BEFORE, "parked", 0),
        (Repeat.KEY, LOST_AFTER, "done", 1),
        (Repeat.STATE, LOST_BEFORE, "refused", 0),
        (Repeat.STATE, LOST_AFTER, "done", 1),
        (Repeat.READ, LOST_BEFORE, "refused", 0),
        (Repeat.READ, LOST_AFTER, "done", 1),
    ],
)
def test_what_changed_while_the_outcome_was_unknown_is_looked_at(
    tmp_path: Path, repeat: Repeat, lost: str, end: str, effects: int
) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", deciding())], repeat=repeat) as p:
            await p.look()
            world.decide("c1", "cancel", "1")
            world.script["execute:CancelOrder"] = [lost]
            await p.look({"kind": "case", "id": "c1"}, connection="desk")
            assert p.commands()["CancelOrder"] == "unknown"
            world.decide("c1", None, "2")
            await p.pass_time(3600)
            assert p.commands()["CancelOrder"] == end
            assert world.of("CancelOrder") == ["CancelOrder"] * effects

    run(story())


def test_a_hold_whose_answer_is_lost_is_looked_at_at_once_and_the_release_waits_for_it(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CaseChanged):
            return Decision(reason="approved", commands=(ReleaseOrder(),))
        return opening(HoldOrder())(event, matter, facts, settings, now)

    async def story() -> None:
        for lost in (LOST_BEFORE, LOST_AFTER):
            world = World()
            world.script["execute:HoldOrder"] = [lost]
            folder = tmp_path / lost.replace(" ", "-")
            folder.mkdir()
            async with Pipe(folder, world, [flow("review", decide)]) as p:
                await p.send()
                await p.settle()
                assert p.commands()["HoldOrder"] == "unknown"
                await p.look({"kind": "case", "id": "c1"}, connection="desk")
                assert p.commands()["ReleaseOrder"] == "planned"
                await p.pass_time(5)
                there = lost == LOST_AFTER
                assert p.commands()["HoldOrder"] == ("done" if there else "superseded")
                await p.pass_time(600)
                assert p.commands()["ReleaseOrder"] == "done"
                assert world.of("HoldOrder") == ["HoldOrder"] * there
                assert world.held == set()
                assert p.told()["matters"][0]["claims"] == []

    run(story())


def test_one_matter_holds_for_another_and_the_last_claim_releases(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CaseChanged):
            return Decision(reason="approved", commands=(ReleaseOrder(),))
        if isinstance(event, CommandSettled) and event.kind == "ReleaseOrder":
            return Decision(reason="released", close=True)
        if isinstance(event, OrderChanged) and matter.state == "none":
            return Decision(reason="odd", findings=(found(),), commands=(HoldOrder(), case_command(title=matter.topic)))
        return Decision(reason="known")

    async def story() -> None:
        world = World()
        flows = [flow("one", decide, topic="a"), flow("two", decide, topic="b")]
        async with Pipe(tmp_path, world, flows) as p:
            await p.look()
            assert world.of("HoldOrder") == ["HoldOrder"]
            assert all(m["claims"] for m in p.told()["matters"])
            await p.look({"kind": "case", "id": "c1"}, connection="desk")
            assert world.of("ReleaseOrder") == []
            await p.look({"kind": "case", "id": "c2"}, connection="desk")
            assert world.of("ReleaseOrder") == ["ReleaseOrder"]
            assert {m.state for m in p.matters()} == {"closed"}

    run(story())


def test_a_release_that_was_not_sent_keeps_the_claim(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CaseChanged):
            release = ReleaseOrder(expects=(still("approved"),))
            acted = ActedOn(outcome="approved", revision=str(now))
            return Decision(reason="approved", commands=(release,), acted_on=acted)
        if isinstance(event, CommandSettled) and event.kind == "ReleaseOrder" and event.state == "done":
            return Decision(reason="released", close=True)
        return opening(HoldOrder())(event, matter, facts, settings, now)

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look()
            await p.look({"kind": "case", "id": "c1"}, connection="desk")
            assert p.commands()["ReleaseOrder"] == "refused"
            assert p.told()["matters"][0]["claims"] == [f"acme|shop|{ORDER}|hold"]
            world.decide("c1", "approved", "2")
            await p.pass_time(60)
            await p.look({"kind": "case", "id": "c1"}, connection="desk")
            assert world.of("ReleaseOrder") == ["ReleaseOrder"]
            assert (p.matters()[0].state, world.held) == ("closed", set())

    run(story())


def test_a_person_takes_the_hold_off_and_it_stays_off(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, OrderChanged):
            lacking = facts.lacking((Need(fact="order", subject=ORDER),))
            if lacking:
                return Needs(needs=lacking)
            return Decision(reason="odd", findings=(found(),), commands=(HoldOrder(),))
        return Decision(reason="told", commands=(ReleaseOrder(),) if isinstance(event, CaseChanged) else ())

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look()
            assert p.told()["matters"][0]["claims"]
            await p.pass_time(60)
            world.held.clear()
            await p.look()
            assert p.told()["matters"][0]["claims"] == []
            await p.pass_time(60)
            await p.look()
            assert world.of() == ["HoldOrder"]

    run(story())
