"""One function an exception: the order as read now in, a verdict out. Each verdict names the setting that decided."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from caseconnect.models import Address, Order, OrderHistory, OrderSummary, Payment
from caseconnect.sdk.casework import Verdict
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Finding, Missing, Timer
from caseconnect_order_exceptions.settings import OrderExceptionsSettings

_PAYING = frozenset({"authorization", "capture", "sale"})
_SETTLED = frozenset({"paid", "partially_refunded", "refunded"})
_NOT_SHIPPED = frozenset({"cancelled", "canceled", "error", "failure"})


def payment_failure(order: Order, settings: OrderExceptionsSettings) -> Verdict:
    """A payment that failed with none that succeeded later, or an order whose authorization ran out."""
    name = "payment_failure"
    paying = [p for p in order.payments if p.kind in _PAYING]
    failed = [p for p in paying if p.status in ("failure", "error")]
    last = max(failed, key=lambda p: (p.created_at, p.id), default=None)
    made_good = last is not None and any(p.status == "success" and p.created_at >= last.created_at for p in paying)
    if order.payment_status in _SETTLED:
        return Verdict(f"{name}: the order is {order.payment_status}")
    if last is not None and not made_good:
        return _failed_payment(order, last, len(failed), settings)
    if order.payment_status in settings.payment_statuses:
        finding = Finding(
            exception=name,
            ground=digest_of(name, order.payment_status),
            summary=f"the payment is {order.payment_status}",
            arose_at=order.created_at,
        )
        return Verdict(f"{name}: payment status {order.payment_status} is in payment_statuses", finding)
    return Verdict(f"{name}: {'a later payment succeeded' if made_good else 'no failed payment'}")


def _failed_payment(order: Order, last: Payment, count: int, settings: OrderExceptionsSettings) -> Verdict:
    name = "payment_failure"
    code = last.error_code
    counting = {c.casefold() for c in settings.payment_error_codes}
    if code is not None and counting and code.casefold() not in counting:
        return Verdict(f"{name}: code {code} is not in payment_error_codes")
    said = f"code {code}" if code is not None else "no code given"
    times = f", {count} failed in all" if count > 1 else ""
    finding = Finding(
        exception=name,
        ground=digest_of(name, last.id),
        summary=f"{last.kind} of {last.amount} failed ({said}){times}",
        arose_at=last.created_at,
    )
    return Verdict(f"{name}: {said}, payment_error_codes {'allows it' if counting else 'is empty: all count'}", finding)


def address_mismatch(order: Order, settings: OrderExceptionsSettings) -> Verdict:
    """Addresses that differ, that the platform cannot validate, or that the card network does not know."""
    name = "address_mismatch"
    if order.lines and not any(line.requires_shipping for line in order.lines):
        return Verdict(f"{name}: nothing of the order is shipped")
    validation = order.shipping_address.validation if order.shipping_address is not None else None
    codes = {c.upper() for c in settings.avs_codes}
    avs = sorted({p.avs_result.upper() for p in order.payments if p.avs_result} & codes)
    signs = {
        "differs": (order.addresses_match is False, "billing and shipping address differ"),
        "validation_error": (validation == "error", "the shipping address failed the platform's check"),
        "validation_warning": (validation == "warning", "the shipping address has a warning of the platform's check"),
        "avs": (bool(avs), f"the card network's address check answered {', '.join(avs)}"),
    }
    seen = [text for check, (hit, text) in signs.items() if hit and check in settings.address_checks]
    if seen:
        finding = Finding(
            exception=name,
            ground=digest_of(name, _place(order.billing_address), _place(order.shipping_address)),
            summary=", ".join(seen),
            arose_at=order.created_at,
        )
        hits = [check for check, (hit, _) in signs.items() if hit and check in settings.address_checks]
        return Verdict(f"{name}: {', '.join(hits)} in address_checks", finding)
    passed_over = [check for check, (hit, _) in signs.items() if hit]
    if passed_over:
        return Verdict(f"{name}: {', '.join(passed_over)} not in address_checks")
    return Verdict(f"{name}: none of address_checks ({', '.join(settings.address_checks) or 'empty'})")


def _place(address: Address | None) -> list[str]:
    if address is None:
        return []
    parts = (address.line1, address.line2, address.postal_code, address.city, address.province, address.country)
    return [" ".join((part or "").split()).casefold() for part in parts]


def not_compared(order: Order, settings: OrderExceptionsSettings, now: datetime) -> Verdict | None:
    """Why an order is not compared with others of its shopper; None when it is, and the history must be read."""
    if now - order.created_at > timedelta(hours=settings.duplicate_check_hours):
        return Verdict(f"duplicate_order: older than duplicate_check_hours ({settings.duplicate_check_hours})")
    return None if order.lines else Verdict("duplicate_order: the order has no items to compare")


def duplicate_order(order: Order, history: OrderHistory | Missing, settings: OrderExceptionsSettings) -> Verdict:
    """An earlier order of the same shopper with the same items and total. The later of the two is the exception."""
    name = "duplicate_order"
    if isinstance(history, Missing):
        return Verdict(
            f"{name}: not checked, the order history could not be read ({history.why})",
            alert=f"duplicate orders cannot be found: the order history could not be read ({history.why})",
        )
    if history.key == "none":
        return Verdict(f"{name}: not checked, the shopper cannot be told from others")
    window = timedelta(minutes=settings.duplicate_minutes)
    twins = [other for other in history.orders if _twin(order, other, window)]
    if not twins:
        return Verdict(f"{name}: no equal order within duplicate_minutes ({settings.duplicate_minutes})")
    twin = max(twins, key=lambda o: (o.created_at, o.id))
    apart = int((order.created_at - twin.created_at).total_seconds() // 60)
    finding = Finding(
        exception=name,
        ground=digest_of(name, twin.id),
        summary=f"same items and total as order {' '.join(twin.number.split())}, {apart} minutes before",
        arose_at=order.created_at,
    )
    return Verdict(f"{name}: equals {twin.number} within duplicate_minutes ({settings.duplicate_minutes})", finding)


def _twin(order: Order, other: OrderSummary, window: timedelta) -> bool:
    earlier = (other.created_at, other.id) < (order.created_at, order.id)
    if other.id == order.id or other.cancelled_at is not None or not earlier:
        return False
    items: Counter[str] = Counter()
    for line in order.lines:
        items[line.sku or line.variant_id or line.title] += line.quantity
    others: Counter[str] = Counter()
    for what, quantity in other.items:
        others[what] += quantity
    return order.created_at - other.created_at <= window and other.total == order.total and items == others


def suspected_fraud(order: Order, settings: OrderExceptionsSettings) -> Verdict:
    """A risk level that counts as a suspicion."""
    name = "suspected_fraud"
    level = order.risk.level
    if level not in settings.risk_levels:
        return Verdict(f"{name}: risk {level} is not in risk_levels ({', '.join(settings.risk_levels)})")
    finding = Finding(
        exception=name,
        ground=digest_of(name, level, order.risk.recommendation),
        summary=f"risk {level}, recommendation {order.risk.recommendation}",
        arose_at=order.created_at,
    )
    return Verdict(f"{name}: risk {level} is in risk_levels", finding)


def partial_fulfillment(order: Order, settings: OrderExceptionsSettings, now: datetime) -> Verdict:
    """A partly shipped order that nothing followed on. Before it is late, a timer looks again."""
    name = "partial_fulfillment"
    if order.fulfillment_status != "partially_fulfilled":
        return Verdict(f"{name}: the order is {order.fulfillment_status}")
    shipped = [s for s in order.shipments if s.status.casefold() not in _NOT_SHIPPED]
    last = max(shipped, key=lambda s: (s.created_at, s.id), default=None)
    since = last.created_at if last is not None else order.created_at
    due = since + timedelta(hours=settings.partial_hours)
    ground = digest_of(name, last.id if last is not None else "")
    if now < due:
        timer = Timer(name=f"{name}:{due:%Y%m%dT%H%M%S.%fZ}", due=due)
        return Verdict(f"{name}: partly shipped, late after partial_hours ({settings.partial_hours})", timer=timer)
    what = "last shipment" if last is not None else "order"
    finding = Finding(
        exception=name,
        ground=ground,
        summary=f"partly shipped, and nothing followed within {settings.partial_hours} hours of the {what}",
        arose_at=due,
    )
    return Verdict(f"{name}: late by partial_hours ({settings.partial_hours})", finding)
