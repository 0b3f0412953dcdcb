"""Undoing what a rule opened: only cases that no person touched, and never more than that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from toys import ORDER, PLACED, Pipe, World, acting, case_command, flow, found, opening

from caseconnect.host.journal.records import Brake, MatterRow
from caseconnect.host.tenants.caps import Storm
from caseconnect.host.undoing import undo
from caseconnect.models.base import Record
from caseconnect.sdk.commands import HoldOrder, SuppressProduct
from caseconnect.sdk.decisions import ActedOn, Decision, Facts, Matter, Need
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import CaseChanged, Event
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run

OURS = {"updated_by_us": True}
TOUCHES: dict[str, dict[str, Any]] = {
    "outcome": {"outcome": "approved"},
    "change": {"updated_by_us": False},
    "comment": {"comments": [{"id": "1", "text": "I take it", "ours": False}]},
    "file": {"files": [{"id": "1", "name": "mail.txt", "ours": False}]},
    "closed": {"closed": True},
}


def order(number: int) -> Subject:
    return ORDER._replace(id=str(number))


async def orders(p: Pipe, *numbers: int) -> None:
    for number in numbers:
        await p.look({"id": str(number)})
    for case in p.world.cases.values():
        case |= OURS


def candidates(p: Pipe, rule: str = "review", since: datetime = PLACED, tenant: str | None = None) -> list[str]:
    use, _, exception = rule.partition(":")
    return [one["subject"] for one in p.journal.opened(tenant, use, exception, since)]


def the(p: Pipe, number: int) -> MatterRow:
    return p.matters(order(number))[0]


async def undone(p: Pipe, matter: str, *, yes: bool = True, settle: bool = True) -> tuple[str, str]:
    async def fetch(tenant: str, need: Need) -> Record:
        record, _ = await p.runner.fetcher.fetch(p.runner.context.tenants[tenant], need)
        return record

    told = await undo(p.journal, fetch, {"matter": matter, "yes": yes, "reason": "wrong rule", "by": "ann"}, p.now)
    if settle:
        await p.settle()
    return told["state"], told["why"]


def test_an_untouched_case_is_told_why_and_closed_and_the_order_is_released(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))]) as p:
            await orders(p, 1)
            before = list(world.effects)
            assert await undone(p, the(p, 1).id, yes=False) == ("would close", "")
            assert (world.effects, p.matters()[0].state) == (before, "open")
            assert await undone(p, the(p, 1).id) == ("closing", "")
            text = (
                "This case was opened by a rule and is undone by ann: wrong rule. Nobody worked on it, so it is closed."
            )
            assert world.effects[len(before) :] == [
                ("CommentCase", "desk/case/c1", text),
                ("CloseCase", "desk/case/c1", "connect-undo"),
                ("ReleaseOrder", "shop/order/1", "connect-undo"),
            ]
            assert (world.held, the(p, 1).state, p.alerts()) == (set(), "closed", [])
            assert candidates(p) == []
            assert await undone(p, the(p, 1).id) == ("kept", "its matter is not open any more")
            await orders(p, 1)
            assert world.of("OpenCase") == ["OpenCase"], "the same facts open nothing again"

    run(story())


@pytest.mark.parametrize("touch", TOUCHES)
def test_a_case_that_a_person_touched_is_kept(tmp_path: Path, touch: str) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))]) as p:
            await orders(p, 1)
            world.cases["c1"] |= TOUCHES[touch]
            state, why = await undone(p, the(p, 1).id)
            assert (state, why) == ("kept", "its case is closed already" if touch == "closed" else _WORKED)
            assert (world.of("CloseCase", "ReleaseOrder"), the(p, 1).state) == ([], "open")

    run(story())


_WORKED = "a person worked on its case"


def test_a_case_that_cannot_be_read_is_kept(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening())]) as p:
            await orders(p, 1)
            world.script["fetch:case"] = [PermanentError("no right to")]
            assert await undone(p, the(p, 1).id) == ("kept", "its case cannot be read: no right to")

    run(story())


@pytest.mark.parametrize("touch", ["outcome", "change"])
def test_one_that_is_touched_before_it_is_closed_stays_as_it_was(tmp_path: Path, touch: str) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))]) as p:
            await orders(p, 1)
            assert await undone(p, the(p, 1).id, settle=False) == ("closing", "")
            world.cases["c1"] |= TOUCHES[touch]
            await p.settle()
            assert world.of("CloseCase", "ReleaseOrder") == []
            assert (world.held, the(p, 1).state) == ({"shop/order/1"}, "open")
            (alert,) = p.journal.stuck()["alerts"]
            assert alert["title"].startswith("shop/order/1: not undone, its matter stays open: changed: case")
            world.cases["c1"] |= {"outcome": None, **OURS}
            assert await undone(p, the(p, 1).id) == ("closing", "")
            assert (world.held, the(p, 1).state) == (set(), "closed")

    run(story())


def test_a_matter_whose_outcome_was_acted_on_is_kept(tmp_path: Path) -> None:
    def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
        if isinstance(event, CaseChanged):
            return Decision(reason="approved", acted_on=ActedOn(outcome="approved", revision="1"))
        return opening()(event, matter, facts, settings, now)

    async def story() -> None:
        async with Pipe(tmp_path, World(), [flow("review", decide)]) as p:
            await orders(p, 1)
            await p.look({"kind": "case", "id": "c1"}, connection="desk")
            assert await undone(p, the(p, 1).id) == ("kept", "its outcome 'approved' was acted on")

    run(story())


def test_a_case_that_waits_behind_a_pause_is_never_opened(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()))]) as p:
            assert await p.journal.pause(Brake("acme", "command", "OpenCase", "look first", "ann", p.now()))
            await orders(p, 1)
            assert world.held == {"shop/order/1"}
            assert await undone(p, the(p, 1).id) == ("closed", "")
            assert await p.journal.resume("acme", "command", "OpenCase", "mended", "ann", p.now())
            await p.settle()
            assert (world.cases, world.held, p.alerts()) == ({}, set(), [])
            assert the(p, 1).state == "closed"

    run(story())


def test_one_of_which_nobody_knows_whether_it_has_a_case_is_kept(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        world.script["execute:OpenCase"] = ["lost after"]
        async with Pipe(tmp_path, world, [flow("review", opening())]) as p:
            await orders(p, 1)
            state, why = await undone(p, the(p, 1).id)
            assert (state, why) == ("kept", "its case is being opened (unknown): try again when that is over")

    run(story())


def test_a_suppression_is_restored(tmp_path: Path) -> None:
    product = Subject("shop", "product", "9")

    async def story() -> None:
        world = World(products={str(product): "shown"})
        async with Pipe(tmp_path, world, [flow("review", acting(SuppressProduct(target=product)))]) as p:
            await orders(p, 1)
            assert world.products == {str(product): "hidden"}
            assert await undone(p, the(p, 1).id) == ("closed", "")
            assert world.products == {str(product): "shown"}

    run(story())


def test_an_incident_takes_with_it_what_waits_in_it(tmp_path: Path) -> None:
    async def story() -> None:
        world = World()
        async with Pipe(tmp_path, world, [flow("review", opening(HoldOrder()), storm=Storm(cases=2))]) as p:
            await orders(p, 1, 2, 3, 4)
            found_now = candidates(p)
            assert [name.partition("/")[0] for name in found_now] == ["shop", "shop", "connect"]
            for one in p.journal.opened(None, "review", "odd", PLACED):
                assert await undone(p, one["id"]) == ("closing", "")
            assert world.of("CloseCase") == ["CloseCase"] * 3
            assert (world.held, candidates(p), p.alerts()) == (set(), [], [])
            assert {the(p, n).state for n in (1, 2, 3, 4)} == {"closed"}
            await p.pass_time(3600)
            assert world.of("OpenCase") == ["OpenCase"] * 3

    run(story())


def test_what_is_undone_is_chosen_by_rule_time_and_tenant(tmp_path: Path) -> None:
    def finding(kind: str) -> Callable[..., Any]:
        def decide(event: Event, matter: Matter, facts: Facts, settings: Any, now: datetime) -> Any:
            if matter.has(kind, kind) or (kind == "b" and matter.subject.id != "3"):
                return Decision(reason="no")
            commands = (case_command(),) if matter.state == "none" else ()
            return Decision(reason="yes", findings=(found(kind, exception=kind),), commands=commands)

        return decide

    async def story() -> None:
        flows = [flow("one", finding("a")), flow("two", finding("b")), flow("seen", finding("a"), mode="observe")]
        async with Pipe(tmp_path, World(), flows) as p:
            await orders(p, 1)
            await p.pass_time(60)
            await orders(p, 2, 3)
            assert candidates(p, "one") == candidates(p, "one:a") == [f"shop/order/{n}" for n in (1, 2, 3)]
            assert candidates(p, "one:a", since=p.now() - timedelta(seconds=30)) == ["shop/order/2", "shop/order/3"]
            assert (candidates(p, "one:b"), candidates(p, "seen"), candidates(p, "one", tenant="other")) == ([], [], [])
            (third,) = p.journal.opened("acme", "two", "b", PLACED)
            assert (third["subject"], third["others"]) == ("shop/order/3", ["one:a"])
            assert p.journal.opened(None, "one", "", PLACED)[0]["others"] == []

    run(story())
