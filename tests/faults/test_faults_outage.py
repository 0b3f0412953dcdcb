"""Four hours' outage of each platform under a steady flow of orders (faults.md 3.E, slow outage), on virtual time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from house import House
from sfcc_house import CONNECTIONS, SfccHouse
from stories import RISKY, alerts, overtakings, rows

from caseconnect.sdk.testing import run
from caseconnect_sfcc.simulator.scenarios import create_order as create_sfcc_order
from caseconnect_shopify.simulator import create_order

ALL = bool(os.environ.get("CONNECT_SEEDS"))
EVERY = 900.0 if ALL else 3600.0
"""Seconds between two orders."""

FLOWS = 'flows:\n  - use: fraud_review\n    mode: live\n    settings: {high_value: {USD: "1000"}}\n'
MOST = {"cases": 5, "shopify": 2100, "sfcc": 60}
"""Requests in the busiest second: a token bucket's rate and what it may have saved up."""


class Door:
    """An ASGI application before a platform: while it is shut all gets an error. `asked`: when each request came."""

    def __init__(self, app: Any, now: Callable[[], datetime]) -> None:
        self._app, self._now = app, now
        self.shut = ""
        self.asked: list[datetime] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(self._now())
        if not self.shut:
            await self._app(scope, receive, send)
            return
        if self.shut == "reset":
            raise ConnectionResetError("nobody is there")
        await send({"type": "http.response.start", "status": int(self.shut), "headers": []})
        await send({"type": "http.response.body", "body": b""})


def on_shopify(folder: Path) -> tuple[House, Callable[[], str]]:
    h = House(folder, tenant=None)
    return h, lambda: str(create_order(h.shop, RISKY).id)


def on_sfcc(folder: Path) -> tuple[House, Callable[[], str]]:
    h = SfccHouse(folder, tenant=CONNECTIONS + FLOWS)
    spec = {
        "customer": {"customerName": "Ann Lee", "email": "ann@shop.test"},
        "lines": [{"product_id": "sku-1", "price": "700.00", "quantity": 2}],
        "situation": "normal",
        "age_seconds": 0,
    }
    return h, lambda: str(create_sfcc_order(h.instance, spec).number)


WAYS = [("shopify", "shop", "503"), ("sfcc", "shop", "429"), ("shopify", "cases", "reset")]
REST = [(p, d, how) for p in ("shopify", "sfcc") for d in ("shop", "cases") for how in ("503", "429", "reset")]


@pytest.mark.parametrize(("platform", "down", "how"), REST if ALL else WAYS)
def test_four_hours_lose_nothing_keep_the_order_and_drain(tmp_path: Path, platform: str, down: str, how: str) -> None:
    async def story() -> None:
        h, place = on_shopify(tmp_path) if platform == "shopify" else on_sfcc(tmp_path)
        doors: Any = {"shop": Door(h.shop_app, h.now), "cases": Door(h.case_app, h.now)}
        h.shop_app, h.case_app, door = doors["shop"], doors["cases"], doors[down]
        await h.start()
        h.subscribe()
        await h.pass_time(60)
        placed = [place()]
        await h.pass_time(900)
        door.shut, shut_at = how, h.now()
        while h.now() < shut_at + timedelta(hours=4):
            placed.append(place())
            await h.pass_time(EVERY)
        assert alerts(h) == [f"down:{down}"]
        assert 20 < len([at for at in door.asked if at > shut_at]) < 1500, "it is tried, and not hotly"
        door.shut, open_at = "", h.now()
        placed.append(place())
        await h.pass_time(1800)
        states = h.journal.counts()
        assert (set(states["events"]), set(states["commands"])) == ({"done"}, {"done"}), "everything drains"
        cases = [e for e in h.cases.ledger if e.operation == "create_case" and e.via == "api"]
        assert len(cases) == len(placed), "each has its case, once"
        assert {lane for (lane,) in rows(h, "SELECT subject FROM matters")} == {f"shop/order/{p}" for p in placed}
        held = "SELECT count(DISTINCT target), count(*) FROM commands WHERE kind='HoldOrder'"
        assert rows(h, held) == [(len(placed), len(placed))]
        assert overtakings(h) == []
        assert rows(h, "SELECT cause, count, closed_at > '' FROM alerts") == [(f"down:{down}", 1, 1)], "one alert"
        busiest = max(Counter(at.replace(microsecond=0) for at in door.asked if at > open_at).values())
        assert busiest <= MOST["cases" if down == "cases" else platform], "what waited does not flood it"
        await h.stop()

    run(story())
