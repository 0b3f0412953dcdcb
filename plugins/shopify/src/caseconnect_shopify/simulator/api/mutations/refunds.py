"""`refundCreate` (API 2026-10)."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.idempotency import UserErrors, once
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import money, refunds
from caseconnect_shopify.simulator.world.records import Order, Refund, gid


def moved(order: Order, refund: Refund) -> list[dict[str, Any]]:
    """The money of a refund as the ledger tells it."""
    return [
        {
            "id": gid("OrderTransaction", t.id),
            "gateway": t.gateway,
            "parent": gid("OrderTransaction", t.parent_id) if t.parent_id else None,
            "status": t.status,
            "amount": money.seen(order, t),
            "currency": order.presentment_currency,
            "shop_amount": t.amount,
        }
        for t in refund.transactions
    ]


def goods(refund: Refund) -> list[dict[str, Any]]:
    """The goods of a refund as the ledger tells them."""
    return [
        {
            "line": gid("LineItem", x.line.id),
            "units": x.quantity,
            "restock": x.restock_type,
            "location": x.location_id,
        }
        for x in refund.lines
    ]


@mutation("refundCreate")
def _create(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    wanted = args["input"]
    order = call.shop.orders.get(number_of(wanted["orderId"], "Order"))
    key = call.idempotency_key

    def act() -> tuple[Refund | None, UserErrors]:
        if order is None:
            return None, [{"field": ["orderId"], "message": "Order does not exist"}]
        try:
            planned = refunds.plan(order, wanted, number_of)
        except refunds.Refused as refusal:
            return None, [{"field": refusal.field, "message": refusal.message}]
        made = refunds.make(call.shop, order, planned)
        call.shop.effect(
            call.who,
            "refund",
            gid("Refund", made.id),
            order=gid("Order", order.id),
            key=key,
            transactions=moved(order, made),
            lines=goods(made),
            shipping=made.shipping,
            notify=made.notified,
            note=made.note,
        )
        return made, []

    def show(refund: Refund | None, errors: UserErrors) -> dict[str, Any]:
        return {"refund": refund, "order": order, "userErrors": errors}

    return once(call, "refundCreate", args, act, show)
