"""From a stored delivery to events in lanes."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from toys import LOST_AFTER, ORDER, Pipe, World, flow, opening

from caseconnect.host.journal.records import DeliveryResult, Resolved
from caseconnect.host.tenants.tenant import Flow
from caseconnect.sdk.decisions import Decision, Facts, Matter
from caseconnect.sdk.errors import AuthError, PermanentError, TransientError
from caseconnect.sdk.events import CaseChanged, Event, OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run

PART = Subject("shop", "part", "9")


def watching() -> tuple[list[str], Flow]:
    """A use case that only notes what it is asked about."""
    seen: list[str] = []

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        seen.append(f"{event.type} {matter.subject}")
        return Decision(reason="looked")

    return seen, flow("watch", decide)


def test_an_unreadable_delivery_parks_with_its_reason_and_replay_takes_it_up(tmp_path: Path) -> None:
    async def story() -> None:
        world, (seen, watch) = World(), watching()
        async with Pipe(tmp_path, world, [watch]) as p:
            await p.look(body=b"<html>")
            (parked,) = p.journal.stuck()["deliveries"]
            assert parked["reason"] == "the body is not JSON"
            assert p.alerts() == ["parked:delivery"]
            world.script["parse"] = [PermanentError("still not readable")]
            assert await p.journal.replay("deliveries", [parked["seq"]], p.now()) == 1
            await p.settle()
            assert p.journal.stuck()["deliveries"][0]["reason"] == "still not readable"
            assert seen == []

    run(story())


def test_a_parser_that_breaks_parks_its_delivery_and_the_next_one_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        world, (seen, watch) = World(), watching()
        world.script["parse"] = [ZeroDivisionError("secret text of a customer")]
        async with Pipe(tmp_path, world, [watch]) as p:
            await p.send()
            await p.look({"id": "2"})
            (parked,) = p.journal.stuck()["deliveries"]
            assert parked["reason"].startswith("toy-shop could not read it: ZeroDivisionError at toy_world:")
            assert "customer" not in parked["reason"]
            assert seen == ["OrderChanged shop/order/2"]
            await p.journal.replay("deliveries", [parked["seq"]], p.now())
            await p.settle()
            assert seen[1:] == ["OrderChanged shop/order/1"]

    run(story())


def test_what_no_flow_uses_is_ignored_with_its_reason(tmp_path: Path) -> None:
    async def story() -> None:
        async with Pipe(tmp_path, World(), []) as p:
            await p.look(body=b'{"ignore": true}')
            assert p.journal.counts()["deliveries"] == {"ignored": 1}
            assert p.alerts() == []

    run(story())


@pytest.mark.parametrize("error", [None, TransientError("down"), AuthError("who are you?")])
def test_an_alias_waits_until_it_can_be_resolved(tmp_path: Path, error: Exception | None) -> None:
    async def story() -> None:
        world, (seen, watch) = World(), watching()
        world.script["root"] = [error, error]
        async with Pipe(tmp_path, world, [watch]) as p:
            await p.look({"kind": "part", "id": "9"})
            assert p.journal.counts()["deliveries"] == {"waiting": 1}
            assert seen == []
            world.roots[PART] = ORDER
            await p.pass_time(30)
            assert seen == [f"OrderChanged {ORDER}"]
            assert p.journal.subject_of("acme", PART) == ORDER
            world.script["root"] = [TransientError("not asked again"), ...]
            await p.look({"kind": "part", "id": "9"})
            assert len(seen) == 2

    run(story())


def test_an_alias_outlives_four_hours_without_the_platform(tmp_path: Path) -> None:
    async def story() -> None:
        world, (seen, watch) = World(), watching()
        world.script["root"] = [TransientError("no connection"), ...]
        async with Pipe(tmp_path, world, [watch]) as p:
            await p.look({"kind": "part", "id": "9"})
            await p.pass_time(4 * 3600)
            assert p.journal.counts()["deliveries"] == {"waiting": 1}
            world.roots[PART] = ORDER
            world.script.clear()
            await p.pass_time(1200)
            assert seen == [f"OrderChanged {ORDER}"]

    run(story())


def test_a_slow_platform_delays_only_what_has_to_be_asked_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        world, (seen, watch) = World(), watching()
        world.roots[PART] = ORDER
        world.script["root"] = [lambda: asyncio.sleep(50)]
        async with Pipe(tmp_path, world, [watch]) as p:
            await p.send({"kind": "part", "id": "9"})
            await p.send({"id": "2"})
            working = asyncio.create_task(p.runner.run())
            await asyncio.sleep(1)
            assert seen == ["OrderChanged shop/order/2"]
            await asyncio.sleep(60)
            assert seen[1:] == [f"OrderChanged {ORDER}"]
            p.runner.stop()
            await working

    run(story())


def test_an_alias_that_stays_unknown_parks_and_is_shown(tmp_path: Path) -> None:
    async def story() -> None:
        world, (_, watch) = World(), watching()
        async with Pipe(tmp_path, world, [watch]) as p:
            await p.look({"kind": "part", "id": "9"})
            await p.pass_time(3 * 3600)
            (parked,) = p.journal.stuck()["deliveries"]
            assert "shop/part/9" in parked["reason"]
            world.roots[PART] = ORDER
            await p.journal.replay("deliveries", [parked["seq"]], p.now())
            await p.settle()
            assert p.journal.counts()["deliveries"] == {"events": 1}

    run(story())


def test_events_of_two_connections_with_the_same_id_are_two(tmp_path: Path) -> None:
    async def story() -> None:
        world, (_, watch) = World(), watching()
        world.roots[Subject("desk", "order", "1")] = Subject("desk", "order", "1")
        async with Pipe(tmp_path, world, [watch]) as p:
            await p.send({"event": "same"})
            await p.send({"event": "same", "kind": "order"}, connection="desk")
            await p.send({"event": "same"}, id="again")
            await p.settle()
            assert sum(p.journal.counts()["events"].values()) == 2

    run(story())


def test_the_same_delivery_is_stored_once_and_another_body_is_processed(tmp_path: Path) -> None:
    async def story() -> None:
        seen, watch = watching()
        async with Pipe(tmp_path, World(), [watch]) as p:
            await p.look(id="one")
            await p.look(id="one")
            assert len(seen) == 1
            await p.look({"id": "2"}, id="one")
            assert seen[1:] == ["OrderChanged shop/order/2"]

    run(story())


def test_an_unknown_or_unreadable_event_parks_and_its_lane_goes_on(tmp_path: Path) -> None:
    class Strange(OrderChanged):
        type: str = "OrderTeleported"  # type: ignore[assignment]

    class Broken(CaseChanged):
        time: str = ""  # type: ignore[assignment]

    async def story() -> None:
        seen, watch = watching()
        async with Pipe(tmp_path, World(), [watch]) as p:
            await p.send(id="a")
            strange, broken = Strange(id="x", subject=ORDER, time=p.now()), Broken(id="y", subject=ORDER, time="soon")
            result = DeliveryResult(1, "events", events=(Resolved(strange, ORDER), Resolved(broken, ORDER)))
            await p.journal.parsed([("acme", result)], p.now())
            await p.look(id="b")
            parked = p.journal.stuck()["events"]
            assert {e["type"] for e in parked} == {"OrderTeleported", "CaseChanged"}
            assert all(e["reason"] for e in parked)
            assert p.alerts() == ["parked:event"]
            assert seen == [f"OrderChanged {ORDER}"]

    run(story())


def test_our_own_reference_finds_the_lane_before_the_case_is_known(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CaseChanged):
            return Decision(reason=f"case {event.subject} of {matter.id and 'the matter'}")
        return opening()(event, matter, facts, settings, now)

    async def story() -> None:
        world = World()
        world.script["execute:OpenCase"] = [LOST_AFTER]
        async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
            await p.look()
            (matter,) = p.matters()
            assert (matter.case, p.commands()) == (None, {"OpenCase": "unknown"})
            await p.look({"kind": "case", "id": "c1", "reference": matter.reference}, connection="desk")
            assert "case desk/case/c1 of the matter" in p.reasons()

    run(story())


def test_the_toys_open_one_case_for_an_order(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening())]) as p:
            await p.look()
            await p.look()
            assert world.of() == ["OpenCase"]
            assert p.commands() == {"OpenCase": "done"}
            assert p.matters()[0].case == Subject("desk", "case", "c1")
            assert world.cases["c1"]["reference"] == "test/shop/order/1/review/1"

    run(story())
