"""Orders closed and opened, money captured or marked as paid, invoices sent (API 2026-10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import money, payments
from caseconnect_shopify.simulator.world.records import Order, gid

Args = dict[str, Any]
MISSING = "Order does not exist"


def _no(name: str, field: list[str], message: str) -> dict[str, Any]:
    return {name: None, "userErrors": [{"field": field, "message": message}]}


def _order_step(name: str, what: str, step: Callable[[Call, Order], str | None]) -> None:
    """A mutation on `input.id` that answers with the order; `step` returns a refusal, or "" when nothing changes."""

    @mutation(name)
    def resolve(root: object, args: Args, call: Call) -> dict[str, Any]:
        order = call.shop.orders.get(number_of(args["input"]["id"], "Order"))
        if order is None:
            return _no("order", ["id"], MISSING)
        refusal = step(call, order)
        if refusal:
            return _no("order", ["id"], refusal)
        if refusal is None:
            call.shop.effect(call.who, what, gid("Order", order.id), order=gid("Order", order.id))
            call.shop.touch(order)
        return {"order": order, "userErrors": []}


def _close(call: Call, order: Order) -> str | None:
    if order.closed_at:
        return ""
    order.closed_at = call.shop.stamp()
    return None


def _open(call: Call, order: Order) -> str | None:
    if order.cancelled_at:
        return "Order is canceled and cannot be opened"
    if order.closed_at is None:
        return ""
    order.closed_at = None
    return None


def _mark_as_paid(call: Call, order: Order) -> str | None:
    if order.cancelled_at or not money.outstanding(order):
        return "Order cannot be marked as paid."
    spec = {"kind": "sale", "amount": money.outstanding(order), "gateway": "manual", "manual": True}
    payments.add(call.shop, order, spec)
    return None


_order_step("orderClose", "order_close", _close)
_order_step("orderOpen", "order_open", _open)
_order_step("orderMarkAsPaid", "order_mark_as_paid", _mark_as_paid)


@mutation("orderCapture")
def _capture(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["input"]
    order = call.shop.orders.get(number_of(wanted["id"], "Order"))
    if order is None:
        return _no("transaction", ["id"], MISSING)
    number = number_of(wanted["parentTransactionId"], "OrderTransaction")
    parent = next((t for t in order.transactions if t.id == number and t.kind == "AUTHORIZATION"), None)
    if parent is None or parent.status != "SUCCESS":
        return _no("transaction", ["parentTransactionId"], "Transaction does not exist")
    left = money.capturable(order)
    if not 0 < wanted["amount"] <= left:
        return _no("transaction", ["amount"], f"Amount must be between 0 and {money.worded(left, order.currency)}")
    spec = {"kind": "capture", "amount": wanted["amount"], "parent_id": parent.id, "gateway": parent.gateway}
    made = payments.add(call.shop, order, spec)
    target = gid("OrderTransaction", made.id)
    call.shop.effect(call.who, "capture", target, order=gid("Order", order.id), amount=made.amount)
    return {"transaction": made, "userErrors": []}


@mutation("orderInvoiceSend")
def _invoice(root: object, args: Args, call: Call) -> dict[str, Any]:
    order = call.shop.orders.get(number_of(args["id"], "Order"))
    to = (args.get("email") or {}).get("to") or (order.email if order else None)
    if order is None or not to:
        text = MISSING if order is None else "To can't be blank"
        error = {"field": ["id"] if order is None else None, "message": text, "code": "ORDER_INVOICE_SEND_UNSUCCESSFUL"}
        return {"order": order, "userErrors": [error]}
    call.shop.effect(call.who, "order_invoice_send", gid("Order", order.id), order=gid("Order", order.id))
    return {"order": order, "userErrors": []}
