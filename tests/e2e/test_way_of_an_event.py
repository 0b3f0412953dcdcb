"""The way of an event, end to end in one process on virtual time."""

from __future__ import annotations

from pathlib import Path

from caseconnect_shopify.simulator import create_order
from house import house

from caseconnect.sdk.testing import run

RISKY = {
    "lines": [{"title": "Camera", "sku": "CAM-1", "price": "1200.00", "quantity": 1}],
    "customer": {"first_name": "Ann", "last_name": "Lee", "email": "ann@shop.test"},
    "payment": {"kind": "authorization", "status": "success"},
    "risk": {"level": "HIGH"},
}


def test_a_risky_order_is_held_reviewed_and_released(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            h.subscribe()
            await h.settle()
            order = create_order(h.shop, RISKY)
            await h.settle()
            print(h.answers, h.journal.counts())
            for line in h.log.lines: print(line)
            print(h.journal.stuck())
            import json
            print(json.dumps(h.explain(f"shop/order/{order.id}"), indent=1, default=str)[:6000])
            print(h.shop.ledger, len(h.cases.cases))

    run(story())
