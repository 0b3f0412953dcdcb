"""Platforms that are down, throttle, forget tokens or refuse credentials."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from house import House, house
from stories import RISKY, alerts, decided, done, matter, operations, placed

from caseconnect.sdk.testing import run
from caseconnect_opentext_case.simulator import Fault as CaseFault
from caseconnect_shopify.simulator import Fault, create_order
from caseconnect_shopify.simulator.oauth import expire_tokens

HOURS = 3600


def test_a_token_that_ends_early_is_renewed_without_a_word(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            await placed(h)
            assert expire_tokens(h.shop) == 1
            next(iter(h.case_app.tenants.values())).tokens.expire_all()
            await decided(h, "approved")
            assert done(h) == ["hold", "release"]
            assert alerts(h) == []

    run(story())


def _revoke(h: House, connection: str) -> None:
    name = {"shop": "SHOP_SECRET", "cases": "CASE_SECRET"}[connection]
    h.secrets.values[name] = "revoked"
    expire_tokens(h.shop)
    next(iter(h.case_app.tenants.values())).tokens.expire_all()


@pytest.mark.parametrize(("connection", "waiting"), [("shop", ["hold"]), ("cases", ["hold"])])
def test_revoked_credentials_pause_the_connection_until_they_work_again(
    tmp_path: Path, connection: str, waiting: list[str]
) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            before = dict(h.secrets.values)
            _revoke(h, connection)
            h.cases.decide(next(iter(h.cases.cases)), "approved", "agent.one@core-case.example")
            await h.pass_time(2 * HOURS)
            assert done(h) == waiting
            assert [(b.scope, b.name, b.by) for b in h.journal.brakes()] == [("connection", connection, "connect")]
            assert alerts(h) == [f"auth:{connection}"]
            await h.restart()
            await h.pass_time(HOURS)
            assert alerts(h) == [f"auth:{connection}"]
            h.secrets.values.update(before)
            await h.pass_time(1800)
            assert done(h) == ["hold", "release"]
            assert (h.journal.brakes(), alerts(h), matter(h, order)["state"]) == ([], [], "closed")

    run(story())


def test_throttling_is_obeyed(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            h.subscribe()
            await h.settle()
            faults = [
                h.shop.faults.add(Fault("throttle", count=3)),
                h.shop.faults.add(Fault("throttle", operation="fulfillmentOrderHold")),
            ]
            for _ in range(3):
                create_order(h.shop, RISKY)
            await h.pass_time(900)
            assert [f.hits for f in faults] == [3, 1]
            assert (done(h), operations(h).count("create_case")) == (["hold"] * 3, 3)
            assert alerts(h) == []

    run(story())


def test_retry_after_of_case_management_is_obeyed(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            h.case_app.faults.schedule(CaseFault(kind="throttle", operation="create_case", retry_after=120))
            await placed(h)
            await h.pass_time(150)
            assert operations(h).count("create_case") == 1
            times = [datetime.fromisoformat(call["at"]) for call in h.cases.calls]
            refused = next(i for i, call in enumerate(h.cases.calls) if call["status"] == 429)
            assert timedelta(seconds=120) <= times[refused + 1] - times[refused] <= timedelta(seconds=121)

    run(story())


def test_a_burst_of_orders_waits_for_its_turn_and_stays_within_the_rate(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            h.subscribe()
            await h.settle()
            for _ in range(16):
                create_order(h.shop, RISKY)
            await h.pass_time(600)
            assert done(h) == ["hold"] * 16
            assert operations(h).count("create_case") == 16
            refused = [c for c in h.cases.calls if c.get("status") == 429]
            assert refused == []
            assert alerts(h) == []

    run(story())
