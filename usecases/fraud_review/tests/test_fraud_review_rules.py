from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import (
    FulfillmentOrder,
    LineItem,
    Money,
    Order,
    OrderHistory,
    OrderSummary,
    Payment,
    Risk,
    RiskFact,
)
from caseconnect.sdk.commands import HoldOrder, OpenCase
from caseconnect.sdk.decisions import Missing
from caseconnect.sdk.testing.story import Story, sample_order
from caseconnect_fraud_review.rules import decide, high_risk, high_value
from caseconnect_fraud_review.settings import FraudReviewSettings

PLACED = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
RISKY = Risk(
    level="high", recommendation="cancel", facts=(RiskFact(description="Card tried 4 times", sentiment="negative"),)
)


def euros(amount: str, currency: str = "EUR") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


def settings(**changes: Any) -> FraudReviewSettings:
    return FraudReviewSettings.model_validate(changes)


def run(order: Order | None = None, **changes: Any) -> Story:
    return Story([("fraud_review", decide, settings(**changes))], order)


def in_review(order: Order, **changes: Any) -> Story:
    """A risky order that is held, with its case open."""
    host = run(order, **changes)
    host.changed()
    host.settle("HoldOrder")
    host.settle("OpenCase")
    assert host.matter.stage == "in_review"
    return host


@pytest.mark.parametrize(
    ("level", "recommendation", "changes", "found", "says"),
    [
        ("high", "none", {}, True, "reaches risk_level (high)"),
        ("medium", "none", {}, False, "below risk_level (high)"),
        ("medium", "none", {"risk_level": "medium"}, True, "reaches risk_level (medium)"),
        ("low", "investigate", {}, True, "in recommendations"),
        ("low", "cancel", {"recommendations": ["investigate"]}, False, "not in recommendations"),
        ("high", "accept", {"risk_level": "off"}, False, "not in recommendations"),
        ("high", "cancel", {"risk_level": "off"}, True, "in recommendations"),
        ("pending", "none", {"risk_level": "low"}, False, "risk pending"),
        ("unknown", "none", {"risk_level": "low"}, False, "risk unknown"),
        ("none", "none", {"risk_level": "low"}, False, "risk none"),
    ],
)
def test_high_risk(level: Any, recommendation: Any, changes: dict[str, Any], found: bool, says: str) -> None:
    verdict = high_risk(sample_order(risk=Risk(level=level, recommendation=recommendation)), settings(**changes))
    assert (verdict.finding is not None) is found
    assert says in verdict.reason


@pytest.mark.parametrize(
    ("total", "thresholds", "found", "says"),
    [
        (euros("999.99"), {"EUR": "1000"}, False, "below high_value.EUR (1000)"),
        (euros("1000"), {"EUR": "1000"}, True, "reaches high_value.EUR (1000)"),
        (euros("1000.00"), {"EUR": "1000.0", "USD": "5"}, True, "reaches high_value.EUR"),
        (euros("99999", "JPY"), {"EUR": "1000"}, False, "no threshold for JPY"),
        (euros("99999"), {}, False, "high_value is empty"),
    ],
)
def test_high_value(total: Money, thresholds: dict[str, str], found: bool, says: str) -> None:
    verdict = high_value(sample_order(total=total), settings(high_value=thresholds))
    assert (verdict.finding is not None) is found
    assert says in verdict.reason


@checked(deadline=None)
@given(
    st.decimals("0", "1e9", places=2, allow_nan=False),
    st.sampled_from(["EUR", "USD", "JPY"]),
    st.dictionaries(st.sampled_from(["EUR", "USD", "GBP"]), st.decimals("0.01", "1e6", places=2), max_size=3),
)
def test_a_currency_without_threshold_is_said_and_never_found(
    amount: Decimal, currency: str, thresholds: dict[str, Decimal]
) -> None:
    verdict = high_value(sample_order(total=Money(amount=amount, currency=currency)), settings(high_value=thresholds))
    if currency in thresholds:
        assert (verdict.finding is not None) is (amount >= thresholds[currency])
    else:
        assert verdict.finding is None
        assert "high_value" in verdict.reason
        assert not thresholds or currency in verdict.reason


def test_value_ground_is_the_threshold_not_the_total() -> None:
    def ground(total: str, threshold: str) -> str:
        finding = high_value(sample_order(total=euros(total)), settings(high_value={"EUR": threshold})).finding
        assert finding is not None
        return finding.ground

    assert ground("1500", "1000") == ground("1700.50", "1000.00")
    assert ground("1500", "1000") != ground("1500", "1100")


def test_case_holds_indicators_profile_payments_history_and_snapshot() -> None:
    order = sample_order(
        risk=RISKY,
        payments=(
            Payment(
                id="t", kind="authorization", status="success", amount=euros("120"), created_at=PLACED, avs_result="N"
            ),
        ),
    )
    host = run(order, high_value={"EUR": "100"})
    host.history = OrderHistory(
        key="customer",
        orders=(
            OrderSummary(
                id="9", number="#900", created_at=PLACED - timedelta(days=9), total=euros("5"), ship_to="2 Elm Rd, Kiel"
            ),
        ),
    )
    host.changed()
    assert host.kinds() == ["OpenCase", "HoldOrder"]
    case, hold = host.of(OpenCase)[0], host.of(HoldOrder)[0]
    assert case.title == "Review order #1001: high risk, high value"
    assert case.priority == "high"
    for told in ("Card tried 4 times", "AVS N", "#900", "2 Elm Rd, Kiel", "3 orders", "threshold of 100 EUR"):
        assert told in case.description
    document = json.loads(case.documents[0].content)
    assert document["order"]["email"] == "jane.roe@example.com"
    assert document["order_history"]["orders"][0]["ship_to"] == "2 Elm Rd, Kiel"
    assert (hold.cause, hold.target, hold.after) == ("fraud", host.matter.subject, ())
    assert "fraud" not in hold.note.casefold()


def test_missing_background_is_said_and_does_not_stop_the_case() -> None:
    host = run(sample_order(risk=RISKY))
    host.history = host.customer = Missing(why="no permission")
    host.changed()
    assert host.of(OpenCase)[0].description.count("could not be read (no permission)") == 2


OPEN = FulfillmentOrder(id="f2", status="open", remaining_quantity=1)
SHIPPED = FulfillmentOrder(id="f1", status="closed", remaining_quantity=0)


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({}, True),
        ({"fulfillment_status": "fulfilled"}, False),
        ({"fulfillment_status": "partially_fulfilled", "fulfillment_orders": (SHIPPED, OPEN)}, True),
        ({"fulfillment_status": "partially_fulfilled", "fulfillment_orders": (SHIPPED,)}, False),
        (
            {
                "fulfillment_status": "partially_fulfilled",
                "fulfillment_orders": (),
                "lines": (LineItem(id="1", title="Mug", quantity=1, unfulfilled_quantity=1),),
            },
            True,
        ),
        ({"fulfillment_status": "partially_fulfilled", "fulfillment_orders": (), "lines": ()}, False),
        (
            {"fulfillment_status": "on_hold", "fulfillment_orders": (OPEN.model_copy(update={"status": "on_hold"}),)},
            True,
        ),
    ],
)
def test_what_is_still_open_is_held(changes: dict[str, Any], held: bool) -> None:
    host = run(sample_order(risk=RISKY, **changes))
    host.changed()
    assert ("HoldOrder" in host.kinds()) is held
    assert "OpenCase" in host.kinds()
    assert ("hold: asked for" if held else "hold: not asked for") in host.reasons[-1]


def test_hold_can_be_switched_off() -> None:
    host = run(sample_order(risk=RISKY), hold=False)
    host.changed()
    assert host.kinds() == ["OpenCase"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"high_value": {"eur": 5}},
        {"high_value": {"EUR": 0}},
        {"risk_level": "extreme"},
        {"recommendations": ["accept"]},
        {"priority": {"duplicate_order": "high"}},
    ],
)
def test_settings_refuse_what_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


@checked(deadline=None)
@given(st.lists(st.sampled_from(["risk", "value", "address", "nothing"]), min_size=1, max_size=6))
def test_deciding_again_gives_nothing_new(steps: list[str]) -> None:
    changes: dict[str, dict[str, Any]] = {
        "risk": {"risk": RISKY},
        "value": {"total": euros("2000")},
        "address": {"addresses_match": False},
        "nothing": {},
    }
    host = run(sample_order(), high_value={"EUR": "1000"})
    for step in steps:
        host.changed(**changes[step])
    again = host.changed()[0]
    assert again.reason
    assert (again.findings, again.commands) == ((), ())
    assert host.kinds().count("OpenCase") == bool({"risk", "value"} & set(steps))
    assert host.kinds().count("HoldOrder") == host.kinds().count("OpenCase")


@pytest.mark.parametrize("steps", list(permutations(["risk", "value", "address"])))
def test_permuting_independent_events_changes_nothing(steps: tuple[str, ...]) -> None:
    changes: dict[str, dict[str, Any]] = {
        "risk": {"risk": RISKY},
        "value": {"total": euros("2000")},
        "address": {"addresses_match": False},
    }
    host = run(sample_order(), high_value={"EUR": "1000"})
    for step in steps:
        host.changed(**changes[step])
    assert {f.exception for f in host.matter.findings} == {"high_risk", "high_value"}
    assert sorted(host.kinds()) == ["CommentCase", "HoldOrder", "OpenCase"] + (
        ["UpdateCase"] if steps.index("value") < steps.index("risk") else []
    )
