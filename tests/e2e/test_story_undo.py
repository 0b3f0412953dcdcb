"""What a wrong rule opened is undone against both simulators, and a storm's incident is an ordinary case there."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import TENANT, House, house
from stories import AGENT, RISKY, comments, done, only_case, placed, told

from caseconnect.host.undoing import undo
from caseconnect.models.base import Record
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.testing import run

STORM = TENANT.replace("    mode: $mode\n", "    mode: $mode\n    storm: {cases: 2, within: 5m}\n", 1)


async def undone(h: House, matter: str) -> dict[str, str]:
    async def fetch(tenant: str, need: Need) -> Record:
        record, _ = await h.runner.fetcher.fetch(h.runner.context.tenants[tenant], need)
        return record

    told = await undo(h.journal, fetch, {"matter": matter, "yes": True, "reason": "ticket 812", "by": "ann"}, h.now)
    await h.pass_time(600)
    return told


@pytest.mark.parametrize("touched", [False, True])
def test_a_case_that_nobody_touched_is_closed_and_its_order_goes(tmp_path: Path, touched: bool) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            await h.pass_time(90)
            case = only_case(h)
            if touched:
                h.cases.comment(case.id, "I take this one", AGENT)
            (matter,) = told(h, order)["matters"]
            assert done(h) == ["hold"]
            state = await undone(h, matter["id"])
            (matter,) = told(h, order)["matters"]
            if touched:
                assert state == {"state": "kept", "why": "a person worked on its case"}
                assert (case.fields.status, matter["state"], done(h)) == ("Open", "open", ["hold"])
            else:
                assert state == {"state": "closing", "why": ""}
                assert (case.fields.status, matter["state"], done(h)) == ("Closed", "closed", ["hold", "release"])
                assert any("undone by ann: ticket 812" in text for text in comments(h))

    run(story())


def test_the_third_risky_order_is_held_and_listed_in_the_incidents_case(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=STORM) as h:
            orders = [await placed(h, RISKY) for _ in range(4)]
            await h.pass_time(600)
            assert done(h) == ["hold"] * 4
            assert len(h.cases.cases) == 3
            (case,) = [c for c in h.cases.cases.values() if str(c.default.get("caseTitle", "")).startswith("Storm: ")]
            listing = next(text for text in comments(h) if text.startswith("Without a case of their own, 1 to 2 of 2"))
            assert all(f"shop/order/{order.id}" in listing for order in orders[2:])
            h.cases.decide(case.id, "approved", AGENT)
            await h.pass_time(180)
            assert done(h) == ["hold"] * 4
            assert any("carries the outcome of this case out on none of the 2" in text for text in comments(h))
            (matter,) = told(h, orders[3])["matters"]
            id_ = matter["incident"]["subject"].rpartition("/")[2]
            assert await h.journal.close_incident(id_, None, "checked", "ann", h.now()) == 2
            await h.pass_time(600)
            assert sorted(done(h)) == ["hold"] * 4 + ["release"] * 2
            assert case.fields.status == "Closed"
            assert h.journal.stuck()["alerts"] == []

    run(story())
