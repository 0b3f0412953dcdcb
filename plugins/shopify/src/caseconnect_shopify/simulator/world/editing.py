"""Order edits (`orderEdit*`, API 2026-10): changes are gathered in a session and come into force at the commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from . import fulfilment, orders
from .records import Line, Order

if TYPE_CHECKING:
    from .shop import Shop


@dataclass(slots=True)
class EditSession:
    """An edit under way: new lines, and new quantities of old ones by line id."""

    id: int
    order: Order
    added: list[Line] = field(default_factory=list)
    quantities: dict[int, int] = field(default_factory=dict)

    def quantity(self, line: Line) -> int:
        """How many units of a line there will be."""
        return self.quantities.get(line.id, line.quantity - line.removed)


def begin(shop: Shop, order: Order) -> EditSession:
    """Opens a session."""
    made = EditSession(shop.next_id(), order)
    shop.edits[made.id] = made
    return made


def custom(shop: Shop, session: EditSession, title: str, price: Decimal, quantity: int, *, ships: bool) -> Line:
    """A line that is no product."""
    made = Line(shop.next_id(), session.order.id, title, quantity, price, requires_shipping=ships)
    session.added.append(made)
    return made


def commit(shop: Shop, session: EditSession, note: str | None, *, notify: bool) -> Order:
    """Brings the changes into force; new lines get a fulfilment order that nobody holds. Emits `orders/edited`."""
    order = session.order
    del shop.edits[session.id]
    removed = []
    for line in order.lines:
        units = line.quantity - line.removed - session.quantity(line)
        if units > 0:
            line.removed += units
            fulfilment.withdraw(shop, order, line, units)
            removed.append((line, units))
        elif units < 0:
            line.quantity -= units
            more = fulfilment.new_order(shop, order, [line])
            if more:
                more.lines[0].total = more.lines[0].remaining = -units
    added = [x for x in session.added if x.quantity]
    order.lines += added
    fulfilment.new_order(shop, order, [x for x in added if x.requires_shipping])
    order.edited = True
    shop.emit("orders/edited", orders.edit_body(shop, order, added, removed, note=note or "", notify=notify))
    shop.touch(order)
    return order
