"""Fraud review: pure rules from an order as read now to a held order, a case, and what its outcome does."""

from __future__ import annotations

from datetime import datetime

from caseconnect.models import Order
from caseconnect.sdk.casework import UseCase, Verdict, follow_up, not_applying, open_or_add, reaching
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter, Need, Needs
from caseconnect.sdk.events import Event
from caseconnect_fraud_review.settings import EXCEPTIONS, FraudReviewSettings

USE_CASE = UseCase(
    name="fraud_review",
    exceptions=EXCEPTIONS,
    cancel_cause="fraud",
    hold_causes={"high_risk": "fraud", "high_value": "fraud"},
)

_LEVELS = ("low", "medium", "high")


def decide(
    event: Event, matter: Matter, facts: Facts, settings: FraudReviewSettings, now: datetime
) -> Decision | Needs:
    """Hold the order and open a case, add to the open one, or carry its outcome out."""
    followed = follow_up(USE_CASE, event, matter, facts, settings)
    if followed is not None:
        return followed
    order = facts.get("order", matter.subject, Order)
    if not isinstance(order, Order):
        return Needs(needs=(Need(fact="order", subject=matter.subject),))
    out = not_applying(order, settings.applies_to)
    if out is not None:
        verdicts = [Verdict(f"order {order.number}: {out}")]
    else:
        verdicts = [high_risk(order, settings), high_value(order, settings)]
    hold_for = EXCEPTIONS if settings.hold else ()
    return open_or_add(USE_CASE, matter, order, verdicts, facts, settings, now, hold_for=hold_for, applies=out is None)


def high_risk(order: Order, settings: FraudReviewSettings) -> Verdict:
    """A risk level from `risk_level` on, or a recommendation in `recommendations`."""
    name = "high_risk"
    risk = order.risk
    by_level = (
        settings.risk_level != "off"
        and risk.level in _LEVELS
        and _LEVELS.index(risk.level) >= _LEVELS.index(settings.risk_level)
    )
    if not by_level and risk.recommendation not in settings.recommendations:
        return Verdict(
            f"{name}: risk {risk.level} is below risk_level ({settings.risk_level}), "
            f"recommendation {risk.recommendation} is not in recommendations"
        )
    finding = Finding(
        exception=name,
        ground=digest_of(name, risk.level, risk.recommendation),
        summary=f"risk {risk.level}, recommendation {risk.recommendation}",
        arose_at=order.created_at,
    )
    by = f"reaches risk_level ({settings.risk_level})" if by_level else "is below risk_level"
    asked = "in" if risk.recommendation in settings.recommendations else "not in"
    return Verdict(
        f"{name}: risk {risk.level} {by}, recommendation {risk.recommendation} is {asked} recommendations", finding
    )


def high_value(order: Order, settings: FraudReviewSettings) -> Verdict:
    """A total from the threshold of its currency on."""
    return reaching("high_value", order, settings.high_value)
