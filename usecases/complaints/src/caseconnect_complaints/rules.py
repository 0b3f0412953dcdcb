"""Complaints: pure rules from what a shopper complains of to a case, and what its outcome does."""

from __future__ import annotations

from datetime import datetime, timedelta

from caseconnect.models import Complaint, Order
from caseconnect.sdk.casework import UseCase, Verdict, decide_item, left_out
from caseconnect.sdk.casework.overtaking import acted_already
from caseconnect.sdk.casework.text import label, one_line, when
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter, Needs
from caseconnect.sdk.events import Event, ItemEvent
from caseconnect_complaints.asking import requested
from caseconnect_complaints.settings import CATEGORIES, ComplaintsSettings

USE_CASE = UseCase(name="complaints", exceptions=CATEGORIES, item=Complaint, reading=requested)
"""What casework must know."""


def decide(event: Event, matter: Matter, facts: Facts, settings: ComplaintsSettings, now: datetime) -> Decision | Needs:
    """Open a case for a complaint, add to the open one, or carry its outcome out."""

    def over(item: Complaint, order: Order | None) -> str | None:
        status = (item.status or "").strip().casefold()
        words = {word.strip().casefold() for word in settings.ended}
        return f"the complaint is {one_line(status, 60)} (ended)" if status in words else None

    return decide_item(USE_CASE, event, matter, facts, settings, now, judge=judge, over=over)


def joins(event: ItemEvent, matter: Matter, settings: ComplaintsSettings) -> bool:
    """A further complaint about an order whose case was opened less than `join_hours` ago, and is not decided."""
    if matter.subject.kind != "order" or matter.opened_at is None or not settings.join_hours:
        return False
    if acted_already(matter):
        return False
    return event.time - matter.opened_at < timedelta(hours=settings.join_hours)


def judge(
    item: Complaint, order: Order | None, facts: Facts, settings: ComplaintsSettings, now: datetime
) -> list[Verdict]:
    """Every complaint counts, unless a setting leaves it out."""
    out = left_out(order, settings.applies_to) if order else None
    if out is not None:
        return [Verdict(f"complaint {item.id}: {out}")]
    if item.category not in settings.categories:
        return [Verdict(f"{item.category}: not in categories ({', '.join(settings.categories)})")]
    said = (item.subject, item.text, item.status or "", item.skus, item.tracking_numbers, item.order_number or "")
    files = [(file.id, file.name) for file in item.files]
    finding = Finding(
        exception=item.category,
        ground=digest_of(item.id, item.category, said, files),
        summary=", ".join([f"the shopper complains: {label(item.category)}", *_about(item), *_known(item, order)]),
        arose_at=item.created_at or now,
    )
    # A reason outlives an erasure, and the shopper may have written anything where an SKU belongs.
    reason = ", ".join([f"{item.category}: in categories", *_known(item, order)])
    return [Verdict(reason, finding)]


def _about(item: Complaint) -> list[str]:
    """The goods, as the shopper names them."""
    return [f"about {one_line(', '.join(item.skus))}"] if item.skus else []


def _known(item: Complaint, order: Order | None) -> list[str]:
    """What the shop knows of the parcels, where that matters. Never what the shopper wrote."""
    if order is None:
        return ["the order is not known"]
    return [_parcels(order)] if item.category in ("late", "not_received") else []


def _parcels(order: Order) -> str:
    if not order.shipments:
        return "the shop shipped nothing yet"
    delivered = [s.delivered_at for s in order.shipments if s.delivered_at is not None]
    if len(delivered) == len(order.shipments):
        return f"the carrier says delivered {when(max(delivered))}"
    promised = [s.estimated_delivery_at for s in order.shipments if s.estimated_delivery_at is not None]
    due = f", promised for {when(max(promised))}" if promised else ""
    return f"{len(delivered)} of {len(order.shipments)} parcels are delivered{due}"
