"""Matters: modes, going live, episodes, contradictions, who is told, timers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from toys import ORDER, PLACED, Pipe, World, case_command, flow, found, opening

from caseconnect.sdk.commands import CASE, CancelOrder, CommentCase, HoldOrder, ReleaseOrder
from caseconnect.sdk.decisions import Decision, Facts, Matter, Timer
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event, OrderChanged, TimerFired
from caseconnect.sdk.testing import run

Decide = Callable[[Event, Matter, Facts, Any, datetime], Any]


def quiet(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision:
    """Finds nothing."""
    return Decision(reason="nothing is odd")


@pytest.mark.parametrize(
    ("mode", "happened", "states"),
    [
        ("observe", [], {"OpenCase": "withheld", "HoldOrder": "withheld"}),
        ("cases", ["OpenCase"], {"OpenCase": "done", "HoldOrder": "withheld"}),
        ("live", ["HoldOrder", "OpenCase"], {"OpenCase": "done", "HoldOrder": "done"}),
    ],
)
def test_the_mode_says_what_is_done(tmp_path: Path, mode: str, happened: list[str], states: dict[str, str]) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()), mode=mode)]) as p:
            await p.look()
            await p.pass_time(3600)
            assert (world.of(), p.commands()) == (happened, states)
            assert p.matters()[0].mode == mode
            assert bool(p.told()["matters"][0]["claims"]) == (mode == "live")

    run(story())


def test_an_observed_matter_blocks_no_live_one(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()), mode="observe")]) as p:
            await p.look()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))]) as p:
            await p.look(id="later")
            assert sorted(world.of()) == ["HoldOrder", "OpenCase"]
            assert {m.mode: m.episode for m in p.matters()} == {"observe": 1, "live": 1}

    run(story())


def test_a_use_case_is_shown_the_mode_by_which_its_commands_are_withheld(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CaseChanged):
            return Decision(reason=f"rejected in mode {matter.mode}", commands=(CancelOrder(),))
        return opening()(event, matter, facts, settings, now)

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide, mode="cases")]) as p:
            await p.look()
            await p.look({"kind": "case", "id": "c1"}, connection="desk")
            assert p.reasons()[-1] == "rejected in mode cases"
            assert p.commands()["CancelOrder"] == "withheld"
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look({"kind": "case", "id": "c1"}, connection="desk", id="live")
            assert "rejected in mode live" in p.reasons()
            assert world.of("CancelOrder") == []

    run(story())


@pytest.mark.parametrize(("days", "opened"), [(-1, 0), (1, 1)])
def test_going_live_cuts_by_when_the_exception_arose(tmp_path: Path, days: int, opened: int) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        finding = found(arose_at=PLACED + timedelta(days=days))
        return Decision(reason="odd", findings=(finding,), commands=(case_command(), HoldOrder()))

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide)], go_live=PLACED) as p:
            await p.look()
            await p.look()
            assert world.of("OpenCase") == ["OpenCase"] * opened
            assert len(p.matters()) == opened
            if not opened:
                assert "odd arose before going live (2026-01-01 00:00 UTC)" in p.reasons()[0]

    run(story())


def test_without_go_live_the_first_start_counts_for_ever(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        return Decision(
            reason="odd", findings=(found(arose_at=PLACED + timedelta(hours=1)),), commands=(case_command(),)
        )

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide)], go_live=None) as p:
            await p.pass_time(7200)
            await p.restart()
            await p.look()
            assert world.of() == ["OpenCase"]

    run(story())


def grounds(*sequence: tuple[str, bool]) -> Decide:
    """At the n-th look: a finding with this ground, and whether the matter is closed."""
    left = list(sequence)

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if not isinstance(event, OrderChanged):
            return Decision(reason="not a look")
        ground, close = left.pop(0)
        return Decision(reason="look", findings=(found(ground),), commands=(case_command(),), close=close)

    return decide


def test_a_new_episode_needs_a_closed_matter_and_a_new_ground(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        decide = grounds(("a", False), ("a", True), ("a", False), ("b", False), ("c", False), ("c", True), ("b", False))
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            for _ in range(7):
                await p.look()
            assert [(m.episode, m.state, [f.finding.ground for f in m.findings]) for m in p.matters()] == [
                (2, "closed", ["b", "c"]),
                (1, "closed", ["a"]),
            ]
            assert world.of() == ["OpenCase"] * 2
            assert [c["reference"] for c in world.cases.values()] == [
                "test/shop/order/1/review/1",
                "test/shop/order/1/review/2",
            ]
            assert "odd was worked before on the same facts (episode 2)" in p.reasons()[-1]

    run(story())


def test_contradicting_commands_of_two_use_cases_park_both(tmp_path: Path) -> None:
    def answer(command: Any) -> Decide:
        def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
            if isinstance(event, CaseChanged):
                return Decision(reason="decided", commands=(command,))
            if isinstance(event, OrderChanged):
                more = (case_command(), HoldOrder()) if not matter.is_open() else ()
                return Decision(reason="odd", findings=(found(command.kind),), commands=more)
            return Decision(reason="told")

        return decide

    async def story() -> None:
        world = World()
        flows = [flow("one", answer(ReleaseOrder())), flow("two", answer(CancelOrder()))]
        async with Pipe(tmp_path, world, flows) as p:
            await p.look()
            await p.look({"kind": "case", "id": "c1"}, connection="desk")
            await p.pass_time(3600)
            assert world.of() == ["HoldOrder", "OpenCase"]
            states = p.commands()
            assert (states["ReleaseOrder"], states["CancelOrder"]) == ("parked", "parked")
            assert "one wants ReleaseOrder" in p.notes()["CancelOrder"]
            assert set(p.alerts()) == {"parked:ReleaseOrder", "parked:CancelOrder"}
            keys = {c["kind"]: c["key"] for c in p.journal.stuck()["commands"]}
            await p.journal.answer(keys["CancelOrder"], "refuse", "the shopper called", "ann", p.now())
            await p.journal.answer(keys["ReleaseOrder"], "retry", "the shopper called", "ann", p.now())
            await p.settle()
            assert world.of() == ["HoldOrder", "OpenCase", "ReleaseOrder"]
            assert p.told()["matters"][0]["claims"] == []
            assert p.alerts() == []

    run(story())


def test_contradicting_commands_of_two_matters_of_an_order_park_both(tmp_path: Path) -> None:
    def want(command: Any) -> Decide:
        def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
            if matter.is_open():
                return Decision(reason="told")
            return Decision(reason="odd", findings=(found(),), commands=(command,))

        return decide

    async def story() -> None:
        world = World()
        flows = [flow("one", want(HoldOrder()), topic="a"), flow("two", want(CancelOrder()), topic="b")]
        async with Pipe(tmp_path, world, flows) as p:
            await p.look()
            assert world.of() == []
            assert p.commands() == {"HoldOrder": "parked", "CancelOrder": "parked"}

    run(story())


def settles(kinds: list[str]) -> Decide:
    """Notes the commands that it is told the end of."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CommandSettled):
            kinds.append(f"{event.kind} {event.state}")
        return Decision(reason="noted")

    return decide


def test_the_owner_those_who_added_and_followers_are_told_in_the_order_of_flows(tmp_path: Path) -> None:
    told: list[str] = []

    def as_(name: str, decide: Decide) -> Decide:
        def wrapped(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
            if not isinstance(event, OrderChanged):
                told.append(f"{name} {event.type}")
            return decide(event, matter, facts, settings, now)

        return wrapped

    def adds(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        findings = (found("more"),) if isinstance(event, OrderChanged) else ()
        comments = (CommentCase(name="more", text="more", after=("case",)),) if findings else ()
        return Decision(reason="adds", findings=findings, commands=comments)

    async def story() -> None:
        flows = [
            flow("follower", as_("follower", quiet), topic="status", follows=True, handles=frozenset({CommandSettled})),
            flow("owner", as_("owner", opening())),
            flow("bystander", as_("bystander", quiet)),
            flow("adder", as_("adder", adds)),
            flow("elsewhere", as_("elsewhere", quiet), follows=True, on=("other",)),
        ]
        world = World()
        async with Pipe(tmp_path, world, flows) as p:
            await p.look()
            assert told == ["owner CommandSettled", "adder CommandSettled", "follower CommandSettled"]
            assert world.of() == ["OpenCase", "CommentCase"]
            told.clear()
            await p.look({"kind": "case", "id": "c1"}, connection="desk")
            assert told == ["owner CaseChanged", "adder CaseChanged"]

    run(story())


def test_a_case_without_a_matter_goes_to_those_who_begin_there(tmp_path: Path) -> None:
    seen: list[str] = []

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        seen.append(f"{event.type} {matter.subject} {matter.state}")
        return Decision(reason="noted")

    async def story() -> None:
        world = World()
        flows = [flow("orders", decide), flow("recalls", decide, topic="recall", begins_at_case=True)]
        async with Pipe(tmp_path, world, flows) as p:
            case = ORDER._replace(connection="desk", kind="case", id="c7")
            world.roots[case] = case
            await p.look({"kind": "case", "id": "c7"}, connection="desk")
            assert seen == ["CaseChanged desk/case/c7 none"]

    run(story())


def test_a_matter_that_begins_at_a_case_is_worked_in_it(tmp_path: Path) -> None:
    case = ORDER._replace(connection="desk", kind="case", id="c7")

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if not isinstance(event, CaseChanged):
            return Decision(reason="noted")
        told = CommentCase(name=f"told-{matter.state}", text="seen", after=(CASE,))
        return Decision(reason="begun", findings=() if matter.is_open() else (found(),), commands=(told,))

    async def story() -> None:
        world = World()
        world.roots[case] = case
        async with Pipe(tmp_path, world, [flow("recalls", decide, topic="recall", begins_at_case=True)]) as p:
            await p.look({"kind": "case", "id": "c7"}, connection="desk")
            await p.look({"kind": "case", "id": "c7"}, connection="desk")
            (matter,) = p.matters(case)
            assert (matter.case, world.of()) == (case, ["CommentCase", "CommentCase"])
            assert p.commands(case) == {"CommentCase:told-none": "done", "CommentCase:told-open": "done"}

    run(story())


def test_a_closed_matter_takes_comments_only(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, OrderChanged):
            return opening()(event, matter, facts, settings, now)
        if isinstance(event, CommandSettled):
            return Decision(reason="done with it", close=True)
        return Decision(reason="late", commands=(CommentCase(name="late", text="too late"), CancelOrder()), stage="x")

    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look()
            assert p.matters()[0].state == "closed"
            await p.look({"kind": "case", "id": "c1"}, connection="desk")
            assert world.of() == ["OpenCase", "CommentCase"]
            assert "not asked for, because no matter is open: CancelOrder" in p.reasons()[-1]
            assert p.matters()[0].stage is None

    run(story())


def test_a_timer_fires_once_also_after_a_restart(tmp_path: Path) -> None:
    fired: list[datetime] = []

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, TimerFired):
            fired.append(event.due)
            assert event.name not in matter.timers
        if isinstance(event, OrderChanged) and not matter.is_open():
            timers = (
                Timer(name="late", due=now + timedelta(hours=2)),
                Timer(name="never", due=now + timedelta(hours=1)),
            )
            return Decision(reason="wait", findings=(found(),), timers=timers)
        return Decision(reason="waiting", cancel_timers=("never",))

    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", decide)]) as p:
            await p.look()
            await p.look()
            await p.pass_time(1800)
            await p.restart()
            assert fired == []
            await p.runner.idle()
            await p.pass_time(5400)
            assert fired == [PLACED + timedelta(hours=2)]
            await p.restart()
            await p.pass_time(7200)
            assert len(fired) == 1

    run(story())


def test_a_matter_that_closes_leaves_no_timer(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, TimerFired):
            return Decision(reason="a timer of a closed matter fired")
        timer = Timer(name="late", due=now + timedelta(hours=2))
        return Decision(reason="short", findings=(found(),), timers=(timer,), close=True)

    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", decide)]) as p:
            await p.look()
            assert p.matters()[0].state == "closed"
            assert p.told()["matters"][0]["timers"] == []

    run(story())
