"""A flow's mode is changed while a matter is live: nothing of it goes out, and nothing of it is lost."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from toys import ORDER, Pipe, World, flow, opening

from caseconnect.host.journal.records import Brake
from caseconnect.sdk.commands import CancelOrder, CommentCase, HoldOrder, ReleaseOrder
from caseconnect.sdk.decisions import ActedOn, Decision, Facts, Matter
from caseconnect.sdk.events import CaseChanged, Event
from caseconnect.sdk.testing import run


def approving(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
    """Holds an order; a change of its case is an approval, acted on once."""
    if isinstance(event, CaseChanged):
        if matter.acted_on is not None:
            return Decision(reason="acted on already", close=True)
        commands = (ReleaseOrder(), CommentCase(name="done", text="released", after=("ReleaseOrder",)))
        acted = ActedOn(outcome="approved", revision="1")
        return Decision(reason="approved", commands=commands, acted_on=acted, stage="released")
    return opening(HoldOrder())(event, matter, facts, settings, now)


async def approve(p: Pipe, name: str) -> None:
    await p.look({"kind": "case", "id": "c1"}, connection="desk", id=name)
    await p.pass_time(10)


@pytest.mark.parametrize("mode", ["observe", "cases"])
def test_an_approval_that_the_mode_keeps_back_is_told_and_counts_once_it_is_live_again(
    tmp_path: Path, mode: str
) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", approving)]) as p:
            await p.look()
            assert world.held == {str(ORDER)}
        async with Pipe(tmp_path, world, [flow("review", approving, mode=mode)]) as p:
            await approve(p, "first")
            await approve(p, "again")
            (matter,) = p.matters()
            assert (matter.state, matter.acted_on, matter.stage) == ("open", None, None)
            assert p.commands()["ReleaseOrder"] == "withheld"
            assert p.alerts() == ["mode:review"]
            (alert,) = p.journal.stuck()["alerts"]
            assert "case c1" in alert["title"]
            assert world.held == {str(ORDER)}
        async with Pipe(tmp_path, world, [flow("review", approving)]) as p:
            await approve(p, "live")
            assert world.held == set()
            assert world.of("CommentCase") == ["CommentCase"]
            assert p.matters()[0].acted_on is not None
            assert p.alerts() == ["mode:review"]
            await approve(p, "once more")
            assert world.of("ReleaseOrder") == ["ReleaseOrder"]
            assert (p.matters()[0].state, p.alerts()) == ("closed", [])

    run(story())


@pytest.mark.parametrize(("mode", "goes_out"), [("observe", []), ("cases", ["CommentCase"])])
def test_what_was_planned_live_waits_while_the_mode_keeps_it_back(
    tmp_path: Path, mode: str, goes_out: list[str]
) -> None:
    asked = opening(CancelOrder(), CommentCase(name="a", text="a"))

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", asked)]) as p:
            for kind in ("CancelOrder", "CommentCase"):
                assert await p.journal.pause(Brake("acme", "command", kind, "wait", "ann", p.now()))
            await p.look()
        async with Pipe(tmp_path, world, [flow("review", asked, mode=mode)]) as p:
            for kind in ("CancelOrder", "CommentCase"):
                assert await p.journal.resume("acme", "command", kind, "go on", "ann", p.now())
            await p.pass_time(3600)
            assert [kind for kind in world.of() if kind != "OpenCase"] == goes_out
            assert p.commands()["CancelOrder"] == "planned"
            assert p.notes()["CancelOrder"] == f"mode {mode}: it waits until review is live again"
            assert p.runner.next_due() is not None
        async with Pipe(tmp_path, world, [flow("review", asked)]) as p:
            await p.pass_time(61)
            assert sorted(world.of()) == ["CancelOrder", "CommentCase", "OpenCase"]

    run(story())
