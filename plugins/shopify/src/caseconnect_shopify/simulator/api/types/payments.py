"""Transactions, cards and refunds."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields
from caseconnect_shopify.simulator.api.wire import amount_in, bag, when
from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world.records import ZERO, Card, Order, Refund, RefundLine, Transaction, gid

fields(
    "OrderTransaction",
    Transaction,
    id=lambda t: gid("OrderTransaction", t.id),
    kind=lambda t: t.kind,
    status=lambda t: t.status,
    gateway=lambda t: t.gateway,
    formattedGateway=lambda t: t.gateway.replace("_", " ").title(),
    createdAt=lambda t: when(t.created_at),
    processedAt=lambda t: when(t.created_at),
    test=lambda t: t.test,
    errorCode=lambda t: t.error_code,
    authorizationCode=lambda t: t.authorization,
    authorizationExpiresAt=lambda t: when(t.authorization_expires_at),
    paymentId=lambda t: t.payment_id,
    manualPaymentGateway=lambda t: t.manual,
    manuallyCapturable=lambda t: t.kind == "AUTHORIZATION" and t.status == "SUCCESS",
    multiCapturable=lambda t: False,
    paymentDetails=lambda t: t.card,
    accountNumber=lambda t: t.card.number if t.card else None,
    fees=lambda t: [],
    user=lambda t: None,
    receiptJson=lambda t: "{}",
)
fields(
    "CardPaymentDetails",
    Card,
    avsResultCode=lambda c: c.avs,
    cvvResultCode=lambda c: c.cvv,
    bin=lambda c: c.bin,
    company=lambda c: c.company,
    number=lambda c: c.number,
    name=lambda c: c.name,
    expirationMonth=lambda c: c.expiration_month,
    expirationYear=lambda c: c.expiration_year,
    paymentMethodName=lambda c: (c.company or "other").lower(),
    wallet=lambda c: c.wallet,
)
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
    location=lambda x: None,
)


def _order(record: Transaction | Refund, call: Call) -> Order:
    return call.shop.orders[record.order_id]


@field("OrderTransaction", "order")
@field("Refund", "order")
def _own_order(record: Transaction | Refund, args: dict[str, Any], call: Call) -> Order:
    return _order(record, call)


@field("OrderTransaction", "amountSet")
def _amount(transaction: Transaction, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return bag(_order(transaction, call), transaction.amount)


@field("OrderTransaction", "totalUnsettledSet")
def _unsettled(transaction: Transaction, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    order = _order(transaction, call)
    return bag(order, money.capturable(order)) if transaction.kind == "AUTHORIZATION" else None


@field("OrderTransaction", "maximumRefundableV2")
def _refundable(transaction: Transaction, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    if transaction.kind not in {"SALE", "CAPTURE"} or transaction.status != "SUCCESS":
        return None
    order = _order(transaction, call)
    back = sum((t.amount for t in order.transactions if t.kind == "REFUND" and t.parent_id == transaction.id), ZERO)
    return amount_in(order.currency, max(transaction.amount - back, ZERO))


@field("OrderTransaction", "parentTransaction")
def _parent(transaction: Transaction, args: dict[str, Any], call: Call) -> Transaction | None:
    return next((t for t in _order(transaction, call).transactions if t.id == transaction.parent_id), None)


@field("Refund", "totalRefundedSet")
def _refunded(refund: Refund, args: dict[str, Any], call: Call) -> dict[str, Any]:
    moved = sum((t.amount for t in refund.transactions if t.status == "SUCCESS"), ZERO)
    return bag(_order(refund, call), moved)


@field("Refund", "refundLineItems")
def _lines(refund: Refund, args: dict[str, Any], call: Call) -> Page:
    return in_order(refund.lines, args)


@field("Refund", "transactions")
def _transactions(refund: Refund, args: dict[str, Any], call: Call) -> Page:
    return in_order(refund.transactions, args)


@field("RefundLineItem", "priceSet")
def _price(line: RefundLine, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return bag(call.shop.orders[line.line.order_id], line.line.price)


@field("RefundLineItem", "subtotalSet")
def _subtotal(line: RefundLine, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return bag(call.shop.orders[line.line.order_id], line.line.price * line.quantity)


@field("RefundLineItem", "totalTaxSet")
def _tax(line: RefundLine, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return bag(call.shop.orders[line.line.order_id], ZERO)
