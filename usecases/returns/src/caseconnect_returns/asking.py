"""What a return asks for: goods, money, and the text of the case."""

from __future__ import annotations

from decimal import Decimal

from caseconnect.models import LineItem, Money, Order, ReturnLine, ReturnRequest
from caseconnect.sdk.casework import Action, Requested
from caseconnect.sdk.casework.answers import value_of
from caseconnect.sdk.casework.text import one_line, when
from caseconnect.sdk.commands import LineQuantity

_WISHES: dict[str, Action] = {"refund": "refund", "unknown": "refund", "exchange": "exchange"}
_SHOWN = 50


def requested(item: ReturnRequest, order: Order | None) -> Requested:
    """Its lines as the order knows them, and what was paid for them; other goods cannot be allowed."""
    lines = _lines(item, order)
    return Requested(
        text_of(item),
        wish=_WISHES.get(item.wish),
        files=item.files,
        amount=_amount(item, lines, order),
        lines=lines,
        email=item.email or "",
        bound=bool(lines),
    )


def line_in(line: ReturnLine, order: Order | None) -> LineItem | None:
    """The order's line that comes back: by its id, else by its SKU."""
    lines = order.lines if order else ()
    by_id = next((each for each in lines if line.line_id and each.id == line.line_id), None)
    return by_id or next((each for each in lines if line.sku and each.sku == line.sku), None)


def _lines(item: ReturnRequest, order: Order | None) -> tuple[LineQuantity, ...]:
    """Each line of the order once; no more of it than was bought."""
    wanted: dict[str, int] = {}
    for line in item.lines:
        known = line_in(line, order)
        if known is not None and line.quantity > 0:
            wanted[known.id] = min(wanted.get(known.id, 0) + line.quantity, known.quantity)
    return tuple(LineQuantity(line=id_, quantity=n) for id_, n in wanted.items() if n > 0)


def _amount(item: ReturnRequest, lines: tuple[LineQuantity, ...], order: Order | None) -> Money | None:
    """The lesser of what the return and what the order say was paid, without what went back: nothing if all of it."""
    paid = value_of(lines, order) if order and len(lines) and all(line_in(x, order) for x in item.lines) else None
    amounts = [each for each in (item.value, paid) if each is not None]
    if not amounts or len({each.currency for each in amounts}) > 1:
        return None
    least = min(amounts)
    if least.amount <= 0:
        return None
    if item.refunded is not None and item.refunded.currency == least.currency:
        least = max(least - item.refunded, Money(amount=Decimal(0), currency=least.currency))
    return least


def text_of(item: ReturnRequest) -> str:
    """All that came with it, for people."""
    proof = {True: "given", False: "missing", None: "not asked for"}[item.proof_of_purchase]
    rows = [
        f"Return {one_line(item.name or item.id, 60)}"
        + (f", asked for {when(item.requested_at)}" if item.requested_at else ""),
        f"Wish: {item.wish}; value: {item.value or 'unknown'}; proof of purchase: {proof}",
        *(_line(line) for line in item.lines[:_SHOWN]),
    ]
    if len(item.lines) > _SHOWN:
        rows.append(f"- and {len(item.lines) - _SHOWN} more")
    if item.order_number:
        rows.append(f"Order as the shopper wrote it: {one_line(item.order_number, 60)}")
    if item.note:
        rows.append(f"The shopper wrote: {one_line(item.note, 2_000)}")
    if item.files:
        rows.append(f"Files: {one_line(', '.join(file.name or 'without a name' for file in item.files), 500)}")
    if item.admin_url:
        rows.append(f"Link: {item.admin_url}")
    return "\n".join(rows)


def _line(line: ReturnLine) -> str:
    what = one_line(line.title or "goods without a name")
    parts = (
        f"{line.quantity} x {what}" + (f" [{one_line(line.sku, 60)}]" if line.sku else ""),
        f"reason {one_line(line.reason, 60)}" if line.reason else "",
        one_line(line.note, 500) if line.note else "",
        "final sale" if line.final_sale else "",
    )
    return "- " + ", ".join(part for part in parts if part)
