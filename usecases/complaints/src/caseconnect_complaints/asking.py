"""What a complaint says and which goods it is about."""

from __future__ import annotations

from caseconnect.models import Complaint, Order
from caseconnect.sdk.casework import Requested
from caseconnect.sdk.casework.text import label, one_line, quoted, when
from caseconnect.sdk.commands import LineQuantity

_LONGEST = 8_000
_SHOWN = 20


def requested(item: Complaint, order: Order | None) -> Requested:
    """Its text and files. Goods only where it is plain how many are meant: else the agent says it."""
    return Requested(
        text_of(item),
        files=item.files,
        lines=_lines(item, order),
        email=item.email or "",
        locale=item.locale or "",
        name=item.name or "",
    )


def _lines(item: Complaint, order: Order | None) -> tuple[LineQuantity, ...]:
    """The lines of its SKUs, where each was bought once."""
    found = []
    for sku in dict.fromkeys(item.skus):
        lines = [each for each in (order.lines if order else ()) if each.sku == sku]
        if len(lines) != 1 or lines[0].quantity != 1:
            return ()
        found.append(LineQuantity(line=lines[0].id, quantity=1))
    return tuple(found)


def text_of(item: Complaint) -> str:
    """All that came with it, for people."""
    who = ", ".join(one_line(part) for part in (item.name, item.email, item.phone) if part)
    rows = [
        f"Complaint: {label(item.category)}" + (f", {when(item.created_at)}" if item.created_at else ""),
        f"From: {who}" if who else "",
        f"Order as the shopper wrote it: {one_line(item.order_number, 60)}" if item.order_number else "",
        f"SKUs: {one_line(', '.join(item.skus), 500)}" if item.skus else "",
        f"Tracking numbers: {one_line(', '.join(item.tracking_numbers), 500)}" if item.tracking_numbers else "",
        *(f"{one_line(name, 60)}: {one_line(text, 500)}" for name, text in list(item.attributes.items())[:_SHOWN]),
        f"Subject: {one_line(item.subject)}" if item.subject else "",
        f"The shopper wrote:\n{quoted(item.text, _LONGEST)}" if item.text.strip() else "",
        f"Files: {one_line(', '.join(file.name or 'without a name' for file in item.files), 500)}"
        if item.files
        else "",
    ]
    return "\n".join(row for row in rows if row)
