"""Returns: asked for, approved or declined, made, processed, closed (API 2026-10; messages from recorded answers).

`Order.returnStatus` follows from an order's returns: asked for, else open, else closed, else none.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from caseconnect_shopify.simulator.webhooks import returns as bodies

from . import fulfilment
from .aftersale import Disposition, Return, ReturnLine, ReverseLine, ReverseOrder
from .records import Line, Order
from .refunds import Refused

if TYPE_CHECKING:
    from .shop import Shop

COUNTS = frozenset({"REQUESTED", "OPEN", "CLOSED"})
NOTE_LENGTH = 500
INVALID_STATE = "INVALID_STATE"


def available(shop: Shop, order: Order, parcel_line: int) -> int:
    """How many units of a parcel's line can still be returned."""
    found = parcel_line_of(order, parcel_line)
    if found is None:
        return 0
    line, units = found
    held = sum(x.quantity for r in order.returns if r.status in COUNTS for x in r.lines if x.parcel_line == parcel_line)
    sent = sum(n for f in order.fulfillments if f.status == "SUCCESS" for _, own, n in f.lines if own is line)
    # Units refunded outside returns are gone from the line as a whole, whichever parcel they came in.
    gone = sum(x.sent for r in order.refunds if r.return_id is None for x in r.lines if x.line is line)
    all_held = sum(x.quantity for r in order.returns if r.status in COUNTS for x in r.lines if x.line is line)
    return max(min(units - held, sent - gone - all_held), 0)


def parcel_line_of(order: Order, number: int) -> tuple[Line, int] | None:
    """The line and units of a fulfilment line item; None when the order has none of this number."""
    every = (x for f in order.fulfillments if f.status == "SUCCESS" for x in f.lines)
    return next(((line, units) for own, line, units in every if own == number), None)


def start(
    shop: Shop, order: Order, lines: list[ReturnLine], status: str, *, fee: Decimal | None = None, exchanges: Any = ()
) -> Return:
    """Makes a return: REQUESTED by a shopper, or OPEN at once by the merchant; emits `returns/request` or `approve`."""
    stamp = shop.stamp()
    made = Return(
        id=shop.next_id(),
        order_id=order.id,
        name=f"{order.name}-R{len(order.returns) + 1}",
        status=status,
        created_at=stamp,
        lines=lines,
        exchanges=list(exchanges),
        shipping_fee=fee,
        fee_id=shop.next_id() if fee is not None else None,
    )
    order.returns.append(made)
    shop.returns[made.id] = made
    if status == "OPEN":
        _open(shop, made)
    _changed(shop, order)
    shop.emit("returns/approve" if status == "OPEN" else "returns/request", bodies.whole(order, made))
    return made


def approve(shop: Shop, found: Return) -> None:
    """Approves what was asked for."""
    if found.status != "REQUESTED":
        text = "Return is not approvable. Only returns with status REQUESTED can be approved."
        raise Refused(["input", "id"], text, INVALID_STATE)
    found.status = "OPEN"
    found.approved_at = shop.stamp()
    _open(shop, found)
    order = _changed(shop, shop.orders[found.order_id])
    shop.emit("returns/approve", bodies.whole(order, found))


def decline(shop: Shop, found: Return, reason: str, note: str | None) -> None:
    """Declines what was asked for; the goods can be returned again."""
    if found.status == "DECLINED":
        raise Refused(["input", "id"], "The return is already declined.", INVALID_STATE)
    if found.status != "REQUESTED":
        text = "Return is not declinable. Only non-refunded returns with status REQUESTED can be declined."
        raise Refused(["input", "id"], text, INVALID_STATE)
    if len(note or "") > NOTE_LENGTH:
        text = f"Decline note is too long (maximum is {NOTE_LENGTH} characters)"
        raise Refused(["input", "declineNote"], text, "TOO_LONG")
    found.status, found.decline_reason, found.decline_note = "DECLINED", reason, note
    order = _changed(shop, shop.orders[found.order_id])
    shop.emit("returns/decline", bodies.declined(order, found))


def cancel(shop: Shop, found: Return) -> bool:
    """Cancels a return on which no work has been done; False when it is cancelled already."""
    if found.status == "CANCELED":
        return False
    if found.status != "OPEN" or any(x.processed or x.refunded for x in found.lines):
        raise Refused(["id"], "Return is not cancelable.", INVALID_STATE)
    for reverse in found.reverse:
        reverse.status = "CANCELED"
    return _move(shop, found, "CANCELED", "returns/cancel")


def close(shop: Shop, found: Return) -> bool:
    """Says that a return is done; False when it is closed already."""
    if found.status == "CLOSED":
        return False
    if found.status != "OPEN":
        raise Refused(["id"], "Return status is invalid.", INVALID_STATE)
    found.closed_at = shop.stamp()
    return _move(shop, found, "CLOSED", "returns/close")


def reopen(shop: Shop, found: Return) -> bool:
    """Opens a closed return again; False when it is open."""
    if found.status == "OPEN":
        return False
    if found.status != "CLOSED":
        raise Refused(["id"], "Return status is invalid.", INVALID_STATE)
    found.closed_at = None
    return _move(shop, found, "OPEN", "returns/reopen")


def remove(shop: Shop, found: Return, lines: dict[int, int], exchanges: dict[int, int]) -> None:
    """Takes units out of a return; one that has nothing left is closed. Emits `returns/update` with the differences."""
    if found.status not in {"OPEN", "REQUESTED"}:
        raise Refused(["returnId"], "Return status is invalid.", INVALID_STATE)
    own: list[tuple[Any, int]] = _removals(found.lines, lines, "returnLineItems")
    own += _removals(found.exchanges, exchanges, "exchangeLineItems")
    for item, units in own:
        item.quantity -= units
        for line in (x for r in found.reverse for x in r.lines if x.return_line is item):
            line.total -= units
    found.lines = [x for x in found.lines if x.quantity]
    found.exchanges = [x for x in found.exchanges if x.quantity]
    if not found.lines and not found.exchanges:
        found.status, found.closed_at = "CLOSED", shop.stamp()
    _changed(shop, shop.orders[found.order_id])
    shop.emit("returns/update", bodies.removed(found, own))


def _removals(items: list[Any], wanted: dict[int, int], name: str) -> list[tuple[Any, int]]:
    found = []
    for place, (number, units) in enumerate(wanted.items()):
        path = [name, str(place), "quantity"]
        item = next((x for x in items if x.id == number), None)
        if item is None:
            raise Refused([name, str(place)], "Return line item not found.", "NOT_FOUND")
        if units < 1:
            raise Refused(path, "Quantity must be greater than 0", "GREATER_THAN")
        if units > item.quantity - item.processed:
            raise Refused(path, "Quantity is not removable from return.", "INVALID")
        found.append((item, units))
    return found


def dispose(shop: Shop, found: Return, line: ReturnLine, wanted: list[tuple[str, int]]) -> None:
    """Notes what became of goods that came back: (type, units)."""
    reverse = next((x for r in found.reverse for x in r.lines if x.return_line is line), None)
    if reverse is not None:
        for kind, units in wanted:
            reverse.dispositions.append(Disposition(shop.next_id(), kind, units, shop.stamp()))


def handle(shop: Shop, found: Return, lines: list[tuple[ReturnLine, int]], exchanges: list[tuple[Any, int]]) -> None:
    """Marks goods as processed. What is exchanged becomes a line of the order, to be sent by a new fulfilment order."""
    order = shop.orders[found.order_id]
    for item, units in lines:
        item.processed += units
    added = []
    for exchange, units in exchanges:
        exchange.processed += units
        variant = shop.variants[exchange.variant_id]
        line = Line(
            shop.next_id(),
            order.id,
            variant.title,
            units,
            exchange.price,
            variant.sku,
            variant.variant_title,
            product_id=variant.product_id,
            variant_id=variant.id,
            discount=exchange.discount * units / exchange.quantity,
            requires_shipping=variant.requires_shipping,
        )
        exchange.line = exchange.line or line
        added.append(line)
    if added:
        order.lines += added
        fulfilment.new_order(shop, order, [x for x in added if x.requires_shipping])
    _changed(shop, order)
    shop.emit("returns/process", bodies.processed(order, found, lines, exchanges))


def refresh_status(order: Order) -> None:
    """`Order.returnStatus` from its returns."""
    states = {r.status for r in order.returns}
    order.return_status = (
        "RETURN_REQUESTED"
        if "REQUESTED" in states
        else "IN_PROGRESS"
        if "OPEN" in states
        else "RETURNED"
        if "CLOSED" in states
        else "NO_RETURN"
    )


def _open(shop: Shop, found: Return) -> None:
    lines = [ReverseLine(shop.next_id(), x, x.quantity) for x in found.lines]
    found.reverse.append(ReverseOrder(shop.next_id(), found.order_id, lines))


def _move(shop: Shop, found: Return, status: str, topic: str) -> bool:
    found.status = status
    _changed(shop, shop.orders[found.order_id])
    shop.emit(topic, bodies.state(found))
    return True


def _changed(shop: Shop, order: Order) -> Order:
    refresh_status(order)
    shop.touch(order)
    return order
