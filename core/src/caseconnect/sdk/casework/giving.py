"""Actions that give value away. What an agent wrote counts before what was asked for; too much is never lowered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from caseconnect.models import Money, Order
from caseconnect.sdk.casework.acting import Act, Acting, returned
from caseconnect.sdk.casework.answers import (
    ImpossibleError,
    amount_in,
    goods_in,
    items_of,
    lines_of,
    points_in,
    require_left,
    share_of,
    value_of,
)
from caseconnect.sdk.casework.usecase import Requested
from caseconnect.sdk.commands import (
    AdjustLoyalty,
    CreateReplacement,
    ExchangeReturn,
    Expect,
    IssueCredit,
    Item,
    LineQuantity,
    RefundPayment,
)


def refund(on: Acting) -> Act:
    """Give money back, the way it was paid."""
    order = _order(on)
    amount, lines = _amount(on, order)
    require_left(lines, order)
    if order.refundable is not None and order.refundable.currency != amount.currency:
        raise ImpossibleError(f"{order.refundable} can be given back, and {amount} is another currency")
    if order.refundable is not None and amount > order.refundable:
        raise ImpossibleError(f"{amount} is more than can still be given back ({order.refundable})")
    expects = list(on.still("amount", "lines"))
    if order.refundable is not None:
        left = Expect(
            fact="order",
            subject=on.matter.subject,
            field="refundable",
            value=amount.model_dump(mode="json"),
            test="at_least",
        )
        expects.append(left)
    refund = RefundPayment(target=on.matter.subject, amount=amount, lines=lines, note=on.note, expects=tuple(expects))
    return Act((refund,), f"Refund: {amount}.")


def credit(on: Acting) -> Act:
    """Goodwill, as credit with the shop."""
    order = _order(on)
    amount, lines = _amount(on, order)
    if not on.answer("amount"):
        require_left(lines, order)
    credit = IssueCredit(target=on.matter.subject, amount=amount, note=on.note, expects=on.still("amount", "lines"))
    return Act((credit,), f"Credit: {amount}.")


def _amount(on: Acting, order: Order) -> tuple[Money, tuple[LineQuantity, ...]]:
    """What the agent wrote, else what was asked for. Lines that the agent named are what the amount is for."""
    names, asked = on.settings.answers, on.requested
    currency = (order.presentment_total or order.total).currency
    text, goods = on.answer("amount"), on.answer("lines")
    lines = _lines(on, order)
    if text:
        return amount_in(text, currency, names.amount), lines
    amount = _part(lines, asked, order) if goods else asked.amount or value_of(lines, order)
    if amount is None:
        raise ImpossibleError(f"how much is not known: write it in {names.amount}, such as 20.00 {currency}")
    if amount.amount <= 0:
        raise ImpossibleError(f"all that was asked for went back already: write in {names.amount} what is due still")
    if amount.currency != currency:
        raise ImpossibleError(f"{amount} was asked for, and the shopper paid in {currency}: write it in {names.amount}")
    return amount, lines


def _lines(on: Acting, order: Order) -> tuple[LineQuantity, ...]:
    """The goods that the agent named, else those asked for."""
    asked, goods = on.requested, on.answer("lines")
    if not goods:
        return asked.lines
    lines = lines_of(goods_in(goods, on.settings.answers.lines), order)
    if asked.bound and not _within(lines, asked.lines):
        raise ImpossibleError(f"{on.settings.answers.lines} names goods, or more of them, than were asked for")
    return lines


def _within(lines: Iterable[LineQuantity], asked: Iterable[LineQuantity]) -> bool:
    left = Counter({line.line: 0 for line in lines})
    for each in asked:
        left[each.line] += each.quantity
    for each in lines:
        left[each.line] -= each.quantity
    return min(left.values(), default=0) >= 0


def _part(lines: tuple[LineQuantity, ...], asked: Requested, order: Order) -> Money | None:
    """What was paid for the lines. Of goods whose amount was told it is their part of that."""
    part, whole = value_of(lines, order), value_of(asked.lines, order)
    if asked.amount and part and whole and _within(lines, asked.lines):
        return share_of(asked.amount, part.amount, whole.amount)
    return part


def exchange(on: Acting) -> Act:
    """Other goods for those of a return."""
    items, price = _items(on)
    exchange = ExchangeReturn(
        target=on.matter.subject, returned=returned(on), items=items, price=price, expects=on.still("items")
    )
    return Act((exchange,), "Exchange. A difference in price is settled in the shop.")


def replace(on: Acting) -> Act:
    """The goods once more, for nothing."""
    asked = on.requested
    items, price = (asked.items, asked.amount) if asked.draft else _items(on)
    replacement = CreateReplacement(
        target=on.matter.subject,
        items=items,
        price=price,
        draft=asked.draft,
        note=on.note,
        expects=on.still("items", "lines"),
    )
    return Act((replacement,), "Replacement, for nothing.")


def _items(on: Acting) -> tuple[tuple[Item, ...], Money | None]:
    order, names = _order(on), on.settings.answers
    if wanted := on.answer("items"):
        items = tuple(Item(sku=sku, quantity=quantity) for sku, quantity in goods_in(wanted, names.items))
        return items, None
    if order.cancelled_at is not None and not on.requested.items:
        what = f"order {order.number} is cancelled, so its goods are not sent again"
        raise ImpossibleError(f"{what}: write in {names.items} what is to be sent all the same")
    lines = _lines(on, order)
    require_left(lines, order)
    items = on.requested.items or items_of(lines, order)
    if not items:
        raise ImpossibleError(f"which goods are to be sent is not known: write them in {names.items}")
    return items, value_of(lines, order)


def points(on: Acting) -> Act:
    """Loyalty points."""
    text = on.answer("points")
    points = points_in(text, on.settings.answers.points) if text else on.requested.points
    if not points:
        raise ImpossibleError(f"how many points is not known: write it in {on.settings.answers.points}")
    adjust = AdjustLoyalty(target=on.profile, points=points, note=on.note, expects=on.still("points"))
    return Act((adjust,), f"Loyalty points: {points}.")


def _order(on: Acting) -> Order:
    if on.order is None:
        raise ImpossibleError("the order is not known: do it by hand in the shop")
    return on.order
