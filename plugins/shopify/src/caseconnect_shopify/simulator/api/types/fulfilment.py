"""Fulfilment orders, holds, parcels and what carriers say; and the money of lines, which needs their order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order, paginate
from caseconnect_shopify.simulator.api.registry import field, fields
from caseconnect_shopify.simulator.api.wire import bag, when
from caseconnect_shopify.simulator.world import fulfilment
from caseconnect_shopify.simulator.world.money import CENT
from caseconnect_shopify.simulator.world.records import (
    Fulfillment,
    FulfillmentEvent,
    FulfillmentOrder,
    FulfillmentOrderLine,
    Hold,
    Line,
    Order,
    gid,
)

REASON_TEXT = {"HIGH_RISK_OF_FRAUD": "High risk of fraud", "INCORRECT_ADDRESS": "Incorrect address", "OTHER": "Other"}
LOCATION = {"id": gid("Location", 1), "name": "Warehouse"}

fields(
    "FulfillmentOrder",
    FulfillmentOrder,
    id=lambda f: gid("FulfillmentOrder", f.id),
    createdAt=lambda f: when(f.created_at),
    updatedAt=lambda f: when(f.updated_at),
    fulfillAt=lambda f: when(f.fulfill_at),
    fulfillBy=lambda f: when(f.fulfill_by),
    requestStatus=lambda f: f.request_status,
    fulfillmentHolds=lambda f: f.holds,
    orderId=lambda f: gid("Order", f.order_id),
)
fields(
    "FulfillmentOrderLineItem",
    FulfillmentOrderLine,
    id=lambda x: gid("FulfillmentOrderLineItem", x.id),
    lineItem=lambda x: x.line,
    totalQuantity=lambda x: x.total,
    remainingQuantity=lambda x: x.remaining,
    requiresShipping=lambda x: x.line.requires_shipping,
    productTitle=lambda x: x.line.title,
    variantTitle=lambda x: x.line.variant_title,
    sku=lambda x: x.line.sku,
    vendor=lambda x: x.line.vendor,
    image=lambda x: None,
)
fields(
    "FulfillmentHold",
    Hold,
    id=lambda h: gid("FulfillmentHold", h.id),
    reason=lambda h: h.reason,
    displayReason=lambda h: REASON_TEXT.get(h.reason, h.reason.replace("_", " ").capitalize()),
    reasonNotes=lambda h: h.reason_notes,
    handle=lambda h: h.handle,
)
fields(
    "Fulfillment",
    Fulfillment,
    id=lambda f: gid("Fulfillment", f.id),
    legacyResourceId=lambda f: str(f.id),
    name=lambda f: f.name,
    createdAt=lambda f: when(f.created_at),
    updatedAt=lambda f: when(f.updated_at),
    status=lambda f: f.status,
    displayStatus=lambda f: f.display_status,
    estimatedDeliveryAt=lambda f: when(f.estimated_delivery_at),
    deliveredAt=lambda f: when(f.delivered_at),
    inTransitAt=lambda f: when(f.in_transit_at),
    totalQuantity=lambda f: sum(units for _, _, units in f.lines),
    requiresShipping=lambda f: True,
    location=lambda f: LOCATION,
    service=lambda f: None,
    originAddress=lambda f: None,
)
fields(
    "FulfillmentEvent",
    FulfillmentEvent,
    id=lambda e: gid("FulfillmentEvent", e.id),
    status=lambda e: e.status,
    message=lambda e: e.message,
    happenedAt=lambda e: when(e.happened_at),
    createdAt=lambda e: when(e.created_at),
    estimatedDeliveryAt=lambda e: when(e.estimated_delivery_at),
    city=lambda e: e.city,
    province=lambda e: e.province,
    country=lambda e: e.country,
    zip=lambda e: e.zip,
    address1=lambda e: None,
    latitude=lambda e: None,
    longitude=lambda e: None,
)


@field("FulfillmentOrder", "status")
def _status(fo: FulfillmentOrder, args: dict[str, Any], call: Call) -> str:
    return fulfilment.refresh(call.shop, fo).status


@field("FulfillmentOrder", "supportedActions")
def _actions(fo: FulfillmentOrder, args: dict[str, Any], call: Call) -> list[dict[str, Any]]:
    found = fulfilment.actions(fulfilment.refresh(call.shop, fo))
    return [{"action": a, "externalUrl": None} for a in found]


@field("FulfillmentOrder", "order")
@field("Fulfillment", "order")
def _order(record: FulfillmentOrder | Fulfillment, args: dict[str, Any], call: Call) -> Order:
    return call.shop.orders[record.order_id]


@field("FulfillmentOrder", "deliveryMethod")
def _delivery(fo: FulfillmentOrder, args: dict[str, Any], call: Call) -> dict[str, Any]:
    order = call.shop.orders[fo.order_id]
    return {"id": gid("DeliveryMethod", fo.id), "methodType": order.delivery, "presentedName": order.shipping_title}


@field("FulfillmentOrder", "assignedLocation")
def _location(fo: FulfillmentOrder, args: dict[str, Any], call: Call) -> dict[str, Any]:
    name = call.shop.locations.get(fo.location_id, "Warehouse")
    return {"name": name, "countryCode": "US", "location": {"id": gid("Location", fo.location_id), "name": name}}


@field("FulfillmentOrder", "orderName")
def _order_name(fo: FulfillmentOrder, args: dict[str, Any], call: Call) -> str:
    return call.shop.orders[fo.order_id].name


@field("FulfillmentOrder", "orderProcessedAt")
def _processed(fo: FulfillmentOrder, args: dict[str, Any], call: Call) -> str | None:
    return when(call.shop.orders[fo.order_id].processed_at)


@field("FulfillmentOrder", "lineItems")
def _lines(fo: FulfillmentOrder, args: dict[str, Any], call: Call) -> Page:
    return in_order(fo.lines, args)


@field("FulfillmentOrder", "fulfillments")
def _parcels(fo: FulfillmentOrder, args: dict[str, Any], call: Call) -> Page:
    order = call.shop.orders[fo.order_id]
    return in_order([f for f in order.fulfillments if fo.id in f.fulfillment_order_ids], args)


@field("FulfillmentOrder", "destination")
def _destination(fo: FulfillmentOrder, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    order = call.shop.orders[fo.order_id]
    to = order.shipping_address
    if to is None:
        return None
    found = {"id": gid("FulfillmentOrderDestination", fo.id), "email": order.email, "phone": to.phone, "location": None}
    found |= {
        "firstName": to.first_name,
        "lastName": to.last_name,
        "company": to.company,
        "city": to.city,
        "zip": to.zip,
    }
    place = {"address1": to.address1, "address2": to.address2, "province": to.province, "countryCode": to.country_code}
    return found | place


@field("FulfillmentHold", "heldByRequestingApp")
def _own(hold: Hold, args: dict[str, Any], call: Call) -> bool:
    return hold.app_id == call.shop.app_id


@field("FulfillmentHold", "heldByApp")
def _holder(hold: Hold, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    if hold.app_id is None:
        return None
    title = "Connect" if hold.app_id == call.shop.app_id else "Another app"
    return {"id": gid("App", hold.app_id), "title": title, "handle": None}


@field("Fulfillment", "trackingInfo")
def _tracking(parcel: Fulfillment, args: dict[str, Any], call: Call) -> list[dict[str, Any]]:
    urls = [*parcel.urls, *([None] * len(parcel.numbers))]
    pairs = list(zip(parcel.numbers, urls, strict=False))
    return [{"company": parcel.company, "number": n, "url": u} for n, u in pairs][: args.get("first") or None]


@field("Fulfillment", "events")
def _events(parcel: Fulfillment, args: dict[str, Any], call: Call) -> Page:
    by_time = args.get("sortKey") == "HAPPENED_AT"

    def value(event: FulfillmentEvent) -> str | int:
        return event.happened_at.isoformat() if by_time else event.id

    found = sorted(parcel.events, key=lambda e: (value(e), e.id), reverse=bool(args.get("reverse")))
    return paginate(found, args, value=value)


@field("Fulfillment", "fulfillmentOrders")
def _of(parcel: Fulfillment, args: dict[str, Any], call: Call) -> Page:
    return in_order([call.shop.fulfillment_orders[i] for i in parcel.fulfillment_order_ids], args)


@field("Fulfillment", "fulfillmentLineItems")
def _parcel_lines(parcel: Fulfillment, args: dict[str, Any], call: Call) -> Page:
    order = call.shop.orders[parcel.order_id]
    nodes = [parcel_line(order, *item) for item in parcel.lines]
    return Page(nodes[: args.get("first") or None], [str(n["id"]) for n in nodes], has_next=False, has_previous=False)


def parcel_line(order: Order, number: int, line: Line, units: int) -> dict[str, Any]:
    """A FulfillmentLineItem."""
    return {
        "__typename": "FulfillmentLineItem",
        "id": gid("FulfillmentLineItem", number),
        "lineItem": line,
        "quantity": units,
        "originalTotalSet": bag(order, line.price * units),
        "discountedTotalSet": bag(order, line.price * units - _share(line, units)),
    }


def _share(line: Line, units: int) -> Decimal:
    return (line.discount * units / line.quantity).quantize(CENT, ROUND_HALF_UP)


def _money(name: str, reckon: Callable[[Line], Decimal]) -> None:
    @field("LineItem", name)
    def resolve(line: Line, args: dict[str, Any], call: Call) -> dict[str, Any]:
        return bag(call.shop.orders[line.order_id], reckon(line))


for _name, _reckon in (
    ("originalUnitPriceSet", lambda x: x.price),
    ("originalTotalSet", lambda x: x.price * x.quantity),
    ("totalDiscountSet", lambda x: x.discount),
    ("discountedTotalSet", lambda x: x.price * x.quantity - x.discount),
    ("discountedUnitPriceSet", lambda x: x.price - _share(x, 1)),
    ("discountedUnitPriceAfterAllDiscountsSet", lambda x: x.price - _share(x, 1)),
    ("unfulfilledOriginalTotalSet", lambda x: x.price * x.open),
):
    _money(_name, _reckon)
