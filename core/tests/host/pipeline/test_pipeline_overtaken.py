"""An outcome that changes before its refund is sent: the new one alone goes out. Afterwards it is a person's."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from toys import LOST_BEFORE, ORDER, Pipe, World, case_command, flow, found

from caseconnect.host.journal.records import Brake
from caseconnect.models import Case
from caseconnect.sdk.casework import Action, CaseworkSettings, UseCase, follow_up
from caseconnect.sdk.decisions import Decision, Facts, Matter, Needs
from caseconnect.sdk.events import Event
from caseconnect.sdk.testing import run

USE = UseCase(name="review", exceptions=("odd",))


class Policy(CaseworkSettings):
    names = ("odd",)
    actions: ClassVar[tuple[Action, ...]] = ("refund", "credit", "close")


POLICY = Policy(outcomes={"approved": ("refund",), "goodwill": ("credit",), "rejected": ("close",)})


def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision | Needs:
    """Opens a case, and carries its outcome out."""
    followed = follow_up(USE, event, matter, facts, POLICY)
    if followed is not None:
        return followed
    opens = matter.state == "none"
    return Decision(reason="look", findings=(found(),), commands=(case_command(),) if opens else ())


def pipe(folder: Path, world: World) -> AbstractAsyncContextManager[Pipe]:
    return Pipe(folder, world, [flow("review", decide)])


def says(world: World, outcome: str, revision: str, amount: str = "1.00", **more: str) -> None:
    """What the case says now."""
    world.decide("c1", outcome, revision)
    world.cases["c1"]["attributes"] = {"approved_amount": amount, **more}


async def told(p: Pipe, outcome: str, revision: str, amount: str = "1.00", **more: str) -> None:
    """The case changes, and we hear of it."""
    says(p.world, outcome, revision, amount, **more)
    await p.look({"kind": "case", "id": "c1"}, connection="desk")


async def held_back(p: Pipe) -> None:
    """A case is open, and refunds wait."""
    await p.look()
    await p.journal.pause(Brake("acme", "command", "RefundPayment", "wait", "ann", p.now()))


async def let_go(p: Pipe) -> None:
    await p.journal.resume("acme", "command", "RefundPayment", "go", "ann", p.now())
    await p.pass_time(60)


def moved(world: World) -> list[tuple[str, str]]:
    """What was given away."""
    return [(kind, value) for kind, _, value in world.effects if kind in ("RefundPayment", "IssueCredit")]


def refunds(p: Pipe) -> list[str]:
    """The states of all refunds, in the order in which they were asked for."""
    return [c["state"] for m in p.told()["matters"] for c in m["commands"] if c["kind"] == "RefundPayment"]


ONE, TWO = ("RefundPayment", "1.00 EUR"), ("RefundPayment", "2.00 EUR")


@pytest.mark.parametrize(
    ("then", "states", "ends"),
    [
        ([("rejected", "1.00")], ["superseded"], []),
        ([("approved", "2.00")], ["superseded", "done"], [TWO]),
        ([("goodwill", "1.00")], ["superseded"], [("IssueCredit", "1.00 EUR")]),
        ([("approved", "2.00"), ("approved", "1.00")], ["superseded", "superseded", "done"], [ONE]),
        ([("goodwill", "x"), ("approved", "1.00")], ["superseded", "done"], [ONE]),
        ([("unheard of", "1.00"), ("approved", "1.00")], ["superseded", "done"], [ONE]),
        ([("approved", "1.00")], ["done"], [ONE]),
    ],
)
def test_what_changed_before_it_was_sent_is_carried_out_alone(
    tmp_path: Path, then: list[tuple[str, str]], states: list[str], ends: list[tuple[str, str]]
) -> None:
    async def story() -> None:
        async with pipe(tmp_path, World()) as p:
            await held_back(p)
            await told(p, "approved", "r1")
            for number, (outcome, amount) in enumerate(then):
                await told(p, outcome, f"s{number}", amount)
            await let_go(p)
            assert (refunds(p), moved(p.world)) == (states, ends)
            said = [text for kind, _, text in p.world.effects if kind == "CommentCase"]
            times = states.count("superseded")
            assert sum("had not been sent, and is not: RefundPayment" in text for text in said) == times
            assert not any("approved" in a["title"] for a in p.journal.stuck()["alerts"])

    run(story())


def test_a_decision_between_the_last_look_and_the_sending_stops_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with pipe(tmp_path, world) as p:
            await held_back(p)
            await told(p, "approved", "r1")

            async def change() -> Case:
                was = Case(id="c1", **world.cases["c1"])
                says(world, "goodwill", "r2")
                await p.send({"kind": "case", "id": "c1"}, connection="desk")
                await decided_meanwhile(p)
                return was

            world.script["fetch:case"] = [change]
            await let_go(p)
            assert (refunds(p), moved(world)) == (["superseded"], [("IssueCredit", "1.00 EUR")])
            assert any(level == "info" and "is not planned any more" in str(f) for level, _, f in p.log.lines)

    run(story())


async def decided_meanwhile(p: Pipe) -> None:
    """Whatever has arrived is decided, and nothing is sent."""
    await p.runner.intake.turn()
    await p.runner.intake.idle()
    await p.runner.decider.turn()
    await p.runner.decider.idle()


@pytest.mark.parametrize("late", ["during", "lost"])
@pytest.mark.parametrize(("outcome", "amount"), [("goodwill", "1.00"), ("approved", "2.00")])
def test_what_has_left_is_a_persons_however_the_decision_saw_it(
    tmp_path: Path, late: str, outcome: str, amount: str
) -> None:
    async def story() -> None:
        world = World()
        async with pipe(tmp_path, world) as p:
            await held_back(p)
            await told(p, "approved", "r1")

            async def send() -> Any:
                """The decision has read its matter, and waits for the order."""
                await p.journal.resume("acme", "command", "RefundPayment", "go", "ann", p.now())
                says(world, "approved", "r1")
                await p.runner.deliverer.turn()
                await p.runner.deliverer.idle()
                says(world, outcome, "r2", amount)
                return world.order(ORDER)

            world.script["fetch:order"] = [send]
            world.script["execute:RefundPayment"] = [LOST_BEFORE] if late == "lost" else []
            await told(p, outcome, "r2", amount)
            assert refunds(p) == (["unknown"] if late == "lost" else ["done"])
            assert moved(world) == ([] if late == "lost" else [ONE])
            (title,) = [a["title"] for a in p.journal.stuck()["alerts"]]
            assert "after execution: decide by hand what follows" in title
            await p.pass_time(3600)
            assert moved(world) == ([] if late == "lost" else [ONE])

    run(story())


@pytest.mark.parametrize(
    ("more", "alerted"),
    [({"amount": "2.00"}, True), ({"approved_lines": "MUG"}, True), ({"remark": "thanks"}, False), ({}, False)],
)
def test_details_that_change_after_it_was_carried_out_are_told_once(
    tmp_path: Path, more: dict[str, str], alerted: bool
) -> None:
    async def story() -> None:
        async with pipe(tmp_path, World()) as p:
            await p.look()
            await told(p, "approved", "r1")
            assert (moved(p.world), p.matters()[0].state) == ([ONE], "closed")
            for revision in ("r2", "r3"):
                await told(p, "approved", revision, **more)
            assert moved(p.world) == [ONE]
            titles = [a["title"] for a in p.journal.stuck()["alerts"]]
            assert [("its details were changed after execution" in t, "2.00" in t) for t in titles] == (
                [(True, False)] if alerted else []
            )
            said = [v for kind, _, v in p.world.effects if kind == "CommentCase"]
            assert len([t for t in said if "The outcome is still 'approved'" in t]) == alerted

    run(story())


def test_a_refund_that_a_person_planned_again_is_in_doubt(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:RefundPayment"] = [LOST_BEFORE]
        async with pipe(tmp_path, world) as p:
            await p.look()
            await told(p, "approved", "r1")
            await p.pass_time(3600)
            key = p.journal.stuck()["commands"][0]["key"]
            await held_back(p)
            await p.journal.answer(key, "retry", "it is not there", "ann", p.now())
            assert refunds(p) == ["planned"]
            await told(p, "goodwill", "r2")
            await let_go(p)
            assert (refunds(p), moved(world)) == (["refused"], [])
            assert "after execution" in "".join(a["title"] for a in p.journal.stuck()["alerts"])

    run(story())
