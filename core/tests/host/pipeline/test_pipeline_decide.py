"""One lane's turn: who is asked, what counts of an answer, and whose fault stops what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from toys import ORDER, Pipe, World, flow, opening

from caseconnect.models import Case, Order
from caseconnect.sdk.commands import HoldOrder, OpenCase
from caseconnect.sdk.decisions import Decision, Facts, Matter, Missing, Need, Needs
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.events import Event, OrderChanged
from caseconnect.sdk.testing import run

Decide = Callable[[Event, Matter, Facts, Any, datetime], Any]


def needing(*needs: Need) -> Decide:
    """Asks for these first, then opens."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        lacking = facts.lacking(needs)
        return Needs(needs=lacking) if lacking else opening()(event, matter, facts, settings, now)

    return decide


def breaks(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
    raise KeyError("oops")


def endless(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
    return Needs(needs=(Need(fact="order", subject=ORDER),))


def greedy(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
    seen = [key for key, _ in facts.items()]
    return Needs(needs=(Need(fact="order", subject=ORDER._replace(id=str(len(seen) + 1))),))


@pytest.mark.parametrize(
    ("decide", "says"),
    [
        (breaks, "broke on OrderChanged: KeyError"),
        (endless, "again and again"),
        (greedy, "again and again"),
        (lambda *_: None, "answered NoneType"),
        (lambda *_: "hold it", "answered str"),
        (needing(Need(fact="case", subject=ORDER)), "asks for case, which it did not declare"),
        (opening(HoldOrder()), "asks for HoldOrder, which it did not declare"),
    ],
)
def test_a_use_case_at_fault_is_shown_and_the_others_count(tmp_path: Path, decide: Decide, says: str) -> None:
    async def story() -> None:
        world = World()
        bad = flow("bad", decide, needs=frozenset({"order"}), uses=frozenset({OpenCase}))
        async with Pipe(tmp_path, world, [bad, flow("good", opening())]) as p:
            await p.look()
            assert [r for r in p.reasons() if says in r]
            assert world.of() == ["OpenCase"]
            assert p.matters()[0].owner == "good"
            assert [cause for cause in p.alerts() if cause.startswith("bad:")]
            assert p.journal.counts()["events"] == {"done": 2}

    run(story())


def test_a_required_fact_that_is_missing_makes_the_lane_wait_and_looks_fold(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["fetch:order"] = [TransientError("down"), ...]
        decide = needing(Need(fact="order", subject=ORDER))
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look()
            for _ in range(4):
                await p.pass_time(300)
                await p.look()
            await p.look({"id": "2"})
            assert p.told()["decisions"] == []
            assert p.journal.counts()["events"]["waiting"] >= 1
            world.script.clear()
            await p.pass_time(600)
            decisions = p.told()["decisions"]
            assert [d["answers"][0]["reason"] for d in decisions][:1] == ["first sight"]
            looks = {e["decision"] for e in p.told()["events"] if e["type"] == "OrderChanged"}
            assert looks == {decisions[0]["seq"]}
            assert world.of() == ["OpenCase"] * 2

    run(story())


def test_retry_after_of_a_fact_is_obeyed(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["fetch:order"] = [TransientError("busy", retry_after=700)]
        async with Pipe(tmp_path, world, [flow("review", needing(Need(fact="order", subject=ORDER)))]) as p:
            await p.look()
            await p.pass_time(690)
            assert len(world.fetched) == 1
            await p.pass_time(20)
            assert world.of() == ["OpenCase"]

    run(story())


def test_a_fact_that_will_never_come_parks_the_event_and_the_lane_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["fetch:order"] = [PermanentError("no such order")]
        async with Pipe(tmp_path, world, [flow("review", needing(Need(fact="order", subject=ORDER)))]) as p:
            await p.look()
            (parked,) = p.journal.stuck()["events"]
            assert parked["reason"] == "no such order"
            assert p.alerts() == ["parked:event"]
            await p.look()
            assert world.of() == ["OpenCase"]
            assert await p.journal.replay("events", [parked["seq"]], p.now()) == 1
            await p.settle()
            assert world.of() == ["OpenCase"]

    run(story())


def test_an_optional_fact_comes_as_missing_with_its_reason(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        need = Need(fact="order", subject=ORDER, required=False)
        order = facts.get("order", ORDER, Order)
        if order is None:
            return Needs(needs=(need,))
        return Decision(reason=order.why if isinstance(order, Missing) else "there")

    async def story() -> None:
        world = World()
        world.script["fetch:order"] = [TransientError("down")] * 3 + [ValueError("a bug in the plugin")]
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look()
            assert p.reasons() == [], "what may come in a moment is waited for, but not for long"
            await p.pass_time(60)
            assert p.reasons() == ["down"]
            await p.look()
            assert p.reasons() == ["down", "toy-shop: fetch of order failed: ValueError"]

    run(story())


def test_a_fact_of_the_wrong_kind_is_the_plugins_fault(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["fetch:order"] = [Case(id="c1"), ...]
        async with Pipe(tmp_path, world, [flow("review", needing(Need(fact="order", subject=ORDER)))]) as p:
            await p.look()
            await p.pass_time(2 * 3600)
            (parked,) = p.journal.stuck()["events"]
            assert "came as Case, not Order" in parked["reason"]

    run(story())


def test_two_use_cases_need_the_same_fact_and_it_is_read_once(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        decide = needing(Need(fact="order", subject=ORDER))
        looks = frozenset({OrderChanged})
        async with Pipe(tmp_path, world, [flow("one", decide, handles=looks), flow("two", decide, handles=looks)]) as p:
            await p.look()
            assert world.fetched == [f"order:{ORDER}"]

    run(story())
