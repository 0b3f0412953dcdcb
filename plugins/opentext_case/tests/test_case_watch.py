"""Reading open cases one by one: within a share of the account's rate, by activity, and none is forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.testing.virtual import run
from caseconnect_opentext_case.checks import delay
from caseconnect_opentext_case.polling import Cursor, Cursors
from caseconnect_opentext_case.simulator import CaseInput

AGENT = "agent.one@core-case.example"


def cases_of(rig: Any, count: int) -> list[str]:
    definition = rig.settings.definition_id
    return [rig.store.create_case(definition, CaseInput(default={"caseTitle": str(n)}), AGENT).id for n in range(count)]


def reads(rig: Any) -> int:
    return int(rig.calls().count("read_case"))


def test_a_minute_costs_its_share_and_no_more(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"changes": "watch", "watch_share": 0.5}, requests_per_second=2)
        watch = cases_of(rig, 200)
        _, cursor = await read_on(rig, None, watch)
        spent = []
        for _ in range(6):
            before = reads(rig)
            _, cursor = await read_on(rig, cursor, watch)
            spent.append(reads(rig) - before)
            await asyncio.sleep(60)
        assert spent == [60] * 6

    run(story())


def test_every_case_is_read_and_active_ones_more_often(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"changes": "watch", "watch_share": 0.5}, requests_per_second=1)
        watch = cases_of(rig, 120)
        _, cursor = await read_on(rig, None, watch)
        await asyncio.sleep(86_400)
        busy, told = watch[7], 0
        seen: set[str] = set()
        for minute in range(20):
            rig.store.change(busy, AGENT, custom={"turn": str(minute)})
            items, cursor = await read_on(rig, cursor, watch)
            told += busy in items
            seen |= set(Cursor.parse(cursor).read)
            await asyncio.sleep(60)
        # 30 reads a minute, half of them in turn: 120 cases need 8 minutes.
        assert seen == set(watch)
        assert told >= 15

    run(story())


def test_a_decision_is_seen_within_the_delay_that_the_check_prints(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"changes": "watch", "watch_share": 0.5}, requests_per_second=1)
        watch = cases_of(rig, 100)
        _, cursor = await read_on(rig, None, watch)
        for _ in range(12):
            _, cursor = await read_on(rig, cursor, watch)
            await asyncio.sleep(60)
        assert "100: 7 min" in delay(rig.settings)
        for case in watch[::9]:
            rig.store.decide(case, "approved", AGENT)
        waiting = set(watch[::9])
        for _ in range(8):
            items, cursor = await read_on(rig, cursor, watch)
            waiting -= set(items)
            await asyncio.sleep(60)
        assert waiting == set()

    run(story())


def test_a_clock_that_jumps_back_starves_nobody(make_rig: Any, read_on: Any) -> None:
    async def story() -> None:
        rig = make_rig(listing={"changes": "watch"})
        watch = cases_of(rig, 3)
        _, cursor = await read_on(rig, None, watch)
        held = Cursor.parse((await read_on(rig, cursor, watch))[1])
        held.at += 10**9
        held.read = {case: at + 10**9 for case, at in held.read.items()}
        rig.store.decide(watch[1], "approved", AGENT)
        items, _ = await read_on(rig, str(held), watch)
        assert items == [watch[1]]

    run(story())


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "one poll interval, and as much as the list lags"),
        ({"hook_secret": {"env": "CC_SECRET"}}, "at once when the workflow calls"),
        ({"listing": {"changes": "watch"}}, "1000: 14 min"),
    ],
)
def test_the_check_tells_the_worst_delay(make_rig: Any, settings: Any, text: Any) -> None:
    async def story() -> None:
        rig = make_rig(**settings)
        (step,) = (s for s in await rig.source.check() if s.step == "delay of a decision")
        assert text in step.note

    run(story())


def test_cursors_of_the_first_version_are_read() -> None:
    text = '{"after":"c1","seen":{"c1":["abc",7]},"since":5}'
    assert Cursors.parse(text).of[""].seen == {"c1": ("abc", 7)}
    several = Cursors({"": Cursor(since=1), "recall": Cursor(since=2)}, "recall")
    assert Cursors.parse(str(several)) == several


@pytest.mark.parametrize("answered", [True, False], ids=["known", "the answer of its opening was lost"])
def test_a_case_that_was_opened_and_decided_while_the_first_read_waited_is_told(
    make_rig: Any, read_on: Any, answered: bool
) -> None:
    async def story() -> None:
        rig = make_rig(listing={"overlap": 60})
        reference = "test/shop/order/1001/order_review/1"
        opened = await rig.sink.execute(OpenCase(title="Order", description="d", reference=reference), reference)
        known = opened.data["id"]
        rig.store.decide(known, "approved", AGENT)
        await asyncio.sleep(600)
        cases_of(rig, 1)
        _, cursor = await read_on(rig, None, [])
        items, cursor = await read_on(rig, cursor, [known] if answered else [])
        assert items == [known]
        assert (await read_on(rig, cursor, [known]))[0] == []

    run(story())


@pytest.mark.parametrize("listing", [{"changes": "watch"}, {"rows": "full"}, {"rows": "summary"}])
def test_what_was_decided_on_a_known_case_before_the_first_read_is_told(
    make_rig: Any, read_on: Any, listing: dict[str, Any]
) -> None:
    async def story() -> None:
        rig = make_rig(listing={**listing, "overlap": 60})
        stranger, known = cases_of(rig, 2)
        rig.store.decide(known, "approved", AGENT)
        await asyncio.sleep(600)
        cases_of(rig, 1)
        _, cursor = await read_on(rig, None, [known])
        items, cursor = await read_on(rig, cursor, [known])
        assert (items.count(known), stranger in items) == (1, False)
        assert (await read_on(rig, cursor, [known]))[0] == []

    run(story())
