"""One function an exception: the order as read now in, a verdict out. Each verdict names the setting that decided."""

from __future__ import annotations

from datetime import datetime, timedelta

from caseconnect.models import Customer, Order, OrderHistory, OrderSummary
from caseconnect.sdk.casework import Records, Verdict, one_line, reaching
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Finding, Missing
from caseconnect_escalations.settings import EscalationsSettings, Failures

COMPLAINT_TOPICS = frozenset({"complaint", "claim"})
"""Topics whose open case says that a shopper complained."""

LATE_TOPICS = frozenset({"fulfillment"})
"""Topics whose open case says that goods are late."""

_PAYING = frozenset({"authorization", "capture", "sale"})
_SHOWN = 10


def vip(order: Order, customer: Customer | Missing | None, settings: EscalationsSettings, now: datetime) -> Verdict:
    """A mark of the customer or the order, or a condition of the tenant's."""
    profile = customer if isinstance(customer, Customer) else None
    marks = _tagged(order, profile, settings) + _marked(order, profile, settings)
    if settings.vip_if is not None:
        why = settings.vip_if.why_not(Records(now, order, profile))
        if why is None:
            marks.append(("the tenant's condition holds", "vip_if holds"))
    if not marks:
        unread = f"; the customer could not be read ({customer.why})" if isinstance(customer, Missing) else ""
        return Verdict(f"vip: nothing of vip_tags, vip_attributes and vip_if{unread}")
    finding = Finding(
        exception="vip",
        ground=digest_of("vip"),
        summary="; ".join(said for said, _ in marks),
        arose_at=order.created_at,
    )
    return Verdict(f"vip: {'; '.join(by for _, by in marks)}", finding)


def _tagged(order: Order, profile: Customer | None, settings: EscalationsSettings) -> list[tuple[str, str]]:
    wanted = {tag.casefold() for tag in settings.vip_tags}
    places = (("customer", profile.tags if profile else ()), ("order", order.tags))
    return [
        (f"tag {one_line(tag, 60)} of the {place}", f"tag {one_line(tag, 60)} of the {place} is in vip_tags")
        for place, tags in places
        for tag in sorted(tags)
        if tag.casefold() in wanted
    ]


def _marked(order: Order, profile: Customer | None, settings: EscalationsSettings) -> list[tuple[str, str]]:
    places = (("customer", profile.attributes if profile else {}), ("order", order.attributes))
    return [
        (f"{name} of the {place} is {one_line(found[name], 60)}", f"{name} of the {place} is in vip_attributes.{name}")
        for place, found in places
        for name, values in sorted(settings.vip_attributes.items())
        if found.get(name, "").casefold() in {value.casefold() for value in values}
    ]


def large_value(order: Order, settings: EscalationsSettings) -> Verdict:
    """A total from the threshold of its currency on."""
    return reaching("large_value", order, settings.large_value)


def failed(order: Order, failures: Failures, now: datetime, topic: str = "") -> dict[str, datetime]:
    """What went wrong with this order, and when. `topic`: that of a case which is open about it."""
    if _out_of_sight(order.cancelled_at, order.cancel_reason, order.created_at, failures, now):
        return {}
    found: dict[str, datetime] = {}
    declines = [p.created_at for p in order.payments if p.kind in _PAYING and p.status in ("failure", "error")]
    late = [s.estimated_delivery_at for s in order.shipments if _late(s.estimated_delivery_at, s.delivered_at, now)]
    refunds = [r.created_at for r in order.refunds]
    if declines:
        found["declined"] = max(declines)
    if order.cancelled_at is not None:
        found["cancelled"] = order.cancelled_at
    elif refunds:
        found["refunded"] = max(refunds)
    if any(late) or topic in LATE_TOPICS:
        found["late"] = max((at for at in late if at), default=now)
    if topic in COMPLAINT_TOPICS:
        found["complaint"] = now
    return {kind: at for kind, at in found.items() if kind in failures.kinds}


def _late(expected: datetime | None, arrived: datetime | None, now: datetime) -> bool:
    return expected is not None and (arrived or now) > expected


def _failed_before(other: OrderSummary, failures: Failures, now: datetime) -> str | None:
    """What went wrong with another order of the shopper, as far as its summary tells."""
    if _out_of_sight(other.cancelled_at, other.cancel_reason, other.created_at, failures, now):
        return None
    if other.cancelled_at is not None:
        kind = "cancelled"
    elif other.payment_status in ("refunded", "partially_refunded"):
        kind = "refunded"
    elif other.declined or other.payment_status == "expired":
        kind = "declined"
    else:
        return None
    return kind if kind in failures.kinds else None


def _out_of_sight(
    cancelled: datetime | None, reason: str | None, placed: datetime, failures: Failures, now: datetime
) -> bool:
    excepted = {each.casefold() for each in failures.except_reasons}
    not_ours = cancelled is not None and (reason or "").casefold() in excepted
    return not_ours or now - placed > timedelta(days=failures.days)


def repeated_failures(
    order: Order,
    own: dict[str, datetime],
    history: OrderHistory | Missing,
    failures: Failures,
    now: datetime,
    *,
    opens: bool = False,
) -> Verdict:
    """So many orders of one shopper with a failure. What is new is what happened last.

    `opens`: only orders count that were placed before this one went wrong: of several, the last one opens a case.
    """
    name = "repeated_failures"
    if isinstance(history, Missing):
        why = f"the order history could not be read ({history.why})"
        return Verdict(f"{name}: not checked, {why}", alert=f"repeated failures cannot be counted: {why}")
    if history.key == "none" and failures.count > 1:
        return Verdict(f"{name}: not checked, the shopper cannot be told from others")
    until = (max(own.values()), order.id) if opens and own else None
    told = history.orders if until is None else [o for o in history.orders if (o.created_at, o.id) < until]
    others = {o.id: o for o in told if o.id != order.id}
    kinds = {i: kind for i, o in others.items() if (kind := _failed_before(o, failures, now)) is not None}
    count = len(kinds) + bool(own)
    more = "" if history.complete else ", and there are orders that were not read"
    counted = f"{count} orders with a failure in failures.days ({failures.days}), found by {history.key}{more}"
    if count < failures.count:
        return Verdict(f"{name}: {counted}: fewer than failures.count ({failures.count})")
    newest = max(kinds, key=lambda i: (others[i].created_at, i), default="")
    last = [order.id, *sorted(own)] if own else [newest, kinds[newest]]
    listed = [f"{one_line(order.number, 60)} {' and '.join(sorted(own))}"] if own else []
    before = sorted(kinds, key=lambda i: (others[i].created_at, i), reverse=True)
    listed += [f"{one_line(others[i].number, 60)} {kinds[i]}" for i in before]
    shown = ", ".join(listed[:_SHOWN]) + (f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else "")
    finding = Finding(
        exception=name,
        ground=digest_of(name, last),
        summary=f"{count} orders went wrong in {failures.days} days (found by {history.key}): {shown}",
        arose_at=max(own.values(), default=order.created_at),
    )
    return Verdict(f"{name}: {counted}: reaches failures.count ({failures.count})", finding)
