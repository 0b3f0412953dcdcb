"""Returns, what can be returned, the way back of goods, and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields, query
from caseconnect_shopify.simulator.api.wire import bag, bag_of, number_of, when
from caseconnect_shopify.simulator.world import money, reasons, returns, tenders
from caseconnect_shopify.simulator.world.aftersale import (
    Disposition,
    ExchangeLine,
    Return,
    ReturnLine,
    ReverseLine,
    ReverseOrder,
)
from caseconnect_shopify.simulator.world.records import ZERO, Fulfillment, Order, RefundLine, gid

from .fulfilment import parcel_line
from .refunds import suggested_transaction

fields(
    "Return",
    Return,
    id=lambda r: gid("Return", r.id),
    name=lambda r: r.name,
    status=lambda r: r.status,
    createdAt=lambda r: when(r.created_at),
    closedAt=lambda r: when(r.closed_at),
    requestApprovedAt=lambda r: when(r.approved_at),
    totalQuantity=lambda r: sum(x.quantity for x in r.lines),
    decline=lambda r: {"reason": r.decline_reason, "note": r.decline_note} if r.status == "DECLINED" else None,
    staffMember=lambda r: None,
)
fields(
    "ReturnLineItem",
    ReturnLine,
    id=lambda x: gid("ReturnLineItem", x.id),
    quantity=lambda x: x.quantity,
    customerNote=lambda x: x.customer_note,
    processedQuantity=lambda x: x.processed,
    processableQuantity=lambda x: x.quantity - x.processed,
    unprocessedQuantity=lambda x: x.quantity - x.processed,
    refundedQuantity=lambda x: x.refunded,
    refundableQuantity=lambda x: x.quantity - x.refunded,
    returnReason=lambda x: x.reason,
    returnReasonNote=lambda x: x.reason_note,
    returnReasonDefinition=lambda x: _definition(x),
    totalWeight=lambda x: {"value": float(x.line.grams * x.quantity), "unit": "GRAMS"},
)
fields(
    "ExchangeLineItem",
    ExchangeLine,
    id=lambda x: gid("ExchangeLineItem", x.id),
    quantity=lambda x: x.quantity,
    processedQuantity=lambda x: x.processed,
    processableQuantity=lambda x: x.quantity - x.processed,
    unprocessedQuantity=lambda x: x.quantity - x.processed,
    variantId=lambda x: gid("ProductVariant", x.variant_id) if x.variant_id else None,
    productId=lambda x: gid("Product", x.variant_id - 1) if x.variant_id else None,
    title=lambda x: x.title,
    variantSku=lambda x: x.sku,
    variantTitle=lambda x: None,
    lineItem=lambda x: x.line,
    lineItems=lambda x: [x.line] if x.line else [],
)
fields(
    "ReverseFulfillmentOrder",
    ReverseOrder,
    id=lambda r: gid("ReverseFulfillmentOrder", r.id),
    status=lambda r: r.status,
)
fields(
    "ReverseFulfillmentOrderLineItem",
    ReverseLine,
    id=lambda x: gid("ReverseFulfillmentOrderLineItem", x.id),
    totalQuantity=lambda x: x.total,
    dispositions=lambda x: x.dispositions,
)
fields(
    "ReverseFulfillmentOrderDisposition",
    Disposition,
    id=lambda d: gid("ReverseFulfillmentOrderDisposition", d.id),
    type=lambda d: d.type,
    quantity=lambda d: d.quantity,
    createdAt=lambda d: when(d.created_at),
    location=lambda d: None,
)
fields(
    "ReturnReasonDefinition",
    reasons.Reason,
    id=lambda r: gid("ReturnReasonDefinition", r.id),
    handle=lambda r: r.handle,
    name=lambda r: r.name,
    deleted=lambda r: False,
)


def _definition(line: ReturnLine) -> reasons.Reason | None:
    if line.definition:
        return reasons.BY_ID[int(line.definition.rsplit("/", 1)[-1])]
    return reasons.BY_ENUM.get(line.reason)


@query("return")
def _return(root: object, args: dict[str, Any], call: Call) -> Return | None:
    return call.shop.returns.get(number_of(args["id"], "Return"))


@query("returnReasonDefinitions")
def _reasons(root: object, args: dict[str, Any], call: Call) -> Page:
    ids = {number_of(text, "ReturnReasonDefinition") for text in args.get("ids") or ()}
    handles = set(args.get("handles") or ())
    found = [r for r in reasons.REASONS if (not ids or r.id in ids) and (not handles or r.handle in handles)]
    return in_order(found, args)


@query("returnableFulfillments")
def _returnable(root: object, args: dict[str, Any], call: Call) -> Page:
    order = call.shop.orders.get(number_of(args["orderId"], "Order"))
    if order is None:
        return in_order([], args)
    page = in_order([f for f in order.fulfillments if _left(call, order, f)], args)
    nodes = [_returnable_dict(call, order, f) for f in page.nodes]
    return Page(nodes, page.cursors, page.has_next, page.has_previous)


def _left(call: Call, order: Order, parcel: Fulfillment) -> list[tuple[int, int]]:
    counted = [(number, returns.available(call.shop, order, number)) for number, _, _ in parcel.lines]
    return [(number, units) for number, units in counted if units]


def _returnable_dict(call: Call, order: Order, parcel: Fulfillment) -> dict[str, Any]:
    by_number = {number: (number, line, units) for number, line, units in parcel.lines}
    lines = [
        {"fulfillmentLineItem": parcel_line(order, *by_number[number]), "quantity": units}
        for number, units in _left(call, order, parcel)
    ]
    page = Page(lines, [str(n) for n in range(len(lines))], has_next=False, has_previous=False)
    number = gid("ReturnableFulfillment", parcel.id)
    return {"__typename": "ReturnableFulfillment", "id": number, "fulfillment": parcel} | {
        "returnableFulfillmentLineItems": page
    }


@field("Return", "order")
@field("ReverseFulfillmentOrder", "order")
def _order(record: Return | ReverseOrder, args: dict[str, Any], call: Call) -> Order:
    return call.shop.orders[record.order_id]


@field("Return", "returnLineItems")
def _lines(found: Return, args: dict[str, Any], call: Call) -> Page:
    return in_order(found.lines, args)


@field("Return", "exchangeLineItems")
def _exchanges(found: Return, args: dict[str, Any], call: Call) -> Page:
    return in_order(found.exchanges, args)


@field("Return", "refunds")
def _refunds(found: Return, args: dict[str, Any], call: Call) -> Page:
    return in_order([r for r in call.shop.orders[found.order_id].refunds if r.return_id == found.id], args)


@field("Return", "transactions")
def _transactions(found: Return, args: dict[str, Any], call: Call) -> Page:
    return in_order([t for t in call.shop.orders[found.order_id].transactions if t.return_id == found.id], args)


@field("Return", "reverseFulfillmentOrders")
def _reverse(found: Return, args: dict[str, Any], call: Call) -> Page:
    return in_order(found.reverse, args)


@field("ReverseFulfillmentOrder", "lineItems")
def _reverse_lines(reverse: ReverseOrder, args: dict[str, Any], call: Call) -> Page:
    return in_order(reverse.lines, args)


@field("Return", "returnShippingFees")
def _fees(found: Return, args: dict[str, Any], call: Call) -> list[dict[str, Any]]:
    if found.shipping_fee is None or found.fee_id is None:
        return []
    amount = bag(call.shop.orders[found.order_id], found.shipping_fee)
    return [{"id": gid("ReturnShippingFee", found.fee_id), "amountSet": amount}]


def _parcel_line(call: Call, line: ReturnLine) -> dict[str, Any]:
    order = call.shop.orders[line.line.order_id]
    found = returns.parcel_line_of(order, line.parcel_line)
    return parcel_line(order, line.parcel_line, line.line, found[1] if found else line.quantity)


@field("ReturnLineItem", "fulfillmentLineItem")
def _of_return(line: ReturnLine, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return _parcel_line(call, line)


@field("ReverseFulfillmentOrderLineItem", "fulfillmentLineItem")
def _of_reverse(line: ReverseLine, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return _parcel_line(call, line.return_line)


@field("ReturnLineItem", "withCodeDiscountedTotalPriceSet")
def _price(line: ReturnLine, args: dict[str, Any], call: Call) -> dict[str, Any]:
    order = call.shop.orders[line.line.order_id]
    return bag(order, _net(order, line, line.quantity))


def _net(order: Order, line: ReturnLine, units: int) -> Decimal:
    return tenders.line_net(line.line, units) - tenders.cart_share(order, line.line, units)


@field("ReturnLineItem", "restockingFee")
def _fee(line: ReturnLine, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    if line.fee_percent is None or line.fee_id is None:
        return None
    order = call.shop.orders[line.line.order_id]
    amount = (_net(order, line, line.quantity) * Decimal(str(line.fee_percent)) / 100).quantize(money.CENT)
    return {"id": gid("RestockingFee", line.fee_id), "percentage": line.fee_percent, "amountSet": bag(order, amount)}


@field("Return", "suggestedFinancialOutcome")
def _outcome(found: Return, args: dict[str, Any], call: Call) -> dict[str, Any]:
    order = call.shop.orders[found.order_id]
    asked = {number_of(x["id"], "ReturnLineItem"): x["quantity"] for x in args["returnLineItems"]}
    goods = [RefundLine(0, x.line, min(asked[x.id], x.quantity)) for x in found.lines if x.id in asked]
    wanted = args.get("refundShipping") or {}
    left = max(order.shipping - money.shipping_refunded(order), ZERO)
    given = wanted.get("shippingRefundAmount")
    shipping = left if wanted.get("fullRefund") else money.in_shop(order, given["amount"]) if given else ZERO
    suggested = tenders.suggest(order, goods, shipping)
    return {
        "discountedSubtotal": bag(order, suggested.subtotal),
        "maximumRefundable": bag_of(order, money.received(order) - money.returning(order), money.net_seen(order)),
        "refundDuties": [],
        "shipping": {
            "amountSet": bag(order, shipping),
            "maximumRefundableSet": bag(order, left),
            "taxSet": bag(order, ZERO),
        },
        "totalAdditionalFees": bag(order, ZERO),
        "totalCartDiscountAmount": bag(order, suggested.cart_discount),
        "totalDuties": bag(order, ZERO),
        "totalTax": bag(order, suggested.tax),
        "financialTransfer": {
            "__typename": "RefundReturnOutcome",
            "amount": bag(order, suggested.amount),
            "suggestedTransactions": [suggested_transaction(order, s) for s in suggested.shares],
        },
    }
