"""Fulfilment orders moved, split, rescheduled, worked on, cancelled; parcels and their events (API 2026-10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import fulfilment, movement
from caseconnect_shopify.simulator.world.records import Fulfillment, FulfillmentOrder, gid
from caseconnect_shopify.simulator.world.refunds import Refused

Args = dict[str, Any]


def _found(call: Call, text: str, path: list[str] | None = None) -> FulfillmentOrder:
    found = call.shop.fulfillment_orders.get(number_of(text, "FulfillmentOrder"))
    if found is None:
        text = "The fulfillment order could not be found."
        raise Refused(path or ["id"], text, "FULFILLMENT_ORDER_NOT_FOUND")
    return fulfilment.refresh(call.shop, found)


def _errors(refusal: Refused) -> list[dict[str, Any]]:
    return [{"field": refusal.field, "message": refusal.message, "code": refusal.code or None}]


def _told(call: Call, what: str, fo: FulfillmentOrder, **more: Any) -> None:
    call.shop.effect(call.who, what, gid("FulfillmentOrder", fo.id), order=gid("Order", fo.order_id), **more)


def _part(items: list[Args] | None) -> dict[int, int]:
    return {number_of(x["id"], "FulfillmentOrderLineItem"): x["quantity"] for x in items or ()}


@mutation("fulfillmentOrderMove")
def _move(root: object, args: Args, call: Call) -> dict[str, Any]:
    empty = {"movedFulfillmentOrder": None, "originalFulfillmentOrder": None, "remainingFulfillmentOrder": None}
    try:
        fo = _found(call, args["id"])
        part = _part(args.get("fulfillmentOrderLineItems"))
        movement.check_part(fo, part, ["fulfillmentOrderLineItems"])
        location = number_of(args["newLocationId"], "Location")
        if location not in call.shop.locations:
            raise Refused(["newLocationId"], "Location not found.", "")
        made, rest = movement.move(call.shop, fo, location, part)
    except Refused as refusal:
        return empty | {"userErrors": _errors(refusal)}
    _told(call, "fulfillment_order_move", fo, moved=gid("FulfillmentOrder", made.id), location=args["newLocationId"])
    return {
        "movedFulfillmentOrder": made,
        "originalFulfillmentOrder": fo,
        "remainingFulfillmentOrder": rest,
        "userErrors": [],
    }


@mutation("fulfillmentOrderSplit")
def _split(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = []
    try:
        for place, item in enumerate(args["fulfillmentOrderSplits"]):
            path = ["fulfillmentOrderSplits", str(place)]
            fo = _found(call, item["fulfillmentOrderId"], [*path, "fulfillmentOrderId"])
            part = _part(item["fulfillmentOrderLineItems"])
            if not part:
                text = "The fulfillment order must have at least one line item input to split."
                raise Refused([*path, "fulfillmentOrderLineItems"], text, "NO_LINE_ITEMS_PROVIDED_TO_SPLIT")
            movement.check_part(fo, part, [*path, "fulfillmentOrderLineItems"])
            if sum(part.values()) >= sum(x.remaining for x in fo.lines):
                text = "The fulfillment order line item quantity is invalid."
                raise Refused([*path, "fulfillmentOrderLineItems"], text, "INVALID_LINE_ITEM_QUANTITY")
            wanted.append((fo, part))
    except Refused as refusal:
        return {"fulfillmentOrderSplits": None, "userErrors": _errors(refusal)}
    made = []
    for fo, part in wanted:
        rest = movement.split(call.shop, fo, part)
        _told(call, "fulfillment_order_split", fo, new=gid("FulfillmentOrder", rest.id) if rest else None)
        made.append(
            {"fulfillmentOrder": fo, "remainingFulfillmentOrder": rest or fo, "replacementFulfillmentOrder": None}
        )
    return {"fulfillmentOrderSplits": made, "userErrors": []}


@mutation("fulfillmentOrderReschedule")
def _reschedule(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        fo = _found(call, args["id"])
        movement.reschedule(call.shop, fo, datetime.fromisoformat(args["fulfillAt"]))
    except Refused as refusal:
        return {"fulfillmentOrder": None, "userErrors": _errors(refusal)}
    _told(call, "fulfillment_order_reschedule", fo, at=args["fulfillAt"])
    return {"fulfillmentOrder": fo, "userErrors": []}


@mutation("fulfillmentOrderReportProgress")
def _report(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        fo = _found(call, args["id"])
        movement.report(call.shop, fo, (args.get("progressReport") or {}).get("reasonNotes"))
    except Refused as refusal:
        return {"fulfillmentOrder": None, "userErrors": _errors(refusal)}
    _told(call, "fulfillment_order_progress", fo)
    return {"fulfillmentOrder": fo, "userErrors": []}


@mutation("fulfillmentOrderOpen")
def _open(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        fo = _found(call, args["id"])
        movement.reopen(call.shop, fo)
    except Refused as refusal:
        return {"fulfillmentOrder": None, "userErrors": _errors(refusal)}
    _told(call, "fulfillment_order_open", fo)
    return {"fulfillmentOrder": fo, "userErrors": []}


@mutation("fulfillmentOrderCancel")
def _cancel(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        fo = _found(call, args["id"])
        made = movement.cancel(call.shop, fo)
    except Refused as refusal:
        return {"fulfillmentOrder": None, "replacementFulfillmentOrder": None, "userErrors": _errors(refusal)}
    _told(call, "fulfillment_order_cancel", fo, new=gid("FulfillmentOrder", made.id) if made else None)
    return {"fulfillmentOrder": fo, "replacementFulfillmentOrder": made, "userErrors": []}


def parcel_of(call: Call, text: str) -> Fulfillment | None:
    """The parcel with this gid."""
    number = number_of(text, "Fulfillment")
    return next((f for o in call.shop.orders.values() for f in o.fulfillments if f.id == number), None)


@mutation("fulfillmentEventCreate")
def _event(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["fulfillmentEvent"]
    parcel = parcel_of(call, wanted["fulfillmentId"])
    if parcel is None:
        error = {"field": ["fulfillmentEvent", "fulfillmentId"], "message": "Fulfillment does not exist."}
        return {"fulfillmentEvent": None, "userErrors": [error]}
    names = {"status": "status", "message": "message", "happenedAt": "happened_at", "city": "city"}
    names |= {"country": "country", "estimatedDeliveryAt": "estimated_delivery_at"}
    spec = {name: wanted[key] for key, name in names.items() if wanted.get(key) is not None}
    made = fulfilment.scan(call.shop, parcel, spec)
    target = gid("Fulfillment", parcel.id)
    call.shop.effect(call.who, "fulfillment_event", target, order=gid("Order", parcel.order_id), status=made.status)
    return {"fulfillmentEvent": made, "userErrors": []}


@mutation("fulfillmentCreate")
def _create(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["fulfillment"]
    taken = []
    for item in wanted["lineItemsByFulfillmentOrder"]:
        fo = _found(call, item["fulfillmentOrderId"])
        part = _part(item.get("fulfillmentOrderLineItems")) or {x.id: x.remaining for x in fo.lines}
        lines = {x.id: x for x in fo.lines}
        bad = fo.status not in {"OPEN", "IN_PROGRESS"}
        if bad or any(n not in lines or not 0 < units <= lines[n].remaining for n, units in part.items()):
            text = f"Fulfillment order {fo.id} has an unfulfillable status= {fo.status.lower()}."
            text = text if bad else "Invalid fulfillment order line item quantity requested."
            return {"fulfillment": None, "userErrors": [{"field": ["fulfillment"], "message": text}]}
        taken += [(fo, lines[n], units) for n, units in part.items()]
    tracking = wanted.get("trackingInfo") or {}
    spec = {"company": tracking.get("company"), "number": tracking.get("number"), "url": tracking.get("url")}
    order = call.shop.orders[taken[0][0].order_id]
    made = fulfilment.send(call.shop, order, taken, {k: str(v) for k, v in spec.items() if v})
    call.shop.effect(call.who, "fulfill", gid("Fulfillment", made.id), order=gid("Order", order.id))
    return {"fulfillment": made, "userErrors": []}
