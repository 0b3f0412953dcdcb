"""Storms: beyond so many cases of one exception within a window the rest join one incident, under one alert."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from toys import ORDER, Pipe, World, case_command, flow, found, opening

from caseconnect.host import crash
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.pipeline.incidents import IncidentSettings, decide
from caseconnect.host.tenants.caps import Cap, Storm
from caseconnect.host.tenants.file_models import Limits
from caseconnect.sdk.commands import AnnotateOrder, CommentCase, HoldOrder, digest_of
from caseconnect.sdk.decisions import Decision, Facts, Matter
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import CommandSettled, Event, OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run

SMALL = Storm(cases=3, within=timedelta(minutes=10))


def order(number: int) -> Subject:
    return ORDER._replace(id=str(number))


async def orders(p: Pipe, *numbers: int) -> None:
    """These orders are looked at, one after another."""
    for number in numbers:
        await p.look({"id": str(number)})


def incidents(p: Pipe) -> list[Subject]:
    rows = p.journal._db().execute("SELECT subject FROM matters WHERE topic='incident' ORDER BY opened_at")
    return [Subject.parse(subject) for (subject,) in rows]


def only(p: Pipe) -> Subject:
    (incident,) = incidents(p)
    return incident


def states(p: Pipe, kind: str = "OpenCase") -> dict[str, int]:
    sql = "SELECT state, count(*) FROM commands WHERE kind=? AND use='review' GROUP BY 1"
    return dict(p.journal._db().execute(sql, (kind,)).fetchall())


def comments(p: Pipe) -> list[str]:
    return [text for kind, _, text in p.world.effects if kind == "CommentCase"]


def listed(p: Pipe) -> list[str]:
    """The subjects that the comments list, in order."""
    return [name for text in comments(p) for name in re.findall(r"shop/order/\d+", text)]


def joined(p: Pipe, incident: Subject) -> list[str]:
    (matter,) = p.told(incident)["matters"]
    return [member["subject"] for member in matter["members"]]


class Killed(BaseException):
    """The process is dead: no code of ours runs on."""


class Reaper:
    """Kills at the `at`-th passing of a commit point, and at all after it until the next process has begun."""

    def __init__(self, at: int) -> None:
        self.at, self.passed, self.dead = at, 0, False

    def __call__(self, name: str) -> None:
        self.passed += 1
        self.dead = self.dead or self.passed == self.at
        if self.dead:
            raise Killed(name)


@contextmanager
def reaping(reaper: Any) -> Iterator[None]:
    before = crash._wanted, crash._pass
    crash._wanted, crash._pass = "*", reaper
    try:
        yield
    finally:
        crash._wanted, crash._pass = before


def mortal(p: Pipe, reaper: Reaper) -> None:
    """A death in a task of its own is the whole process's: nothing is begun after it."""
    tick = p.runner.tick

    async def living(now: datetime) -> bool:
        if reaper.dead:
            raise Killed("before")
        return await tick(now)

    p.runner.tick = living  # type: ignore[method-assign] # every round of work begins with it


async def again_as_another_process(p: Pipe, reaper: Reaper) -> None:
    tasks = [*p.runner.decider._lanes.values(), *p.runner.deliverer._running.values()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await p.live.close()
    p.journal.close()
    reaper.dead, reaper.at = False, 0
    await p.start()
    mortal(p, reaper)


async def three_hundred(p: Pipe, seed: int, reaper: Reaper) -> None:
    """300 orders in ten minutes, each told twice, in any order."""
    twice = sorted(((copy, n) for n in range(300) for copy in range(2)), key=lambda one: digest_of(seed, one))
    numbers = [number for _, number in twice]
    mortal(p, reaper)
    left = [numbers[at : at + 20] for at in range(0, 600, 20)]
    while left:
        try:
            await p.send(*({"id": str(number)} for number in left[0]), id=f"page-{len(left)}")
            await p.settle()
            left.pop(0)
            await p.pass_time(18)
        except Killed:
            await again_as_another_process(p, reaper)
    await p.pass_time(300)


@pytest.mark.parametrize(("seed", "at"), [(1, 0), (2, 333), (3, 1501)])
def test_three_hundred_in_ten_minutes_are_thirty_cases_one_incident_and_one_alert(
    tmp_path: Path, seed: int, at: int
) -> None:
    async def story() -> None:
        world, reaper = World(), Reaper(at)
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))]) as p:
            with reaping(reaper):
                await three_hundred(p, seed, reaper)
            assert not at or reaper.passed > at
            assert len(world.cases) == 31
            assert states(p) == {"done": 31, "parked": 270}
            assert states(p, "HoldOrder") == {"done": 300}
            assert len(world.of("HoldOrder")) == 300
            incident = only(p)
            assert len(set(joined(p, incident))) == 270
            assert listed(p) == joined(p, incident)
            assert len(comments(p)) <= 11
            (alert,) = p.journal.stuck()["alerts"]
            assert (alert["cause"], alert["count"]) == (f"incident:{incident.id}", 270)
            assert alert["title"] == (
                f"more than 30 cases of odd (review) in 10m: it joined incident:{incident.id}; 270 wait: "
                f"connect resolve incident:{incident.id} --open SUBJECT, --all or --close"
            )

    run(story())


def test_the_incidents_case_says_what_it_is_and_explain_leads_to_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(), storm=SMALL)]) as p:
            await orders(p, 1, 2, 3, 4, 5)
            incident = only(p)
            (matter,) = p.told(incident)["matters"]
            body = matter["commands"][0]["body"]
            assert body["title"] == "Storm: odd: more than 3 cases in 10m"
            assert body["priority"] == "urgent"
            assert body["reference"] == f"test/{incident}/1"
            assert re.findall(r"shop/order/\d", body["description"]) == [f"shop/order/{n}" for n in (4, 1, 2, 3)]
            assert matter["case_subject"] == "desk/case/c4"
            (member,) = p.told(order(5))["matters"]
            assert (member["incident"]["subject"], member["incident"]["case_subject"]) == (
                str(incident),
                "desk/case/c4",
            )
            assert p.told(order(3))["matters"][0]["incident"] is None
            assert p.notes(order(5))["OpenCase"] == f"more than 3 cases of odd (review) in 10m: it joined {cause(p)}"
            assert p.reasons(order(5)) == ["first sight"], "nobody is told that the case was parked"

    run(story())


def cause(p: Pipe) -> str:
    return f"incident:{incidents(p)[-1].id}"


def test_attributes_that_all_have_are_the_incidents_too(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if matter.state != "none":
            return Decision(reason="seen before")
        case = case_command(attributes={"region": "eu", "order": matter.subject.id}, owner="queue-7")
        return Decision(reason="new", findings=(found(),), commands=(case,))

    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", decide, storm=SMALL)]) as p:
            await orders(p, 1, 2, 3, 4)
            body = p.told(only(p))["matters"][0]["commands"][0]["body"]
            assert (body["attributes"], body["owner"]) == ({"region": "eu"}, "queue-7")

    run(story())


def test_a_storm_is_over_when_nothing_joined_for_a_window_and_the_next_one_is_another(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(), storm=SMALL)]) as p:
            await orders(p, 1, 2, 3, 4, 5)
            await p.pass_time(590)
            await orders(p, 6)
            await p.pass_time(20)
            await orders(p, 7)
            assert joined(p, only(p)) == [f"shop/order/{n}" for n in (4, 5, 6)], "few came within the window by now"
            assert len(comments(p)) == 1
            await p.pass_time(600)
            assert comments(p)[-1].startswith(
                "The storm is over: nothing joined it for 10m. Listed here are 3, of which 3"
            )
            await orders(p, 8, 9, 10, 11, 12)
            first, second = incidents(p)
            assert joined(p, second) == ["shop/order/11", "shop/order/12"]
            assert sorted(p.alerts()) == sorted(f"incident:{one.id}" for one in (first, second))

    run(story())


def test_a_storm_that_goes_on_stays_one_incident_and_no_comment_comes_sooner_than_a_minute(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(), storm=SMALL)]) as p:
            for number in range(120):
                await orders(p, number)
                await p.pass_time(30)
            assert len(joined(p, only(p))) == 117
            assert 50 <= len(comments(p)) <= 61
            await p.pass_time(60)
            assert listed(p) == joined(p, only(p))

    run(story())


def test_many_at_once_are_listed_a_comment_a_minute_until_all_are(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(), storm=SMALL)]) as p:
            await p.look(*({"id": str(number)} for number in range(1000)))
            await p.pass_time(61)
            assert len(comments(p)) == 1
            await p.pass_time(3600)
            assert all(len(text) < 3700 for text in comments(p))
            assert listed(p) == joined(p, only(p))
            assert len(listed(p)) == 997

    run(story())


def test_exceptions_and_flows_are_counted_apart_and_the_tenants_number_is_each_flows(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if matter.state != "none":
            return Decision(reason="seen before")
        kind = "odd" if int(matter.subject.id) % 2 else "even"
        return Decision(reason="new", findings=(found(exception=kind),), commands=(case_command(),))

    async def story() -> None:
        world = World()
        flows = [
            flow("review", decide, exceptions=("odd", "even"), topic="a"),
            flow("other", opening(), topic="b", storm=Storm(cases=7)),
        ]
        async with Pipe(tmp_path, world, flows, limits=Limits(storm=SMALL)) as p:
            await orders(p, *range(6))
            assert (len(world.cases), incidents(p)) == (12, [])
            await orders(p, 6, 7)
            matters = [p.told(one)["matters"][0] for one in incidents(p)]
            found_by = sorted((m["owner"], m["findings"][0]["exception"]) for m in matters)
            assert found_by == [("other", "odd"), ("review", "even"), ("review", "odd")]

    run(story())


def test_what_a_mode_withholds_is_no_storm(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(), storm=SMALL, mode="observe")]) as p:
            await orders(p, *range(9))
            assert (world.of(), p.alerts(), incidents(p)) == ([], [], [])

    run(story())


def test_an_outcome_of_the_incident_is_carried_out_on_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()), storm=SMALL)]) as p:
            await orders(p, 1, 2, 3, 4, 5)
            await p.pass_time(61)
            world.decide("c4", "approved", "1")
            await p.look({"kind": "case", "id": "c4"}, connection="desk")
            await p.look({"kind": "case", "id": "c4"}, connection="desk")
            assert world.of("ReleaseOrder") == []
            said = [text for text in comments(p) if "carries the outcome" in text]
            assert len(said) == 1
            assert f"connect resolve {cause(p)} --open SUBJECT" in said[0]
            assert p.commands(order(4)) == {"OpenCase": "parked", "HoldOrder": "done"}
            assert p.told(only(p))["matters"][0]["acted_on"]["outcome"] == "approved"
            world.decide("c4", "rejected", "2")
            await p.look({"kind": "case", "id": "c4", "reference": f"test/{only(p)}/1"}, connection="desk")
            assert len([text for text in comments(p) if "carries the outcome" in text]) == 2

    run(story())


def test_a_person_opens_the_cases_of_some_then_of_all(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        more = (HoldOrder(), CommentCase(name="more", text="more", after=("case",)))
        async with Pipe(tmp_path, world, [flow("review", opening(*more), storm=SMALL)]) as p:
            await orders(p, *range(1, 8))
            id_ = only(p).id
            given = (None, ("shop/order/6",), "a good customer", "ann")
            assert await p.journal.open_members(id_, *given, p.now()) == (1, 3)
            await p.settle()
            assert p.commands(order(6)) == {"OpenCase": "done", "HoldOrder": "done", "CommentCase:more": "done"}
            assert p.matters(order(6))[0].case is not None
            assert p.told(order(6))["matters"][0]["incident"]["subject"] == str(only(p))
            assert "; 3 wait:" in p.journal.stuck()["alerts"][0]["title"]
            with pytest.raises(Conflict, match=r"shop/order/66 does not wait in incident:.*; did you mean shop/order/"):
                await p.journal.open_members(id_, None, ("shop/order/66",), "why", "ann", p.now())
            with pytest.raises(Conflict, match=f"did you mean incident:{id_}"):
                await p.journal.open_members(f"{id_}0", None, (), "why", "ann", p.now())
            assert await p.journal.open_members(id_, "acme", (), "all of them", "ann", p.now()) == (3, 0)
            await p.settle()
            assert (len(world.cases), p.alerts()) == (8, [])
            world.decide("c4", "approved", "1")
            await p.look({"kind": "case", "id": "c4"}, connection="desk")
            assert p.matters(only(p))[0].state == "closed", "nobody waits in it any more"

    run(story())


def test_what_leaves_an_incident_is_under_the_caps_of_its_flow(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        caps = {"OpenCase": Cap.model_validate({"hour": {"count": 5}})}
        async with Pipe(tmp_path, world, [flow("review", opening(), storm=SMALL, caps=caps)]) as p:
            await orders(p, *range(9))
            assert len(world.cases) == 4
            await p.journal.open_members(only(p).id, None, (), "all of them", "ann", p.now())
            await p.settle()
            assert len(world.cases) == 6, "the incident's own is under no cap"
            assert p.alerts() == ["cap:review:OpenCase:hour"]
            assert await p.journal.let_go("cap:review:OpenCase:hour", None, "retry", 4, "yes", "ann", p.now()) == (4, 0)
            await p.settle()
            assert (len(world.cases), p.alerts()) == (10, [])

    run(story())


def test_closed_with_the_incident_orders_are_released_and_nothing_is_left_to_do(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        more = (HoldOrder(), AnnotateOrder(name="seen", add_tags=("seen",), after=("case",)))
        async with Pipe(tmp_path, world, [flow("review", opening(*more), storm=SMALL)]) as p:
            await orders(p, *range(1, 7))
            assert await p.journal.close_incident(only(p).id, None, "the gateway was down", "ann", p.now()) == 3
            await p.pass_time(3600)
            for number in (4, 5, 6):
                assert p.matters(order(number))[0].state == "closed"
                assert p.commands(order(number))["OpenCase"] == "refused"
                assert p.notes(order(number))["OpenCase"] == f"closed with {only(p)}"
                (ended,) = [c for c in p.told(order(number))["matters"][0]["commands"] if c["kind"] == "OpenCase"]
                assert ended["outcomes"][-1]["by"] == "ann"
            assert world.held == {f"shop/order/{number}" for number in (1, 2, 3)}
            assert world.of("CloseCase") == ["CloseCase"]
            assert (p.alerts(), p.journal.stuck()["commands"]) == ([], [])
            assert all("broke" not in reason for reason in p.reasons(order(5)))
            with pytest.raises(Conflict, match="is closed already"):
                await p.journal.close_incident(only(p).id, None, "twice", "ann", p.now())
            await orders(p, 5)
            assert p.commands(order(5))["OpenCase"] == "refused", "the same facts open nothing again"

    run(story())


def test_an_incident_whose_case_cannot_be_closed_is_over_all_the_same_and_a_person_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:CloseCase"] = [PermanentError("no right to")]
        async with Pipe(tmp_path, world, [flow("review", opening(), storm=SMALL)]) as p:
            await orders(p, 1, 2, 3, 4)
            await p.journal.close_incident(only(p).id, None, "seen", "ann", p.now())
            await p.settle()
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["title"] == f"{only(p)}: its case was not closed: no right to"
            assert p.matters(order(4))[0].state == "closed"

    run(story())


def test_the_storm_that_goes_on_after_its_incident_was_closed_has_another(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(), storm=SMALL)]) as p:
            await orders(p, 1, 2, 3, 4)
            await p.journal.close_incident(only(p).id, None, "seen", "ann", p.now())
            await p.pass_time(2)
            await orders(p, 5)
            assert [joined(p, one) for one in incidents(p)] == [["shop/order/4"], ["shop/order/5"]]

    run(story())


def test_a_matter_that_ends_by_itself_waits_no_more(tmp_path: Path) -> None:
    def paid(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if matter.state == "open" and isinstance(event, OrderChanged):
            return Decision(reason="paid by now", close=True)
        return opening()(event, matter, facts, settings, now)

    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", paid, storm=SMALL)]) as p:
            await orders(p, 1, 2, 3, 4)
            assert p.alerts() == [cause(p)]
            await orders(p, 4)
            assert (p.alerts(), p.commands(order(4))) == ([], {"OpenCase": "refused"})
            assert p.notes(order(4)) == {"OpenCase": "its matter was closed"}

    run(story())


def test_an_incident_whose_case_was_refused_lists_all_once_it_is_opened(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(), storm=SMALL)]) as p:
            await orders(p, 1, 2, 3)
            world.script["execute:OpenCase"] = [PermanentError("no right to")]
            await orders(p, 4, 5)
            await p.pass_time(130)
            assert comments(p) == []
            (refused,) = p.journal.stuck()["refused"]
            await p.journal.again(refused["key"], "the right is back", "ann", p.now())
            await p.pass_time(61)
            assert listed(p) == ["shop/order/4", "shop/order/5"]

    run(story())


def test_nothing_is_told_of_an_incident_that_is_closed() -> None:
    event = CommandSettled(
        subject=Subject("connect", "incident", "x"),
        time=datetime.fromisoformat("2026-01-01T00:00:00Z"),
        matter="m",
        key="m:OpenCase",
        kind="OpenCase",
        state="done",
    )
    matter = Matter(subject=event.subject, topic="incident", state="closed")
    needs = decide(event, matter, Facts(), IncidentSettings(within=SMALL.within), event.time)
    assert [(n.fact, n.subject) for n in needs.needs] == [("incident", event.subject)]  # type: ignore[union-attr] # Needs
