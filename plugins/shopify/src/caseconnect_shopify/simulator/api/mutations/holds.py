"""`fulfillmentOrderHold` and `fulfillmentOrderReleaseHold` (API 2026-10)."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.errors import ApiError
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import fulfilment
from caseconnect_shopify.simulator.world.records import FulfillmentOrder, gid


def _found(call: Call, text: str) -> FulfillmentOrder:
    fo = call.shop.fulfillment_orders.get(number_of(text, "FulfillmentOrder"))
    if fo is None:
        raise ApiError(f"Invalid id: {text}", "RESOURCE_NOT_FOUND")
    return fulfilment.refresh(call.shop, fo)


def _refused(field: list[str] | None, message: str, code: str) -> dict[str, Any]:
    return {
        "fulfillmentHold": None,
        "fulfillmentOrder": None,
        "remainingFulfillmentOrder": None,
        "userErrors": [{"field": field, "message": message, "code": code}],
    }


@mutation("fulfillmentOrderHold")
def _hold(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    fo = _found(call, args["id"])
    wanted = args["fulfillmentHold"]
    handle = wanted.get("handle") or ""
    part: dict[int, int] = {}
    for line in wanted.get("fulfillmentOrderLineItems") or ():
        number = number_of(line["id"], "FulfillmentOrderLineItem")
        if number in part:
            return _refused(
                ["fulfillmentHold", "fulfillmentOrderLineItems"],
                "The fulfillment order line items are not unique.",
                "DUPLICATED_FULFILLMENT_ORDER_LINE_ITEMS",
            )
        part[number] = line["quantity"]
    refusal = _hold_refusal(call, fo, handle, part)
    if refusal:
        return refusal
    made, rest = fulfilment.hold(
        call.shop,
        fo,
        wanted["reason"],
        wanted.get("reasonNotes"),
        handle,
        app_id=call.shop.app_id,
        external_id=wanted.get("externalId"),
        part=part or None,
    )
    call.shop.effect(
        call.who,
        "hold",
        args["id"],
        hold=gid("FulfillmentHold", made.id),
        handle=handle,
        reason=made.reason,
        notes=made.reason_notes,
        order=gid("Order", fo.order_id),
    )
    return {"fulfillmentHold": made, "fulfillmentOrder": fo, "remainingFulfillmentOrder": rest, "userErrors": []}


def _hold_refusal(call: Call, fo: FulfillmentOrder, handle: str, part: dict[int, int]) -> dict[str, Any] | None:
    own = [h for h in fo.holds if h.app_id == call.shop.app_id]
    at_handle = ["fulfillmentHold", "handle"]
    if len(handle) > fulfilment.HANDLE_LENGTH:
        raise ApiError(f"Handle is too long (maximum is {fulfilment.HANDLE_LENGTH} characters)", "BAD_REQUEST")
    if any((h.handle or "") == handle for h in own):
        text = "The handle has already been taken by another hold of this app on this fulfillment order."
        return _refused(at_handle, text, "DUPLICATE_FULFILLMENT_HOLD_HANDLE")
    if len(own) >= fulfilment.MAX_HOLDS:
        text = f"The maximum number of fulfillment holds ({fulfilment.MAX_HOLDS}) has been reached."
        return _refused(["id"], text, "FULFILLMENT_ORDER_HOLD_LIMIT_REACHED")
    if fo.status not in fulfilment.HOLDABLE:
        text = f"Fulfillment order is {fo.status.lower()} and cannot be held."
        return _refused(["id"], text, "FULFILLMENT_ORDER_NOT_FOUND")
    return _part_refusal(fo, part)


def _part_refusal(fo: FulfillmentOrder, part: dict[int, int]) -> dict[str, Any] | None:
    if part and fo.holds:
        text = "The fulfillment order is on hold and cannot be split."
        return _refused(["id"], text, "FULFILLMENT_ORDER_NOT_SPLITTABLE")
    at_lines = ["fulfillmentHold", "fulfillmentOrderLineItems"]
    for number, units in part.items():
        line = next((x for x in fo.lines if x.id == number), None)
        if units <= 0:
            text = "You must select at least one item to place on partial hold."
            return _refused(at_lines, text, "GREATER_THAN_ZERO")
        if line is None or units > line.remaining:
            return _refused(at_lines, "The line item quantity is invalid.", "INVALID_LINE_ITEM_QUANTITY")
    return None


@mutation("fulfillmentOrderReleaseHold")
def _release(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    fo = _found(call, args["id"])
    wanted = args.get("holdIds")
    numbers = None if wanted is None else [number_of(text, "FulfillmentHold") for text in wanted]
    if numbers is not None and not all(any(h.id == n for h in fo.holds) for n in numbers):
        raise ApiError("Fulfillment hold does not exist", "RESOURCE_NOT_FOUND")
    gone = fulfilment.release(call.shop, fo, numbers)
    if gone:
        call.shop.effect(
            call.who,
            "release",
            args["id"],
            holds=[gid("FulfillmentHold", h.id) for h in gone],
            handles=[h.handle for h in gone],
            everything=numbers is None,
            order=gid("Order", fo.order_id),
        )
    return {"fulfillmentOrder": fo, "userErrors": []}
