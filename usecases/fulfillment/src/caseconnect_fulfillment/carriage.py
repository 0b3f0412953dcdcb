"""What carriers tell of parcels, joined with what shoppers complain of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from caseconnect.models import Complaint, Order, Record, Shipment, ShipmentReport
from caseconnect.sdk.casework import Verdict
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Finding, Missing, Timer
from caseconnect.sdk.subjects import Subject
from caseconnect_fulfillment.settings import FulfillmentSettings

_DELIVERED = frozenset({"delivered"})
_LOOK_AGAIN = timedelta(days=1)
_KEPT = "delivered_not_received:"


def is_delivered(parcel: Shipment) -> bool:
    """The carrier says so."""
    scanned = any(each.status.casefold() in _DELIVERED for each in parcel.events)
    return parcel.delivered_at is not None or scanned or parcel.status.casefold() in _DELIVERED


def failed_delivery(order: Order, told: Mapping[Subject, Record], settings: FulfillmentSettings) -> list[Verdict]:
    """Deliveries that came to nothing, and too many failed attempts: by the platform's scans and by reports."""
    name, reports = "failed_delivery", _reports(told)
    failed, attempts = _folded(settings.failed_statuses), _folded(settings.attempt_statuses)
    found: list[Verdict] = []
    for parcel in (each for each in order.shipments if not is_delivered(each)):
        scans = [(each.status.casefold(), each.happened_at) for each in parcel.events]
        scans += [(_status(each), each.happened_at or order.updated_at) for each in reports if _of(each, parcel, order)]
        ends = [at for status, at in scans if status in failed]
        tried = sorted(at for status, at in scans if status in attempts)
        if parcel.status.casefold() in failed:
            ends.append(parcel.created_at)
        known = " ".join(parcel.id.split())[:60]
        if ends:
            ground = digest_of(name, parcel.id, "failed")
            found.append(_failed(ground, f"the delivery of shipment {known} failed", max(ends), "failed_statuses"))
        elif len(tried) >= settings.failed_attempts:
            ground = digest_of(name, parcel.id, "attempts", settings.failed_attempts)
            summary = f"shipment {known} could not be delivered {len(tried)} times"
            found.append(_failed(ground, summary, tried[-1], f"failed_attempts ({settings.failed_attempts})"))
    return found or [
        Verdict(f"{name}: nothing in failed_statuses, fewer than failed_attempts ({settings.failed_attempts})")
    ]


def _failed(ground: str, summary: str, at: datetime, setting: str) -> Verdict:
    finding = Finding(exception="failed_delivery", ground=ground, summary=summary, arose_at=at)
    return Verdict(f"failed_delivery: {summary}, by {setting}", finding)


def delivered_not_received(
    order: Order, told: Mapping[Subject, Record], settings: FulfillmentSettings, now: datetime
) -> list[Verdict]:
    """The carrier says delivered, the shopper says no. A complaint that comes first is kept in mind by a timer."""
    name = "delivered_not_received"
    complaints = {item: record for item, record in told.items() if isinstance(record, Complaint)}
    unread = [item for item, record in told.items() if isinstance(record, Missing)]
    found = [_compared(order, item, each, _reports(told), settings, now) for item, each in complaints.items()]
    found += [_unread(name, item) for item in unread]
    return found or [Verdict(f"{name}: no complaint is known")]


def _unread(name: str, item: Subject) -> Verdict:
    why = f"the {item.kind} {item} could not be read"
    return Verdict(f"{name}: not checked, {why}", alert=f"shipping is not checked: {why}")


def _reports(told: Mapping[Subject, Record]) -> list[ShipmentReport]:
    return [record for record in told.values() if isinstance(record, ShipmentReport)]


def _compared(
    order: Order,
    item: Subject,
    complaint: Complaint,
    reports: Iterable[ShipmentReport],
    settings: FulfillmentSettings,
    now: datetime,
) -> Verdict:
    name = "delivered_not_received"
    if complaint.category not in settings.complaint_categories:
        return Verdict(f"{name}: category {complaint.category} is not in complaint_categories")
    said = complaint.created_at or now
    parcels = _meant(complaint, order)
    arrived = [each for each in parcels if is_delivered(each) or any(_told_delivered(r, each, order) for r in reports)]
    if arrived:
        times = [each.delivered_at for each in arrived if each.delivered_at]
        when = f" on {max(times):%Y-%m-%d %H:%M} UTC" if times else ""
        ids = ", ".join(sorted(" ".join(each.id.split())[:60] for each in arrived))
        summary = f"shipment {ids} is reported delivered{when}, and the shopper says it was not received"
        ground = digest_of(name, str(item), sorted(each.id for each in arrived))
        finding = Finding(exception=name, ground=ground, summary=summary, arose_at=said)
        return Verdict(f"{name}: category {complaint.category} is in complaint_categories; {summary}", finding)
    if now >= said + timedelta(days=settings.compare_days):
        return Verdict(f"{name}: no delivery was reported within compare_days ({settings.compare_days})")
    due = said + _LOOK_AGAIN * ((now - said) // _LOOK_AGAIN + 1)
    timer = Timer(name=f"{_KEPT}{item}@{due:%Y%m%dT%H%M%SZ}", due=due)
    return Verdict(
        f"{name}: no delivery is reported yet, compared again daily for compare_days ({settings.compare_days})",
        timer=timer,
    )


def kept_in_mind(timer: str) -> Subject | None:
    """The complaint that a timer of ours is about."""
    if not timer.startswith(_KEPT):
        return None
    try:
        return Subject.parse(timer.removeprefix(_KEPT).rpartition("@")[0])
    except ValueError:
        return None


def _meant(complaint: Complaint, order: Order) -> list[Shipment]:
    """The parcels that the complaint names; all where it names none.

    A number that no parcel bears may be of one that leaves later: a slip it is once everything was shipped.
    """
    if not complaint.tracking_numbers:
        return list(order.shipments)
    everything = order.shipments if order.fulfillment_status == "fulfilled" else ()
    return _bearing(complaint.tracking_numbers, order) or list(everything)


def _told_delivered(report: ShipmentReport, parcel: Shipment, order: Order) -> bool:
    return _of(report, parcel, order) and _status(report) in _DELIVERED


def _of(report: ShipmentReport, parcel: Shipment, order: Order) -> bool:
    return parcel in _bearing((report.tracking_number or "",), order)


def _bearing(numbers: Iterable[str], order: Order) -> list[Shipment]:
    """The parcels with one of the numbers; where there are none, those whose numbers nobody told."""
    wanted = set(map(_folded_number, numbers))
    found = [each for each in order.shipments if wanted & set(map(_folded_number, each.tracking_numbers))]
    return found or [each for each in order.shipments if not each.tracking_numbers]


def _status(report: ShipmentReport) -> str:
    return (report.status or "").casefold()


def _folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words)


def _folded_number(number: str) -> str:
    return "".join(number.split()).casefold()
