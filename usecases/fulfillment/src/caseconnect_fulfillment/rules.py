"""Fulfilment: pure rules from an order as read now, carriers' reports and complaints to a case about its shipping."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from caseconnect.models import Complaint, Order, Record, ShipmentReport
from caseconnect.sdk.casework import UseCase, Verdict, follow_up, not_applying, open_or_add, resolved
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import ComplaintChanged, Event, ShipmentReported, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect_fulfillment import carriage, checks
from caseconnect_fulfillment.settings import EXCEPTIONS, FulfillmentSettings

USE_CASE = UseCase(name="fulfillment", exceptions=EXCEPTIONS, cancel_cause="inventory")


def decide(
    event: Event, matter: Matter, facts: Facts, settings: FulfillmentSettings, now: datetime
) -> Decision | Needs:
    """Open a case for what goes wrong with shipping, add to the open one, or carry its outcome out."""
    followed = follow_up(USE_CASE, event, matter, facts, settings)
    if followed is not None:
        return followed
    if matter.subject.kind != "order":
        return Decision(reason=f"{event.type} names no order: its shipping cannot be looked at")
    items = _items(event, matter)
    needs = facts.lacking([Need(fact="order", subject=matter.subject), *(_need(item) for item in items)])
    if needs:
        return Needs(needs=needs)
    order = facts.get("order", matter.subject, Order)
    if not isinstance(order, Order):
        return Decision(reason="the order could not be read")
    told = {item: record for item in items if (record := _told(item, facts)) is not None}
    return _judged(order, told, matter, facts, settings, now)


def _judged(
    order: Order,
    told: Mapping[Subject, Record],
    matter: Matter,
    facts: Facts,
    settings: FulfillmentSettings,
    now: datetime,
) -> Decision | Needs:
    out = not_applying(order, settings.applies_to)
    found = [Verdict(f"order {order.number}: {out}")] if out else verdicts(order, told, settings, now)
    decision = open_or_add(USE_CASE, matter, order, found, facts, settings, now, applies=out is None)
    if isinstance(decision, Needs) or decision.findings or not matter.is_open() or matter.acted_on is not None:
        return decision
    why = "the order was cancelled" if order.cancelled_at else checks.over(order, matter.findings, told)
    if why is None:
        return decision
    if settings.when_resolved == "close" and any(each.timer for each in found):
        waits = f"{decision.reason}; {why}: closed when nothing of the order is watched any more (when_resolved: close)"
        return decision.model_copy(update={"reason": waits})
    kept = {"timers": decision.timers, "cancel_timers": decision.cancel_timers}
    return resolved(matter, why, settings).model_copy(update=kept)


def verdicts(
    order: Order, told: Mapping[Subject, Record], settings: FulfillmentSettings, now: datetime
) -> list[Verdict]:
    """All that there is to say of the order: of each of its shipments, of carriers' reports and of complaints."""
    found: list[Verdict] = []
    for name in EXCEPTIONS:
        if name not in settings.exceptions:
            found.append(Verdict(f"{name}: not in exceptions"))
        elif name == "failed_delivery":
            found += carriage.failed_delivery(order, told, settings)
        elif name == "delivered_not_received":
            found += carriage.delivered_not_received(order, told, settings, now)
        else:
            found += checks.CHECKS[name](order, settings, now)
    return found


def _items(event: Event, matter: Matter) -> list[Subject]:
    """The complaints and reports to look at: this event's, and those that a timer keeps in mind."""
    found = [event.item] if isinstance(event, ComplaintChanged | ShipmentReported) else []
    names = [event.name] if isinstance(event, TimerFired) else []
    found += [item for name in (*names, *sorted(matter.timers)) if (item := carriage.kept_in_mind(name)) is not None]
    return list(dict.fromkeys(found))


def _need(item: Subject) -> Need:
    return Need(fact=item.kind, subject=item, required=False)


def _told(item: Subject, facts: Facts) -> Record | None:
    return facts.get(item.kind, item, Complaint if item.kind == "complaint" else ShipmentReport)
