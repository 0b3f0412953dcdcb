"""Cancelling an order: refused at once or taken on as a job, done later on the shop's clock.

Conditions and messages from the API reference of `orderCancel`, 2026-10, and recorded answers of real stores.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import money, payments, refunds
from .records import Order, gid
from .specs import Spec, SpecError, choice, only
from .system import Job

if TYPE_CHECKING:
    from .shop import Shop

REASONS = frozenset({"CUSTOMER", "DECLINED", "FRAUD", "INVENTORY", "OTHER", "STAFF"})
NOTE_LENGTH = 255


def refusal(order: Order) -> str | None:
    """Why an order cannot be cancelled, in Shopify's words; None when it can."""
    if order.cancelled_at:
        return "Cannot cancel an order that has already been canceled"
    if any(t.status == "PENDING" and t.kind == "AUTHORIZATION" for t in order.transactions):
        return "Cannot cancel an order with pending payment authorizations"
    if order.return_status in {"IN_PROGRESS", "RETURN_REQUESTED"}:
        return "Cannot cancel an order with active returns"
    if any(line.fulfilled for line in order.lines):
        return "Cannot cancel an order with outstanding fulfillments"
    return None


def begin(shop: Shop, order: Order, who: str, args: dict[str, Any]) -> Job:
    """Takes on a cancellation: a job that is done `cancel_seconds` later. An order has one such job at a time."""
    running = next((j for j in shop.open_jobs if j.order_id == order.id), None)
    if running:
        return running
    due = shop.now() + timedelta(seconds=shop.cancel_seconds)
    job = Job(gid("Job", shop.next_uuid()), order.id, due, who, args)
    shop.jobs[job.id] = job
    shop.open_jobs.append(job)
    if shop.cancel_seconds <= 0:
        shop.settle()
    elif shop.outbox.wakeup is not None:
        shop.outbox.wakeup.set()
    return job


def complete(shop: Shop, job: Job) -> None:
    """Does the work of a due job; what stands against it by now is the job's error."""
    order = shop.orders[job.order_id]
    job.done = True
    reason = refusal(order)
    if reason:
        job.errors.append({"field": ["orderId"], "message": reason, "code": "INVALID"})
        return
    apply(shop, order, job.args)
    shop.effect(job.who, "cancel", gid("Order", order.id), **job.args)


def by_hand(shop: Shop, order: Order, spec: Spec) -> Order:
    """A cancellation by a person in the admin: at once, with or without `refund`."""
    only(spec, {"reason", "refund", "restock", "note"}, "The cancellation")
    why_not = refusal(order)
    if why_not:
        raise SpecError(f"{why_not}.")
    reason = choice(spec.get("reason", "other"), REASONS, "cancel.reason")
    apply(
        shop,
        order,
        {"reason": reason, "refund": bool(spec.get("refund")), "staffNote": spec.get("note")}
        | {"restock": bool(spec.get("restock", True))},
    )
    return order


def apply(shop: Shop, order: Order, args: dict[str, Any]) -> None:
    """Changes the order. Authorized money is let go; captured money goes back only when a refund was asked for."""
    net = money.received(order) - money.returning(order)
    payments.void(shop, order)
    if args.get("refund") and net > 0:
        kind = "CANCEL" if args.get("restock") else "NO_RESTOCK"
        goods = [(x, x.quantity - x.removed, kind) for x in order.lines if x.quantity > x.removed]
        shipping = order.shipping - money.shipping_refunded(order)
        refunds.make(shop, order, refunds.Plan(goods, shipping, _moves(order, net, args)))
    for fo in order.fulfillment_orders:
        fo.status = "CLOSED"
        fo.holds = []
        fo.updated_at = shop.stamp()
    order.cancelled_at = order.closed_at = shop.stamp()
    order.cancel_reason = str(args["reason"])
    order.cancel_note = args.get("staffNote")
    shop.touch(order, "orders/cancelled")


def _moves(order: Order, net: Decimal, args: dict[str, Any]) -> list[refunds.Move]:
    """The whole of what was paid: to store credit when asked so, else the way it came."""
    if "storeCredit" not in args:
        return payments.moves(order, net)
    until = args["storeCredit"]
    return [refunds.Move(money.net_seen(order), None, datetime.fromisoformat(until) if until else None)]
