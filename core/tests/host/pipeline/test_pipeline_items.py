"""Items: two returns of one order are two matters; what nobody keeps is told by the event that brings it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from toys import ORDER, PLACED, Pipe, World, case_command, flow, found

from caseconnect.models import Complaint
from caseconnect.sdk.decisions import Decision, Facts, Matter, Missing, Need, Needs, Timer
from caseconnect.sdk.events import CommandSettled, CustomerReplied, Event, ItemEvent, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run

Seen = list[tuple[str, str, str]]


def watching(seen: Seen, *timers: Timer, close: bool = False) -> Any:
    """Opens a matter for each item that it is asked about, and keeps what it was asked: (event, item, state)."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision:
        if isinstance(event, CommandSettled):
            return Decision(reason="told")
        seen.append((event.type, matter.item, matter.state))
        if isinstance(event, CustomerReplied) or not isinstance(event, ItemEvent):
            return Decision(reason="seen", findings=(found("g2"),), timers=timers, close=close)
        if matter.state != "none":
            return Decision(reason="seen before", timers=timers)
        return Decision(reason="first sight", findings=(found(),), commands=(case_command(),), timers=timers)

    return decide


def returned(number: str, order: str | None = "1", **more: Any) -> dict[str, Any]:
    return {"item": "return", "number": number, **({"of": order} if order else {}), **more}


def test_two_returns_of_one_order_are_two_matters(tmp_path: Path) -> None:
    async def story() -> None:
        seen: Seen = []
        async with Pipe(tmp_path, World(), [flow("returns", watching(seen), by_item=True)]) as p:
            await p.look(returned("7"))
            await p.look(returned("8"))
            await p.look(returned("7"))
            assert {m.key.item for m in p.matters()} == {"return/7", "return/8"}
            assert len({m.reference for m in p.matters()}) == 2
            assert [s for _, i, s in seen if i == "return/7"] == ["none", "open"]

    run(story())


@pytest.mark.parametrize("event", [{}, {"item": "reply", "number": "r1", "of": "1"}])
def test_what_concerns_the_whole_order_is_offered_for_every_open_matter(tmp_path: Path, event: dict[str, Any]) -> None:
    async def story() -> None:
        seen: Seen = []
        async with Pipe(tmp_path, World(), [flow("returns", watching(seen), by_item=True)]) as p:
            await p.look(returned("7"))
            await p.look(returned("8"))
            seen.clear()
            await p.look(event)
            assert [(item, state) for _, item, state in seen] == [("return/7", "open"), ("return/8", "open")]
            assert all(len(m.findings) == 2 for m in p.matters())

    run(story())


def test_without_an_open_matter_it_is_offered_once_and_opens_nothing_but_may_set_a_timer(tmp_path: Path) -> None:
    async def story() -> None:
        seen: Seen = []
        later = Timer(name="later", due=PLACED + timedelta(hours=1))
        async with Pipe(tmp_path, World(), [flow("returns", watching(seen, later), by_item=True)]) as p:
            await p.look()
            assert (seen, p.matters()) == ([("OrderChanged", "", "none")], [])
            assert "the event names no item" in p.reasons()[-1]
            await p.look(returned("7"))
            await p.pass_time(2 * 3600)
            fired = [(item, state) for kind, item, state in seen if kind == "TimerFired"]
            assert fired[0] == ("return/7", "open")

    run(story())


def test_timers_of_two_items_do_not_replace_each_other(tmp_path: Path) -> None:
    seen: Seen = []

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision:
        if isinstance(event, TimerFired):
            seen.append((event.item, matter.item, matter.id))
            return Decision(reason="due")
        if not isinstance(event, ItemEvent):
            return Decision(reason="told")
        due = now + timedelta(hours=int(event.item.id))
        return Decision(reason="wait", findings=(found(),), timers=(Timer(name="deadline", due=due),))

    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("returns", decide, by_item=True)]) as p:
            await p.look(returned("1"))
            await p.look(returned("2"))
            await p.pass_time(3 * 3600)
            assert [(a, b) for a, b, _ in seen] == [("return/1", "return/1"), ("return/2", "return/2")]
            assert {m.id for m in p.matters()} == {id_ for _, _, id_ in seen}

    run(story())


def test_closing_one_item_leaves_the_other_open(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision:
        if not isinstance(event, ItemEvent):
            return Decision(reason="told")
        over = matter.state == "open"
        return Decision(reason="over" if over else "new", findings=() if over else (found(),), close=over)

    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("returns", decide, by_item=True)]) as p:
            for number in ("7", "8", "7"):
                await p.look(returned(number))
            assert {m.key.item: m.state for m in p.matters()} == {"return/7": "closed", "return/8": "open"}

    run(story())


def test_an_item_stands_alone_until_its_order_is_known_and_then_moves_to_it(tmp_path: Path) -> None:
    alone = Subject("shop", "return", "7")

    async def story() -> None:
        seen: Seen = []
        world = World()
        world.roots[alone] = alone
        due = Timer(name="deadline", due=PLACED + timedelta(hours=1))
        async with Pipe(tmp_path, world, [flow("returns", watching(seen, due), by_item=True)]) as p:
            await p.look(returned("7", None))
            (matter,) = p.matters(alone)
            assert (matter.key.item, p.matters()) == ("return/7", [])
            await p.look(returned("7"))
            assert [m.id for m in p.matters()] == [matter.id]
            assert p.matters(alone) == []
            await p.look(returned("7", None))
            await p.pass_time(2 * 3600)
            assert [state for _, _, state in seen] == ["none", "open", "open", "open"]
            assert seen[-1] == ("TimerFired", "return/7", "open")
            assert world.of() == ["OpenCase"]

    run(story())


def test_items_of_one_connection_reach_the_order_of_another(tmp_path: Path) -> None:
    async def story() -> None:
        seen: Seen = []
        flows = [flow("returns", watching(seen), by_item=True, on=("desk",)), flow("other", watching([]), topic="x")]
        async with Pipe(tmp_path, World(), flows) as p:
            await p.look({}, id="first")
            await p.look(returned("7", at="shop"), connection="desk", id="second")
            assert seen == [("ReturnChanged", "desk:return/7", "none")]
            assert [m.key.item for m in p.matters() if m.owner == "returns"] == ["desk:return/7"]

    run(story())


# what is told


def asking(seen: list[Any], *, fact: str = "complaint", required: bool = True) -> Any:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        need = Need(fact=fact, subject=Subject("shop", fact, "c7"), required=required)
        if facts.lacking((need,)):
            return Needs(needs=(need,))
        seen.append(next(record for _, record in facts.items()))
        return Decision(reason="read")

    return decide


def complaint(text: str | None, **more: Any) -> dict[str, Any]:
    told = {"text": text} if text is not None else {}
    return {"item": "complaint", "number": "c7", "of": "1", **told, **more}


def test_what_an_event_told_is_served_as_a_fact_the_newest_and_after_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        seen: list[Complaint] = []
        world = World()
        flows = [flow("complaints", asking(seen), needs=frozenset({"complaint"}))]
        async with Pipe(tmp_path, world, flows) as p:
            await p.look(complaint("broken"))
            await p.look(complaint("broken, and late"))
            await p.look(complaint("an old one", time="2025-06-01T00:00:00Z"))
            await p.restart()
            await p.look()
            assert [c.text for c in seen] == ["broken", "broken, and late", "broken, and late", "broken, and late"]
            await p.send(complaint("one"), complaint(None))
            await p.send(complaint("two"))
            await p.settle()
            assert [c.text for c in seen][-1] == "two"
            assert world.fetched == []

    run(story())


@pytest.mark.parametrize(("required", "states"), [(True, {"parked": 1}), (False, {"done": 1})])
def test_what_nobody_told_is_missing_or_parks(tmp_path: Path, required: bool, states: dict[str, int]) -> None:
    async def story() -> None:
        seen: list[Any] = []
        flows = [flow("complaints", asking(seen, required=required), needs=frozenset({"complaint"}))]
        async with Pipe(tmp_path, World(), flows) as p:
            await p.look()
            assert p.journal.counts()["events"] == states
            why = seen[0].why if seen else p.told()["events"][0]["reason"]
            assert why == "nobody told the complaint shop/complaint/c7"

    run(story())


def test_an_optional_fact_that_nobody_supplies_is_missing_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        seen: list[Any] = []
        flows = [flow("claims", asking(seen, fact="claim"), needs=frozenset(), optional=frozenset({"claim"}))]
        async with Pipe(tmp_path, World(), flows) as p:
            await p.look()
            assert isinstance(seen[0], Missing)
            assert "no connection supplies the claim" in seen[0].why

    run(story())


def test_an_order_event_in_a_lane_that_moved_is_about_the_order(tmp_path: Path) -> None:
    subjects: list[Subject] = []

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision:
        subjects.append(event.subject)
        return Decision(reason=event.type)

    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("returns", decide)]) as p:
            await p.look(returned("7"))
            await p.look(returned("7", None))
            assert subjects == [ORDER, ORDER]

    run(story())
