"""The rows P1 to P7."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flow_rows import Again, Does, Row
from flow_worlds import ShopifyWorld, World

from caseconnect_shopify.simulator.world import fulfilment, returns
from caseconnect_shopify.simulator.world.aftersale import ReturnLine

AUTHORIZED = {"kind": "authorization", "status": "success"}
DECLINED = {"kind": "sale", "status": "failure", "error_code": "CARD_DECLINED"}


async def declined(w: World) -> None:
    await w.order(payment=DECLINED)


async def plain(w: World) -> None:
    await w.order()


async def risky(w: World) -> None:
    await w.order(payment=AUTHORIZED, risk={"level": "HIGH"})


async def sent_back(w: World) -> None:
    h: Any = w.h
    order = w.orders[-1]
    number, line, _ = order.fulfillments[0].lines[0]
    returns.start(h.shop, order, [ReturnLine(h.shop.next_id(), line, number, 1)], "REQUESTED", exchanges=())
    await h.settle()


async def delivered(w: World, **spec: Any) -> None:
    h: Any = w.h
    order = await w.order(**spec)
    fulfilment.fulfill(h.shop, order, {"company": "UPS", "number": "1Z1"})
    await h.settle()


def goods_are_back(w: World) -> None:
    h: Any = w.h
    for found in h.shop.returns.values():
        if found.status == "OPEN":
            returns.close(h.shop, found)


async def dear_return(w: World) -> None:
    await delivered(w)
    await sent_back(w)


async def cheap_return(w: World) -> None:
    mugs = [{"title": "Mug", "sku": "MUG", "price": "10.00", "quantity": 2}]
    await delivered(w, lines=mugs)
    await sent_back(w)


async def complains(w: World, **more: Any) -> None:
    await w.writes("complaint", **{"category": "damaged", "text": "One mug is in pieces.", "skus": ["MUG"], **more})


async def bought_and_complains(w: World) -> None:
    await delivered(w)
    await complains(w)


async def withdrawn_complaint(w: World) -> None:
    await delivered(w)
    await complains(w, status="withdrawn")


async def disputes(w: World, **more: Any) -> None:
    amount, currency = w.money("20.00").split()
    spec = {"kind": "refund", "amount": {"amount": amount, "currency": currency}, "text": "Where is it?"}
    await w.writes("dispute", **{**spec, **more})


async def bought_and_disputes(w: World) -> None:
    await w.order()
    await disputes(w)


async def withdrawn_dispute(w: World) -> None:
    await w.order()
    await disputes(w, status="withdrawn")


async def asks(w: World, amount: str = "12.50", **more: Any) -> None:
    value, currency = w.money(amount).split()
    spec = {"action": "refund", "requested_by": "mia", "reason": "late"}
    await w.writes("approval_request", **{**spec, "amount": {"amount": value, "currency": currency}, **more})


async def bought_and_asks(w: World) -> None:
    await w.order()
    await asks(w)


async def little(w: World) -> None:
    await w.order()
    await asks(w, "5.00")


async def again_asks(w: World) -> None:
    await asks(w, "10.00")


async def two_failures(w: World) -> None:
    """A day lies between them."""
    await w.order(payment=DECLINED, created_at=(w.h.now() - timedelta(days=1)).isoformat())
    await w.order(payment=DECLINED)


async def one_failure(w: World) -> None:
    await w.order(payment=DECLINED)


async def undeliverable(w: World) -> None:
    await delivered(w)
    await reported(w, "returned")


async def scanned(w: World) -> None:
    await delivered(w)
    await reported(w, "in_transit")


async def reported(w: World, status: str) -> None:
    await w.writes("shipment_event", tracking_number="1Z1", status=status)


COMPLAINTS = "  - {use: complaints, mode: live, settings: {join_hours: 0}}\n"
REFUND = "refund {=5.00}"
SENT_AGAIN = ("draft_create", "draft_complete")
FIVE = {"approved_amount": "5.00"}
VERIFY = Does(open=0)
ALSO_A_COMPLAINT = Again(complains, "replacement", Does(SENT_AGAIN, {"exchange_items": "MUG x 1"}))

P1 = Row(
    "P1",
    ShopifyWorld,
    "  - {use: order_exceptions, mode: live}\n" + COMPLAINTS,
    declined,
    plain,
    "payment_failure",
    "payment failure",
    {"approved": Does(), "rejected": Does(("cancel",)), "verify": VERIFY},
    "rejected",
    "approved",
    ALSO_A_COMPLAINT,
)
P2_RETURNS = Row(
    "P2 returns",
    ShopifyWorld,
    '  - {use: returns, mode: live, settings: {high_value_order: {USD: "40"}}}\n',
    dear_return,
    cheap_return,
    "high_value_order.USD",
    "high value",
    {
        "approved": Does(("return_approve", "refund {20.00}"), then=goods_are_back),
        "refund": Does(("return_approve", "refund {20.00}"), then=goods_are_back),
        "exchange": Does(("return_approve",), open=0, alert="could not make the exchange"),
        "declined": Does(("return_decline",)),
        "rejected": Does(("return_decline",)),
    },
    "approved",
    "declined",
    Again(sent_back, "declined", Does(("return_decline",))),
    abroad={"approved_amount": "10.00"},
)
P2_COMPLAINTS = Row(
    "P2 complaints",
    ShopifyWorld,
    COMPLAINTS,
    bought_and_complains,
    withdrawn_complaint,
    "ended",
    "damaged",
    {
        "refund": Does((REFUND,), FIVE),
        "replacement": Does(SENT_AGAIN, {"approved_lines": "MUG x 1"}),
        "credit": Does(("store_credit {=5.00}",), FIVE),
        "resolved": Does(),
        "rejected": Does(),
    },
    "refund",
    "rejected",
    ALSO_A_COMPLAINT,
)
P2_DISPUTES = Row(
    "P2 disputes",
    ShopifyWorld,
    "  - {use: disputes, mode: live}\n",
    bought_and_disputes,
    withdrawn_dispute,
    "the dispute is withdrawn",
    "refund",
    {
        "approved": Does(("refund {20.00}",)),
        "refund": Does(("refund {20.00}",)),
        "credit": Does(("store_credit {=5.00}",), FIVE),
        "verify": VERIFY,
        "accepted": Does(),
        "declined": Does(),
    },
    "approved",
    "declined",
    Again(disputes, "declined", Does()),
)
P3 = Row(
    "P3",
    ShopifyWorld,
    "  - {use: order_exceptions, mode: live}\n" + COMPLAINTS + "  - {use: status_updates, mode: live}\n",
    declined,
    plain,
    "payment_failure",
    "payment failure",
    {
        "approved": Does(tag="case-resolved"),
        "rejected": Does(("cancel",), tag="case-resolved"),
        "verify": Does(open=0, tag="case-waiting"),
    },
    "rejected",
    "approved",
    ALSO_A_COMPLAINT,
    tag="case-open",
)
P4 = Row(
    "P4",
    ShopifyWorld,
    '  - {use: approvals, mode: live, settings: {free_up_to: {USD: "5", EUR: "5"}}}\n',
    bought_and_asks,
    little,
    "within free_up_to",
    "needs approval",
    {"approved": Does(("refund {12.50}",)), "rejected": Does()},
    "approved",
    "rejected",
    Again(again_asks, "approved", Does(("refund {10.00}",))),
    settled=("refund {5.00}",),
)
P5 = Row(
    "P5",
    ShopifyWorld,
    "  - {use: fraud_review, mode: live}\n" + COMPLAINTS,
    risky,
    plain,
    "high_risk",
    "high risk",
    {"approved": Does(("release",)), "rejected": Does(("cancel",)), "verify": VERIFY},
    "approved",
    "rejected",
    ALSO_A_COMPLAINT,
    held=("hold",),
)
P6 = Row(
    "P6",
    ShopifyWorld,
    "  - {use: escalations, mode: live, settings: {failures: {count: 2}}}\n" + COMPLAINTS,
    two_failures,
    one_failure,
    "failures.count",
    "repeated failures",
    {"approved": Does(), "rejected": Does(), "resolved": Does(), "verify": VERIFY},
    "approved",
    "rejected",
    ALSO_A_COMPLAINT,
    unfit={
        "changed_before_it_is_carried_out": "its outcomes move nothing in the shop, so none waits for it",
        "the_shop_goes_down": "its outcomes move nothing in the shop",
    },
)
P7 = Row(
    "P7",
    ShopifyWorld,
    "  - {use: fulfillment, mode: live}\n" + COMPLAINTS,
    undeliverable,
    scanned,
    "failed_delivery",
    "failed delivery",
    {
        "resolved": Does(),
        "refund": Does((REFUND,), FIVE),
        "replace": Does(SENT_AGAIN, {"approved_lines": "MUG x 1"}),
        "cancelled": Does(open=0, alert="captured"),
    },
    "refund",
    "resolved",
    Again(complains, "rejected", Does()),
)
ROWS = (P1, P2_RETURNS, P2_COMPLAINTS, P2_DISPUTES, P3, P4, P5, P6, P7)
