"""Order exceptions: pure rules from an order as read now to a case."""

from __future__ import annotations

from datetime import datetime

from caseconnect.models import Order, OrderHistory
from caseconnect.sdk.casework import UseCase, Verdict, follow_up, not_applying, open_or_add
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import Event
from caseconnect_order_exceptions import checks
from caseconnect_order_exceptions.settings import EXCEPTIONS, ExceptionName, OrderExceptionsSettings

USE_CASE = UseCase(
    name="order_exceptions",
    exceptions=EXCEPTIONS,
    hold_causes={"payment_failure": "payment", "address_mismatch": "address", "suspected_fraud": "fraud"},
)


def decide(
    event: Event, matter: Matter, facts: Facts, settings: OrderExceptionsSettings, now: datetime
) -> Decision | Needs:
    """Open a case for what is wrong with the order, add to the open one, or carry its outcome out."""
    followed = follow_up(USE_CASE, event, matter, facts, settings)
    if followed is not None:
        return followed
    order = facts.get("order", matter.subject, Order)
    if not isinstance(order, Order):
        return Needs(needs=(Need(fact="order", subject=matter.subject),))
    out = not_applying(order, settings.applies_to)
    if out is not None:
        verdict = Verdict(f"order {order.number}: {out}")
        return open_or_add(USE_CASE, matter, order, [verdict], facts, settings, now, applies=False)
    verdicts = _verdicts(order, matter, facts, settings, now)
    if isinstance(verdicts, Needs):
        return verdicts
    return open_or_add(USE_CASE, matter, order, verdicts, facts, settings, now, hold_for=settings.hold_for)


def _verdicts(
    order: Order, matter: Matter, facts: Facts, settings: OrderExceptionsSettings, now: datetime
) -> list[Verdict] | Needs:
    duplicates = _duplicates(order, matter, facts, settings, now)
    if isinstance(duplicates, Needs):
        return duplicates
    answers: dict[ExceptionName, Verdict] = {
        "payment_failure": checks.payment_failure(order, settings),
        "address_mismatch": checks.address_mismatch(order, settings),
        "duplicate_order": duplicates,
        "suspected_fraud": checks.suspected_fraud(order, settings),
        "partial_fulfillment": checks.partial_fulfillment(order, settings, now),
    }
    return [
        answers[name] if name in settings.exceptions else Verdict(f"{name}: not in exceptions") for name in EXCEPTIONS
    ]


def _duplicates(
    order: Order, matter: Matter, facts: Facts, settings: OrderExceptionsSettings, now: datetime
) -> Verdict | Needs:
    if "duplicate_order" not in settings.exceptions:
        return Verdict("duplicate_order: not in exceptions")
    not_compared = checks.not_compared(order, settings, now)
    if not_compared is not None:
        return not_compared
    history = facts.get("order_history", matter.subject, OrderHistory)
    if history is None:
        return Needs(needs=(Need(fact="order_history", subject=matter.subject, required=False),))
    return checks.duplicate_order(order, history, settings)
