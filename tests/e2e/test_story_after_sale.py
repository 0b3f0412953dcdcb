"""Returns and complaints of a Shopify shop: from the shopper to a case, and the outcome back into the shop's ledger."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - a form that posts complaints is any client
from house import DEFINITION, SECRET, TENANT, House, house
from stories import AGENT, HOME, PLAIN, alerts, comments, done, only_case, placed, told

from caseconnect.sdk.testing import run
from caseconnect_shopify.simulator import Fault
from caseconnect_shopify.simulator.world import catalogue, fulfilment, returns
from caseconnect_shopify.simulator.world.aftersale import ExchangeLine, Return, ReturnLine
from caseconnect_shopify.simulator.world.records import Order

RETURNS = [
    "returns/request",
    "returns/approve",
    "returns/decline",
    "returns/close",
    "returns/cancel",
    "returns/process",
]
FLOWS = """
  desk:
    platform: inbound
    settings:
      secret: {env: SHOP_SECRET}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds: {complaint: {}, return_request: {}}
flows:
  - use: returns
    mode: $mode
    settings:
      high_value_return: {USD: "30"}
      outcomes:
        approved: [approve_return, as_requested]
        exchange: [approve_return, exchange]
        rejected: decline_return
  - use: complaints
    mode: $mode
    settings:
      outcomes: {approved: replace, refund: refund, credit: credit, rejected: close}
"""
TWO_MUGS: dict[str, Any] = {**PLAIN, "lines": [{"title": "Mug", "sku": "MUG", "price": "20.00", "quantity": 2}]}


def tenant() -> str:
    return TENANT.partition("flows:\n")[0].rstrip() + FLOWS


def after_sale(folder: Path, **more: Any) -> Any:
    return house(folder, tenant=tenant(), **more)


async def bought(h: House, spec: dict[str, Any] = TWO_MUGS) -> Order:
    """Two mugs of 20 dollars, paid and sent."""
    h.cases.definition(DEFINITION).outcomes += ["exchange", "refund", "credit"]
    if not h.shop.subscriptions:
        h.subscribe(RETURNS)
    order = await placed(h, spec, shipping_address=HOME, billing_address=HOME)
    fulfilment.fulfill(h.shop, order, {})
    await h.settle()
    return order


async def asked_back(h: House, order: Order, units: int = 2, exchanges: Any = ()) -> Return:
    """The shopper asks to send mugs back."""
    number, line, _ = order.fulfillments[0].lines[0]
    found = returns.start(
        h.shop, order, [ReturnLine(h.shop.next_id(), line, number, units)], "REQUESTED", exchanges=exchanges
    )
    await h.settle()
    return found


async def answered(h: House, outcome: str, seconds: float = 180, **attributes: str) -> None:
    """The agent writes what belongs to the outcome, and decides."""
    case = only_case(h)
    if attributes:
        h.cases.change(case.id, AGENT, custom=dict(attributes))
    h.cases.decide(case.id, outcome, AGENT)
    await h.pass_time(seconds)


def shown(h: House) -> str:
    """All that the one case shows of itself."""
    return "\n".join(str(value) for value in only_case(h).default.values())


def refunded(order: Order) -> str:
    """What went back to the shopper, in dollars."""
    return str(sum((t.amount for t in order.transactions if t.kind == "REFUND"), Decimal(0)))


def matters(h: House, order: Order) -> list[tuple[str, str, str | None]]:
    """Topic, state and stage of the matters of an order."""
    return [(m["topic"], m["state"], m["stage"]) for m in told(h, order)["matters"]]


def test_an_approved_return_is_open_in_the_shop_and_refunded_when_the_goods_are_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            back = await asked_back(h, order)
            await h.pass_time(120)
            assert "high value" in shown(h)
            assert "2 x Mug [MUG]" in shown(h)
            await answered(h, "approved")
            assert (back.status, refunded(order)) == ("OPEN", "0")
            assert matters(h, order) == [("return", "open", "waiting_for_goods")]
            returns.close(h.shop, back)
            await h.pass_time(180)
            assert refunded(order) == "40.00"
            assert (matters(h, order), alerts(h)) == ([("return", "closed", "resolved")], [])
            assert any("The money was given back." in text for text in comments(h))
            assert done(h).count("refund") == 1

    run(story())


def test_a_part_is_approved_by_line_and_too_much_is_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            back = await asked_back(h, order)
            await h.pass_time(120)
            await answered(h, "approved", approved_lines="MUG x 3")
            assert (back.status, len(alerts(h))) == ("REQUESTED", 1)
            assert any("has 2 of MUG left, not 3. Nothing was done." in text for text in comments(h))
            await answered(h, "approved", approved_lines="MUG x 1", goods_received="yes")
            assert (back.status, refunded(order)) == ("OPEN", "20.00")

    run(story())


def test_a_declined_return_tells_why_and_a_closed_case_changes_nothing_more(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            back = await asked_back(h, order)
            await h.pass_time(120)
            await answered(h, "rejected", customer_reason="The mugs were used.")
            assert (back.status, back.decline_note, refunded(order)) == ("DECLINED", "The mugs were used.", "0")
            await answered(h, "approved")
            assert (back.status, refunded(order), len(alerts(h))) == ("DECLINED", "0", 1)

    run(story())


def test_an_exchange_sends_what_the_return_bears(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            catalogue.add(h.shop, {"title": "Tea", "sku": "TEA", "price": "9.50"})
            tea = catalogue.product_of("TEA") + 1
            swap = ExchangeLine(h.shop.next_id(), tea, 1, Decimal("9.50"), "Tea", "TEA")
            back = await asked_back(h, order, exchanges=[swap])
            await h.pass_time(120)
            assert "Wish: exchange" in shown(h)
            await answered(h, "approved", exchange_items="TEA")
            assert (back.status, swap.processed, refunded(order)) == ("OPEN", 1, "0")
            assert any("A difference in price is settled in the shop" in text for text in comments(h))
            assert matters(h, order) == [("return", "closed", "resolved")]

    run(story())


def test_a_return_inside_policy_and_one_that_staff_answers_need_no_agent(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            small = await asked_back(h, order, 1)
            await h.pass_time(120)
            assert (h.cases.cases, matters(h, order)) == ({}, [])
            reasons = [a["reason"] for d in told(h, order)["decisions"] for a in d["answers"]]
            assert any("is below high_value_return.USD (30)" in reason for reason in reasons)
            returns.decline(h.shop, small, "OTHER", None)
            await h.settle()
            back = await asked_back(h, order)
            await h.pass_time(120)
            returns.approve(h.shop, back)
            await h.pass_time(120)
            assert any("resolved itself: the return is approved in the shop" in text for text in comments(h))
            assert (refunded(order), done(h)) == ("0", [])

    run(story())


def test_a_shop_that_is_down_gives_back_once_when_it_is_up_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            back = await asked_back(h, order)
            await h.pass_time(120)
            await answered(h, "approved")
            fault = h.shop.faults.add(Fault("drop_after", operation="refundCreate"))
            returns.close(h.shop, back)
            await h.pass_time(60)
            assert fault.hits == 1
            await h.restart()
            await h.pass_time(1800)
            assert (refunded(order), done(h).count("refund")) == ("40.00", 1)
            assert matters(h, order) == [("return", "closed", "resolved")]

    run(story())


async def complain(h: House, number: str, **more: Any) -> None:
    """The desk's form posts a complaint about order #1001."""
    body = {"id": number, "order_number": "1001", "email": "ann@shop.test", "category": "damaged", **more}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=h.hooks)) as client:
        answer = await client.post("https://connect.test/in/acme/complaint", headers={"X-Desk": SECRET}, json=body)
    assert answer.status_code == 200
    await h.pass_time(120)


def test_complaints_about_an_order_are_one_case_whose_outcome_sends_the_goods_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            await complain(h, "c1", text="One mug is in pieces.", skus=["MUG"])
            await complain(h, "c1", text="One mug is in pieces.", skus=["MUG"])
            await complain(h, "c2", text="And the parcel was open.", category="quality")
            assert "One mug is in pieces." in shown(h)
            assert len([text for text in comments(h) if "And the parcel was open." in text]) == 1
            assert matters(h, order) == [("complaint", "open", "in_review")]
            await answered(h, "approved")
            assert (len(h.shop.orders), len(alerts(h))) == (1, 1)
            assert any("write them in exchange_items" in text for text in comments(h))
            await answered(h, "approved", approved_lines="MUG x 1")
            (_, again) = sorted(h.shop.orders.values(), key=lambda each: each.id)
            assert [(line.sku, line.quantity) for line in again.lines] == [("MUG", 1)]
            assert (sum(t.amount for t in again.transactions), matters(h, order)) == (
                0,
                [("complaint", "closed", "resolved")],
            )

    run(story())


def test_a_complaint_of_a_stranger_stands_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with after_sale(tmp_path) as h:
            order = await bought(h)
            await complain(h, "c1", text="Where is my money?", email="eve@shop.test")
            assert "Complaint about order unknown: damaged" in shown(h)
            assert "ann@shop.test" not in shown(h)
            assert matters(h, order) == []
            await answered(h, "refund")
            assert (refunded(order), any("the order is not known" in text for text in comments(h))) == ("0", True)

    run(story())
