"""What an agent writes into a case beside the outcome: amounts, goods, points. Read strictly, never guessed."""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal

from caseconnect.models import LineItem, Money, Order
from caseconnect.sdk.commands import Item, LineQuantity

_PART = re.compile(r"\s*(?P<sku>\S(?:.*?\S)?)(?:\s+[x×]\s*(?P<quantity>\d{1,4}))?\s*")
_POINTS = re.compile(r"[+-]?[0-9]{1,9}")
_AMOUNT = re.compile(r"(?P<number>\d{1,12}(?:\.\d{1,4})?)(?:\s*(?P<currency>[A-Za-z]{3}))?")


class ImpossibleError(ValueError):
    """What the outcome asks for cannot be done as it stands. The text says why, and what to do.

    It is for the case, and may hold what people wrote there. `plain` is for alerts and reasons, which go further: the
    kind of fault and the attribute's name. Without one the text itself holds nothing that anybody wrote.
    """

    def __init__(self, text: str, plain: str = "") -> None:
        super().__init__(text)
        self.plain = plain or text


def amount_in(text: str, currency: str, name: str) -> Money:
    """An amount as an agent writes it, in the money in which the shopper paid."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        told = f"{name} is {text[:40]!r}: write an amount such as 20.00 or 20.00 {currency}"
        raise ImpossibleError(told, f"{name} is no amount")
    if found["currency"] and found["currency"].upper() != currency:
        told = f"{name} is in {found['currency'].upper()}, and the shopper paid in {currency}"
        raise ImpossibleError(told, f"{name} is not in the currency in which the shopper paid ({currency})")
    money = Money(amount=Decimal(found["number"]), currency=currency)
    # Three digits after a point may be thousands.
    if money.amount <= 0 or len(found["number"].partition(".")[2]) > -int(money.unit.as_tuple().exponent):
        told = f"{name} is {text[:40]!r}: an amount is more than nothing and has the currency's digits"
        raise ImpossibleError(told, f"{name} is nothing, or has other digits than {currency}")
    return money


def goods_in(text: str, name: str) -> list[tuple[str, int]]:
    """SKUs and quantities: `SKU x 2; OTHER`."""
    found: list[tuple[str, int]] = []
    for part in re.split(r"[;\n]", text):
        match = _PART.fullmatch(part) if part.strip() else None
        if match:
            found.append((match["sku"], int(match["quantity"] or 1)))
    if not found or any(quantity < 1 for _, quantity in found):
        told = f"{name} is {text[:40]!r}: write SKUs and quantities, such as SKU x 2; OTHER"
        raise ImpossibleError(told, f"{name} is no list of SKUs and quantities")
    return found


def points_in(text: str, name: str) -> int:
    """A number of points."""
    if _POINTS.fullmatch(text.strip()) is None:
        raise ImpossibleError(f"{name} is {text[:40]!r}: write a whole number", f"{name} is no whole number")
    return int(text)


def lines_of(goods: list[tuple[str, int]], order: Order) -> tuple[LineQuantity, ...]:
    """The order's lines of these SKUs. A SKU that is not in the order, or not so often, cannot be done."""
    taken: dict[str, int] = {}
    asked: dict[str, int] = {}
    for sku, quantity in goods:
        asked[sku] = asked.get(sku, 0) + quantity
    for sku, quantity in asked.items():
        lines = [one for one in order.lines if sku in (one.sku, one.id)]
        if not lines:
            told = f"{sku[:60]} is not in order {order.number}"
            raise ImpossibleError(told, f"goods are named that are not in order {order.number}")
        wanted = quantity
        for line in lines:
            part = min(wanted, _left(line) - taken.get(line.id, 0))
            if part > 0:
                taken[line.id], wanted = taken.get(line.id, 0) + part, wanted - part
        if wanted:
            left = sum(_left(line) for line in lines)
            told = f"order {order.number} has {left} of {sku[:60]} left, not {quantity}"
            raise ImpossibleError(told, f"more goods are named than are left of order {order.number}")
    return tuple(LineQuantity(line=line, quantity=quantity) for line, quantity in taken.items())


def require_left(lines: tuple[LineQuantity, ...], order: Order) -> None:
    """Raise `ImpossibleError` unless so much of every line is still there to be given for."""
    left = {line.id: _left(line) for line in order.lines}
    asked: dict[str, int] = {}
    for one in lines:
        asked[one.line] = asked.get(one.line, 0) + one.quantity
    for id_, quantity in asked.items():
        if id_ not in left:
            raise ImpossibleError(f"what was asked for is about goods that are not in order {order.number}")
        if quantity > left[id_]:
            raise ImpossibleError(f"{quantity} of line {id_} were asked for, order {order.number} has {left[id_]} left")


def value_of(lines: tuple[LineQuantity, ...], order: Order) -> Money | None:
    """What was paid for the lines, in the shopper's money; None where only the shop's is known."""
    if order.presentment_total is not None and order.presentment_total.currency != order.total.currency:
        return None
    known = {line.id: line for line in order.lines}
    total = Money(amount=Decimal(0), currency=order.total.currency)
    for line in lines:
        price = _price(known[line.line], line.quantity) if line.line in known else None
        if price is None or price.currency != total.currency:
            return None
        total += price
    return total if total.amount > 0 else None


def _price(line: LineItem, quantity: int) -> Money | None:
    """What was paid for so many: their share of the line's total, discounts taken off, where it is known."""
    if line.total is not None and line.quantity:
        return share_of(line.total, Decimal(quantity), Decimal(line.quantity))
    return line.unit_price and Money(amount=line.unit_price.amount * quantity, currency=line.unit_price.currency)


def share_of(money: Money, part: Decimal, whole: Decimal) -> Money:
    """`part` of `whole` of an amount, never rounded up."""
    amount = (money.amount * part / whole).quantize(money.unit, rounding=ROUND_DOWN)
    return Money(amount=amount, currency=money.currency)


def items_of(lines: tuple[LineQuantity, ...], order: Order) -> tuple[Item, ...]:
    """The same goods once more."""
    known = {line.id: line for line in order.lines}
    return tuple(
        Item(variant=known[one.line].variant_id or "", sku=known[one.line].sku or "", quantity=one.quantity)
        for one in lines
        if one.line in known
    )


def _left(line: LineItem) -> int:
    return line.quantity if line.refundable_quantity is None else line.refundable_quantity
