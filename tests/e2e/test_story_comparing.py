"""What no webhook told and no poll saw is found by counting and comparing, and taken up by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house import TENANT, House, house
from stories import AGENT, PLAIN, RISKY, alerts, done, only_case, operations, placed, states

from caseconnect.host.journal.auditing import Comparison
from caseconnect.host.pipeline import comparing
from caseconnect.sdk.testing import run
from caseconnect_shopify.simulator import Fault, create_order

HOUR = 3600
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


SELDOM = TENANT.replace("every: 10m", "every: 9d")


async def hours(h: House, count: float) -> None:
    """Time goes by where nothing else is due."""
    for _ in range(int(count * 4)):
        await h.pass_time(HOUR / 4)


def wrong(h: House, what: str) -> list[Comparison]:
    """Comparisons of that kind which found something."""
    return [c for c in h.journal.comparisons(LONG_AGO) if c.what == what and c.wrong]


def test_an_order_that_nobody_told_of_is_found_within_the_hour_and_its_case_opens(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=SELDOM) as h:
            await placed(h, PLAIN)
            await hours(h, 1)
            assert wrong(h, "changes") == []
            h.shop.subscriptions.clear()
            order = create_order(h.shop, RISKY)
            h.subscribe()
            await hours(h, 1)
            assert operations(h).count("create_case") == 1
            assert states(h, order)["OpenCase"] == "done"
            (found,) = wrong(h, "changes")
            assert (found.wrong, found.named) == (1, (f"shop/order/{order.id}",))
            await hours(h, 1)
            assert alerts(h) == []
            assert len(wrong(h, "changes")) == 1

    run(story())


def test_what_came_is_not_counted_as_missed_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            for _ in range(3):
                await placed(h)
                await h.pass_time(HOUR)
            newest = {c.what: c for c in h.journal.comparisons(LONG_AGO)}
            assert newest["changes"].found >= 3
            assert [c for c in h.journal.comparisons(LONG_AGO) if c.wrong] == []
            assert done(h) == ["hold"] * 3
            assert alerts(h) == []

    run(story())


@pytest.mark.parametrize("polled", [True, False])
def test_a_decision_that_no_listing_showed_is_seen_when_its_case_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, polled: bool
) -> None:
    """One that was there before the last poll; what the next one is still to bring is no loss."""
    monkeypatch.setattr(comparing, "_ROUNDS", 1)

    async def story() -> None:
        async with house(tmp_path, tenant=SELDOM.replace("every: 2m", "every: 2h")) as h:
            await placed(h)
            await hours(h, 2.5)
            case = only_case(h)
            agent = h.cases.person(AGENT)
            at = h.now() - timedelta(hours=1 if polled else 0)
            case.fields = replace(case.fields, outcome="approved", decided_by=agent.id, decided_on=at)
            case.updated_on, case.updated_by = at, agent
            await hours(h, 1)
            assert done(h) == (["hold", "release"] if polled else ["hold"])
            assert [c.named for c in wrong(h, "cases")] == ([(f"cases/case/{case.id}",)] if polled else [])
            await hours(h, 1)
            assert done(h) == ["hold", "release"]
            assert len(wrong(h, "cases")) == polled

    run(story())


def test_a_case_that_is_gone_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=SELDOM) as h:
            await placed(h)
            await hours(h, 1)
            del h.cases.cases[only_case(h).id]
            await hours(h, 25)
            assert "compared:cases:cases" in alerts(h)

    run(story())


def test_a_shop_that_does_not_answer_is_compared_the_next_time(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            await placed(h, PLAIN)
            h.shop.faults.add(Fault("status", path="/admin/", count=1_000_000, status=503))
            await h.pass_time(HOUR)
            assert [c for c in h.journal.comparisons(LONG_AGO) if c.what == "changes"] == []
            h.shop.faults.clear()
            await h.pass_time(HOUR)
            assert [c.wrong for c in h.journal.comparisons(LONG_AGO) if c.what == "changes"] == [0]

    run(story())
