from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import (
    Address,
    LineItem,
    Money,
    Order,
    OrderHistory,
    OrderSummary,
    Payment,
    Risk,
    Shipment,
)
from caseconnect.sdk.decisions import Missing
from caseconnect.sdk.testing.story import Story, sample_order
from caseconnect_order_exceptions import checks
from caseconnect_order_exceptions.rules import decide
from caseconnect_order_exceptions.settings import OrderExceptionsSettings

PLACED = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
EUR = Money(amount=Decimal("120.00"), currency="EUR")


def settings(**changes: Any) -> OrderExceptionsSettings:
    return OrderExceptionsSettings.model_validate(changes)


def payment(number: int, status: str, kind: str = "sale", **changes: Any) -> Payment:
    fields = {
        "id": f"t{number}",
        "kind": kind,
        "status": status,
        "amount": EUR,
        "created_at": PLACED + timedelta(minutes=number),
    }
    return Payment.model_validate({**fields, **changes})


def earlier(minutes: float, **changes: Any) -> OrderSummary:
    fields = {
        "id": "1000",
        "number": "#1000",
        "created_at": PLACED - timedelta(minutes=minutes),
        "total": EUR,
        "items": (("MUG", 2),),
    }
    return OrderSummary.model_validate({**fields, **changes})


def shipment(number: int, hours: float, status: str = "success") -> Shipment:
    return Shipment(id=f"s{number}", status=status, created_at=PLACED + timedelta(hours=hours))


def run(order: Order | None = None, **changes: Any) -> Story:
    return Story([("order_exceptions", decide, settings(**changes))], order)


DECLINED = payment(1, "failure", error_code="card_declined")


@pytest.mark.parametrize(
    ("payments", "status", "changes", "found", "says"),
    [
        ((), "paid", {}, False, "the order is paid"),
        ((), "authorized", {}, False, "no failed payment"),
        ((DECLINED,), "pending", {}, True, "card_declined"),
        ((payment(1, "error"),), "pending", {}, True, "no code given"),
        ((DECLINED, payment(2, "success")), "authorized", {}, False, "a later payment succeeded"),
        ((payment(0, "success", "authorization"), payment(1, "failure", "capture")), "authorized", {}, True, "no code"),
        ((payment(2, "success", "refund"), DECLINED), "pending", {}, True, "card_declined"),
        ((payment(1, "failure", "refund"),), "authorized", {}, False, "no failed payment"),
        ((payment(1, "pending"),), "pending", {}, False, "no failed payment"),
        ((DECLINED,), "paid", {}, False, "the order is paid"),
        ((DECLINED,), "pending", {"payment_error_codes": ["expired_card"]}, False, "not in payment_error_codes"),
        ((DECLINED,), "pending", {"payment_error_codes": ["CARD_DECLINED"]}, True, "payment_error_codes allows"),
        ((payment(1, "failure"),), "pending", {"payment_error_codes": ["x"]}, True, "no code given"),
        ((), "expired", {}, True, "payment_statuses"),
        ((), "voided", {}, True, "payment_statuses"),
        ((), "voided", {"payment_statuses": ["expired"]}, False, "no failed payment"),
    ],
)
def test_payment_failure(payments: Any, status: str, changes: dict[str, Any], found: bool, says: str) -> None:
    order = sample_order(payments=payments, payment_status=status)
    verdict = checks.payment_failure(order, settings(**changes))
    assert (verdict.finding is not None) is found
    assert says in verdict.reason
    if verdict.finding is not None:
        failed = [p.created_at for p in order.payments if p.status in ("failure", "error")]
        assert verdict.finding.arose_at in (failed or [order.created_at])


def test_payment_failure_names_code_amount_and_number_of_failures() -> None:
    order = sample_order(
        payments=(DECLINED, payment(2, "failure", error_code="expired_card")), payment_status="pending"
    )
    finding = checks.payment_failure(order, settings()).finding
    assert finding is not None
    assert finding.summary == "sale of 120.00 EUR failed (code expired_card), 2 failed in all"


PLAIN = Address(line1="1 First St", city="Bonn")


@pytest.mark.parametrize(
    ("match", "validation", "avs", "checked", "found", "says"),
    [
        (True, "ok", "Y", None, False, "none of address_checks"),
        (None, None, None, None, False, "none of address_checks"),
        (False, "ok", None, None, True, "differs in address_checks"),
        (True, "error", None, None, True, "validation_error in address_checks"),
        (False, "error", None, None, True, "differs, validation_error"),
        (True, "warning", None, None, False, "validation_warning not in address_checks"),
        (True, "warning", None, ["validation_warning"], True, "validation_warning"),
        (True, "ok", "N", None, False, "avs not in address_checks"),
        (True, "ok", "n", ["avs"], True, "avs in address_checks"),
        (True, "ok", "A", ["avs"], False, "none of address_checks"),
        (False, "ok", None, [], False, "differs not in address_checks"),
    ],
)
def test_address_mismatch(match: Any, validation: Any, avs: Any, checked: Any, found: bool, says: str) -> None:
    order = sample_order(
        addresses_match=match,
        shipping_address=PLAIN.model_copy(update={"validation": validation}),
        payments=(payment(1, "success", avs_result=avs),),
    )
    chosen = settings() if checked is None else settings(address_checks=checked)
    verdict = checks.address_mismatch(order, chosen)
    assert (verdict.finding is not None) is found
    assert says in verdict.reason


def test_addresses_of_what_is_not_shipped_do_not_count() -> None:
    download = LineItem(id="l1", title="E-book", quantity=1, requires_shipping=False)
    verdict = checks.address_mismatch(sample_order(addresses_match=False, lines=(download,)), settings())
    assert verdict.finding is None
    assert "nothing of the order is shipped" in verdict.reason


def test_withheld_addresses_still_mismatch_by_the_platforms_flag() -> None:
    order = sample_order(addresses_match=False, billing_address=None, shipping_address=None)
    assert checks.address_mismatch(order, settings()).finding is not None


def test_address_ground_changes_with_an_address_and_with_nothing_else() -> None:
    def ground(**changes: Any) -> str:
        finding = checks.address_mismatch(sample_order(addresses_match=False, **changes), settings()).finding
        assert finding is not None
        return finding.ground

    assert ground() == ground(tags=("x",), updated_at=PLACED + timedelta(days=1), payment_status="paid")
    assert ground(shipping_address=PLAIN) == ground(
        shipping_address=Address(line1=" 1 first  ST", city="BONN", phone="1", validation="error")
    )
    assert ground(shipping_address=PLAIN) != ground(shipping_address=PLAIN.model_copy(update={"city": "Kiel"}))


@pytest.mark.parametrize(
    ("others", "changes", "found"),
    [
        ((), {}, False),
        ((earlier(4),), {}, True),
        ((earlier(60),), {}, True),
        ((earlier(61),), {}, False),
        ((earlier(61),), {"duplicate_minutes": 90}, True),
        ((earlier(4, total=Money(amount=Decimal("120.01"), currency="EUR")),), {}, False),
        ((earlier(4, total=Money(amount=Decimal(120), currency="USD")),), {}, False),
        ((earlier(4, total=Money(amount=Decimal(120), currency="EUR")),), {}, True),
        ((earlier(4, items=(("MUG", 1),)),), {}, False),
        ((earlier(4, items=(("MUG", 1), ("MUG", 1))),), {}, True),
        ((earlier(4, items=()),), {}, False),
        ((earlier(4, cancelled_at=PLACED),), {}, False),
        ((earlier(-4, id="1002"),), {}, False),
        ((earlier(0, id="1001"),), {}, False),
        ((earlier(0, id="1000"),), {}, True),
    ],
)
def test_duplicate_order(others: Any, changes: dict[str, Any], found: bool) -> None:
    verdict = checks.duplicate_order(sample_order(), OrderHistory(key="email", orders=others), settings(**changes))
    assert (verdict.finding is not None) is found
    assert "duplicate_minutes" in verdict.reason
    if verdict.finding is not None:
        assert "#1000" in verdict.finding.summary


def test_only_the_later_of_two_equal_orders_is_the_duplicate() -> None:
    first = sample_order(id="1000", number="#1000", created_at=PLACED - timedelta(minutes=4))
    later = earlier(0, id="1001", number="#1001")
    assert checks.duplicate_order(first, OrderHistory(key="customer", orders=(later,)), settings()).finding is None
    second = checks.duplicate_order(sample_order(), OrderHistory(key="customer", orders=(earlier(4),)), settings())
    assert second.finding is not None


def test_duplicates_that_cannot_be_told_are_said_to_be_unchecked() -> None:
    unknown = checks.duplicate_order(sample_order(), OrderHistory(key="none"), settings())
    assert "not checked" in unknown.reason
    assert unknown.alert is None
    missing = checks.duplicate_order(sample_order(), Missing(why="scope read_orders is missing"), settings())
    assert "not checked" in missing.reason
    assert missing.alert is not None
    assert "read_orders" in missing.alert


@pytest.mark.parametrize(("level", "found"), [("none", 0), ("low", 0), ("medium", 0), ("high", 1), ("pending", 0)])
def test_suspected_fraud(level: Any, found: int) -> None:
    verdict = checks.suspected_fraud(sample_order(risk=Risk(level=level)), settings())
    assert (verdict.finding is not None) is bool(found)
    assert "risk_levels" in verdict.reason


def test_a_partly_shipped_order_without_shipments_counts_from_its_start() -> None:
    order = sample_order(fulfillment_status="partially_fulfilled")
    verdict = checks.partial_fulfillment(order, settings(), PLACED + timedelta(hours=48))
    assert verdict.finding is not None
    assert "of the order" in verdict.finding.summary
