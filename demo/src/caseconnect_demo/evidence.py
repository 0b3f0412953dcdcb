"""What is left of the day: both ledgers and the journal, as plain data, so that judging them is a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from caseconnect.host.journal import SqliteJournal
from caseconnect.sdk.subjects import Subject
from caseconnect_demo.house import House
from caseconnect_demo.playing import Day, Placed
from caseconnect_demo.tenants import DAY as TENANT

Json = dict[str, Any]


@dataclass
class Evidence:
    """`told` is the journal's account of each order, by the scenario's key; the rest is as its owner gives it.

    `shop_ledger` and `case_ledger` hold effects in their order, `shop_orders` and `cases` how things stand at the end.
    """

    placed: dict[str, Placed]
    told: dict[str, Json]
    counts: dict[str, dict[str, int]]
    stuck: dict[str, list[Json]]
    shop_ledger: list[Json]
    shop_orders: dict[str, Json]
    case_ledger: list[Json]
    cases: dict[str, Json]
    came_to_rest: bool


async def gather(house: House, journal: SqliteJournal, day: Day) -> Evidence:
    """Read everything, once the day has come to rest."""
    shop = await house.shop.get("/_sim/state?limit=1000")
    cases = (await house.cases.get(f"/_sim/state?tenant={TENANT}"))["tenants"][TENANT]["cases"]
    return Evidence(
        placed=dict(day.placed),
        told={k: journal.explain(TENANT, Subject("shop", "order", p.id)) for k, p in day.placed.items()},
        counts=journal.counts(TENANT),
        stuck={what: [r for r in rows if r["tenant"] == TENANT] for what, rows in journal.stuck().items()},
        shop_ledger=await house.shop.get("/_sim/ledger"),
        shop_orders={o["id"]: o for o in shop["orders"]},
        case_ledger=(await house.cases.get(f"/_sim/ledger?tenant={TENANT}"))["ledger"],
        cases={c["id"]: c for c in cases},
        came_to_rest=day.came_to_rest,
    )
