"""What gives value away: keyed by its approval, looked at before it is repeated, and in doubt a person's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from toys import LOST_AFTER, LOST_BEFORE, ORDER, Pipe, World, flow, found

from caseconnect.models import Money
from caseconnect.sdk.commands import Command, Expect, HoldOrder, RefundPayment
from caseconnect.sdk.components import Outcome, Repeat, Sighting
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.events import CommandSettled, Event
from caseconnect.sdk.testing import run


def refund(amount: str = "8.00", *expects: Expect, **more: Any) -> RefundPayment:
    return RefundPayment(amount=Money(amount=Decimal(amount), currency="EUR"), expects=expects, **more)


def left(amount: str, currency: str = "EUR") -> Expect:
    value = {"amount": amount, "currency": currency}
    return Expect(fact="order", subject=ORDER, field="refundable", value=value, test="at_least")


def asking(*answers: tuple[Command, ...], close: bool = False) -> Callable[..., Any]:
    """At the n-th look these commands, each time on a new ground."""
    left_over = list(answers)

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CommandSettled) or not left_over:
            return Decision(reason="nothing more", close=close and matter.is_open())
        ground = found(f"look {len(left_over)}")
        return Decision(reason="look", findings=(ground,), commands=left_over.pop(0))

    return decide


def test_the_key_holds_what_was_approved(tmp_path: Path) -> None:
    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", asking((refund(), refund("1.50", name="shipping"))))]) as p:
            await p.look()
            keys = [c["key"] for c in p.told()["matters"][0]["commands"]]
            id_ = p.matters()[0].id
            assert keys == [
                f"{id_}:RefundPayment:{refund().approval()}",
                f"{id_}:RefundPayment:shipping:{refund('1.50').approval()}",
            ]

    run(story())


def test_the_same_approval_given_twice_is_one_refund(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", asking((refund(),), (refund("8.0"),)))]) as p:
            await p.look()
            await p.look()
            assert (world.of(), p.commands()) == (["RefundPayment"], {"RefundPayment": "done"})

    run(story())


def test_another_approval_for_what_was_asked_already_is_a_persons(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", asking((refund(),), (refund("2.00"),)))]) as p:
            await p.look()
            await p.look()
            assert (world.of(), p.commands()) == (["RefundPayment"], {"RefundPayment": "parked"})
            assert p.notes()["RefundPayment"].startswith(f"changed after {p.matters()[0].id}:RefundPayment:")
            assert p.alerts() == ["parked:RefundPayment"]

    run(story())


def test_another_approval_after_a_refusal_is_carried_out(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:RefundPayment"] = [PermanentError("too much")]
        async with Pipe(tmp_path, world, [flow("review", asking((refund(),), (refund("2.00"),)))]) as p:
            await p.look()
            await p.look()
            assert [(kind, value) for kind, _, value in world.effects] == [("RefundPayment", "2.00 EUR")]

    run(story())


def test_what_an_earlier_episode_carried_out_is_not_done_again_by_itself(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        flows = [flow("review", asking((refund("3.00"),), (refund("3.00"),), close=True))]
        async with Pipe(tmp_path, world, flows) as p:
            await p.look()
            assert p.matters()[0].state == "closed"
            await p.look()
            assert [m.episode for m in p.matters()] == [2, 1]
            assert world.of() == ["RefundPayment"]
            assert "the same was approved before" in p.journal.stuck()["commands"][0]["note"]

    run(story())


@pytest.mark.parametrize(
    ("expect", "end"),
    [
        (left("8.00"), "done"),
        (left("10.00"), "done"),
        (left("10.01"), "refused"),
        (left("8.00", "USD"), "refused"),
        (Expect(fact="order", subject=ORDER, field="number", value="8", test="at_least"), "refused"),
    ],
)
def test_so_much_must_still_be_there(tmp_path: Path, expect: Expect, end: str) -> None:
    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", asking((refund("8.00", expect),)))]) as p:
            await p.look()
            assert p.commands() == {"RefundPayment": end}
            if expect.value == left("10.01").value:
                said = "changed: order refundable is 10.00 EUR now, the command expects at least 10.01 EUR"
                assert p.notes()["RefundPayment"] == said

    run(story())


@pytest.mark.parametrize(
    ("repeat", "script", "end", "effects", "attempts"),
    [
        (Repeat.KEY, [LOST_BEFORE], "done", 1, 2),
        (Repeat.KEY, [LOST_AFTER], "done", 1, 1),
        (Repeat.KEY, [LOST_BEFORE, LOST_AFTER], "done", 1, 2),
        (Repeat.KEY, [LOST_BEFORE, PermanentError("closed")], "parked", 0, 2),
        (Repeat.KEY, [LOST_BEFORE, Outcome(state="refused", note="closed")], "parked", 0, 2),
        (Repeat.KEY, [PermanentError("closed")], "refused", 0, 1),
        (Repeat.KEY, [TransientError("busy"), TransientError("busy")], "done", 1, 3),
        (Repeat.STATE, [LOST_BEFORE], "parked", 0, 1),
        (Repeat.STATE, [LOST_AFTER], "done", 1, 1),
        (Repeat.READ, [LOST_BEFORE], "parked", 0, 1),
        (Repeat.READ, [LOST_AFTER], "done", 1, 1),
        (Repeat.READ, [TransientError("busy"), LOST_AFTER], "done", 1, 2),
        (Repeat.PERSON, [LOST_AFTER], "parked", 1, 1),
    ],
)
def test_a_lost_answer_is_looked_at_and_never_followed_by_a_second_try_on_a_look_alone(
    tmp_path: Path, repeat: Repeat, script: list[Any], end: str, effects: int, attempts: int
) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:RefundPayment"] = [*script]
        flows = [flow("review", asking((refund("8.00", left("8.00")),)))]
        async with Pipe(tmp_path, world, flows, repeat=repeat) as p:
            await p.look()
            await p.pass_time(2 * 3600)
            assert p.commands() == {"RefundPayment": end}
            assert (len(world.of()), len(world.attempts)) == (effects, attempts)

    run(story())


def test_a_refused_repeat_of_what_had_its_effect_is_done(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:RefundPayment"] = [LOST_AFTER, PermanentError("nothing is left")]
        world.script["verify:RefundPayment"] = [Sighting(seen=False)]
        async with Pipe(tmp_path, world, [flow("review", asking((refund(),)))], repeat=Repeat.KEY) as p:
            await p.look()
            await p.pass_time(3600)
            assert (p.commands(), len(world.attempts)) == ({"RefundPayment": "done"}, 2)

    run(story())


def test_a_person_who_says_once_more_is_protected_by_a_look(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:RefundPayment"] = [LOST_AFTER]
        world.script["verify:RefundPayment"] = [Sighting(seen=None, note="the list is down")]
        async with Pipe(tmp_path, world, [flow("review", asking((refund(),)))]) as p:
            await p.look()
            await p.pass_time(3600)
            assert p.commands() == {"RefundPayment": "parked"}
            key = p.journal.stuck()["commands"][0]["key"]
            await p.journal.answer(key, "retry", "it is not there", "ann", p.now())
            await p.settle()
            assert (p.commands(), len(world.attempts)) == ({"RefundPayment": "done"}, 1)

    run(story())


@pytest.mark.parametrize(
    ("repeat", "script", "end", "attempts"),
    [
        (Repeat.KEY, [LOST_AFTER], "done", 2),
        (Repeat.KEY, [Outcome(state="accepted")], "done", 2),
        (Repeat.READ, [LOST_AFTER], "parked", 1),
    ],
)
def test_a_refund_of_ours_that_is_under_way_is_never_refused_for_what_it_took(
    tmp_path: Path, repeat: Repeat, script: list[Any], end: str, attempts: int
) -> None:
    async def story() -> None:
        world = World()

        def took() -> Any:
            world.effect(refund("8.00", target=ORDER), world.attempts[-1][1])
            return script[0]

        world.script["execute:RefundPayment"] = [took if isinstance(script[0], Outcome) else script[0]]
        world.script["verify:RefundPayment"] = [Sighting(seen=None, note="it is pending"), ...]
        flows = [flow("review", asking((refund("8.00", left("8.00")),)))]
        async with Pipe(tmp_path, world, flows, repeat=repeat) as p:
            await p.look()
            if isinstance(script[0], Outcome) or repeat is Repeat.READ:
                await p.pass_time(8 * 24 * 3600)
                assert p.commands() == {"RefundPayment": "parked"}
                key = p.journal.stuck()["commands"][0]["key"]
                await p.journal.answer(key, "retry", "I see none", "ann", p.now())
            await p.pass_time(3600)
            assert (p.commands(), len(world.attempts)) == ({"RefundPayment": end}, attempts)
            assert world.of() == ["RefundPayment"]

    run(story())


def test_what_may_be_under_way_does_not_go_once_more_after_its_approval_was_withdrawn(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        number = Expect(fact="order", subject=ORDER, field="number", value="#1")
        world.script["execute:RefundPayment"] = [LOST_BEFORE]
        world.script["verify:RefundPayment"] = [Sighting(seen=None, note="the list is down"), ...]
        flows = [flow("review", asking((refund("8.00", number),)))]
        async with Pipe(tmp_path, world, flows, repeat=Repeat.KEY) as p:
            await p.look()
            world.script["fetch:order"] = [world.order(ORDER).model_copy(update={"number": "#2"}), ...]
            await p.pass_time(3600)
            assert (p.commands(), len(world.attempts)) == ({"RefundPayment": "parked"}, 1)

    run(story())


def reading() -> Callable[..., Any]:
    """Reads the order, then holds it and gives money back."""

    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        need = Need(fact="order", subject=ORDER)
        if facts.lacking((need,)):
            return Needs(needs=(need,))
        if matter.state != "none":
            return Decision(reason="seen before")
        return Decision(reason="approved", findings=(found(),), commands=(HoldOrder(), refund()))

    return decide


@pytest.mark.parametrize("what", ["events", "deliveries"])
def test_a_replay_moves_no_money_until_a_person_lets_it_go(tmp_path: Path, what: Any) -> None:
    async def story() -> None:
        world = World()
        world.script["fetch:order" if what == "events" else "parse"] = [PermanentError("a fault of the plugin")]
        async with Pipe(tmp_path, world, [flow("review", reading())]) as p:
            await p.look()
            await p.journal.replay(what, [1], p.now())
            world.script["fetch:order"] = [TransientError("not now")]
            await p.pass_time(60)
            assert (world.of(), p.commands()["RefundPayment"]) == (["HoldOrder"], "parked")
            assert p.notes()["RefundPayment"].startswith("decided in a replay")
            await p.look()
            key = p.journal.stuck()["commands"][0]["key"]
            await p.journal.answer(key, "retry", "it is right", "ann", p.now())
            await p.settle()
            assert world.of() == ["HoldOrder", "RefundPayment"]

    run(story())
