"""Caps: beyond so many an hour or a day, and so much of a currency, a person is asked first, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from toys import ORDER, Pipe, World, case_command, flow, found

from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.records import Brake
from caseconnect.host.pipeline.capping import caps_for
from caseconnect.host.tenants.caps import Cap, Storm
from caseconnect.host.tenants.file_models import Limits
from caseconnect.host.web.control import Verbs
from caseconnect.models import Money
from caseconnect.sdk.commands import Command, Counter, HoldOrder, IssueCredit, RefundPayment
from caseconnect.sdk.decisions import Decision, Facts, Matter
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event, OrderChanged
from caseconnect.sdk.testing import run

CAUSE = "cap:approvals:RefundPayment:hour"


def cap(**windows: dict[str, Any]) -> Cap:
    return Cap.model_validate(windows)


def refund(amount: str = "1.00", currency: str = "EUR") -> RefundPayment:
    return RefundPayment(amount=Money(amount=Decimal(amount), currency=currency))


def giving(make: Callable[[Event], Command] = lambda _: refund(), *, of: str = "") -> Callable[..., Any]:
    """At first sight of an order one command; `of`: only for orders whose id begins so."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CommandSettled) or matter.state != "none" or not matter.subject.id.startswith(of):
            return Decision(reason="seen before, or another's")
        return Decision(reason="approved", findings=(found(),), commands=(make(event),))

    return decide


async def orders(p: Pipe, *numbers: int) -> None:
    """These orders are looked at, one after another."""
    for number in numbers:
        await p.send({"id": str(number)})
    await p.settle()


def states(p: Pipe, kind: str = "RefundPayment") -> dict[str, int]:
    sql = "SELECT state, count(*) FROM commands WHERE kind=? GROUP BY 1"
    return dict(p.journal._db().execute(sql, (kind,)).fetchall())


async def let_go(p: Pipe, limit: int, what: Any = "retry", cause: str = CAUSE) -> tuple[int, int]:
    told = await p.journal.let_go(cause, None, what, limit, "checked", "ann", p.now())
    await p.settle()
    return told


def test_a_storm_of_approvals_moves_ten_parks_the_rest_and_opens_one_alert(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, OrderChanged) and matter.state == "none":
            return Decision(reason="review", findings=(found(),), commands=(case_command(),))
        commands = (refund(),) if isinstance(event, CaseChanged) else ()
        return Decision(reason="approved" if commands else "told", commands=commands)

    async def story() -> None:
        world = World()
        capped = {"RefundPayment": cap(hour={"count": 10})}
        flows = [flow("approvals", decide, caps=capped, storm=Storm(cases=500))]
        async with Pipe(tmp_path, world, flows) as p:
            await p.send(*({"id": str(number)} for number in range(500)))
            await p.settle()
            assert len(world.cases) == 500
            for case in world.cases:
                world.decide(case, "approved", "1")
            await p.send(*({"kind": "case", "id": case} for case in world.cases), connection="desk")
            await p.settle()
            assert len(world.of("RefundPayment")) == 10
            assert states(p) == {"done": 10, "parked": 490}
            (alert,) = p.journal.stuck()["alerts"]
            assert (alert["cause"], alert["count"]) == (CAUSE, 490)
            assert alert["title"] == (
                "490 RefundPayment of approvals parked: the cap of 10 an hour is reached "
                f"(flow:approvals:RefundPayment); to let some go: "
                f"connect resolve {CAUSE} --answer retry --limit N --reason WHY"
            )
            assert await let_go(p, 25) == (25, 465)
            assert states(p) == {"done": 35, "parked": 465}
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["title"].startswith("465 RefundPayment of approvals parked")
            assert await let_go(p, -1, "refuse") == (465, 0)
            assert (p.alerts(), len(world.of("RefundPayment"))) == ([], 35)

    run(story())


def test_the_windows_roll_and_the_day_counts_what_the_hour_has_forgotten(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        caps = {"RefundPayment": cap(hour={"count": 2}, day={"count": 3})}
        async with Pipe(tmp_path, world, [flow("approvals", giving(), caps=caps)]) as p:
            await orders(p, 1, 2, 3)
            assert (len(world.of()), p.alerts()) == (2, [CAUSE])
            await p.pass_time(3601)
            await orders(p, 4, 5)
            assert (len(world.of()), p.alerts()) == (3, [CAUSE, CAUSE.replace("hour", "day")])
            await p.pass_time(24 * 3600)
            await p.restart()
            await orders(p, 6, 7, 8)
            assert len(world.of()) == 5

    run(story())


def test_sums_are_by_currency_and_only_of_those_that_are_named(tmp_path: Path) -> None:
    amounts = ["40.00 EUR", "59.99 EUR", "0.02 EUR", "0.01 EUR", "9999.00 USD", "1.00 EUR"]
    worths = iter(amounts)

    def next_one(_: Event) -> Command:
        return refund(*next(worths).split())

    async def story() -> None:
        world = World()
        caps = {"RefundPayment": cap(day={"EUR": "100.00"})}
        async with Pipe(tmp_path, world, [flow("approvals", giving(next_one), caps=caps)]) as p:
            for number in range(len(amounts)):
                await orders(p, number)
            assert [v for _, _, v in world.effects] == ["40.00 EUR", "59.99 EUR", "0.01 EUR", "9999.00 USD"]
            assert "the cap of 100.00 EUR a day" in p.notes(ORDER._replace(id="2"))["RefundPayment"]

    run(story())


@pytest.mark.parametrize("known", [True, False], ids=["caps known", "caps looked at when it is sent"])
def test_what_was_refused_gives_its_room_back_and_what_is_asked_again_takes_it_again(
    tmp_path: Path, known: bool
) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:RefundPayment"] = [PermanentError("closed")]
        caps = {"RefundPayment": cap(hour={"count": 1})}
        async with Pipe(tmp_path, world, [flow("approvals", giving(), caps=caps)]) as p:
            verbs = Verbs(p.journal, p.now, caps=partial(caps_for, {"acme": p.tenant}) if known else None)

            async def answer(key: str) -> None:
                ask = {"key": key, "answer": "retry", "reason": "it is open again", "by": "ann"}
                told = await verbs.do("answer", ask)
                if known and len(world.of()) == 1:
                    assert told["note"] == "the cap of 1 an hour is reached (flow:approvals:RefundPayment)"
                await p.settle()

            await orders(p, 1)
            assert p.commands() == {"RefundPayment": "refused"}
            key = p.told()["matters"][0]["commands"][0]["key"]
            await orders(p, 2)
            assert len(world.of()) == 1
            await answer(key)
            assert (len(world.of()), p.alerts(), states(p)) == (1, [CAUSE], {"refused": 1, "done": 1, "parked": 1})
            assert await let_go(p, 1) == (1, 0)
            assert (len(world.of()), p.alerts(), states(p)) == (2, [], {"refused": 1, "done": 2})
            await p.pass_time(3601 - 60)
            await orders(p, 3)
            assert p.commands(ORDER._replace(id="3")) == {"RefundPayment": "parked"}
            await p.pass_time(120)
            assert await let_go(p, -1, "refuse") == (1, 0)
            await answer(p.told(ORDER._replace(id="3"))["matters"][0]["commands"][0]["key"])
            assert (len(world.of()), p.alerts()) == (3, [])

    run(story())


def test_what_a_person_lets_go_counts_for_those_after_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        caps = {"RefundPayment": cap(hour={"count": 1})}
        async with Pipe(tmp_path, world, [flow("approvals", giving(), caps=caps)]) as p:
            await orders(p, 1, 2)
            await p.pass_time(1800)
            assert await let_go(p, 5) == (1, 0)
            await p.pass_time(2400)
            await orders(p, 3)
            assert (len(world.of()), p.alerts()) == (2, [CAUSE])

    run(story())


def test_what_piled_up_behind_a_pause_does_not_go_out_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        caps = {"RefundPayment": cap(hour={"count": 2})}
        async with Pipe(tmp_path, world, [flow("approvals", giving(), caps=caps)]) as p:
            assert await p.journal.pause(Brake("acme", "tenant", "", "stocktaking", "ann", p.now()))
            for number in range(0, 8, 2):
                await orders(p, number, number + 1)
                await p.pass_time(3601)
            assert (world.of(), states(p)) == ([], {"planned": 8})
            assert await p.journal.resume("acme", "tenant", "", "done", "ann", p.now())
            await p.settle()
            assert states(p) == {"done": 2, "parked": 6}
            (alert,) = p.journal.stuck()["alerts"]
            assert (alert["cause"], alert["title"].split(":")[0]) == (CAUSE, "6 RefundPayment of approvals parked")
            assert await let_go(p, 1) == (1, 5)
            assert states(p) == {"done": 3, "parked": 5}
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["title"].startswith("5 RefundPayment of approvals parked: the cap of 2 an hour is reached")
            await p.pass_time(3601)
            await orders(p, 8, 9, 10)
            assert states(p) == {"done": 5, "parked": 6}

    run(story())


def test_what_waited_counts_from_the_time_it_went_out(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        caps = {"RefundPayment": cap(hour={"count": 1})}
        async with Pipe(tmp_path, world, [flow("approvals", giving(), caps=caps)]) as p:
            assert await p.journal.pause(Brake("acme", "tenant", "", "stocktaking", "ann", p.now()))
            await orders(p, 1)
            await p.pass_time(3601)
            assert await p.journal.resume("acme", "tenant", "", "done", "ann", p.now())
            await orders(p, 2)
            assert states(p) == {"done": 1, "parked": 1}

    run(story())


def test_letting_a_caps_commands_go_passes_no_counter(tmp_path: Path) -> None:
    counter = Counter(name="refunds:7", amount=Decimal(40), limit=Decimal(100))

    async def story() -> None:
        world = World()
        caps = {"RefundPayment": cap(hour={"count": 1})}
        make = giving(lambda _: refund().model_copy(update={"counter": counter}))
        async with Pipe(tmp_path, world, [flow("approvals", make, caps=caps)]) as p:
            await orders(p, 1, 2, 3, 4)
            assert await let_go(p, 3) == (1, 0)
            assert states(p) == {"done": 2, "parked": 2}
            assert p.alerts() == ["parked:RefundPayment"]
            stuck = p.journal.stuck()["commands"]
            assert {c["note"] for c in stuck} == {"refunds:7: 80 used, 40 more would pass the limit of 100"}
            await p.journal.answer(stuck[0]["key"], "retry", "a good customer", "ann", p.now())
            await p.settle()
            assert states(p) == {"done": 3, "parked": 1}

    run(story())


def test_a_tenants_cap_counts_all_flows_and_money_all_kinds(tmp_path: Path) -> None:
    def credit(_: Event) -> Command:
        return IssueCredit(amount=Money(amount=Decimal("1.00"), currency="EUR"))

    async def story() -> None:
        world = World()
        limits = Limits.model_validate({"caps": {"money": {"hour": {"count": 3}}}})
        flows = [flow("approvals", giving(of="1"), topic="a"), flow("goodwill", giving(credit, of="2"), topic="b")]
        async with Pipe(tmp_path, world, flows, limits=limits) as p:
            await orders(p, 11, 12, 21, 22)
            assert len(world.of()) == 3
            assert p.alerts() == ["cap:goodwill:IssueCredit:hour"]

    run(story())


def test_two_topics_that_give_for_one_order_need_a_person(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        flows = [flow("complaints", giving(), topic="a"), flow("returns", giving(), topic="b")]
        async with Pipe(tmp_path, world, flows) as p:
            await orders(p, 1, 2)
            assert len(world.of()) == 2
            notes = [c["note"] for c in p.journal.stuck()["commands"]]
            assert len(notes) == 2
            assert all("gives for the same order, too (RefundPayment is " in note for note in notes)

    run(story())


@pytest.mark.parametrize(
    ("caps", "many"),
    [({}, 20), ({"RefundPayment": cap(day={"count": 25})}, 25), ({"IssueCredit": cap(hour={"count": 1})}, 20)],
)
def test_money_of_which_the_file_says_nothing_is_under_the_default_cap(
    tmp_path: Path, caps: dict[str, Cap], many: int
) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("approvals", giving(), caps=caps)]) as p:
            await orders(p, *range(30))
            assert len(world.of()) == many

    run(story())


@pytest.mark.parametrize(("currency", "many"), [("USD", 20), ("EUR", 25)])
def test_a_cap_that_names_one_currency_leaves_the_default_for_the_others(
    tmp_path: Path, currency: str, many: int
) -> None:
    async def story() -> None:
        world = World()
        caps = {"RefundPayment": cap(day={"EUR": "25.00"})}
        flows = [flow("approvals", giving(lambda _: refund(currency=currency)), caps=caps)]
        async with Pipe(tmp_path, world, flows) as p:
            await orders(p, *range(30))
            assert len(world.of()) == many

    run(story())


def test_the_default_is_a_hundred_a_day(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("approvals", giving())]) as p:
            for hour in range(7):
                await orders(p, *range(hour * 20, hour * 20 + 20))
                await p.pass_time(3601)
            assert len(world.of()) == 100
            assert p.alerts() == [CAUSE.replace("hour", "day")]

    run(story())


def test_other_kinds_are_capped_only_when_the_file_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", giving(lambda _: HoldOrder()))]) as p:
            await orders(p, *range(30))
            assert len(world.of("HoldOrder")) == 30
        caps = {"HoldOrder": cap(hour={"count": 1})}
        async with Pipe(tmp_path, world, [flow("review", giving(lambda _: HoldOrder()), caps=caps)]) as p:
            await orders(p, 31, 32)
            assert (len(world.of("HoldOrder")), p.alerts()) == (31, ["cap:review:HoldOrder:hour"])
            assert await let_go(p, 1, cause="cap:review:HoldOrder:hour") == (1, 0)
            assert len(world.of("HoldOrder")) == 32

    run(story())


def test_what_a_mode_withholds_takes_no_room(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        caps = {"RefundPayment": cap(hour={"count": 1})}
        async with Pipe(tmp_path, world, [flow("approvals", giving(), caps=caps, mode="observe")]) as p:
            await orders(p, 1, 2)
        async with Pipe(tmp_path, world, [flow("approvals", giving(), caps=caps)]) as p:
            await orders(p, 3)
            assert (len(world.of()), p.alerts()) == (1, [])

    run(story())


def test_a_flow_with_a_colon_in_its_name_is_capped_as_any(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        caps = {"RefundPayment": cap(hour={"count": 1})}
        async with Pipe(tmp_path, world, [flow("eu:approvals", giving(), caps=caps)]) as p:
            await orders(p, 1, 2)
            assert states(p) == {"done": 1, "parked": 1}
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["title"].startswith("1 RefundPayment of eu:approvals parked")

    run(story())


def test_a_cap_that_has_parked_nothing_lets_nothing_go(tmp_path: Path) -> None:
    async def story() -> None:
        caps = {"RefundPayment": cap(hour={"count": 1})}
        async with Pipe(tmp_path, World(), [flow("approvals", giving(), caps=caps)]) as p:
            await orders(p, 1, 2)
            with pytest.raises(Conflict, match=f"did you mean {CAUSE}"):
                await let_go(p, 1, cause="cap:approval:RefundPayment:hour")

    run(story())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"RefundPayment": cap(day={"EUR": "3.00"})}),
        ({}, {"money": cap(day={"count": 3})}),
        ({"RefundPayment": cap(day={"count": 99})}, {"money": cap(day={"count": 3})}),
        ({"RefundPayment": cap(day={"count": 99})}, {"RefundPayment": cap(day={"count": 3})}),
    ],
)
def test_a_cap_that_a_reload_brings_holds_for_what_is_planned(
    tmp_path: Path, before: dict[str, Cap], after: dict[str, Cap]
) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("approvals", giving(), caps=before)]) as p:
            assert await p.journal.pause(Brake("acme", "command", "RefundPayment", "wrong rule", "ann", p.now()))
            await orders(p, *range(8))
            await p.reload(flows=(flow("approvals", giving(), caps=after),))
            assert await p.journal.resume("acme", "command", "RefundPayment", "mended", "ann", p.now())
            await p.settle()
            assert (len(world.of()), states(p)) == (3, {"done": 3, "parked": 5})
            assert await let_go(p, 1, cause=CAUSE.replace("hour", "day")) == (1, 4)
            assert len(world.of()) == 4
            await orders(p, 8)
            assert len(world.of()) == 4

    run(story())


def test_a_cap_that_a_reload_brings_holds_for_kinds_that_were_under_none(tmp_path: Path) -> None:
    async def story() -> None:
        world, hold = World(), giving(lambda _: HoldOrder())
        async with Pipe(tmp_path, world, [flow("review", hold)]) as p:
            assert await p.journal.pause(Brake("acme", "command", "HoldOrder", "wrong rule", "ann", p.now()))
            await orders(p, 1, 2, 3)
            await p.reload(flows=(flow("review", hold, caps={"HoldOrder": cap(hour={"count": 1})}),))
            assert await p.journal.resume("acme", "command", "HoldOrder", "mended", "ann", p.now())
            await p.settle()
            assert states(p, "HoldOrder") == {"done": 1, "parked": 2}

    run(story())


@pytest.mark.parametrize(
    ("caps", "limits"),
    [
        ({"RefundPayment": cap(day={"EUR": "4.00"})}, {}),
        ({"money": cap(hour={"count": 4})}, {}),
        ({}, {"money": {"day": {"count": 4}}}),
    ],
)
def test_money_that_went_out_before_counts_for_a_cap_that_a_reload_brings(
    tmp_path: Path, caps: dict[str, Cap], limits: dict[str, Any]
) -> None:
    async def story() -> None:
        world = World()
        flows = [flow("other", giving(of="9"), topic="b"), flow("approvals", giving(of="1"), topic="a")]
        async with Pipe(tmp_path, world, flows) as p:
            await orders(p, 10, *([] if limits else [90, 91]))
            await p.pass_time(24 * 3600)
            await orders(p, 11, 12, 13, *([] if limits else [92, 93]))
            many = len(world.of())
            both = replace(flows[1], caps=caps)
            await p.reload(flows=(flows[0], both), limits=Limits.model_validate({"caps": limits}))
            await orders(p, 14, 15, 16)
            assert len(world.of()) == many + 1
            await p.pass_time(24 * 3600)
            await orders(p, *range(100, 106))
            assert len(world.of()) == many + 1 + 4

    run(story())
