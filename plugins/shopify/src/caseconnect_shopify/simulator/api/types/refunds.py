"""Refunds and what Shopify suggests for one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.api.errors import ApiError
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields
from caseconnect_shopify.simulator.api.wire import bag, bag_of, number_of, when
from caseconnect_shopify.simulator.world import money, refunds, tenders
from caseconnect_shopify.simulator.world.records import ZERO, Order, Refund, RefundLine, Return, gid

from .orders import shipping_line

fields(
    "Refund",
    Refund,
    id=lambda r: gid("Refund", r.id),
    legacyResourceId=lambda r: str(r.id),
    createdAt=lambda r: when(r.created_at),
    updatedAt=lambda r: when(r.created_at),
    processedAt=lambda r: when(r.created_at),
    note=lambda r: r.note,
    duties=lambda r: [],
    staffMember=lambda r: None,
)
fields(
    "RefundLineItem",
    RefundLine,
    id=lambda x: gid("RefundLineItem", x.id),
    lineItem=lambda x: x.line,
    quantity=lambda x: x.quantity,
    restockType=lambda x: x.restock_type,
    restocked=lambda x: x.restock_type != "NO_RESTOCK",
    location=lambda x: _shelf(x),
)


def _shelf(line: RefundLine) -> dict[str, Any] | None:
    number = line.location_id or (1 if line.restock_type != "NO_RESTOCK" else None)
    return {"id": gid("Location", number), "name": "Warehouse"} if number else None


@field("Refund", "order")
def _order(refund: Refund, args: dict[str, Any], call: Call) -> Order:
    return call.shop.orders[refund.order_id]


@field("Refund", "return")
def _return(refund: Refund, args: dict[str, Any], call: Call) -> Return | None:
    return call.shop.returns.get(refund.return_id or 0)


@field("Refund", "totalRefundedSet")
def _refunded(refund: Refund, args: dict[str, Any], call: Call) -> dict[str, Any]:
    order = call.shop.orders[refund.order_id]
    done = [t for t in refund.transactions if t.status == "SUCCESS"]
    return bag_of(order, sum((t.amount for t in done), ZERO), sum((money.seen(order, t) for t in done), ZERO))


@field("Refund", "refundLineItems")
def _lines(refund: Refund, args: dict[str, Any], call: Call) -> Page:
    return in_order(refund.lines, args)


@field("Refund", "refundShippingLines")
def _shipping_lines(refund: Refund, args: dict[str, Any], call: Call) -> Page:
    order = call.shop.orders[refund.order_id]
    line = {"id": gid("RefundShippingLine", refund.id), "shippingLine": shipping_line(order)}
    line |= {"subtotalAmountSet": bag(order, refund.shipping), "taxAmountSet": bag(order, ZERO)}
    found = [line] if refund.shipping and line["shippingLine"] else []
    return Page(found, [""] * len(found), has_next=False, has_previous=False)


@field("Refund", "orderAdjustments")
def _adjustments(refund: Refund, args: dict[str, Any], call: Call) -> Page:
    return Page([], [], has_next=False, has_previous=False)


@field("Refund", "transactions")
def _transactions(refund: Refund, args: dict[str, Any], call: Call) -> Page:
    return in_order(refund.transactions, args)


def _order_of(line: RefundLine, call: Call) -> Order:
    return call.shop.orders[line.line.order_id]


@field("RefundLineItem", "priceSet")
def _price(line: RefundLine, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return bag(_order_of(line, call), line.line.price)


@field("RefundLineItem", "subtotalSet")
def _subtotal(line: RefundLine, args: dict[str, Any], call: Call) -> dict[str, Any]:
    order = _order_of(line, call)
    return bag(order, tenders.line_net(line.line, line.quantity) - tenders.cart_share(order, line.line, line.quantity))


@field("RefundLineItem", "totalTaxSet")
def _tax(line: RefundLine, args: dict[str, Any], call: Call) -> dict[str, Any]:
    order = _order_of(line, call)
    net = tenders.line_net(line.line, line.quantity) - tenders.cart_share(order, line.line, line.quantity)
    return bag(order, tenders.tax_share(order, net))


@field("Order", "suggestedRefund")
def _suggested(order: Order, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    if args.get("suggestFullRefund"):
        goods = [RefundLine(0, x, x.quantity - x.removed) for x in order.lines if x.quantity > x.removed]
    else:
        goods = []
        for item in args.get("refundLineItems") or ():
            number = number_of(item["lineItemId"], "LineItem")
            line = next((x for x in order.lines if x.id == number), None)
            if line is None or item["quantity"] > line.quantity - line.removed:
                raise ApiError("Quantity cannot refund more items than were purchased", "BAD_REQUEST")
            goods.append(RefundLine(0, line, item["quantity"], item.get("restockType") or "NO_RESTOCK"))
    credit = args.get("refundMethodAllocation") == "STORE_CREDIT"
    return suggestion(order, tenders.suggest(order, goods, _shipping(order, args), to_store_credit=credit))


def _shipping(order: Order, args: dict[str, Any]) -> Decimal:
    wanted = {"amount": args.get("shippingAmount"), "fullRefund": False}
    if args.get("shippingAmount") is None:
        wanted = {"fullRefund": bool(args.get("refundShipping"))}
    try:
        return refunds.shipping_part(order, wanted)
    except refunds.Refused as refusal:
        raise ApiError(refusal.message, "BAD_REQUEST") from None


def suggestion(order: Order, found: tenders.Suggestion) -> dict[str, Any]:
    """A SuggestedRefund."""
    left = order.shipping - money.shipping_refunded(order)
    limit = bag_of(order, money.received(order) - money.returning(order), money.net_seen(order))
    total = bag(order, found.amount)
    credit = {"__typename": "SuggestedStoreCreditRefund", "expiresAt": None}
    methods = [credit | {"amount": total, "maximumRefundable": limit}] if found.to_store_credit else []
    return {
        "amountSet": total,
        "amount": money.spell(found.amount),
        "subtotalSet": bag(order, found.subtotal),
        "discountedSubtotalSet": bag(order, found.subtotal),
        "maximumRefundableSet": limit,
        "maximumRefundable": limit["shopMoney"]["amount"],
        "refundDuties": [],
        "refundLineItems": found.lines,
        "shipping": {
            "amountSet": bag(order, found.shipping),
            "maximumRefundableSet": bag(order, max(left, ZERO)),
            "taxSet": bag(order, ZERO),
        },
        "suggestedTransactions": [suggested_transaction(order, s) for s in found.shares],
        "suggestedRefundMethods": methods,
        "totalCartDiscountAmountSet": bag(order, found.cart_discount),
        "totalDutiesSet": bag(order, ZERO),
        "totalTaxSet": bag(order, found.tax),
    }


def suggested_transaction(order: Order, share: tenders.Share) -> dict[str, Any]:
    """A SuggestedOrderTransaction."""
    card = share.parent.card
    return {
        "amountSet": bag_of(order, money.in_shop(order, share.amount), share.amount),
        "maximumRefundableSet": bag_of(order, money.in_shop(order, share.maximum), share.maximum),
        "gateway": share.parent.gateway,
        "formattedGateway": share.parent.gateway.replace("_", " ").title(),
        "kind": "SUGGESTED_REFUND",
        "parentTransaction": share.parent,
        "paymentDetails": card,
        "accountNumber": card.number if card else None,
    }
