"""What an order is worth and how far it is paid, reckoned from its lines and transactions."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from .records import ZERO, Order, Transaction

CENT = Decimal("0.01")
SYMBOLS = {"EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
WHOLE = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "HUF", "TWD"})


class Priced(Protocol):
    """What has prices in two currencies: an order, or a draft of one."""

    currency: str
    presentment_currency: str
    presentment_rate: Decimal


def spell(amount: Decimal) -> str:
    """An amount as GraphQL spells it: `20.0`, `414.95` (trailing zeros trimmed, one decimal kept)."""
    text = f"{amount:f}"
    if "." not in text:
        return text + ".0"
    text = text.rstrip("0")
    return text + "0" if text.endswith(".") else text


def spell_rest(amount: Decimal, currency: str) -> str:
    """An amount as webhook bodies spell it: `20.00`, or `20` where the currency has no minor unit."""
    return f"{amount:.0f}" if currency in WHOLE else f"{amount:.2f}"


def in_presentment(order: Priced, amount: Decimal) -> Decimal:
    """An amount of the shop's currency in the currency that the customer saw."""
    if order.presentment_rate == 1:
        return amount
    unit = Decimal(1) if order.presentment_currency in WHOLE else CENT
    return (amount * order.presentment_rate).quantize(unit, ROUND_HALF_UP)


def seen(order: Order, transaction: Transaction) -> Decimal:
    """A transaction's amount in the customer's currency."""
    exact = transaction.presentment
    return exact if exact is not None else in_presentment(order, transaction.amount)


def in_shop(order: Order, amount: Decimal) -> Decimal:
    """An amount of the customer's currency in the shop's."""
    if order.presentment_rate == 1:
        return amount
    unit = Decimal(1) if order.currency in WHOLE else CENT
    return (amount / order.presentment_rate).quantize(unit, ROUND_HALF_UP)


def worded(amount: Decimal, currency: str) -> str:
    """An amount as Shopify's messages write it: `$25.00`."""
    return f"{SYMBOLS.get(currency, '$')}{spell_rest(amount, currency)}"


def lines_total(order: Order) -> Decimal:
    """Price times quantity over all lines, before discounts."""
    return sum((line.price * line.quantity for line in order.lines), ZERO)


def discounts(order: Order) -> Decimal:
    """All discounts of the order: codes and per-line ones."""
    return sum((d for _, d in order.discount_codes), ZERO) + sum((line.discount for line in order.lines), ZERO)


def subtotal(order: Order) -> Decimal:
    """Lines after discounts, before shipping and tax."""
    return max(lines_total(order) - discounts(order), ZERO)


def total(order: Order) -> Decimal:
    """What the order cost when it was made."""
    return subtotal(order) + order.shipping + order.tax


def current_total(order: Order) -> Decimal:
    """What the order costs now: nothing once cancelled, less what was removed."""
    if order.cancelled_at:
        return ZERO
    gone = sum((line.price * line.removed for line in order.lines), ZERO) + shipping_refunded(order)
    return max(total(order) - gone, ZERO)


def shipping_refunded(order: Order) -> Decimal:
    """What was given back for the delivery."""
    return sum((r.shipping for r in order.refunds), ZERO)


def moved(order: Order, *kinds: str) -> Decimal:
    """The sum of the successful transactions of these kinds."""
    return sum((t.amount for t in order.transactions if t.status == "SUCCESS" and t.kind in kinds), ZERO)


def received(order: Order) -> Decimal:
    """Money taken from the customer, before refunds."""
    return moved(order, "SALE", "CAPTURE")


def refunded(order: Order) -> Decimal:
    """Money given back."""
    return moved(order, "REFUND")


def returning(order: Order, parent_id: int | None = None, *, customer: bool = False) -> Decimal:
    """Money given back or on its way back, of all payments or of one, in the shop's or the customer's currency."""
    found = (
        t
        for t in order.transactions
        if t.kind == "REFUND" and t.status in {"SUCCESS", "PENDING"} and parent_id in {None, t.parent_id}
    )
    return sum((seen(order, t) if customer else t.amount for t in found), ZERO)


def net_seen(order: Order) -> Decimal:
    """Payments less refunds, also pending ones, in the customer's currency."""
    taken = (t for t in order.transactions if t.status == "SUCCESS" and t.kind in {"SALE", "CAPTURE"})
    return sum((seen(order, t) for t in taken), ZERO) - returning(order, customer=True)


def capturable(order: Order) -> Decimal:
    """Money authorized and neither captured nor voided."""
    if moved(order, "VOID"):
        return ZERO
    return max(moved(order, "AUTHORIZATION") - moved(order, "CAPTURE"), ZERO)


def outstanding(order: Order) -> Decimal:
    """What the customer still owes; below nothing is not shown."""
    return max(current_total(order) - (received(order) - refunded(order)), ZERO)


def financial_status(order: Order) -> str | None:
    """`displayFinancialStatus`; None while there is no payment at all."""
    taken, back = received(order), refunded(order)
    if back:
        return "REFUNDED" if back >= taken else "PARTIALLY_REFUNDED"
    if taken or not total(order):
        return "PAID" if taken >= current_total(order) else "PARTIALLY_PAID"
    if moved(order, "VOID"):
        return "VOIDED"
    if capturable(order):
        return "AUTHORIZED"
    return "PENDING" if order.transactions else None


def fulfillment_status(order: Order) -> str:
    """`displayFulfillmentStatus`; a cancelled order stays as it was."""
    if any(line.fulfilled for line in order.lines):
        left = any(line.open for line in order.lines if line.requires_shipping)
        return "PARTIALLY_FULFILLED" if left else "FULFILLED"
    states = {fo.status for fo in order.fulfillment_orders}
    for status in ("ON_HOLD", "SCHEDULED", "IN_PROGRESS"):
        if status in states:
            return status
    return "UNFULFILLED"
