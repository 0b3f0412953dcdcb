from __future__ import annotations

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
from caseconnect.sdk.commands import HoldOrder, OpenCase, UpdateCase
from caseconnect.sdk.decisions import Missing
from caseconnect.sdk.testing.story import Story, sample_order
from caseconnect_order_exceptions.rules import decide
from caseconnect_order_exceptions.settings import EXCEPTIONS, OrderExceptionsSettings

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


PLAIN = Address(line1="1 First St", city="Bonn")
DECLINED = payment(1, "failure", error_code="card_declined")


def test_history_is_read_only_for_young_orders() -> None:
    host = run()
    host.now = PLACED + timedelta(hours=73)
    host.changed()
    assert "older than duplicate_check_hours (72)" in host.reasons[-1]
    assert host.most_rounds == 1


def test_partial_fulfillment_waits_then_finds_and_the_delay_arises_when_it_is_late() -> None:
    host = run(exceptions=["partial_fulfillment"], partial_hours=24)
    host.changed(fulfillment_status="partially_fulfilled", shipments=(shipment(1, 1), shipment(2, 30, "cancelled")))
    assert list(host.timers.values()) == [PLACED + timedelta(hours=25)]
    assert host.sent == []
    host.changed()
    assert list(host.timers.values()) == [PLACED + timedelta(hours=25)]
    host.tick(23)
    assert host.sent == []
    host.tick(2)
    assert host.kinds() == ["OpenCase"]
    assert host.matter.findings[0].arose_at == PLACED + timedelta(hours=25)
    assert not host.timers


def test_partial_fulfillment_timer_moves_with_the_next_shipment_and_goes_with_the_last() -> None:
    host = run(exceptions=["partial_fulfillment"], partial_hours=24)
    host.changed(fulfillment_status="partially_fulfilled", shipments=(shipment(1, 0),))
    host.changed(shipments=(shipment(1, 0), shipment(2, 5)))
    assert list(host.timers.values()) == [PLACED + timedelta(hours=29)]
    host.changed(fulfillment_status="fulfilled")
    assert host.timers == {}
    assert host.tick(100) == []


@pytest.mark.parametrize(
    ("changes", "applies", "says"),
    [
        ({"test": True}, {}, "applies_to.test_orders"),
        ({"cancelled_at": PLACED}, {}, "cancelled orders open nothing"),
        ({"channel": "pos"}, {"except_channels": ["pos"]}, "applies_to.except_channels"),
        ({"channel": None}, {"channels": ["web"]}, "applies_to.channels"),
        ({"tags": ("B2B",)}, {"except_tags": ["b2b"]}, "applies_to.except_tags"),
    ],
)
def test_orders_that_are_not_looked_at(changes: dict[str, Any], applies: dict[str, Any], says: str) -> None:
    host = run(sample_order(risk=Risk(level="high"), **changes), applies_to=applies)
    host.changed()
    assert host.sent == []
    assert says in host.reasons[-1]


def test_test_orders_count_when_the_setting_says_so() -> None:
    host = run(sample_order(risk=Risk(level="high"), test=True), applies_to={"test_orders": True})
    host.changed()
    assert host.kinds() == ["OpenCase"]


@pytest.mark.parametrize("off", EXCEPTIONS)
def test_each_exception_can_be_switched_off(off: str) -> None:
    order = sample_order(
        payment_status="expired",
        addresses_match=False,
        risk=Risk(level="high"),
        fulfillment_status="partially_fulfilled",
        shipments=(shipment(1, -72),),
    )
    host = run(order, exceptions=[name for name in EXCEPTIONS if name != off])
    host.history = OrderHistory(key="customer", orders=(earlier(4),))
    host.changed()
    assert {f.exception for f in host.matter.findings} == set(EXCEPTIONS) - {off}
    assert f"{off}: not in exceptions" in host.reasons[-1]
    assert host.most_rounds <= 3


def test_case_holds_what_was_found_and_the_settings_shape_it() -> None:
    host = run(
        sample_order(risk=Risk(level="high"), addresses_match=False),
        title="{exceptions} / {order} / {shop}",
        description="{findings}",
        attributes={"orderNumber": "{order}"},
        priority={"address_mismatch": "urgent"},
        snapshot="none",
        hold_for=["address_mismatch"],
    )
    host.changed()
    case = host.of(OpenCase)[0]
    assert case.title == "address mismatch, suspected fraud / #1001 / shop"
    assert case.description.splitlines() == [
        "- Address mismatch: billing and shipping address differ",
        "- Suspected fraud: risk high, recommendation none",
    ]
    assert (case.priority, case.attributes, case.documents) == ("urgent", {"orderNumber": "#1001"}, ())
    assert case.client_name == "Jane Roe"
    hold = host.of(HoldOrder)[0]
    assert (hold.cause, hold.target) == ("address", host.matter.subject)


def test_further_findings_are_added_to_the_open_case_and_raise_its_priority() -> None:
    host = run()
    host.changed(addresses_match=False)
    host.changed(risk=Risk(level="high"))
    host.changed(tags=("seen",))
    assert host.kinds() == ["OpenCase", "CommentCase", "UpdateCase"]
    text = host.comments()[0]
    assert "Suspected fraud" in text
    assert "Address" not in text
    assert all(command.after == ("case",) for command in host.sent[1:])
    assert host.of(UpdateCase)[0].priority == "high"


def test_a_closed_matter_opens_again_only_on_new_grounds() -> None:
    host = run()
    host.changed(payment_status="pending", payments=(DECLINED,))
    host.settle("OpenCase")
    host.case_changed(outcome="approved", revision="r1")
    assert host.matter.state == "closed"
    host.changed(tags=("x",))
    assert len(host.of(OpenCase)) == 1
    host.changed(payments=(DECLINED, payment(2, "failure")))
    assert len(host.of(OpenCase)) == 2
    assert host.matter.episode == 2


def test_an_outcome_without_a_hold_closes_the_matter_and_touches_no_order() -> None:
    host = run()
    host.changed(addresses_match=False)
    host.settle("OpenCase")
    host.case_changed(outcome="Approved", revision="r1")
    assert host.kinds() == ["OpenCase", "CommentCase"]
    assert "nothing was released" in host.comments()[-1]


def test_a_case_that_an_agent_closes_without_an_outcome_ends_the_matter() -> None:
    host = run()
    host.changed(addresses_match=False)
    host.settle("OpenCase")
    host.case_changed(closed=True, revision="r1")
    assert host.matter.state == "closed"
    assert host.alerts == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"exceptions": ["late"]},
        {"hold_for": ["late"]},
        {"priority": {"late": "high"}},
        {"title": "{order.__class__}"},
        {"description": "{nobody}"},
        {"attributes": {"a": "{nobody}"}},
        {"outcomes": {"approved": "refund"}},
        {"outcomes": {"Approved": "release", "approved ": "cancel"}},
        {"unknown": 1},
        {"applies_to": {"tests": True}},
        {"duplicate_minutes": 0},
    ],
)
def test_settings_refuse_what_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def orders() -> st.SearchStrategy[dict[str, Any]]:
    """Changes of an order, from nothing wrong to everything."""
    return st.fixed_dictionaries(
        {},
        optional={
            "payment_status": st.sampled_from(["pending", "authorized", "paid", "expired", "voided", "unknown"]),
            "payments": st.lists(
                st.builds(payment, st.integers(0, 4), st.sampled_from(["success", "failure", "error", "pending"])),
                max_size=4,
            ).map(tuple),
            "addresses_match": st.sampled_from([True, False, None]),
            "shipping_address": st.sampled_from([None, PLAIN, PLAIN.model_copy(update={"validation": "error"})]),
            "risk": st.builds(Risk, level=st.sampled_from(["none", "low", "medium", "high", "pending"])),
            "fulfillment_status": st.sampled_from(["unfulfilled", "partially_fulfilled", "fulfilled", "on_hold"]),
            "shipments": st.sampled_from([(), (shipment(1, 1),), (shipment(1, -60),)]),
            "cancelled_at": st.sampled_from([None, None, PLACED]),
            "customer_id": st.sampled_from(["77", None]),
            "lines": st.sampled_from([(), (LineItem(id="1", title="Mug", sku="MUG", quantity=2),)]),
            "total": st.sampled_from([EUR, Money(amount=Decimal("0.00"), currency="JPY")]),
        },
    )


histories = st.sampled_from(
    [OrderHistory(key="none"), OrderHistory(key="customer", orders=(earlier(4),)), Missing(why="no permission")]
)
holds = st.sets(st.sampled_from(EXCEPTIONS)).map(sorted)


@checked(deadline=None)
@given(orders(), histories, holds)
def test_verdict_is_never_empty_and_deciding_again_gives_nothing_new(
    changes: dict[str, Any], history: Any, hold_for: list[str]
) -> None:
    host = run(sample_order(**changes), hold_for=hold_for)
    host.history = history
    host.changed()
    again = host.changed()[0]
    assert again.reason
    assert (again.findings, again.commands, again.timers, again.cancel_timers) == ((), (), (), ())
    assert host.kinds().count("OpenCase") <= 1
    assert host.matter.is_open() is ("OpenCase" in host.kinds())
    found = {f.exception for f in host.matter.findings}
    assert ("HoldOrder" in host.kinds()) <= bool(found & set(hold_for))


@checked(deadline=None)
@given(st.lists(orders(), min_size=1, max_size=3), histories)
def test_one_case_whatever_the_order_of_changes(steps: list[dict[str, Any]], history: Any) -> None:
    host = run()
    host.history = history
    for step in steps:
        host.changed(**step)
    assert host.kinds().count("OpenCase") <= 1
    grounds = [(f.exception, f.ground) for f in host.matter.findings]
    assert len(grounds) == len(set(grounds))


@pytest.mark.parametrize("steps", list(permutations(["address", "risk", "payment", "tag"])))
def test_permuting_independent_events_changes_nothing(steps: tuple[str, ...]) -> None:
    changes: dict[str, dict[str, Any]] = {
        "address": {"addresses_match": False},
        "risk": {"risk": Risk(level="high")},
        "payment": {"payments": (DECLINED,)},
        "tag": {"tags": ("vip",)},
    }
    host = run(hold_for=["suspected_fraud"])
    for step in steps:
        host.changed(**changes[step])
    assert {f.exception for f in host.matter.findings} == {"address_mismatch", "suspected_fraud", "payment_failure"}
    assert host.kinds().count("OpenCase") == 1
    assert host.kinds().count("HoldOrder") == 1
    assert host.kinds().count("CommentCase") == 2


@pytest.mark.parametrize(("outcome", "told"), [("approved", True), ("verify", False), (None, False)])
def test_what_is_found_after_the_decision_calls_a_person(outcome: str | None, told: bool) -> None:
    declined = sample_order(payments=(payment(1, "failure"),), payment_status="pending")
    host = Story([("order_exceptions", decide, settings(hold_for=["payment_failure"]))], declined)
    host.changed()
    host.settle("HoldOrder")
    host.settle("OpenCase")
    host.case_changed(outcome=outcome, revision="r1")
    for _ in range(2):
        host.changed(risk=Risk(level="high"))
    assert "Suspected fraud" in host.comments()[-1]
    said = "suspected fraud was found after outcome 'approved' was set: look at the case"
    assert [said in alert for alert in host.alerts] == [True] * told
    if told:  # the alert ends with the matter, so the last word is told once more
        host.settle("ReleaseOrder")
        assert host.matter.state == "closed"
        assert host.alerts[1:] == [
            "shop/order/1001: something more was found after the outcome was set: look at the case"
        ]
