"""Rows P7 and S6: what goes wrong with shipping becomes a case, and how it ended reaches the order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - a sender of requests is any client
import pytest
from house import SECRET, TENANT, TOPICS, House, house
from sfcc_house import SfccHouse, connections, sfcc_house
from stories import AGENT, PLAIN, alerts, comments, decided, done, matter, only_case, operations

from caseconnect.sdk.testing import run
from caseconnect_sfcc.simulator.scenarios import ACTIONS, create_order
from caseconnect_shopify.simulator import create_order as place
from caseconnect_shopify.simulator.world import fulfilment

HOUR = 3600
FLOW = """flows:
  - use: fulfillment
    mode: $mode
    settings:
      ship_within_hours: {shipping: 8}
      rest_within_hours: 8
      confirm_within_hours: 8
      outcomes: {approved: [refund], rejected: [close]}
  - use: status_updates
    mode: $mode
"""
DESK = """  desk:
    platform: inbound
    settings:
      secret: {env: SHOP_SECRET}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds: {complaint: {}, shipment_event: {}}
"""
SHOPIFY = (TENANT.split("flows:", maxsplit=1)[0] + DESK + FLOW).replace("every: 2m", "every: 30m")
SFCC = connections("30m", cases="5m") + FLOW.replace("approved: [refund]", "approved: [set_status, close]").replace(
    "  - use: status_updates",
    '      statuses: {approved: {external: "Arrives late"}}\n  - use: status_updates',
)


async def told(h: House, kind: str, **body: Any) -> None:
    """Something comes in by the door."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=h.hooks)) as client:
        answer = await client.post(f"https://connect.test/in/acme/{kind}", headers={"X-Desk": SECRET}, json=body)
    assert answer.status_code == 200
    await h.settle()


async def ordered(h: House) -> Any:
    """An order is paid."""
    h.subscribe([*TOPICS, "fulfillment_events/create", "fulfillments/update"])
    await h.settle()
    order = place(h.shop, PLAIN)
    await h.settle()
    return order


def titles(h: House) -> list[str]:
    return [str(case.default["caseTitle"]) for case in h.cases.cases.values()]


async def allowed(h: House, **custom: str) -> None:
    """An agent writes what belongs to the outcome, and sets it."""
    h.cases.change(only_case(h).id, AGENT, custom=dict(custom))
    await decided(h, "approved", seconds=2 * HOUR)


def test_a_shopify_order_that_is_not_shipped_in_time_is_worked_by_several_and_refunded(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=SHOPIFY) as h:
            order = await ordered(h)
            await h.pass_time(7 * HOUR)
            assert titles(h) == []
            await h.pass_time(2 * HOUR)
            assert titles(h) == ["Shipping of order #1001: not shipped"]
            case = only_case(h)
            h.cases.comment(case.id, "The pallet is lost.", AGENT)
            h.cases.attach(case.id, "scan.txt", b"empty shelf", "text/plain", AGENT)
            await h.pass_time(HOUR)
            assert order.tags == ["case-open"]
            await allowed(h, approved_lines="MUG x 1")
            assert done(h) == ["refund"]
            assert (matter(h, order)["state"], order.tags, alerts(h)) == ("closed", ["case-resolved"], [])
            assert any("money was given back" in text for text in comments(h))
            await h.pass_time(20 * HOUR)
            assert operations(h).count("create_case") == 1

    run(story())


def test_a_shopify_parcel_that_is_delivered_and_not_received(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=SHOPIFY) as h:
            order = await ordered(h)
            fulfilment.fulfill(h.shop, order, {"company": "UPS", "number": "1Z1"})
            await h.pass_time(6 * HOUR)
            complaint = {"order_number": "1001", "email": "ann@shop.test", "category": "not_received", "text": "Where?"}
            await told(h, "complaint", id="c-1", created_at=h.now().isoformat(), **complaint)
            await h.pass_time(2 * HOUR)
            assert titles(h) == []
            fulfilment.carrier_event(h.shop, order, {"status": "DELIVERED"})
            await h.pass_time(25 * HOUR)
            assert titles(h) == ["Shipping of order #1001: delivered not received"]
            await allowed(h, approved_amount="20.00")
            assert (done(h), matter(h, order)["state"]) == (["refund"], "closed")

    run(story())


def test_a_shopify_order_that_is_shipped_after_all_says_so_on_its_case(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=SHOPIFY) as h:
            order = await ordered(h)
            await h.pass_time(9 * HOUR)
            fulfilment.fulfill(h.shop, order, {"company": "UPS", "number": "1Z1"})
            await h.pass_time(HOUR)
            assert [t for t in comments(h) if "resolved itself" in t] == [
                "This resolved itself: the order was shipped."
            ]
            await told(h, "shipment_event", id="s-1", order_number="1001", tracking_number="1Z1", status="returned")
            await h.pass_time(HOUR)
            assert any("the delivery of shipment" in text for text in comments(h))
            assert len(titles(h)) == 1

    run(story())


@pytest.mark.parametrize(
    ("situation", "exception"), [("unconfirmed_shipment", "not confirmed"), ("part_shipped", "partly shipped")]
)
def test_an_sfcc_order_whose_shipping_goes_wrong_shows_its_shopper_how_it_ended(
    tmp_path: Path, situation: str, exception: str
) -> None:
    async def story() -> None:
        async with sfcc_house(tmp_path, tenant=SFCC) as h:
            await h.pass_time(HOUR)
            order = create_order(h.instance, {"situation": situation, "age_seconds": 0})
            await h.pass_time(HOUR)
            assert titles(h) == []
            await h.pass_time(9 * HOUR)
            assert [exception in title for title in titles(h)] == [True]
            await decided(h, "approved", seconds=2 * HOUR)
            (effect,) = [e for e in h.instance.ledger if e.target == order.number and "Arrives late" in str(e.args)]
            assert effect.changed
            assert order.external_status == "Arrives late"
            assert found(h, order.number)["state"] == "closed"

    run(story())


def test_an_sfcc_order_that_ships_in_time_opens_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with sfcc_house(tmp_path, tenant=SFCC) as h:
            await h.pass_time(HOUR)
            order = create_order(h.instance, {"payment": "paid", "export": "exported"})
            await h.pass_time(6 * HOUR)
            ACTIONS["ship"](h.instance, order, {"tracking": "1Z2"})
            await h.pass_time(20 * HOUR)
            assert titles(h) == []

    run(story())


def found(h: SfccHouse, number: str) -> dict[str, Any]:
    (one,) = [m for m in h.explain(f"shop/order/{number}")["matters"] if m["topic"] == "fulfillment"]
    return dict(one)
