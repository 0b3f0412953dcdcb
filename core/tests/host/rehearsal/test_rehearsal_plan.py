"""`connect plan` in the host: past events are decided on again, with other files, and nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from toys import ORDER, PLACED, Pipe, World, case_command, flow, found, opening

from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.rehearsal.plan import Played, Sources, play
from caseconnect.host.rehearsal.tally import changes
from caseconnect.host.tenants.caps import Storm
from caseconnect.host.tenants.tenant import Flow
from caseconnect.models import Case, Money, Order
from caseconnect.sdk.commands import AnnotateOrder, HoldOrder, RefundPayment, ReleaseOrder
from caseconnect.sdk.decisions import ActedOn, Decision, Facts, Matter, Need, Needs, Timer
from caseconnect.sdk.events import CaseChanged, Event, OrderChanged, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import MemorySecrets

EUR = Money(amount="4.00", currency="EUR")


def reviewing(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Decision | Needs:
    """Holds an order, refunds when the agent says so, and annotates an hour after it came."""
    if isinstance(event, CaseChanged):
        case = facts.get("case", event.subject, Case)
        return answering(matter, case) if isinstance(case, Case) else need("case", event.subject)
    if isinstance(event, TimerFired):
        return Decision(reason="an hour is over", commands=(AnnotateOrder(name="late"),))
    if not isinstance(event, OrderChanged):
        return Decision(reason="not for us")
    order = facts.get("order", matter.subject, Order)
    return holding(matter, order, now) if isinstance(order, Order) else need("order", matter.subject)


def need(fact: str, subject: Subject) -> Needs:
    return Needs(needs=(Need(fact=fact, subject=subject),))


def answering(matter: Matter, case: Case) -> Decision:
    if case.outcome is None or (matter.acted_on and matter.acted_on.revision == case.revision):
        return Decision(reason=f"no outcome in revision {case.revision}")
    acted = ActedOn(outcome=case.outcome, revision=case.revision)
    return Decision(
        reason=f"outcome {case.outcome}", commands=(RefundPayment(amount=EUR), ReleaseOrder()), acted_on=acted
    )


def holding(matter: Matter, order: Order, now: datetime) -> Decision:
    if order.id == "3":
        return Decision(reason=f"order {order.number} of 12.50 EUR is left alone")
    if matter.state != "none":
        return Decision(reason="seen before")
    timers = (Timer(name="late", due=now + timedelta(hours=1)),)
    return Decision(reason="first sight", findings=(found(),), commands=(HoldOrder(), case_command()), timers=timers)


def with_past(folder: Path, test: Callable[[Pipe], Awaitable[None]], decide: Any = reviewing, **options: Any) -> None:
    """Three orders on the first day, of which one is decided by an agent; then the test."""

    async def go() -> None:
        (folder / "real").mkdir()
        async with Pipe(folder / "real", World(), [flow("review", decide, **options)]) as pipe:
            for number in ("1", "2", "3"):
                await pipe.look({"id": number})
                await pipe.pass_time(600)
            if pipe.world.cases:
                pipe.world.decide("c1", "give back", "1")
                await pipe.look({"kind": "case", "id": "c1"}, connection="desk")
            await pipe.pass_time(7200)
            await test(pipe)

    run(go())


async def planned(pipe: Pipe, *flows: Flow, since: datetime = PLACED, offline: bool = True) -> Played:
    tenant = replace(pipe.tenant, flows=flows or pipe.tenant.flows)
    return await play(tenant, pipe.journal, since, pipe.now(), Sources(offline=offline, secrets=MemorySecrets()))


def kinds(played: Played) -> Counter[tuple[str, str]]:
    return Counter((asked.kind, str(asked.subject)) for asked in played.tally.asked)


def really(pipe: Pipe, subjects: Sequence[str] = ("1", "2", "3")) -> Counter[tuple[str, str]]:
    lanes = [Subject("shop", "order", number) for number in subjects]
    return Counter((c["kind"], str(lane)) for lane in lanes for m in pipe.told(lane)["matters"] for c in m["commands"])


def test_the_same_file_decides_what_was_decided(tmp_path: Path) -> None:
    async def test(pipe: Pipe) -> None:
        before, effects = pipe.journal.counts(), list(pipe.world.effects)
        pipe.world.fetched.clear()
        played = await planned(pipe)
        assert kinds(played) == really(pipe)
        assert kinds(played)["RefundPayment", str(ORDER)] == 1
        assert kinds(played)["AnnotateOrder", str(ORDER)] == 1
        assert played.tally.sums("RefundPayment", "planned") == [EUR]
        assert played.tally.hits == {("review", "odd"): {ORDER, Subject("shop", "order", "2")}}
        assert (pipe.journal.counts(), pipe.world.effects, pipe.world.fetched) == (before, effects, [])

    with_past(tmp_path, test)


def test_what_was_not_kept_is_read_or_told_as_missing(tmp_path: Path) -> None:
    async def test(pipe: Pipe) -> None:
        offline = await planned(pipe)
        assert offline.missing == {"order": 1}
        assert offline.tally.undecided == {"the order was not kept, and --offline reads nothing": 1}
        pipe.world.fetched.clear()
        live = await planned(pipe, offline=False)
        assert pipe.world.fetched == ["order:shop/order/3"]
        assert (live.fetched, live.missing, live.tally.undecided) == ({"order": 1}, {}, {})
        why = ("review", "order ## of # EUR is left alone")
        assert live.tally.not_opened() == {why: 1}

    with_past(tmp_path, test)


def test_a_file_that_observed_is_planned_live(tmp_path: Path) -> None:
    async def test(pipe: Pipe) -> None:
        assert pipe.world.effects == []
        played = await planned(pipe, flow("review", reviewing, mode="live"))
        assert played.tally.commands()["HoldOrder", "planned"] == 2
        watched = await planned(pipe)
        assert watched.tally.commands()["HoldOrder", "withheld"] == 2
        (hold, *_) = [c for c in changes(watched.tally, played.tally) if c.asked.kind == "HoldOrder"]
        assert hold.what == "withheld -> planned"

    with_past(tmp_path, test, mode="observe")


def test_differences_to_another_file(tmp_path: Path) -> None:
    async def test(pipe: Pipe) -> None:
        was = await planned(pipe)
        other = await planned(pipe, flow("review", opening(AnnotateOrder(name="seen"))))
        told = Counter((change.what, change.asked.kind) for change in changes(was.tally, other.tally))
        assert told == {
            ("removed", "HoldOrder"): 2,
            ("removed", "RefundPayment"): 1,
            ("removed", "ReleaseOrder"): 1,
            ("removed", "AnnotateOrder"): 2,
            ("added", "AnnotateOrder"): 3,
            ("added", "OpenCase"): 1,
        }
        assert changes(was.tally, (await planned(pipe)).tally) == []

    with_past(tmp_path, test)


def test_what_came_before_is_prepared_and_not_counted(tmp_path: Path) -> None:
    async def test(pipe: Pipe) -> None:
        (decided_at,) = [event["at"] for event in pipe.told()["events"] if event["type"] == "CaseChanged"]
        since = datetime.fromisoformat(decided_at) - timedelta(minutes=1)
        played = await planned(pipe, since=since)
        assert played.tally.cases() == []
        assert kinds(played)["RefundPayment", str(ORDER)] == 1
        assert "HoldOrder" not in {kind for kind, _ in kinds(played)}
        assert played.turns == 1

    with_past(tmp_path, test)


def test_a_use_case_that_breaks_is_told(tmp_path: Path) -> None:
    def broken(*_: Any) -> Decision:
        raise ZeroDivisionError

    async def test(pipe: Pipe) -> None:
        played = await planned(pipe, flow("review", broken))
        told = {reason[:47]: n for (use, reason), n in played.tally.not_opened().items() if use == "review"}
        assert told == {"review broke on OrderChanged: ZeroDivisionError": 3}

    with_past(tmp_path, test)


def test_what_was_marked_as_seen_opens_nothing_in_a_plan_either(tmp_path: Path) -> None:
    async def test(pipe: Pipe) -> None:
        body = b'{"events": [{"id": "8"}]}'
        new = NewDelivery("acme", "shop", "changes", "old", pipe.now(), body, polled=True, seen=True)
        since = pipe.now() - timedelta(seconds=1)
        await pipe.journal.receive([new], None, pipe.now())
        await pipe.settle()
        played = await planned(pipe, since=since)
        assert (played.turns, played.tally.asked) == (1, [])
        assert list(played.tally.reasons.values()) == ["marked as seen: first sight"]

    with_past(tmp_path, test)


def test_a_storm_is_one_case_in_a_plan_too(tmp_path: Path) -> None:
    async def test(pipe: Pipe) -> None:
        began = pipe.now() - timedelta(seconds=1)
        for number in range(10, 14):
            await pipe.look({"id": str(number)})
        await pipe.pass_time(300)
        storm = Storm(cases=2, within=timedelta(minutes=10))
        played = await planned(pipe, replace(flow("review", reviewing), storm=storm), since=began)
        cases = [(asked.subject.kind, asked.state) for asked in played.tally.cases()]
        assert Counter(cases) == {("order", "planned"): 2, ("order", "parked"): 2, ("incident", "planned"): 1}
        assert len(played.tally.subjects) == 4

    with_past(tmp_path, test)
