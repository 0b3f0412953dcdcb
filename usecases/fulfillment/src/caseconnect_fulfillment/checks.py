"""What an order and its shipments tell by themselves. Each verdict names the setting that decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from caseconnect.models import Order, Payment, Record, Shipment
from caseconnect.sdk.casework import Verdict, sent
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Finding, Timer
from caseconnect.sdk.subjects import Subject
from caseconnect_fulfillment.carriage import is_delivered
from caseconnect_fulfillment.settings import ExceptionName, FulfillmentSettings

_PAID = frozenset({"authorized", "partially_paid", "paid", "partially_refunded"})
_PAYING = frozenset({"authorization", "capture", "sale"})
_BY_HAND = frozenset({"pickup", "pickup_point", "local", "retail", "digital"})
_OTHERS = "*"

Check = Callable[[Order, FulfillmentSettings, datetime], list[Verdict]]


def by_name(found: Mapping[str, int], name: str | None) -> int | None:
    """What is said of a carrier or a kind of delivery, however it is written, else of all others."""
    wanted = (name or "").casefold()
    return next((hours for key, hours in found.items() if key.casefold() == wanted), found.get(_OTHERS))


def not_shipped(order: Order, settings: FulfillmentSettings, now: datetime) -> list[Verdict]:
    """Paid, and nothing of it was shipped in time."""
    name = "not_shipped"
    if why := _not_due(order):
        return [Verdict(f"{name}: {why}")]
    kinds = order.delivery or ("shipping",)
    limits = {kind: hours for kind in kinds if (hours := by_name(settings.ship_within_hours, kind)) is not None}
    if not limits:
        return [Verdict(f"{name}: ship_within_hours names none of its kinds of delivery ({', '.join(kinds)})")]
    kind = min(limits, key=lambda each: (limits[each], each))
    setting = f"ship_within_hours.{kind} ({limits[kind]})"
    due = _paid_at(order) + timedelta(hours=limits[kind])
    summary = f"nothing was shipped within {limits[kind]} hours of payment ({kind})"
    return [_by(name, digest_of(name, order.id), due, now, setting, summary)]


def _not_due(order: Order) -> str | None:
    if order.fulfillment_status != "unfulfilled" or sent(order):
        return f"the order is {order.fulfillment_status}, {len(sent(order))} shipments"
    if order.preorder:
        return "a pre-order: it is shipped when it is there"
    if order.lines and not any(line.requires_shipping and line.unfulfilled_quantity > 0 for line in order.lines):
        return "nothing of the order is left to be shipped"
    if any(part.holds for part in order.fulfillment_orders) or order.closed_at is not None:
        return "the order is kept back or archived"
    if order.payment_status not in _PAID and order.payment_terms is None:
        return f"the payment is {order.payment_status}: nothing is due yet"
    return None


def _paid_at(order: Order) -> datetime:
    def counts(payment: Payment) -> bool:
        return payment.kind in _PAYING and payment.status == "success"

    if order.payment_terms is not None:
        return order.created_at
    return min((p.created_at for p in order.payments if counts(p)), default=order.created_at)


def partly_shipped(order: Order, settings: FulfillmentSettings, now: datetime) -> list[Verdict]:
    """Something was shipped, and the rest did not follow in time."""
    name = "partly_shipped"
    if order.fulfillment_status != "partially_fulfilled":
        return [Verdict(f"{name}: the order is {order.fulfillment_status}")]
    parcels = sent(order)
    since = parcels[-1].created_at if parcels else order.created_at
    hours = settings.rest_within_hours
    left = sum(line.unfulfilled_quantity for line in order.lines if line.requires_shipping)
    summary = f"the rest ({left} left) did not follow within {hours} hours of the last of {len(parcels)} shipments"
    ground = digest_of(name, sorted(each.id for each in parcels))
    return [_by(name, ground, since + timedelta(hours=hours), now, f"rest_within_hours ({hours})", summary)]


def not_confirmed(order: Order, settings: FulfillmentSettings, now: datetime) -> list[Verdict]:
    """A shipment without a tracking number."""
    name, hours = "not_confirmed", settings.confirm_within_hours
    if order.delivery and _BY_HAND.issuperset(order.delivery):
        return [Verdict(f"{name}: no carrier is needed for {', '.join(order.delivery)}")]
    without = [each for each in sent(order) if _unconfirmed(each)]
    if not without:
        return [Verdict(f"{name}: every shipment has a tracking number or arrived")]
    setting = f"confirm_within_hours ({hours})"
    return [
        _by(
            name,
            digest_of(name, each.id),
            each.created_at + timedelta(hours=hours),
            now,
            setting,
            f"shipment {_word(each.id)} has no tracking number {hours} hours after it left",
        )
        for each in without
    ]


def late_in_transit(order: Order, settings: FulfillmentSettings, now: datetime) -> list[Verdict]:
    """A parcel that is late by its estimate, stands still, or takes too long."""
    name = "late_in_transit"
    parcels = [each for each in sent(order) if not is_delivered(each)]
    if not parcels:
        return [Verdict(f"{name}: nothing is on its way")]
    return [verdict for each in parcels for verdict in _on_its_way(each, settings, now)]


def _on_its_way(parcel: Shipment, settings: FulfillmentSettings, now: datetime) -> list[Verdict]:
    name, carrier = "late_in_transit", parcel.carrier
    known = f"shipment {_word(parcel.id)}" + (f" by {_word(carrier)}" if carrier else "")
    found: list[Verdict] = []
    limit = by_name(settings.deliver_within_hours, carrier)
    if parcel.estimated_delivery_at is not None:
        hours, estimate = settings.late_after_hours, parcel.estimated_delivery_at
        ground = digest_of(name, parcel.id, "estimate", estimate.isoformat())
        summary = f"{known} was to arrive on {estimate:%Y-%m-%d}, and is not reported delivered"
        due = estimate + timedelta(hours=hours)
        found.append(_by(name, ground, due, now, f"late_after_hours ({hours})", summary))
    elif limit is not None:
        summary = f"{known} is not reported delivered {limit} hours after it left"
        due = parcel.created_at + timedelta(hours=limit)
        found.append(
            _by(name, digest_of(name, parcel.id, "length"), due, now, f"deliver_within_hours ({limit})", summary)
        )
    still = by_name(settings.no_scan_hours, carrier)
    if parcel.events and still is not None:
        last = max(each.happened_at for each in parcel.events)
        ground = digest_of(name, parcel.id, "scan", last.isoformat())
        summary = f"{known} was not scanned for {still} hours, last on {last:%Y-%m-%d %H:%M} UTC"
        found.append(_by(name, ground, last + timedelta(hours=still), now, f"no_scan_hours ({still})", summary))
    return found or [
        Verdict(
            f"{name}: {known} has neither estimate nor scans, deliver_within_hours and no_scan_hours say nothing of it"
        )
    ]


def _by(name: str, ground: str, due: datetime, now: datetime, setting: str, summary: str) -> Verdict:
    """A finding from `due` on; before it a timer looks again then."""
    if now < due:
        timer = Timer(name=f"{name}:{due:%Y%m%dT%H%M%S.%fZ}", due=due)
        return Verdict(f"{name}: in time until {due:%Y-%m-%d %H:%M} UTC by {setting}", timer=timer)
    finding = Finding(exception=name, ground=ground, summary=summary, arose_at=due)
    return Verdict(f"{name}: late by {setting}: {summary}", finding)


def _unconfirmed(parcel: Shipment) -> bool:
    return not parcel.tracking_numbers and not parcel.tracking_urls and not is_delivered(parcel)


def _word(text: str) -> str:
    return " ".join(text.split())[:60]


CHECKS: dict[ExceptionName, Check] = {
    "not_shipped": not_shipped,
    "late_in_transit": late_in_transit,
    "not_confirmed": not_confirmed,
    "partly_shipped": partly_shipped,
}
"""Those that need the order alone."""


def over(order: Order, findings: Iterable[Finding], told: Mapping[Subject, Record]) -> str | None:
    """Why nothing that was found is so any more; None while something is. By state, never by the clock.

    What a shopper says of a delivered parcel is never over by itself, nor is anything while a new report is read.
    """
    parcels, names = sent(order), dict.fromkeys(finding.exception for finding in findings)
    arrived = bool(parcels) and all(is_delivered(each) for each in parcels)
    ends = {
        "not_shipped": (order.fulfillment_status in ("partially_fulfilled", "fulfilled"), "the order was shipped"),
        "late_in_transit": (arrived, "everything that was shipped is delivered"),
        "failed_delivery": (arrived, "everything that was shipped is delivered"),
        "not_confirmed": (not any(map(_unconfirmed, parcels)), "every shipment has a tracking number"),
        "partly_shipped": (order.fulfillment_status == "fulfilled", "the rest was shipped"),
    }
    answers = [ends.get(name, (False, "")) for name in names]
    if told or not answers or not all(ended for ended, _ in answers):
        return None
    return ", ".join(dict.fromkeys(why for _, why in answers))
