"""Goods: holds on fulfilment orders, their release, and parcels."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from caseconnect_shopify.simulator.webhooks.goods import fulfillment_order_ref, hold_body

from .money import fulfillment_status
from .records import Fulfillment, FulfillmentEvent, FulfillmentOrder, FulfillmentOrderLine, Hold, Line, Order, gid
from .specs import Spec, SpecError, choice, moment, only, records, whole

if TYPE_CHECKING:
    from .shop import Shop

MAX_HOLDS = 10
HANDLE_LENGTH = 64
HOLDABLE = frozenset({"OPEN", "SCHEDULED", "ON_HOLD"})
_REASONS_WORDS = """
    AWAITING_PAYMENT AWAITING_RETURN_ITEMS HIGH_RISK_OF_FRAUD INCORRECT_ADDRESS INVENTORY_OUT_OF_STOCK
    ONLINE_STORE_POST_PURCHASE_CROSS_SELL OTHER UNKNOWN_DELIVERY_DATE
"""
REASONS = frozenset(_REASONS_WORDS.split())
_EVENT_STATUSES_WORDS = """
    ATTEMPTED_DELIVERY CARRIER_PICKED_UP CONFIRMED DELAYED DELIVERED FAILURE IN_TRANSIT LABEL_PRINTED
    LABEL_PURCHASED OUT_FOR_DELIVERY READY_FOR_PICKUP
"""
EVENT_STATUSES = frozenset(_EVENT_STATUSES_WORDS.split())
ACTIONS = {
    "OPEN": ("CREATE_FULFILLMENT", "REPORT_PROGRESS", "MOVE", "HOLD", "SPLIT"),
    "SCHEDULED": ("MARK_AS_OPEN", "MOVE", "HOLD"),
    "ON_HOLD": ("RELEASE_HOLD", "HOLD", "MOVE"),
    "IN_PROGRESS": ("CREATE_FULFILLMENT", "REPORT_PROGRESS"),
}


def refresh(shop: Shop, fo: FulfillmentOrder) -> FulfillmentOrder:
    """Opens a scheduled fulfilment order whose time has come."""
    if fo.status == "SCHEDULED" and fo.fulfill_at and fo.fulfill_at <= shop.now():
        fo.status = "OPEN"
    return fo


def actions(fo: FulfillmentOrder) -> tuple[str, ...]:
    """`supportedActions` for the status; one unit in all cannot be split."""
    found = ACTIONS.get(fo.status, ())
    return tuple(a for a in found if a != "SPLIT" or sum(x.remaining for x in fo.lines) > 1)


def hold(
    shop: Shop,
    fo: FulfillmentOrder,
    reason: str,
    notes: str | None = None,
    handle: str | None = None,
    *,
    app_id: int | None = None,
    external_id: str | None = None,
    part: dict[int, int] | None = None,
) -> tuple[Hold, FulfillmentOrder | None]:
    """Sets a hold, on `part` {fulfilment order line id: units} when given, and emits both kinds of topic.

    Holding a part splits: the held part stays, the rest becomes a new OPEN fulfilment order, which is returned.
    """
    rest = split(shop, fo, part) if part else None
    made = Hold(shop.next_id(), reason, notes, handle or None, app_id, external_id)
    fo.holds.append(made)
    fo.status = "ON_HOLD"
    fo.updated_at = shop.stamp()
    body = {
        "fulfillment_order": fulfillment_order_ref(fo) | {"fulfillment_holds": [hold_body(shop, h) for h in fo.holds]},
        "remaining_fulfillment_order": fulfillment_order_ref(rest) if rest else None,
        "held_fulfillment_order_line_items": [
            {"id": gid("FulfillmentOrderLineItem", x.id), "quantity": x.remaining} for x in fo.lines
        ],
        "created_fulfillment_hold": hold_body(shop, made),
    }
    shop.emit("fulfillment_holds/added", _hold_topic(shop, fo, made))
    shop.emit("fulfillment_orders/placed_on_hold", body)
    if rest:
        shop.emit("fulfillment_orders/split", {"fulfillment_order": fulfillment_order_ref(fo)})
    shop.touch(shop.orders[fo.order_id])
    return made, rest


def release(shop: Shop, fo: FulfillmentOrder, hold_ids: list[int] | None = None) -> list[Hold]:
    """Releases these holds, or all of them when None, and emits; the order opens when no hold is left."""
    gone = [h for h in fo.holds if hold_ids is None or h.id in hold_ids]
    fo.holds = [h for h in fo.holds if h not in gone]
    if gone and not fo.holds and fo.status == "ON_HOLD":
        fo.status = "SCHEDULED" if fo.fulfill_at and fo.fulfill_at > shop.now() else "OPEN"
    if gone:
        fo.updated_at = shop.stamp()
        for h in gone:
            shop.emit("fulfillment_holds/released", _hold_topic(shop, fo, h))
        if not fo.holds:
            shop.emit("fulfillment_orders/hold_released", {"fulfillment_order": fulfillment_order_ref(fo)})
        shop.touch(shop.orders[fo.order_id])
    return gone


def split(shop: Shop, fo: FulfillmentOrder, part: dict[int, int]) -> FulfillmentOrder | None:
    """Keeps `part` {line id: units} here and moves the rest to a new fulfilment order; None when nothing is left."""
    rest: list[FulfillmentOrderLine] = []
    kept: list[FulfillmentOrderLine] = []
    for line in fo.lines:
        wanted = part.get(line.id, 0)
        if line.remaining > wanted:
            rest.append(
                FulfillmentOrderLine(shop.next_id(), line.line, line.remaining - wanted, line.remaining - wanted)
            )
            line.total -= line.remaining - wanted
            line.remaining = wanted
        if wanted:
            kept.append(line)
    if not rest:
        return None
    fo.lines = kept
    made = FulfillmentOrder(shop.next_id(), fo.order_id, shop.stamp(), shop.stamp(), rest)
    shop.orders[fo.order_id].fulfillment_orders.append(made)
    shop.fulfillment_orders[made.id] = made
    return made


def new_order(shop: Shop, order: Order, lines: list[Line]) -> FulfillmentOrder | None:
    """A fulfilment order for these lines, open and without any hold; None for no lines."""
    if not lines:
        return None
    stamp = max(order.created_at, shop.stamp()) if order.fulfillment_orders else order.created_at
    made = FulfillmentOrder(
        id=shop.next_id(),
        order_id=order.id,
        created_at=stamp,
        updated_at=stamp,
        lines=[FulfillmentOrderLine(shop.next_id(), line, line.quantity, line.quantity) for line in lines],
    )
    order.fulfillment_orders.append(made)
    shop.fulfillment_orders[made.id] = made
    return made


def withdraw(shop: Shop, order: Order, line: Line, units: int) -> None:
    """Takes units that are not to be sent any more off the order's fulfilment orders; an emptied one is closed."""
    for fo in order.fulfillment_orders:
        for fo_line in fo.lines:
            if fo_line.line is line and units and fo_line.remaining:
                taken = min(units, fo_line.remaining)
                fo_line.remaining -= taken
                fo_line.total -= taken
                units -= taken
                fo.updated_at = shop.stamp()
        fo.lines = [x for x in fo.lines if x.total] or fo.lines
        if fo.status != "CLOSED" and not any(x.remaining for x in fo.lines):
            fo.status, fo.holds = "CLOSED", []


def hold_by_hand(shop: Shop, order: Order, spec: Spec) -> list[Hold]:
    """A hold set by a person in the admin, on every open fulfilment order."""
    only(spec, {"reason", "notes"}, "The hold")
    reason = choice(spec.get("reason", "other"), REASONS, "hold.reason")
    wanted = [fo for fo in order.fulfillment_orders if refresh(shop, fo).status in HOLDABLE]
    return [hold(shop, fo, reason, spec.get("notes"))[0] for fo in wanted]


def release_by_hand(shop: Shop, order: Order) -> list[Hold]:
    """A person releases all holds of an order in the admin."""
    return [h for fo in order.fulfillment_orders for h in release(shop, fo)]


def fulfill(shop: Shop, order: Order, spec: Spec) -> Fulfillment:
    """Sends a parcel: `lines` {line id or sku: units}, all that is open when left out; emits as Shopify does."""
    only(spec, {"lines", "company", "number", "url", "estimated_delivery_at"}, "The fulfilment")
    if order.cancelled_at:
        raise SpecError(f"Order {order.name} is cancelled: nothing of it can be sent.")
    taken = _take(shop, order, spec.get("lines"))
    if not taken:
        raise SpecError(f"Order {order.name} has nothing open to send: it is sent already, or held.")
    return send(shop, order, taken, spec)


def send(
    shop: Shop, order: Order, taken: list[tuple[FulfillmentOrder, FulfillmentOrderLine, int]], spec: Spec
) -> Fulfillment:
    """Sends these units of fulfilment orders as one parcel."""
    stamp = shop.stamp()
    due = spec.get("estimated_delivery_at")
    parcel = Fulfillment(
        id=shop.next_id(),
        order_id=order.id,
        name=f"{order.name}-F{len(order.fulfillments) + 1}",
        created_at=stamp,
        updated_at=stamp,
        lines=[(shop.next_id(), line.line, units) for _, line, units in taken],
        fulfillment_order_ids=list(dict.fromkeys(fo.id for fo, _, _ in taken)),
        company=spec.get("company"),
        numbers=[str(n) for n in ([spec["number"]] if spec.get("number") else [])],
        urls=[str(u) for u in ([spec["url"]] if spec.get("url") else [])],
        estimated_delivery_at=moment(due, "estimated_delivery_at") if due else None,
    )
    for fo, fo_line, units in taken:
        fo_line.remaining -= units
        fo_line.line.fulfilled += units
        fo.updated_at = stamp
        fo.status = "CLOSED" if not any(x.remaining for x in fo.lines) else fo.status
    order.fulfillments.append(parcel)
    shop.emit("fulfillments/create", parcel)
    whole_order = fulfillment_status(order) == "FULFILLED"
    shop.touch(order, "orders/fulfilled" if whole_order else "orders/partially_fulfilled")
    return parcel


def carrier_event(shop: Shop, order: Order, spec: Spec) -> FulfillmentEvent:
    """A carrier's scan of the newest parcel; emits `fulfillment_events/create`."""
    only(spec, {"status", "message", "happened_at", "city", "country", "estimated_delivery_at"}, "The event")
    if not order.fulfillments:
        raise SpecError(f"Order {order.name} has no parcel yet. Send one first: POST /_sim/orders/{{id}}/fulfill.")
    return scan(shop, order.fulfillments[-1], spec)


def scan(shop: Shop, parcel: Fulfillment, spec: Spec) -> FulfillmentEvent:
    """A carrier's scan of a parcel."""
    order = shop.orders[parcel.order_id]
    status = choice(spec.get("status", "in_transit"), EVENT_STATUSES, "event.status")
    at: datetime = moment(spec["happened_at"], "happened_at") if spec.get("happened_at") else shop.stamp()
    due = spec.get("estimated_delivery_at")
    made = FulfillmentEvent(
        shop.next_id(), parcel.id, order.id, status, at, shop.stamp(), spec.get("message"), spec.get("city"),
        country=spec.get("country"), estimated_delivery_at=moment(due, "estimated_delivery_at") if due else None,
    )  # fmt: skip
    parcel.events.append(made)
    parcel.display_status = {"FAILURE": "NOT_DELIVERED"}.get(status, status)
    parcel.updated_at = shop.stamp()
    if status == "DELIVERED":
        parcel.delivered_at = at
    if status == "IN_TRANSIT":
        parcel.in_transit_at = at
    shop.emit("fulfillment_events/create", made)
    shop.emit("fulfillments/update", parcel)
    shop.touch(order)
    return made


def _hold_topic(shop: Shop, fo: FulfillmentOrder, held: Hold) -> dict[str, object]:
    return {"fulfillment_order": {"id": gid("FulfillmentOrder", fo.id)}, "fulfillment_hold": hold_body(shop, held)}


def _take(shop: Shop, order: Order, wanted: object) -> list[tuple[FulfillmentOrder, FulfillmentOrderLine, int]]:
    open_lines = [
        (fo, line)
        for fo in order.fulfillment_orders
        if refresh(shop, fo).status in {"OPEN", "IN_PROGRESS"}
        for line in fo.lines
        if line.remaining
    ]
    if wanted is None:
        return [(fo, line, line.remaining) for fo, line in open_lines]
    taken = []
    for key, units in wanted.items() if isinstance(wanted, dict) else [(k, 1) for k in records(wanted, "lines")]:
        left = whole(units, "lines", 1)
        for fo, line in open_lines:
            here = min(left, line.remaining) if _is(line.line, key) else 0
            if here:
                taken.append((fo, line, here))
                left -= here
        if left:
            raise SpecError(f"Order {order.name} has not {units} open units of line {key!r} to send.")
    return taken


def _is(line: Line, key: object) -> bool:
    return str(line.id) == str(key) or line.sku == key
