"""Which status may follow which, and what a change brings about.

SCAPI Orders 1.5.2, `PUT …/status`, and the 409s of OCAPI Data 25.6, `PUT …/orders/{order_no}/status`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from .orders import Order
from .refusals import Refused

STATUSES = ("created", "new", "open", "completed", "cancelled", "replaced", "failed")
ORDER_TARGETS = ("created", "new", "open", "completed", "cancelled", "failed", "failed_with_reopen")

VALUES: Mapping[str, tuple[str, ...]] = {
    "confirmation": ("confirmed", "not_confirmed"),
    "export": ("exported", "not_exported", "ready", "failed"),
    "payment": ("paid", "part_paid", "not_paid"),
    "shipping": ("shipped", "part_shipped", "not_shipped"),
}
"""The other statuses: any value may follow any other."""

PLACED = ("new", "open", "completed")

_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "created": ("failed", "failed_with_reopen", *PLACED, "cancelled"),
    "failed": ("created",),
    **dict.fromkeys(PLACED, (*PLACED, "cancelled")),
    "cancelled": PLACED,
    "replaced": (),
}

_TEXTS = {
    "undo-fail": "The failed order with number '{0}' cannot be reopened.",
    "undo-cancel": "The cancelled order with number '{0}' cannot be reopened.",
    "cancel": "The order with number '{0}' could not be cancelled.",
    "place": "The order with number '{0}' could not be placed.",
}


def transition(before: str, after: str) -> str:
    """The name of a change of the order status: place, fail, cancel, undo-fail, undo-cancel or move."""
    if after in {"failed", "failed_with_reopen"}:
        return "fail"
    if after == "created":
        return "undo-fail"
    if before == "created":
        return "place"
    if after == "cancelled":
        return "cancel"
    return "undo-cancel" if before == "cancelled" else "move"


def change(order: Order, after: str, now: datetime, number: str) -> bool:
    """Bring an order to a status with all side effects; tells whether it changed.

    `number` becomes the invoice number when the order is placed. The same status again is accepted and does nothing.
    """
    before = order.status
    if after == before or (after == "failed_with_reopen" and before == "failed"):
        return False
    if after not in _ALLOWED[before]:
        text = f"The order with number '{order.number}' can't change its status from '{before}' to '{after}'."
        raise Refused("order-status-transition", text, orderNo=order.number)
    name = transition(before, after)
    if name in order.refuses:
        raise Refused(f"{name}-order", _TEXTS[name].format(order.number), orderNo=order.number)
    order.status = "failed" if after == "failed_with_reopen" else after
    order.reserved = order.status not in {"failed", "cancelled"}
    if name == "place":
        _place(order, now, number)
    return True


def _place(order: Order, now: datetime, number: str) -> None:
    order.placed = now
    order.invoice = order.invoice or number
    for index, shipment in enumerate(order.shipments, 1):
        shipment.number = shipment.number or f"{number}-{index}"


def order_management(order: Order, mode: str) -> None:
    """Refuse status changes of placed orders when an order management system is, or was, responsible for them."""
    if mode == "none" or not order.is_placed:
        return
    if mode == "integrated":
        text = (
            "The status change is not supported. An external order management system is integrated which has "
            "responsibility for further status changes on placed orders."
        )
        raise Refused("order-integration-status", text, orderNo=order.number)
    text = (
        "The status change is not supported. The order was previously integrated with an external order management "
        "system which has responsibility for further status changes."
    )
    raise Refused("order-previously-integrated-status", text, orderNo=order.number)
