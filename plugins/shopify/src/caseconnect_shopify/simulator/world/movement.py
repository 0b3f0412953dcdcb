"""What else happens to fulfilment orders: moved, split, rescheduled, worked on, cancelled.

Each of these may leave a fulfilment order that is new and that nobody holds: a hold set before does not follow.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from caseconnect_shopify.simulator.webhooks.goods import fulfillment_order_ref

from . import fulfilment
from .records import FulfillmentOrder, FulfillmentOrderLine
from .refunds import Refused

if TYPE_CHECKING:
    from .shop import Shop

CLOSED = frozenset({"CLOSED", "CANCELLED", "INCOMPLETE"})


def check_part(fo: FulfillmentOrder, part: dict[int, int], path: list[str]) -> None:
    """Refuses line items that are not this fulfilment order's, or too many of them."""
    for place, (number, units) in enumerate(part.items()):
        here = [*path, str(place), "quantity"]
        line = next((x for x in fo.lines if x.id == number), None)
        if units < 1:
            raise Refused(here, "The fulfillment order line item quantity must be greater than 0.", "GREATER_THAN")
        if line is None or units > line.remaining:
            raise Refused(here, "The fulfillment order line item quantity is invalid.", "INVALID_LINE_ITEM_QUANTITY")


def split(shop: Shop, fo: FulfillmentOrder, part: dict[int, int]) -> FulfillmentOrder | None:
    """Takes `part` {line id: units} out into a new fulfilment order, which is returned; None when nothing stays."""
    stays = {x.id: x.remaining - part.get(x.id, 0) for x in fo.lines}
    if not any(stays.values()):
        return None
    made = fulfilment.split(shop, fo, stays)
    if made is not None:
        made.location_id = fo.location_id
    fo.updated_at = shop.stamp()
    shop.emit(
        "fulfillment_orders/split",
        {
            "fulfillment_order": fulfillment_order_ref(fo),
            "remaining_fulfillment_order": fulfillment_order_ref(made) if made else None,
            "replacement_fulfillment_order": None,
            "split_line_items": [
                {"id": f"gid://shopify/FulfillmentOrderLineItem/{n}", "quantity": units} for n, units in part.items()
            ],
        },
    )
    shop.touch(shop.orders[fo.order_id])
    return made


def move(
    shop: Shop, fo: FulfillmentOrder, location: int, part: dict[int, int]
) -> tuple[FulfillmentOrder, FulfillmentOrder | None]:
    """Moves a fulfilment order, or a part of it, to a location: (what moved, what stays). The moved one is unheld."""
    if fo.status in CLOSED:
        raise Refused(["id"], "The fulfillment order is closed.", "")
    if fo.progress:
        code = "CANNOT_MOVE_FULFILLMENT_ORDER_WITH_REPORTED_PROGRESS"
        raise Refused(["id"], "Cannot move fulfillment order that has had progress reported.", code)
    stays = {x.id: x.remaining - part.get(x.id, x.remaining if not part else 0) for x in fo.lines}
    lines = [
        FulfillmentOrderLine(shop.next_id(), x.line, units, units)
        for x in fo.lines
        if (units := x.remaining - stays[x.id])
    ]
    stamp = shop.stamp()
    made = FulfillmentOrder(shop.next_id(), fo.order_id, stamp, stamp, lines, location_id=location)
    for line in fo.lines:
        line.total -= line.remaining - stays[line.id]
        line.remaining = stays[line.id]
    rest: FulfillmentOrder | None = fo
    if not any(stays.values()):
        fo.status, fo.holds, rest = "CLOSED", [], None
    fo.lines = [x for x in fo.lines if x.remaining] or fo.lines
    fo.updated_at = stamp
    order = shop.orders[fo.order_id]
    order.fulfillment_orders.append(made)
    shop.fulfillment_orders[made.id] = made
    body = {
        "original_fulfillment_order": fulfillment_order_ref(fo),
        "moved_fulfillment_order": fulfillment_order_ref(made),
        "destination_location_id": f"gid://shopify/Location/{location}",
        "fulfillment_order_line_items_requested": [],
        "source_location": {"id": f"gid://shopify/Location/{fo.location_id}"},
    }
    shop.emit("fulfillment_orders/moved", body)
    shop.touch(order)
    return made, rest


def reschedule(shop: Shop, fo: FulfillmentOrder, at: datetime) -> None:
    """Sets another time for a scheduled fulfilment order."""
    if fulfilment.refresh(shop, fo).status != "SCHEDULED":
        raise Refused(["id"], "Fulfillment order must be scheduled.", "")
    fo.fulfill_at, fo.updated_at = at, shop.stamp()
    shop.emit("fulfillment_orders/rescheduled", {"fulfillment_order": fulfillment_order_ref(fo)})
    shop.touch(shop.orders[fo.order_id])


def report(shop: Shop, fo: FulfillmentOrder, notes: str | None) -> None:
    """Says that work on it has begun."""
    if fo.status not in {"OPEN", "IN_PROGRESS"}:
        raise Refused(["id"], "The fulfillment order status is invalid.", "FULFILLMENT_ORDER_STATUS_INVALID")
    fo.status, fo.progress, fo.updated_at = "IN_PROGRESS", True, shop.stamp()
    body = {"fulfillment_order": fulfillment_order_ref(fo), "progress_report": {"reason_notes": notes}}
    shop.emit("fulfillment_orders/progress_reported", body)
    shop.touch(shop.orders[fo.order_id])


def reopen(shop: Shop, fo: FulfillmentOrder) -> None:
    """Marks it as open: scheduled work begins now, reported progress is taken back."""
    if fo.status not in {"SCHEDULED", "IN_PROGRESS"}:
        raise Refused(["id"], "Fulfillment order must be scheduled or in progress.", "")
    worked, fo.progress = fo.progress, False
    fo.status, fo.fulfill_at, fo.updated_at = "OPEN", None, shop.stamp()
    topic = "manually_reported_progress_stopped" if worked else "scheduled_fulfillment_order_ready"
    shop.emit(f"fulfillment_orders/{topic}", {"fulfillment_order": fulfillment_order_ref(fo)})
    shop.touch(shop.orders[fo.order_id])


def cancel(shop: Shop, fo: FulfillmentOrder) -> FulfillmentOrder | None:
    """Closes it and makes a replacement, open and unheld, for the work that is left."""
    if fo.progress:
        text = "Cannot cancel fulfillment order that has had progress reported. Mark as unfulfilled first."
        raise Refused(["id"], text, "FULFILLMENT_ORDER_HAS_MANUALLY_REPORTED_PROGRESS")
    if fo.status not in {"OPEN", "IN_PROGRESS"}:
        raise Refused(None, "Fulfillment order is not in cancelable request state and can't be canceled.", "")
    order = shop.orders[fo.order_id]
    left = [(x.line, x.remaining) for x in fo.lines if x.remaining]
    fo.status, fo.holds, fo.lines, fo.updated_at = "CLOSED", [], [], shop.stamp()
    made = fulfilment.new_order(shop, order, [line for line, _ in left])
    if made:
        for item, (_, units) in zip(made.lines, left, strict=True):
            item.total = item.remaining = units
    body = {
        "fulfillment_order": fulfillment_order_ref(fo),
        "replacement_fulfillment_order": fulfillment_order_ref(made) if made else None,
    }
    shop.emit("fulfillment_orders/cancelled", body)
    shop.touch(order)
    return made
