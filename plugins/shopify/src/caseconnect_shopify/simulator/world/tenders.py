"""How money goes back by the way it came: cards, gift cards, store credit; and what a refund should come to.

Shopify does not publish the order in which a suggested refund uses several payments. Here cards and other gateways come
first, in the order of their transactions, then gift cards, then store credit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from . import money
from .aftersale import RefundLine
from .balances import GIFT_CARD, STORE_CREDIT
from .records import ZERO, Line, Order, Transaction

LAST = {GIFT_CARD: 1, STORE_CREDIT: 2}


@dataclass(slots=True)
class Share:
    """What one payment gives back, and the most it could, in the customer's currency."""

    parent: Transaction
    amount: Decimal
    maximum: Decimal


@dataclass(slots=True)
class Suggestion:
    """What a refund of these goods should come to, in the shop's money; shares are in the customer's."""

    lines: list[RefundLine]
    subtotal: Decimal
    cart_discount: Decimal
    tax: Decimal
    shipping: Decimal
    shares: list[Share]
    to_store_credit: bool = False

    @property
    def amount(self) -> Decimal:
        """All together."""
        return self.subtotal + self.tax + self.shipping


def payments(order: Order) -> list[Transaction]:
    """The payments that can give money back, in the order in which a suggestion uses them."""
    found = [t for t in order.transactions if t.kind in {"SALE", "CAPTURE"} and t.status == "SUCCESS"]
    return sorted(found, key=lambda t: (LAST.get(t.gateway, 0), t.id))


def refundable(order: Order, parent: Transaction) -> Decimal:
    """What is left of a payment, in the customer's currency; refunds on their way count as gone."""
    return max(money.seen(order, parent) - money.returning(order, parent.id, customer=True), ZERO)


def allocate(order: Order, amount: Decimal) -> list[Share]:
    """An amount of the customer's currency, split over the payments."""
    shares = []
    for parent in payments(order):
        maximum = refundable(order, parent)
        taken = min(amount, maximum)
        amount -= taken
        if maximum:
            shares.append(Share(parent, taken, maximum))
    return shares


def cart_share(order: Order, line: Line, units: int) -> Decimal:
    """The part of the order's discount codes that falls on these units."""
    codes = sum((d for _, d in order.discount_codes), ZERO)
    net = money.lines_total(order) - sum((x.discount for x in order.lines), ZERO)
    return _part(codes, line_net(line, units), net)


def line_net(line: Line, units: int) -> Decimal:
    """These units after the line's own discount."""
    return line.price * units - _part(line.discount, Decimal(units), Decimal(line.quantity))


def tax_share(order: Order, net: Decimal) -> Decimal:
    """The part of the order's tax that falls on goods of this net price."""
    return _part(order.tax, net, money.subtotal(order))


def suggest(order: Order, goods: list[RefundLine], shipping: Decimal, *, to_store_credit: bool = False) -> Suggestion:
    """What a refund of these goods and so much of the delivery should come to. Never more than is left."""
    discount = sum((cart_share(order, g.line, g.quantity) for g in goods), ZERO)
    subtotal = sum((line_net(g.line, g.quantity) for g in goods), ZERO) - discount
    made = Suggestion(goods, subtotal, discount, tax_share(order, subtotal), shipping, [], to_store_credit)
    wanted = min(money.in_presentment(order, made.amount), money.net_seen(order))
    made.shares = [] if to_store_credit else [s for s in allocate(order, wanted) if s.amount]
    return made


def _part(whole: Decimal, share: Decimal, of: Decimal) -> Decimal:
    return (whole * share / of).quantize(money.CENT, ROUND_HALF_UP) if whole and of else ZERO
