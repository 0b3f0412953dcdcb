"""`connect plan` against both simulators: a past that was observed is planned live, and neither platform changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from house import House, house
from stories import PLAIN, RISKY, decided, operations, placed

from caseconnect.host.rehearsal.plan import Played, Sources, play
from caseconnect.host.rehearsal.reading import read_text
from caseconnect.host.rehearsal.recording import record
from caseconnect.host.rehearsal.tally import changes
from caseconnect.host.rehearsal.trying import try_out
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run


async def planned(h: House, mode: str, since: datetime, *, offline: bool = False) -> Played:
    tenant = h.tenants["acme"]
    tenant = replace(tenant, flows=tuple(replace(flow, mode=mode) for flow in tenant.flows))  # type: ignore[arg-type] # a mode
    sources = Sources(
        offline=offline,
        secrets=h.secrets,
        transport=lambda _, name: asgi_transport(app=h.shop_app if name == "shop" else h.case_app),
    )
    return await play(tenant, h.journal, since, h.now(), sources)


def test_what_would_have_been_done_live(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, mode="observe") as h:
            since = h.now() - timedelta(seconds=1)
            risky, plain = await placed(h, RISKY), await placed(h, PLAIN)
            await h.pass_time(3600)
            before = (list(h.shop.ledger), operations(h), h.journal.counts())
            live = await planned(h, "live", since)
            watched = await planned(h, "observe", since)
            assert (list(h.shop.ledger), operations(h), h.journal.counts()) == before
            (case,) = live.tally.cases()
            assert (case.use, str(case.subject), case.state) == ("fraud_review", f"shop/order/{risky.id}", "planned")
            assert live.tally.commands()["HoldOrder", "planned"] == 1
            assert watched.tally.commands()["HoldOrder", "withheld"] == 1
            assert {c.what for c in changes(watched.tally, live.tally)} >= {"withheld -> planned"}
            assert live.fetched["order"] == 2  # of events that changed nothing, nothing was kept: queries, sent as POST
            assert Subject("shop", "order", str(plain.id)) in live.tally.subjects
            assert live.tally.undecided == {}
            offline = await planned(h, "live", since, offline=True)
            assert offline.missing["order"] > 0
            assert len(offline.tally.cases()) == 1

    run(story())


@pytest.mark.parametrize("outcome", ["approved", "rejected"])
def test_a_past_with_a_decision_is_played_and_recorded(tmp_path: Path, outcome: str) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            since = h.now() - timedelta(seconds=1)
            order = await placed(h)
            await decided(h, outcome)
            lane = Subject("shop", "order", str(order.id))
            really = sorted(c["kind"] for m in h.explain(str(lane))["matters"] for c in m["commands"])
            played = await planned(h, "live", since)
            assert sorted(asked.kind for asked in played.tally.asked) == really
            recorded = await record(h.tenants["acme"], h.journal, lane)
            for word in ("Ann Lee", "Lee", "ann@shop.test"):
                assert word not in recorded.text
            tests, problems = read_text(recorded.text.encode(), "acme.tests.yaml", h.tenants["acme"])
            assert problems == []
            result = await try_out(h.tenants["acme"], tests[0])
            assert result.problems == ()
            assert sorted(asked.kind for asked in result.asked) == really

    run(story())
