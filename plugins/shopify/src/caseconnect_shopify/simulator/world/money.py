"""What an order is worth and how far it is paid, reckoned from its lines and transactions."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from .records import ZERO, Order

CENT = Decimal("0.01")
WHOLE = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "HUF", "TWD"})


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


def in_presentment(order: Order, amount: Decimal) -> Decimal:
    """An amount of the shop's currency in the currency that the customer saw."""
    if order.presentment_rate == 1:
        return amount
    unit = Decimal(1) if order.presentment_currency in WHOLE else CENT
    return (amount * order.presentment_rate).quantize(unit, ROUND_HALF_UP)


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
    return max(total(order) - sum((line.price * line.removed for line in order.lines), ZERO), ZERO)


def moved(order: Order, *kinds: str) -> Decimal:
    """The sum of the successful transactions of these kinds."""
    return sum((t.amount for t in order.transactions if t.status == "SUCCESS" and t.kind in kinds), ZERO)


def received(order: Order) -> Decimal:
    """Money taken from the customer, before refunds."""
    return moved(order, "SALE", "CAPTURE")


def refunded(order: Order) -> Decimal:
    """Money given back."""
    return moved(order, "REFUND")


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
    wanted = sum(line.quantity - line.removed for line in order.lines if line.requires_shipping)
    sent = sum(line.fulfilled for line in order.lines)
    if sent:
        return "FULFILLED" if sent >= wanted else "PARTIALLY_FULFILLED"
    states = {fo.status for fo in order.fulfillment_orders}
    for status in ("ON_HOLD", "SCHEDULED", "IN_PROGRESS"):
        if status in states:
            return status
    return "UNFULFILLED"
