"""Orders of SFCC that something is wrong with: found by polling, put into a case with what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sfcc_house import CONNECTIONS, SfccHouse, sfcc_house
from stories import alerts, only_case

from caseconnect.sdk.testing import run
from caseconnect_sfcc.simulator.scenarios import create_order

FLOWS = """flows:
  - use: fraud_review
    mode: live
  - use: order_exceptions
    mode: live
    settings:
      address_checks: [differs, avs]
      partial_hours: 0
      settle_minutes: {payment_failure: 60}
"""
BUYER = {"customerName": "Jane Shopper", "email": "jane@shopper.example"}


async def ordered(h: SfccHouse, situation: str, **more: Any) -> Any:
    """An earlier order of the same shopper, and one with something wrong."""
    await h.pass_time(60)
    create_order(h.instance, {"customer": BUYER, "lines": [{"product_id": "sku-9", "price": "5.00"}]})
    await h.pass_time(600)
    order = create_order(h.instance, {"situation": situation, "customer": BUYER, **more})
    await h.pass_time(600)
    return order


@pytest.mark.parametrize(
    ("situation", "says"),
    [
        ("address_mismatch", "Address mismatch"),
        ("fraud_declined", "High risk"),
        ("part_shipped", "Partial fulfillment"),
    ],
)
def test_what_is_wrong_with_an_order_opens_a_case_with_all_that_is_known(
    tmp_path: Path, situation: str, says: str
) -> None:
    async def story() -> None:
        async with sfcc_house(tmp_path, tenant=CONNECTIONS + FLOWS) as h:
            order = await ordered(h, situation)
            case = only_case(h)
            text = str(case.default)
            assert says in text
            assert order.number in text
            assert "Jane Shopper" in text
            assert "Other orders (found by" in text
            assert [a.name for a in case.attachments] == [f"order-{order.number}.json"]
            assert alerts(h) == []

    run(story())


def test_a_declined_payment_is_a_case_only_when_the_hour_is_over(tmp_path: Path) -> None:
    async def story() -> None:
        async with sfcc_house(tmp_path, tenant=CONNECTIONS + FLOWS) as h:
            await ordered(h, "payment_failed")
            assert list(h.cases.cases) == []
            await h.pass_time(3600)
            assert "Payment failure" in str(only_case(h).default)

    run(story())


def test_an_ordinary_order_opens_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with sfcc_house(tmp_path, tenant=CONNECTIONS + FLOWS) as h:
            order = await ordered(h, "normal")
            assert list(h.cases.cases) == []
            verdicts = str(h.explain(f"shop/order/{order.number}"))
            assert "payment_failure" in verdicts

    run(story())
