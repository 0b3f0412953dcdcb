"""Returns (API 2026-10): asked for, approved, declined, made by the merchant, changed, closed, reopened, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import money, reasons, returns
from caseconnect_shopify.simulator.world.aftersale import ExchangeLine, Return, ReturnLine
from caseconnect_shopify.simulator.world.records import ZERO, Order, gid
from caseconnect_shopify.simulator.world.refunds import Refused

Args = dict[str, Any]


def refused(refusal: Refused) -> dict[str, Any]:
    """A payload that says no."""
    error = {"field": refusal.field, "message": refusal.message, "code": refusal.code}
    return {"return": None, "userErrors": [error]}


def wanted_return(call: Call, text: str, path: list[str]) -> Return:
    """The return with this gid; Refused when there is none."""
    found = call.shop.returns.get(number_of(text, "Return"))
    if found is None:
        raise Refused(path, "Return not found.", "NOT_FOUND")
    return found


def lines_of(call: Call, order: Order, root: str, items: list[Args]) -> list[ReturnLine]:
    """The lines of a request or of a return made at once; Refused names the first that cannot be."""
    if not items:
        raise Refused([root, "returnLineItems"], "Return line items can't be blank", "BLANK")
    made: list[ReturnLine] = []
    for place, item in enumerate(items):
        path = [root, "returnLineItems", str(place)]
        number = number_of(item["fulfillmentLineItemId"], "FulfillmentLineItem")
        found = returns.parcel_line_of(order, number)
        if found is None:
            raise Refused([*path, "fulfillmentLineItemId"], "Fulfillment line item not found.", "NOT_FOUND")
        already = sum(x.quantity for x in made if x.parcel_line == number)
        if item["quantity"] < 1 or item["quantity"] + already > returns.available(call.shop, order, number):
            raise Refused([*path, "quantity"], "Return line item has an invalid quantity.", "INVALID")
        line = ReturnLine(call.shop.next_id(), found[0], number, item["quantity"])
        _reason(item, line, path, asked=root == "input")
        fee = item.get("restockingFee")
        if fee:
            line.fee_percent, line.fee_id = fee["percentage"], call.shop.next_id()
        made.append(line)
    return made


def _reason(item: Args, line: ReturnLine, path: list[str], *, asked: bool) -> None:
    """Reads reason and notes; asking and making refuse a missing reason differently (recorded on 2026-04)."""
    definition = item.get("returnReasonDefinitionId")
    line.reason_note = item.get("returnReasonNote") or ""
    line.customer_note = item.get("customerNote")
    if definition:
        known = reasons.BY_ID.get(number_of(definition, "ReturnReasonDefinition"))
        if known is None:
            raise Refused([*path, "returnReasonDefinitionId"], "Return reason definition not found.", "NOT_FOUND")
        line.reason, line.definition = known.enum, definition
    elif item.get("returnReason"):
        line.reason = item["returnReason"]
    elif asked:
        raise Refused([*path, "returnReason"], "Return reason can't be blank", "BLANK")
    else:
        raise Refused(path, "Return reason definition not found.", "NOT_FOUND")
    if line.reason == "OTHER" and not asked and not line.reason_note:
        raise Refused([*path, "returnReasonNote"], "Return reason note can't be blank", "BLANK")


def fee_of(order: Order, wanted: Args | None) -> Decimal | None:
    """A return shipping fee in the shop's money."""
    if not wanted:
        return None
    given = wanted["amount"]
    foreign = given["currencyCode"] != order.currency
    return money.in_shop(order, given["amount"]) if foreign else Decimal(given["amount"])


def _exchanges(call: Call, order: Order, items: list[Args]) -> list[ExchangeLine]:
    made = []
    for place, item in enumerate(items):
        path = ["returnInput", "exchangeLineItems", str(place)]
        number = number_of(item["variantId"], "ProductVariant") if item.get("variantId") else None
        variant = call.shop.variants.get(number or 0)
        if variant is None:
            raise Refused([*path, "variantId"], "Variant not found.", "NOT_FOUND")
        if item["quantity"] < 1:
            raise Refused([*path, "quantity"], "Quantity must be greater than 0", "GREATER_THAN")
        cost = variant.price * item["quantity"]
        off = (item.get("appliedDiscount") or {}).get("value") or {}
        discount = ZERO
        if off.get("percentage") is not None:
            discount = (cost * Decimal(str(off["percentage"])) / 100).quantize(money.CENT)
        elif off.get("amount"):
            discount = fee_of(order, {"amount": off["amount"]}) or ZERO
        made.append(
            ExchangeLine(
                call.shop.next_id(),
                variant.id,
                item["quantity"],
                variant.price,
                variant.title,
                variant.sku,
                min(discount, cost),
            )
        )
    return made


def told(call: Call, what: str, found: Return, **more: Any) -> dict[str, Any]:
    """Writes the effect into the ledger and answers with the return."""
    call.shop.effect(call.who, what, gid("Return", found.id), order=gid("Order", found.order_id), **more)
    return {"return": found, "userErrors": []}


def goods(found: Return) -> list[dict[str, Any]]:
    """A return's lines as the ledger tells them."""
    return [{"line": gid("LineItem", x.line.id), "units": x.quantity, "reason": x.reason} for x in found.lines]


def _start(call: Call, wanted: Args, root: str, status: str) -> dict[str, Any]:
    order = call.shop.orders.get(number_of(wanted["orderId"], "Order"))
    if order is None:
        raise Refused([root, "orderId"], "Order not found.", "NOT_FOUND")
    lines = lines_of(call, order, root, wanted["returnLineItems"])
    exchanges = _exchanges(call, order, wanted.get("exchangeLineItems") or [])
    fee = fee_of(order, wanted.get("returnShippingFee"))
    made = returns.start(call.shop, order, lines, status, fee=fee, exchanges=exchanges)
    what = "return_create" if status == "OPEN" else "return_request"
    swapped = [{"variant": gid("ProductVariant", x.variant_id or 0), "units": x.quantity} for x in made.exchanges]
    return told(call, what, made, lines=goods(made), exchanges=swapped)


@mutation("returnRequest")
def _request(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        return _start(call, args["input"], "input", "REQUESTED")
    except Refused as refusal:
        return refused(refusal)


@mutation("returnCreate")
def _create(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        return _start(call, args["returnInput"], "returnInput", "OPEN")
    except Refused as refusal:
        return refused(refusal)


@mutation("returnApproveRequest")
def _approve(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["input"]
    try:
        found = wanted_return(call, wanted["id"], ["input", "id"])
        returns.approve(call.shop, found)
    except Refused as refusal:
        return refused(refusal)
    return told(call, "return_approve", found, notify=bool(wanted.get("notifyCustomer")))


@mutation("returnDeclineRequest")
def _decline(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["input"]
    try:
        found = wanted_return(call, wanted["id"], ["input", "id"])
        returns.decline(call.shop, found, wanted["declineReason"], wanted.get("declineNote"))
    except Refused as refusal:
        return refused(refusal)
    return told(
        call,
        "return_decline",
        found,
        reason=found.decline_reason,
        note=found.decline_note,
        notify=bool(wanted.get("notifyCustomer")),
    )


def _simple(name: str, what: str, move: Callable[[Any, Return], bool]) -> None:
    @mutation(name)
    def resolve(root: object, args: Args, call: Call) -> dict[str, Any]:
        try:
            found = wanted_return(call, args["id"], ["id"])
            changed = move(call.shop, found)
        except Refused as refusal:
            return refused(refusal)
        return told(call, what, found) if changed else {"return": found, "userErrors": []}


_simple("returnCancel", "return_cancel", returns.cancel)
_simple("returnClose", "return_close", returns.close)
_simple("returnReopen", "return_reopen", returns.reopen)


@mutation("removeFromReturn")
def _remove(root: object, args: Args, call: Call) -> dict[str, Any]:
    lines = {
        number_of(x["returnLineItemId"], "ReturnLineItem"): x["quantity"] for x in args.get("returnLineItems") or ()
    }
    swapped = {
        number_of(x["exchangeLineItemId"], "ExchangeLineItem"): x["quantity"]
        for x in args.get("exchangeLineItems") or ()
    }
    try:
        found = wanted_return(call, args["returnId"], ["returnId"])
        if not lines and not swapped:
            raise Refused(["returnId"], "Add at least one line item to remove.", "BLANK")
        returns.remove(call.shop, found, lines, swapped)
    except Refused as refusal:
        return refused(refusal)
    return told(call, "return_remove", found, lines=lines, exchanges=swapped)
