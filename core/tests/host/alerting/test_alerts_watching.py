"""What the daemon watches by time opens one alert, and closes it when it is over: a pipeline on virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from toy_world import ToySettings
from toys import Pipe, World, acting, case_command, flow, found

from caseconnect.host.alerting.settings import USUAL
from caseconnect.host.journal.alerting import Room
from caseconnect.host.journal.clicks import Proposal
from caseconnect.host.journal.records import Brake, NewAlert, NewDelivery
from caseconnect.host.pipeline.watching import Watching
from caseconnect.models import Money
from caseconnect.sdk.casework.settling import settled
from caseconnect.sdk.commands import AnnotateOrder, RefundPayment
from caseconnect.sdk.components import Check
from caseconnect.sdk.decisions import IMPOSSIBLE, ActedOn, Decision, matter_name
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.events import CommandSettled, OrderChanged
from caseconnect.sdk.secrets import Secret
from caseconnect.sdk.testing.rig import in_virtual_time

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


async def tick(p: Pipe, seconds: float = MINUTE) -> None:
    """Let time go by without work, then one look."""
    await asyncio.sleep(seconds)
    p.runner.watching.tick(p.now())
    await p.runner.watching.idle()


@in_virtual_time
async def test_a_poll_that_hangs_is_late_and_one_that_is_told_of_otherwise_is_not(tmp_path: Path) -> None:
    async with Pipe(tmp_path, World(), [], poll={"shop": "10m"}) as p:
        await p.pass_time(HOUR)
        await tick(p, 20 * MINUTE)
        assert p.alerts() == []
        await tick(p, 10 * MINUTE)
        assert p.alerts() == ["late:shop"]
        p.runner.context.down.add(("acme", "shop"))
        await tick(p)
        assert p.alerts() == [], "the outage has its own alert"
        p.runner.context.down.clear()
        await tick(p, 20 * MINUTE)
        assert p.alerts() == [], "it had no time since"
        await tick(p, 10 * MINUTE)
        assert p.alerts() == ["late:shop"]
        await p.settle()
        await tick(p)
        assert p.alerts() == []


@in_virtual_time
async def test_commands_that_nobody_keeps_back_are_told_after_an_hour(tmp_path: Path) -> None:
    world = World()
    async with Pipe(tmp_path, world, [flow("review", acting(AnnotateOrder(name="n", add_tags=("x",))))]) as p:
        assert await p.journal.pause(Brake("acme", "flow", "review", "stocktaking", "ann", p.now()))
        await p.look()
        await tick(p, 3 * HOUR)
        assert p.alerts() == [], "a person keeps it back"
        assert await p.journal.resume("acme", "flow", "review", "done", "ann", p.now())
        await tick(p)
        assert p.alerts() == [], "it had no time yet"
        for kept_back, wait in (("shop", 59), ("desk", 9)):
            p.runner.context.down.add(("acme", kept_back))
            await tick(p, 4 * HOUR)
            assert p.alerts() == [], "the outage has its own alert, where the case is too"
            p.runner.context.down.clear()
            await tick(p, wait * MINUTE)
            assert p.alerts() == [], "what an outage left is being worked off"
        await tick(p, 2 * MINUTE)
        assert p.alerts() == ["old:shop"]
        p.tenant = replace(p.tenant, flows=(flow("review", acting(), mode="observe"),))
        p.live.tenant = p.tenant
        await tick(p)
        assert p.alerts() == [], "the mode keeps it back"


@in_virtual_time
async def test_a_case_platform_that_comes_and_goes_hides_no_old_command(tmp_path: Path) -> None:
    async with Pipe(tmp_path, World(), [flow("review", acting(AnnotateOrder(name="n", add_tags=("x",))))]) as p:
        down, told = p.runner.context.down, []
        assert await p.journal.pause(Brake("acme", "flow", "review", "stocktaking", "ann", p.now()))
        await p.look()
        assert await p.journal.resume("acme", "flow", "review", "done", "ann", p.now())
        for minute in range(6 * 60):
            (down.add if minute % 13 < 9 else down.discard)(("acme", "desk"))
            await tick(p)
            told.append(p.alerts())
        assert not any(told[:60])
        assert all(told[61:]), "told, and not again and again"
        down.add(("acme", "desk"))
        await tick(p, HOUR)
        await tick(p)
        assert p.alerts() == [], "an outage that lasts has its own alert"


@in_virtual_time
async def test_little_room_is_told_and_closes_when_there_is_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Pipe(tmp_path, World(), []) as p:
        p.runner.watching = Watching(p.runner.context, p.now(), USUAL)
        for room, cause in ((Room(5, False), ["disk:low"]), (Room(0, True), ["disk:full"]), (Room(2**40, False), [])):
            monkeypatch.setattr(p.journal, "room", lambda room=room: room)
            await tick(p)
            assert p.alerts() == cause
        monkeypatch.undo()
        assert p.journal.room().free > 0


@in_virtual_time
@pytest.mark.parametrize("end", ["done", "refused", "withdrawn", "changed", "lapsed"])
async def test_a_proposal_that_waits_for_its_second_person_is_told_until_it_has_ended(tmp_path: Path, end: str) -> None:
    async with Pipe(tmp_path, World(), []) as p:
        for tenant in ("acme", "gone"):
            until = p.now() + timedelta(hours=2)
            new = Proposal(p.now(), until, tenant, "ann", "let_go", {}, {}, tenant, "checked with finance")
            await p.journal.propose(new)
        await tick(p, 14 * MINUTE)
        assert p.alerts() == []
        await tick(p, 2 * MINUTE)
        assert p.alerts() == ["proposal:1", "proposal:2"], "also of a tenant that is not at work"
        (told,) = p.journal.open_alerts("gone").values()
        assert told == (
            "proposal 2 (let go) of ann waits for a second person since 2026-01-01 00:00 UTC;"
            " it lapses at 2026-01-01 02:00 UTC"
        )
        if end == "lapsed":
            await tick(p, 2 * HOUR)
            assert p.alerts() == []
            return
        await p.journal.end_proposal(2, end, "bob", "", p.now())
        await tick(p)
        assert p.alerts() == ["proposal:1"]


async def fill(p: Pipe, until: datetime, *, pushed: int, polled: int = 0, begin: datetime | None = None) -> None:
    """So many deliveries in each hour of the time."""
    at, items = begin or p.now(), []
    while at < until:
        for number in range(pushed + polled):
            name = f"{at:%m%d%H}-{number}"
            items.append(NewDelivery("acme", "shop", "changes", name, at, name.encode(), polled=number >= pushed))
        at += timedelta(hours=1)
    await p.journal.receive(items, None, until)


@in_virtual_time
async def test_a_source_that_is_usually_busy_now_is_told_when_it_is_silent(tmp_path: Path) -> None:
    async with Pipe(tmp_path, World(), []) as p:
        start = p.now()
        await fill(p, start + timedelta(days=16), pushed=11)
        await asyncio.sleep(16 * DAY)
        await fill(p, p.now() + timedelta(hours=3), pushed=0, polled=2)
        await tick(p)
        assert p.alerts() == []
        await tick(p, 2.5 * HOUR)
        assert p.alerts() == ["pushes:shop"], "polls alone bring something"
        await tick(p, 3 * HOUR)
        await tick(p)
        assert p.alerts() == ["pushes:shop", "silent:shop"]
        await fill(p, p.now() + timedelta(minutes=1), pushed=1)
        await tick(p)
        await tick(p)
        assert p.alerts() == []


class Keys(ToySettings):
    key: Secret


@in_virtual_time
async def test_a_secret_that_ends_soon_is_told_until_another_date_is_there(tmp_path: Path) -> None:
    async with Pipe(tmp_path, World(), []) as p:
        shop = p.live.connections["shop"]
        for days, cause in ((20, []), (10, ["expires:shop:key"]), (40, [])):
            expires = (p.now() + timedelta(days=days)).date()
            settings = Keys(account="shop", key=Secret(env="KEY", expires=expires))
            shop.spec = replace(shop.spec, settings=settings)
            await tick(p)
            assert p.alerts() == cause


@in_virtual_time
async def test_what_ends_at_its_platform_is_told_and_a_step_that_is_gone_fails_no_more(tmp_path: Path) -> None:
    async with Pipe(tmp_path, World(), []) as p:
        steps: list[Check] = [
            Check(step="API version", ok=True, note="v1", ends_at=p.now() + timedelta(days=10)),
            Check(step="scope", ok=False, note="missing"),
        ]

        async def check() -> list[Check]:
            return steps

        p.live.connections["shop"].source.check = check  # type: ignore[method-assign,union-attr]
        await p.pass_time(3 * HOUR)
        assert p.alerts() == ["ends:shop:API version", "check:shop:scope"]
        (title, _) = [a["title"] for a in p.journal.stuck()["alerts"]]
        assert title == "shop: API version (v1) ends on 2026-01-11: see its platform's notes"
        steps[:] = [Check(step="API version", ok=True, note="v2", ends_at=p.now() + timedelta(days=300))]
        await p.pass_time(DAY)
        assert p.alerts() == []


@in_virtual_time
async def test_an_alert_about_a_connection_that_is_gone_closes(tmp_path: Path) -> None:
    async with Pipe(tmp_path, World(), []) as p:
        for cause in ("down:former", "check:former:scope", "down:shop", "parked:event"):
            await p.journal.alert(NewAlert("acme", cause, "it was so", "x"), p.now())
        await tick(p)
        assert p.alerts() == ["down:shop", "parked:event"]


@in_virtual_time
async def test_one_outcome_that_is_mapped_to_nothing_is_one_alert_until_an_outcome_is_acted_on(tmp_path: Path) -> None:
    opened = Decision(reason="first sight", findings=(found(),), commands=(AnnotateOrder(name="n", add_tags=("x",)),))
    unmapped = Decision(reason="maybe", alert="maybe is mapped to nothing", alert_kind="unmapped:maybe")
    acted = Decision(reason="yes", acted_on=ActedOn(outcome="yes", revision="2"))
    left = {"1": [opened, unmapped, acted], "2": [opened, unmapped, unmapped, acted]}

    def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Decision:
        if not isinstance(event, OrderChanged):
            return Decision(reason="not an order")
        return left[event.subject.id].pop(0)

    async with Pipe(tmp_path, World(), [flow("review", decide)]) as p:
        for order in "1122":
            await p.look({"id": order})
        (alert,) = p.journal.stuck()["alerts"]
        assert (alert["cause"], alert["count"]) == ("review:unmapped:maybe", 2)
        assert alert["link"] == "shop/order/1, shop/order/2"
        for order, cause in (("1", ["review:unmapped:maybe"]), ("2", ["review:unmapped:maybe"]), ("2", [])):
            await p.look({"id": order})
            assert p.alerts() == cause


@in_virtual_time
async def test_an_outcome_that_lacks_something_is_told_until_one_of_its_matter_is_acted_on(tmp_path: Path) -> None:
    opened = Decision(reason="first sight", findings=(found(),), commands=(AnnotateOrder(name="n", add_tags=("x",)),))
    acted = Decision(reason="refund", acted_on=ActedOn(outcome="refund", revision="2"))
    says = {order: iter([opened, "which amount?", "still not", acted]) for order in ("1", "12")}

    def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Decision:
        if not isinstance(event, OrderChanged):
            return Decision(reason="not an order")
        said = next(says[event.subject.id])
        if isinstance(said, Decision):
            return said
        kind = f"{IMPOSSIBLE}{matter_name(matter.subject, matter.item)}"
        return Decision(reason=said, alert=said, alert_kind=kind)

    async with Pipe(tmp_path, World(), [flow("review", decide)]) as p:
        one, other = (f"review:impossible:shop/order/{order}" for order in ("1", "12"))
        for order, left in (("1", []), ("12", []), ("1", [one]), ("12", [one, other]), ("1", [one, other])):
            await p.look({"id": order})
            assert sorted(p.alerts()) == left
        assert [(a["title"], a["count"]) for a in p.journal.stuck()["alerts"] if a["cause"] == one] == [
            ("still not", 2)
        ]
        await p.look({"id": "1"})
        assert p.alerts() == [other], "the matter is open still"


@in_virtual_time
async def test_refused_money_is_one_alert_until_the_last_matter_is_closed(tmp_path: Path) -> None:
    refund = RefundPayment(amount=Money(amount="4.00", currency="EUR"))
    orders = [str(number) for number in range(25)]

    def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Any:
        if isinstance(event, CommandSettled):
            return settled(event, matter, facts)
        if matter.state == "none":
            return Decision(reason="approved", findings=(found(),), commands=(case_command(), refund))
        return Decision(reason="over", close=True)

    world = World()
    async with Pipe(tmp_path, world, [flow("review", decide)]) as p:
        world.script["execute:RefundPayment"] = [PermanentError("the gateway is closed") for _ in orders]
        for order in orders:
            await p.look({"id": order})
        (alert,) = p.journal.stuck()["alerts"]
        assert (alert["cause"], alert["count"]) == ("review:refused:RefundPayment", 25)
        assert "could not give the money back" in alert["title"]
        for order in reversed(orders[1:]):
            await p.look({"id": order})
        (alert,) = p.journal.stuck()["alerts"]
        assert alert["link"] == "...", "it names the last twenty"
        await p.look({"id": orders[0]})
        assert p.alerts() == []


@in_virtual_time
async def test_silence_that_a_person_dismissed_is_not_told_again_before_something_came(tmp_path: Path) -> None:
    async with Pipe(tmp_path, World(), []) as p:
        start = p.now()
        await fill(p, start + timedelta(days=16), pushed=11)
        await asyncio.sleep(16 * DAY)
        await tick(p)
        await tick(p, 3 * HOUR)
        assert p.alerts() == ["silent:shop"]
        await p.journal.dismiss("silent:shop", "acme", "the shop is closed", "ann", p.now())
        for _ in range(3):
            await tick(p, HOUR)
        assert p.alerts() == []
        await fill(p, p.now() + timedelta(minutes=1), pushed=1)
        await tick(p)
        await tick(p, 9 * HOUR)
        assert p.alerts() == ["silent:shop"], "it is another silence"
        off = Watching(p.runner.context, start, USUAL.model_copy(update={"silence": False}))
        off.tick(p.now())
        await off.idle()
        assert p.alerts() == []


@in_virtual_time
async def test_what_is_told_of_connections_closes_with_their_tenant(tmp_path: Path) -> None:
    async with Pipe(tmp_path, World(), []) as p:
        for cause in ("late:shop", "auth:shop", "unknown:RefundPayment"):
            await p.journal.alert(NewAlert("acme", cause, "it was so", "x"), p.now())
        await p.runner.replace("acme", None)
        await tick(p)
        assert p.alerts() == ["unknown:RefundPayment"], "nobody knows yet whether the money went out"
