"""Transactions and cards."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import field, fields
from caseconnect_shopify.simulator.api.wire import bag, bag_of, when
from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world.records import Card, Order, Transaction, gid

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
    # The schema has it only for suggested refunds, which are no transactions.
    maximumRefundableV2=lambda t: None,
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


def _order(record: Transaction, call: Call) -> Order:
    return call.shop.orders[record.order_id]


@field("OrderTransaction", "order")
def _own_order(record: Transaction, args: dict[str, Any], call: Call) -> Order:
    return _order(record, call)


@field("OrderTransaction", "amountSet")
def _amount(transaction: Transaction, args: dict[str, Any], call: Call) -> dict[str, Any]:
    order = _order(transaction, call)
    return bag_of(order, transaction.amount, money.seen(order, transaction))


@field("OrderTransaction", "totalUnsettledSet")
def _unsettled(transaction: Transaction, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    order = _order(transaction, call)
    return bag(order, money.capturable(order)) if transaction.kind == "AUTHORIZATION" else None


@field("OrderTransaction", "parentTransaction")
def _parent(transaction: Transaction, args: dict[str, Any], call: Call) -> Transaction | None:
    return next((t for t in _order(transaction, call).transactions if t.id == transaction.parent_id), None)
