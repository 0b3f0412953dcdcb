"""The way of an event, end to end in one process on virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from house import House, house

from caseconnect.sdk.testing import run
from caseconnect_shopify.simulator import create_order

RISKY: dict[str, Any] = {
    "lines": [{"title": "Camera", "sku": "CAM-1", "price": "1200.00", "quantity": 1}],
    "customer": {"first_name": "Ann", "last_name": "Lee", "email": "ann@shop.test"},
    "payment": {"kind": "authorization", "status": "success"},
    "risk": {"level": "HIGH"},
}


def effects(h: House) -> list[str]:
    """What the shop's ledger says was done to orders, without annotations."""
    return [e.what for e in h.shop.ledger if e.what not in {"tags_add", "tags_remove", "metafields_set"}]


def only_case(h: House) -> Any:
    """The one case of the world."""
    (case,) = h.cases.cases.values()
    return case


@pytest.mark.parametrize(("outcome", "effect"), [("approved", "release"), ("rejected", "cancel")])
def test_a_risky_order_is_held_reviewed_and_decided(tmp_path: Path, outcome: str, effect: str) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            h.subscribe()
            await h.settle()
            order = create_order(h.shop, RISKY)
            await h.settle()
            assert effects(h) == ["hold"]
            case = only_case(h)
            h.cases.decide(case.id, outcome, by="agent.one@core-case.example")
            await h.pass_time(600)
            assert effects(h) == ["hold", effect]
            (matter,) = h.explain(f"shop/order/{order.id}")["matters"]
            assert matter["state"] == "closed"
            assert not h.journal.stuck()["alerts"]
            assert h.journal.find(order.name) == h.journal.find(case.number) == [("acme", f"shop/order/{order.id}")]

    run(story())
