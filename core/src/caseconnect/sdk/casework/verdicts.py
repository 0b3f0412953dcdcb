"""What one check says of an order, what settings make of it, and which of the findings are new to a matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from caseconnect.models import Order
from caseconnect.sdk.casework.policy import CONDITION, EVERY, AppliesTo
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.conditions import Condition, Records
from caseconnect.sdk.decisions import Finding, Matter, Timer


@dataclass(frozen=True)
class Verdict:
    """One check's answer: why, and what was found or when to look again. `alert`: it could not be checked."""

    reason: str
    finding: Finding | None = None
    timer: Timer | None = None
    alert: str | None = None


def reaching(name: str, order: Order, thresholds: Mapping[str, Decimal]) -> Verdict:
    """Whether the order's total reaches the threshold of its currency. `name` is the exception's and the setting's."""
    currency = order.total.currency
    if not thresholds:
        return Verdict(f"{name}: {name} is empty, no total is looked at")
    threshold = thresholds.get(currency)
    if threshold is None:
        known = ", ".join(sorted(thresholds))
        return Verdict(f"{name}: not checked, {name} has no threshold for {currency} (it has {known})")
    if order.total.amount < threshold:
        return Verdict(f"{name}: {order.total} is below {name}.{currency} ({threshold:f})")
    finding = Finding(
        exception=name,
        ground=digest_of(name, f"{threshold.normalize():f}", currency),
        summary=f"{order.total} reaches the threshold of {threshold:f} {currency}",
        arose_at=order.created_at,
    )
    return Verdict(f"{name}: {order.total} reaches {name}.{currency} ({threshold:f})", finding)


def fresh(matter: Matter, verdicts: Iterable[Verdict]) -> tuple[Finding, ...]:
    """Findings that neither this episode nor an earlier one had: a risk that stays high raises nothing twice."""
    found = (v.finding for v in verdicts if v.finding is not None)
    return tuple(f for f in found if not matter.has(f.exception, f.ground) and f.ground not in matter.seen_grounds)


def limited(verdicts: Iterable[Verdict], only_if: Mapping[str, Condition], records: Records) -> list[Verdict]:
    """Findings count only where `only_if` of their exception holds; '*' is for all exceptions that are not named."""
    return [_limited(verdict, only_if, records) for verdict in verdicts]


def _limited(verdict: Verdict, only_if: Mapping[str, Condition], records: Records) -> Verdict:
    if verdict.finding is None:
        return verdict
    name = name_for(only_if, verdict.finding.exception)
    if name is None:
        return verdict
    why = only_if[name].why_not(records)
    if why is None:
        return replace(verdict, reason=f"{verdict.reason}, and only_if.{name} holds")
    return replace(verdict, reason=f"{verdict.reason}, but only_if.{name} {why}", finding=None)


def also(conditions: Mapping[str, Condition], records: Records, arose_at: datetime) -> list[Verdict]:
    """What a tenant's own conditions find: each that holds is one finding, once for a matter, by its name."""
    return [_also(name, condition.why_not(records), arose_at) for name, condition in conditions.items()]


def _also(name: str, why: str | None, arose_at: datetime) -> Verdict:
    if why is not None:
        return Verdict(f"{CONDITION}: also.{name} {why}")
    finding = Finding(
        exception=CONDITION, ground=digest_of(CONDITION, name), summary=f"{name} holds", arose_at=arose_at
    )
    return Verdict(f"{CONDITION}: also.{name} holds", finding)


def let_settle(verdicts: Iterable[Verdict], minutes: Mapping[str, int], now: datetime) -> list[Verdict]:
    """A finding younger than its exception's minutes waits: a timer brings the use case back to look again.

    One timer for each exception, due when the first of its findings is old enough.
    """
    found = [_settled(verdict, minutes, now) for verdict in verdicts]
    first: dict[str, Timer] = {}
    for timer in (v.timer for v in found if v.timer is not None):
        first[timer.name] = min(timer, first.get(timer.name, timer), key=lambda t: t.due)
    return [v if v.timer is None else replace(v, timer=first[v.timer.name]) for v in found]


def _settled(verdict: Verdict, minutes: Mapping[str, int], now: datetime) -> Verdict:
    if verdict.finding is None:
        return verdict
    exception = verdict.finding.exception
    name = name_for(minutes, exception)
    if name is None:
        return verdict
    due = verdict.finding.arose_at + timedelta(minutes=minutes[name])
    if now >= due:
        return verdict
    reason = f"{verdict.reason}, but {exception} waits {minutes[name]} minutes (settle_minutes.{name})"
    return replace(verdict, reason=reason, finding=None, timer=Timer(name=f"{exception}:settle", due=due))


def by_exception(found: Mapping[str, Any], exception: str) -> Any:
    """What is said of an exception, else of all others; None when nothing is."""
    name = name_for(found, exception)
    return None if name is None else found[name]


def name_for(found: Mapping[str, Any], exception: str) -> str | None:
    """The name under which something is said of an exception: its own, else '*'; None when nothing is."""
    return next((name for name in (exception, EVERY) if name in found), None)


def not_applying(order: Order, applies_to: AppliesTo) -> str | None:
    """Why a use case does not look at the order, with the setting that says so; None if it does."""
    if order.cancelled_at is not None:
        return "the order is cancelled: cancelled orders open nothing"
    return left_out(order, applies_to)


def left_out(order: Order, applies_to: AppliesTo) -> str | None:
    """The setting of `applies_to` that leaves the order out, cancelled or not; None if none does."""
    return _kind(order, applies_to) or _place(order, applies_to) or _excepted(order, applies_to)


def _kind(order: Order, applies_to: AppliesTo) -> str | None:
    """Flags: what sort of order it is."""
    if order.test and not applies_to.test_orders:
        return "a test order: applies_to.test_orders is false"
    if order.company is not None and not applies_to.companies:
        return "a company's order: applies_to.companies is false"
    if order.payment_terms is not None and not applies_to.payment_terms:
        return f"paid later ({order.payment_terms}): applies_to.payment_terms is false"
    if order.preorder and not applies_to.preorders:
        return "a pre-order: applies_to.preorders is false"
    return None


def _place(order: Order, applies_to: AppliesTo) -> str | None:
    """Channel and market: where it was placed."""
    for what, value, only, excepted in (
        ("channel", order.channel, applies_to.channels, applies_to.except_channels),
        ("market", order.site, applies_to.markets, applies_to.except_markets),
    ):
        said = value or "unknown"
        folded = said.casefold()
        if only and folded not in {each.casefold() for each in only}:
            return f"{what} {said} is not in applies_to.{what}s"
        if folded in {each.casefold() for each in excepted}:
            return f"{what} {said} is in applies_to.except_{what}s"
    return None


def _excepted(order: Order, applies_to: AppliesTo) -> str | None:
    """Tags and ways of delivery; an order that is delivered in several ways is out only if all of them are."""
    tags = {tag.casefold() for tag in order.tags}
    tag = next((t for t in applies_to.except_tags if t.casefold() in tags), None)
    if tag is not None:
        return f"tag {tag} is in applies_to.except_tags"
    ways = sorted(set(order.delivery))
    if ways and {way.casefold() for way in ways} <= {each.casefold() for each in applies_to.except_delivery}:
        return f"delivery {', '.join(ways)} is in applies_to.except_delivery"
    return None
