"""What one check says of an order, and which of the findings are new to a matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from caseconnect.models import Order
from caseconnect.sdk.casework.policy import AppliesTo
from caseconnect.sdk.decisions import Finding, Matter, Timer


@dataclass(frozen=True)
class Verdict:
    """One check's answer: why, and what was found or when to look again. `alert`: it could not be checked."""

    reason: str
    finding: Finding | None = None
    timer: Timer | None = None
    alert: str | None = None


def fresh(matter: Matter, verdicts: Iterable[Verdict]) -> tuple[Finding, ...]:
    """Findings that neither this episode nor an earlier one had: a risk that stays high raises nothing twice."""
    found = (v.finding for v in verdicts if v.finding is not None)
    return tuple(f for f in found if not matter.has(f.exception, f.ground) and f.ground not in matter.seen_grounds)


def not_applying(order: Order, applies_to: AppliesTo) -> str | None:
    """Why a use case does not look at the order, with the setting that says so; None if it does."""
    if order.cancelled_at is not None:
        return "the order is cancelled: cancelled orders open nothing"
    return left_out(order, applies_to)


def left_out(order: Order, applies_to: AppliesTo) -> str | None:
    """The setting of `applies_to` that leaves the order out, cancelled or not; None if none does."""
    if order.test and not applies_to.test_orders:
        return "a test order: applies_to.test_orders is false"
    channel = order.channel or "unknown"
    if applies_to.channels and channel not in applies_to.channels:
        return f"channel {channel} is not in applies_to.channels"
    if channel in applies_to.except_channels:
        return f"channel {channel} is in applies_to.except_channels"
    tags = {tag.casefold() for tag in order.tags}
    tag = next((t for t in applies_to.except_tags if t.casefold() in tags), None)
    return None if tag is None else f"tag {tag} is in applies_to.except_tags"
