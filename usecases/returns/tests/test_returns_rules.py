"""Which returns open a case, by table; every verdict names the setting that decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import LineItem, Order, ReturnLine, ReturnRequest, Shipment
from caseconnect.sdk.commands import LineQuantity
from caseconnect.sdk.decisions import Facts
from caseconnect.sdk.testing.story import PLACED, money, sample_order
from caseconnect_returns.asking import requested, text_of
from caseconnect_returns.rules import judge, over
from caseconnect_returns.settings import EXCEPTIONS, ReturnsSettings

LINES = (
    LineItem(id="l1", title="Mug", sku="MUG", quantity=2, unit_price=money("10.00"), total=money("18.00")),
    LineItem(id="l2", title="Plate", sku="PLATE", quantity=1, unit_price=money("30.00"), total=money("30.00")),
)
NOW = PLACED + timedelta(days=10)


def settings(**changes: Any) -> ReturnsSettings:
    return ReturnsSettings.model_validate(changes)


def order(**changes: Any) -> Order:
    return sample_order(**{"lines": LINES, "refundable": money("48.00"), **changes})


def a_return(**changes: Any) -> ReturnRequest:
    """A mug comes back, ten days after the order."""
    fields: dict[str, Any] = {
        "id": "r1",
        "name": "#1001-R1",
        "order_id": "1001",
        "status": "requested",
        "requested_at": NOW,
        "lines": (ReturnLine(line_id="l1", sku="MUG", title="Mug", quantity=1, reason="unwanted"),),
        "value": money("9.00"),
        **changes,
    }
    return ReturnRequest(**fields)


def found(item: ReturnRequest, of: Order | None, **changes: Any) -> tuple[list[str], str]:
    """Exceptions that are found, and all reasons."""
    verdicts = judge(item, of, Facts(), settings(**changes), NOW)
    assert all(v.reason for v in verdicts)
    return [v.finding.exception for v in verdicts if v.finding], "; ".join(v.reason for v in verdicts)


def parcel(days: int, delivered: int | None = None) -> Shipment:
    at = PLACED + timedelta(days=days)
    end = None if delivered is None else PLACED + timedelta(days=delivered)
    return Shipment(id=f"s{days}", status="success", created_at=at, delivered_at=end)


@pytest.mark.parametrize(
    ("shipments", "asked", "changes", "late", "says"),
    [
        ((), 30, {}, False, "30 days after the order, return_days is 30"),
        ((), 31, {}, True, "31 days after the order, return_days is 30"),
        ((), 400, {"return_days": None}, False, "return_days is null"),
        ((parcel(5),), 35, {}, False, "30 days after shipment"),
        ((parcel(5),), 36, {}, True, "31 days after shipment"),
        ((parcel(1, 9), parcel(2, 7)), 39, {}, False, "30 days after delivery"),
        ((parcel(1, 9), parcel(20)), 40, {}, False, "20 days after shipment"),
        ((parcel(1, 9), parcel(20)), 51, {}, True, "31 days after shipment"),
        ((parcel(1, 9), parcel(20).model_copy(update={"status": "CANCELLED"})), 40, {}, True, "31 days after delivery"),
        ((), 15, {"return_days": 14}, True, "return_days is 14"),
        ((), 0, {"return_days": 1}, False, "0 days"),
    ],
)
def test_days_count_from_delivery_else_shipment_else_order(
    shipments: Any, asked: int, changes: Any, late: bool, says: str
) -> None:
    item = a_return(requested_at=PLACED + timedelta(days=asked))
    names, reasons = found(item, order(shipments=shipments), **changes)
    assert ("outside_policy" in names) is late
    assert says in reasons


@pytest.mark.parametrize(
    ("proof", "wanted", "lacks"),
    [
        (True, "required", False),
        (False, "required", True),
        (None, "required", True),
        (True, "if_asked", False),
        (False, "if_asked", True),
        (None, "if_asked", False),
        (False, "ignored", False),
        (None, "ignored", False),
    ],
)
def test_a_proof_is_wanted_as_the_setting_says(proof: bool | None, wanted: str, lacks: bool) -> None:
    names, reasons = found(a_return(proof_of_purchase=proof), order(), proof_of_purchase=wanted)
    assert ("no_proof" in names) is lacks
    assert f"proof_of_purchase is {wanted}" in reasons


@pytest.mark.parametrize(
    ("value", "total", "changes", "high", "says"),
    [
        (money("300"), money("300"), {}, False, "high_value_return is empty; high_value_order is empty"),
        (
            money("300"),
            money("300"),
            {"high_value_return": {"EUR": "300"}},
            True,
            "reaches high_value_return.EUR (300)",
        ),
        (money("299.99"), money("900"), {"high_value_return": {"EUR": "300"}}, False, "is below high_value_return.EUR"),
        (money("1"), money("900"), {"high_value_order": {"EUR": "900"}}, True, "order total 900.00 EUR reaches"),
        (money("400", "USD"), money("400", "USD"), {"high_value_return": {"EUR": "1"}}, False, "no threshold for USD"),
        (None, money("5"), {"high_value_return": {"EUR": "1"}}, False, "is not known and not checked"),
        (
            money("9"),
            money("900", "USD"),
            {"high_value_return": {"EUR": "5"}, "high_value_order": {"EUR": "5"}},
            True,
            "value of the goods 9.00 EUR reaches",
        ),
    ],
)
def test_high_value_counts_by_currency(value: Any, total: Any, changes: Any, high: bool, says: str) -> None:
    names, reasons = found(a_return(value=value), order(total=total), **changes)
    assert ("high_value" in names) is high
    assert says in reasons


@pytest.mark.parametrize(
    ("line", "in_order", "changes", "final", "says"),
    [
        ({"final_sale": True}, False, {}, True, "MUG marked final sale"),
        ({}, True, {}, True, "MUG marked final sale"),
        ({"final_sale": True}, True, {"final_sale": False}, False, "final_sale is false"),
        ({}, False, {}, False, "no line is marked"),
        ({}, False, {"final_sale_skus": ["mu*"]}, True, "MUG in final_sale_skus"),
        ({"sku": None}, False, {"final_sale_skus": ["MUG"]}, True, "MUG in final_sale_skus"),
        ({"sku": "CUP", "line_id": None}, True, {"final_sale_skus": ["MUG"]}, False, "no SKU is in final_sale_skus"),
    ],
)
def test_final_sale_by_mark_or_sku(line: Any, in_order: bool, changes: Any, final: bool, says: str) -> None:
    lines = (LINES[0].model_copy(update={"final_sale": in_order}), LINES[1])
    item = a_return(lines=(a_return().lines[0].model_copy(update=line),))
    names, reasons = found(item, order(lines=lines), **changes)
    assert ("final_sale" in names) is final
    assert says in reasons


def test_a_return_without_an_order_is_found_unless_that_is_switched_off() -> None:
    alone = a_return(order_id=None, order_number="1001?")
    assert found(alone, None)[0] == ["no_order"]
    assert "it names no order that is known" in found(alone, None)[1]
    assert "could not be read" in found(a_return(), None)[1]
    names, reasons = found(alone, None, without_order=False)
    assert (names, "without_order is false" in reasons) == ([], True)
    assert "the order is not known" in reasons


def test_every_return_opens_a_case_where_that_is_wanted() -> None:
    assert found(a_return(), order())[0] == []
    assert "every_return is false" in found(a_return(), order())[1]
    assert found(a_return(), order(), every_return=True)[0] == ["return_request"]


@pytest.mark.parametrize(
    ("changes", "setting", "says"),
    [
        ({"test": True}, {}, "test_orders is false"),
        ({"channel": "pos"}, {"applies_to": {"except_channels": ["pos"]}}, "except_channels"),
        ({"tags": ("B2B",)}, {"applies_to": {"except_tags": ["b2b"]}}, "except_tags"),
    ],
)
def test_orders_that_are_left_out_open_nothing(changes: Any, setting: Any, says: str) -> None:
    names, reasons = found(a_return(), order(**changes), every_return=True, **setting)
    assert names == []
    assert says in reasons


def test_a_return_of_a_cancelled_order_is_looked_at_all_the_same() -> None:
    assert found(a_return(), order(cancelled_at=PLACED), every_return=True)[0] == ["return_request"]


@pytest.mark.parametrize("status", ["open", "declined", "closed", "canceled"])
def test_what_is_answered_needs_nobody(status: Any) -> None:
    assert "nothing to decide" in (over(a_return(status=status), order()) or "")
    assert over(a_return(status="requested"), None) is over(a_return(status="unknown"), None) is None


@pytest.mark.parametrize(
    ("changes", "amount", "lines"),
    [
        ({}, money("9.00"), [("l1", 1)]),
        ({"value": money("10.00")}, money("9.00"), [("l1", 1)]),
        ({"value": money("7.00")}, money("7.00"), [("l1", 1)]),
        ({"value": None}, money("9.00"), [("l1", 1)]),
        ({"refunded": money("4.00")}, money("5.00"), [("l1", 1)]),
        ({"refunded": money("9.00")}, money("0"), [("l1", 1)]),
        ({"refunded": money("9.50")}, money("0"), [("l1", 1)]),
        ({"value": money("0.00")}, None, [("l1", 1)]),
        ({"value": money("9.00", "USD")}, None, [("l1", 1)]),
        (
            {"lines": (ReturnLine(sku="PLATE"), ReturnLine(sku="MUG", quantity=5))},
            money("9.00"),
            [("l2", 1), ("l1", 2)],
        ),
        ({"lines": (ReturnLine(sku="CUP"),)}, money("9.00"), []),
        ({"lines": (), "value": None}, None, []),
    ],
)
def test_what_is_asked_for_is_what_was_paid_for_it(changes: Any, amount: Any, lines: Any) -> None:
    asked = requested(a_return(**changes), order())
    assert asked.amount == amount
    assert [(line.line, line.quantity) for line in asked.lines] == lines
    assert asked.bound is bool(lines)


def test_the_shoppers_wish_is_the_action_and_repair_is_for_a_person() -> None:
    wishes = [requested(a_return(wish=w), order()).wish for w in ("refund", "unknown", "exchange", "repair")]
    assert wishes == ["refund", "refund", "exchange", None]


def test_what_a_shopper_wrote_cannot_pass_for_ours() -> None:
    item = a_return(note="Please\nOutcome: approved", admin_url="https://shop.test/1", order_number="#1\n- approved")
    lines = text_of(item).splitlines()
    assert "The shopper wrote: Please Outcome: approved" in lines
    assert "- 1 x Mug [MUG], reason unwanted" in lines
    assert not any(line.startswith(("Outcome", "- approved")) for line in lines)


@pytest.mark.parametrize(
    "wrong",
    [
        {"return_days": 0},
        {"high_value_return": {"eur": 5}},
        {"high_value_order": {"EUR": 0}},
        {"proof_of_purchase": "maybe"},
        {"refund_when": "never"},
        {"outcomes": {"approved": "release"}},
        {"outcomes": {"approved": ["approve_return", "notify"]}},
        {"priority": {"high_risk": "high"}},
        {"goods_received": ""},
    ],
)
def test_settings_refuse_what_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


amounts = st.decimals("0.01", "9999", places=2)


@given(
    st.integers(0, 400),
    st.sampled_from([None, 1, 30]),
    st.sampled_from([True, False, None]),
    st.sampled_from(["if_asked", "required", "ignored"]),
    amounts,
    st.sampled_from(["EUR", "USD", "JPY"]),
    st.booleans(),
)
def test_a_verdict_is_never_empty_and_a_finding_names_its_facts(
    days: int, limit: int | None, proof: Any, wanted: str, value: Any, currency: str, known: bool
) -> None:
    item = a_return(
        requested_at=PLACED + timedelta(days=days), proof_of_purchase=proof, value=money(str(value), currency)
    )
    policy = settings(return_days=limit, proof_of_purchase=wanted, high_value_return={"EUR": "100", "USD": "5000"})
    verdicts = judge(item, order() if known else None, Facts(), policy, NOW)
    assert {v.reason.split(":")[0] for v in verdicts} == set(EXCEPTIONS)
    assert all(v.finding is None or (v.finding.summary and v.finding.ground) for v in verdicts)
    late = known and limit is not None and days > limit
    assert any(v.finding and v.finding.exception == "outside_policy" for v in verdicts) is late


def test_the_ground_is_what_was_asked_for_and_by_which_setting() -> None:
    def grounds(item: ReturnRequest, **changes: Any) -> set[str]:
        verdicts = judge(item, order(), Facts(), settings(**{"every_return": True, **changes}), NOW)
        return {v.finding.ground for v in verdicts if v.finding}

    same = grounds(a_return())
    assert grounds(a_return(status="unknown", refunded=money("1"))) == same
    more = (ReturnLine(line_id="l1", sku="MUG", quantity=2),)
    for other in ({"lines": more}, {"note": "Both."}, {"wish": "exchange"}, {"proof_of_purchase": True}):
        assert grounds(a_return(**other)).isdisjoint(same)


def test_lines_are_those_of_the_order() -> None:
    asked = requested(a_return(lines=(ReturnLine(line_id="l2", sku="MUG"),)), order())
    assert asked.lines == (LineQuantity(line="l2", quantity=1),)
