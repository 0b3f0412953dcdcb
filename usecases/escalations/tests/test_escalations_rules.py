from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import (
    Customer,
    CustomerReply,
    Money,
    Order,
    OrderHistory,
    OrderSummary,
    Payment,
    Refund,
    Shipment,
)
from caseconnect.sdk.casework import CaseworkSettings, UseCase, Verdict, follow_up, open_or_add
from caseconnect.sdk.commands import CommentCase, OpenCase, UpdateCase, digest_of
from caseconnect.sdk.decisions import Decision, Finding, Missing
from caseconnect.sdk.events import CustomerReplied, OrderChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_escalations.checks import failed, large_value, repeated_failures, vip
from caseconnect_escalations.rules import decide
from caseconnect_escalations.settings import EscalationsSettings, Failures

NOW = PLACED + timedelta(minutes=5)
OTHER = UseCase(name="other", exceptions=("odd",))
DECLINED = Payment(id="p1", kind="sale", status="failure", amount=money("120.00"), created_at=PLACED)
SHIPPED = Shipment(id="s1", status="in_transit", created_at=PLACED, estimated_delivery_at=PLACED)


def settings(**changes: Any) -> EscalationsSettings:
    return EscalationsSettings.model_validate(changes)


def earlier(number: int, **changes: Any) -> OrderSummary:
    """An order of the same shopper, so many days before."""
    placed = PLACED - timedelta(days=number)
    made = OrderSummary(id=f"e{number}", number=f"#e{number}", created_at=placed, total=money("10.00"))
    return made.model_copy(update={"cancelled_at": placed, "cancel_reason": "inventory", **changes})


def someone_else(event: Any, matter: Any, facts: Any, policy: Any, now: Any) -> Any:
    """A use case that finds something in every order of more than one cent."""
    followed = follow_up(OTHER, event, matter, facts, policy)
    if followed is not None:
        return followed
    if not isinstance(event, OrderChanged):
        return Decision(reason="looks at orders alone")
    finding = Finding(exception="odd", ground=digest_of("odd"), summary="odd", arose_at=PLACED)
    return open_or_add(OTHER, matter, sample_order(), [Verdict("odd", finding)], facts, policy, now)


OUTCOMES = {"approved": "release", "verify": "ask_verification"}


def story(order: Order | None = None, *, tags: tuple[str, ...] = ("VIP",), others: Any = (), **changes: Any) -> Story:
    """A case that another use case opened, for a customer with these tags; escalations are asked, too."""
    policy = CaseworkSettings.model_validate({"outcomes": OUTCOMES})
    made = Story([("other", someone_else, policy), ("escalations", decide, settings(**changes))], order)
    made.customer = Customer(id="77", name="Jane Roe", tags=tags)
    made.history = OrderHistory(key="customer", orders=tuple(others))
    made.changed()
    made.settle("OpenCase")
    return made


def alone(order: Order | None = None, *, tags: tuple[str, ...] = (), others: Any = (), **changes: Any) -> Story:
    """No other use case is at work."""
    made = Story([("escalations", decide, settings(**changes))], order)
    made.customer = Customer(id="77", name="Jane Roe", tags=tags)
    made.history = others if isinstance(others, Missing) else OrderHistory(key="email", orders=tuple(others))
    made.changed()
    return made


def wrote(story: Story) -> None:
    """The customer answers."""
    item = Subject("mail", "reply", "m1")
    story.run(CustomerReplied(subject=ORDER, time=story.now, item=item, record=CustomerReply(id="m1", text="Here.")))


# Raising the case that is open


def test_the_open_case_of_a_vip_gets_priority_owner_and_deadline_and_no_second_case_opens() -> None:
    one = story(owner={"vip": "key accounts"}, opens=["vip"])
    assert one.kinds() == ["OpenCase", "CommentCase", "UpdateCase"]
    (update,) = one.of(UpdateCase)
    assert (update.priority, update.owner, update.due) == ("high", "key accounts", one.now + timedelta(hours=8))
    assert [(e.field, e.value) for e in update.expects] == [("outcome", None)]
    assert one.comments() == ["Escalated, vip: tag VIP of the customer.\n\nDue by 2026-11-02 17:05 UTC."]
    assert "tag VIP of the customer is in vip_tags; large_value: large_value is empty" in one.reasons[-1]
    assert one.matter.owner == "other"
    for _ in range(3):
        one.changed(note="please hurry")
    assert len(one.sent) == 3
    assert one.reasons[-1].endswith("escalated before")


@pytest.mark.parametrize(
    "sold",
    [
        {"channel": "pos"},
        {"delivery": ("pickup",)},
        {"delivery": ("digital",)},
        {"payment_terms": "net_30"},
        {"preorder": True},
    ],
)
def test_a_vips_case_is_raised_however_the_order_was_sold_and_delivered(sold: dict[str, Any]) -> None:
    assert story(sample_order(**sold)).kinds() == ["OpenCase", "CommentCase", "UpdateCase"]


def test_what_the_case_has_already_or_better_is_left() -> None:
    one = story(tags=(), owner={"*": "desk"}, large_value={"EUR": "1000"})
    one.case = one.case.model_copy(
        update={"priority": "urgent", "assignee": "desk", "due_at": one.now + timedelta(hours=1)}
    )
    one.changed(total=money("1000.00"))
    assert one.kinds() == ["OpenCase", "CommentCase"]
    assert "Due by" not in one.comments()[0]


def test_a_further_ground_is_said_and_raises_further() -> None:
    one = story(large_value={"EUR": "500"}, priority={"large_value": "urgent", "*": "high"}, due_hours={})
    assert one.of(UpdateCase)[0].due is None
    one.case = one.case.model_copy(update={"priority": "high"})
    one.changed(total=money("600.00"))
    assert [u.priority for u in one.of(UpdateCase)] == ["high", "urgent"]
    assert len(one.timers) == 2


def test_a_case_that_is_decided_or_closed_is_not_raised() -> None:
    for changes in ({"outcome": "approved"}, {"closed": True}):
        one = story(tags=())
        one.case = one.case.model_copy(update=changes)
        one.customer = Customer(id="77", tags=("vip",))
        one.changed()
        assert one.kinds() == ["OpenCase"]
        assert "not escalated, the case is decided" in one.reasons[-1]


def test_a_case_that_cannot_be_read_is_raised_all_the_same() -> None:
    one = story(tags=())
    one.facts["case"] = Missing(why="down")
    one.customer = Customer(id="77", tags=("vip",))
    one.changed()
    assert one.of(UpdateCase)[0].priority == "high"


def test_a_case_is_open_so_conditions_count_and_nothing_settles() -> None:
    one = story(only_if={"vip": "order.total.minor > 20000"}, settle_minutes={"*": 60})
    assert one.kinds() == ["OpenCase"]
    one.changed(total=money("200.01"))
    assert one.kinds() == ["OpenCase", "CommentCase", "UpdateCase"]


def test_a_matter_without_an_order_is_left_to_others() -> None:
    one = Story([("escalations", decide, settings(opens=["vip"]))])
    one.matter = replace(one.matter, subject=Subject("desk", "complaint", "c1"), state="open", owner="complaints")
    one.changed()
    assert one.sent == []
    assert "the matter is about a complaint" in one.reasons[0]


# Opening one where none is


@pytest.mark.parametrize(
    ("order", "changes", "why"),
    [
        ({"tags": ("vip",)}, {}, "but opens does not name it and no case is open"),
        ({}, {"opens": ["vip"]}, "vip: nothing of vip_tags, vip_attributes and vip_if"),
        ({"tags": ("vip",), "test": True}, {"opens": ["vip"]}, "a test order: applies_to.test_orders is false"),
        ({"tags": ("vip",), "cancelled_at": PLACED}, {"opens": ["vip"]}, "but the order is cancelled"),
        ({}, {"opens": ["large_value"], "large_value": {"USD": "1"}}, "has no threshold for EUR (it has USD)"),
        ({}, {"large_value": {"EUR": "120.01"}}, "120.00 EUR is below large_value.EUR (120.01)"),
        ({}, {}, "repeated_failures: nothing of failures.kinds in this order"),
        ({"payments": (DECLINED,)}, {"failures": {"kinds": []}}, "failures.kinds is empty"),
        ({"payments": (DECLINED,)}, {}, "1 orders with a failure in failures.days (90), found by email: fewer than"),
    ],
)
def test_what_opens_nothing_says_which_setting_decided(order: Any, changes: Any, why: str) -> None:
    one = alone(sample_order(**order), **changes)
    assert one.sent == []
    assert why in one.reasons[-1]


def test_repeated_failures_open_a_case_with_everything_in_it() -> None:
    order = sample_order(payments=(DECLINED,), customer_id=None)
    one = alone(order, others=[earlier(3), earlier(9, cancelled_at=None, payment_status="refunded")])
    (case,) = one.of(OpenCase)
    assert case.priority == "high"
    assert case.due == one.now + timedelta(hours=8)
    assert "3 orders went wrong in 90 days (found by email): #1001 declined, #e3 cancelled, #e9 refunded" in (
        case.description
    )
    assert one.matter.owner == "escalations"
    assert len(one.timers) == 2
    one.settle("OpenCase")
    one.changed()
    assert one.kinds() == ["OpenCase"]
    one.case_changed(outcome="Resolved", revision="r1")
    assert one.matter.state == "closed"
    one.changed(note="thanks")
    assert one.kinds() == ["OpenCase"], "the same failures open nothing again"
    one.changed(refunds=(Refund(id="r1", created_at=one.now, total=money("5.00")),))
    assert one.kinds() == ["OpenCase", "OpenCase"], "a new one does"


def test_deadlines_count_working_hours() -> None:
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00")
    one = alone(tags=("vip",), opens=["vip"], calendar={"time_zone": "Europe/Berlin", "hours": week})
    assert one.of(OpenCase)[0].due == datetime(2026, 11, 3, 9, 5, tzinfo=UTC)
    assert sorted(one.timers.values()) == [
        datetime(2026, 11, 2, 15, 5, tzinfo=UTC),
        datetime(2026, 11, 3, 9, 5, tzinfo=UTC),
    ]


def test_settle_time_is_waited_for_before_a_case_opens() -> None:
    one = alone(tags=("vip",), opens=["vip"], settle_minutes={"vip": 60})
    assert one.kinds() == []
    one.tick(1)
    assert one.kinds() == ["OpenCase"]


def test_the_outcome_of_a_case_with_findings_of_others_is_theirs() -> None:
    one = alone(tags=("vip",), opens=["vip"])
    one.settle("OpenCase")
    odd = Finding(exception="high_risk", ground="g", summary="risky", arose_at=PLACED)
    one.matter = replace(one.matter, findings=(*one.matter.findings, odd))
    one.case_changed(outcome="surprise", revision="r1")
    assert "high_risk was found here too" in one.reasons[-1]
    assert (one.alerts, one.matter.state) == ([], "open")


def test_an_outcome_that_is_not_named_alerts() -> None:
    one = alone(tags=("vip",), opens=["vip"])
    one.settle("OpenCase")
    one.case_changed(outcome="surprise", revision="r1")
    assert len(one.alerts) == 1


# Steps


def test_steps_are_taken_in_working_time_while_nobody_decides() -> None:
    one = story(
        steps=[{"after_hours": 2}, {"after_hours": 4, "priority": "urgent", "owner": "lead", "comment": "Late!"}]
    )
    one.tick(1.9)
    assert len(one.sent) == 3
    one.tick(0.2)
    assert one.comments()[-1] == "Nobody has decided yet. (2 working hours after the escalation.)"
    one.tick(2)
    assert one.comments()[-1] == "Late! (4 working hours after the escalation.)"
    last = one.of(UpdateCase)[-1]
    assert (last.priority, last.owner, last.due) == ("urgent", "lead", None)
    assert [(e.fact, e.field, e.value) for e in last.expects] == [("case", "outcome", None)]
    assert one.timers == {}


def test_no_step_is_taken_on_a_case_that_is_decided() -> None:
    one = story(steps=[{"after_hours": 2}])
    one.case = one.case.model_copy(update={"outcome": "approved"})
    one.tick(3)
    assert "steps.0 (after_hours 2): not taken, the case is decided" in one.reasons
    assert len(one.comments()) == 1


def test_the_clock_stands_while_the_case_waits_for_the_customer() -> None:
    one = story(steps=[{"after_hours": 4}])
    one.tick(3)
    one.case_changed(outcome="verify", revision="r1")
    assert one.matter.stage == "waiting_for_customer"
    said = len(one.comments())
    one.tick(24 * 40)
    assert len(one.comments()) == said
    wrote(one)
    assert one.matter.stage == "in_review"
    one.tick(0.9)
    assert len(one.comments()) == said + 1, "the reply alone"
    one.tick(0.2)
    assert one.comments()[-1].startswith("Nobody has decided yet")
    expected = one.of(CommentCase)[-1].expects
    assert [e.value for e in expected] == ["verify"], "the outcome that asked the customer is no decision"


def test_a_step_whose_case_cannot_be_read_is_tried_again() -> None:
    one = story(steps=[{"after_hours": 1}])
    one.facts["case"] = Missing(why="down")
    one.tick(1)
    assert "could not be read (down), tried again" in one.reasons[-1]
    del one.facts["case"]
    one.tick(0.2)
    assert one.comments()[-1].startswith("Nobody has decided yet")


def test_a_step_that_is_due_late_and_twice_is_taken_once() -> None:
    one = story(steps=[{"after_hours": 1}])
    timers = dict(one.timers)
    one.tick(30)
    one.timers = timers
    one.tick(30)
    assert len(one.comments()) == 2


# Checks


@pytest.mark.parametrize(
    ("order", "customer", "changes", "why"),
    [
        ({"tags": ("Vip",)}, {}, {}, "tag Vip of the order is in vip_tags"),
        ({}, {"tags": ("gold",)}, {"vip_tags": ["GOLD"]}, "tag gold of the customer is in vip_tags"),
        ({}, {"attributes": {"tier": "Gold"}}, {"vip_attributes": {"tier": "gold"}}, "in vip_attributes.tier"),
        ({"attributes": {"vip": "yes"}}, {}, {"vip_attributes": {"vip": ["yes", "1"]}}, "vip of the order is in"),
        ({}, {"orders_count": 60}, {"vip_if": "customer.orders_count > 50"}, "vip_if holds"),
    ],
)
def test_marks_of_a_vip(order: Any, customer: Any, changes: Any, why: str) -> None:
    verdict = vip(sample_order(**order), Customer(id="77", **customer), settings(**changes), NOW)
    assert verdict.finding is not None
    assert why in verdict.reason


def test_a_guest_and_a_customer_who_cannot_be_read_are_no_vips() -> None:
    assert vip(sample_order(), None, settings(), NOW).finding is None
    verdict = vip(sample_order(), Missing(why="withheld"), settings(), NOW)
    assert verdict.finding is None
    assert verdict.reason.endswith("the customer could not be read (withheld)")


@pytest.mark.parametrize(
    ("order", "topic", "kinds"),
    [
        ({}, "", set()),
        ({"payments": (DECLINED,)}, "", {"declined"}),
        ({"payments": (DECLINED.model_copy(update={"kind": "refund"}),)}, "", set()),
        ({"cancelled_at": NOW, "cancel_reason": "inventory"}, "", {"cancelled"}),
        ({"cancelled_at": NOW, "cancel_reason": "CUSTOMER", "payments": (DECLINED,)}, "", set()),
        ({"refunds": (Refund(id="r", created_at=NOW, total=money("1")),)}, "", {"refunded"}),
        ({"shipments": (SHIPPED,)}, "", {"late"}),
        ({"shipments": (SHIPPED.model_copy(update={"delivered_at": PLACED}),)}, "", set()),
        ({}, "fulfillment", {"late"}),
        ({}, "complaint", {"complaint"}),
        ({}, "order_review", set()),
        ({"payments": (DECLINED,), "created_at": NOW - timedelta(days=91)}, "complaint", set()),
    ],
)
def test_what_went_wrong_with_an_order(order: Any, topic: str, kinds: Any) -> None:
    assert failed(sample_order(**order), Failures(), NOW, topic).keys() == kinds


@pytest.mark.parametrize(
    ("others", "changes", "found"),
    [
        ([earlier(1), earlier(2)], {}, True),
        ([earlier(1), earlier(2, cancel_reason="Customer")], {}, False),
        ([earlier(1), earlier(91)], {}, False),
        ([earlier(1), earlier(91)], {"days": 92}, True),
        ([earlier(1), earlier(2, cancelled_at=None)], {}, False),
        ([earlier(1), earlier(2, cancelled_at=None, payment_status="expired")], {}, True),
        ([earlier(1), earlier(2, cancelled_at=None, declined=True)], {}, True),
        ([earlier(1), earlier(2)], {"count": 4}, False),
        ([earlier(1), earlier(2)], {"kinds": ["declined", "late"]}, False),
        ([], {"count": 1}, True),
    ],
)
def test_failures_are_counted_over_the_shoppers_orders(others: Any, changes: Any, found: bool) -> None:
    failures = Failures.model_validate(changes)
    history = OrderHistory(key="phone", orders=tuple(others))
    verdict = repeated_failures(sample_order(), {"late": NOW}, history, failures, NOW)
    assert (verdict.finding is not None) == found
    assert "found by phone" in verdict.reason


def test_a_history_that_is_missing_unknown_or_cut_is_said() -> None:
    missing = repeated_failures(sample_order(), {"late": NOW}, Missing(why="denied"), Failures(), NOW)
    assert missing.alert == "repeated failures cannot be counted: the order history could not be read (denied)"
    unknown = repeated_failures(sample_order(), {"late": NOW}, OrderHistory(key="none"), Failures(), NOW)
    assert "cannot be told from others" in unknown.reason
    cut = repeated_failures(sample_order(), {}, OrderHistory(key="email", complete=False), Failures(), NOW)
    assert "there are orders that were not read" in cut.reason


def test_of_the_failures_of_one_shopper_the_last_one_opens_a_case() -> None:
    failures = {"count": 2}
    later = earlier(-1, cancelled_at=None, declined=True)
    first = alone(sample_order(payments=(DECLINED,)), others=(later,), failures=failures)
    assert first.kinds() == []
    assert "1 orders with a failure" in first.reasons[-1]
    last = alone(sample_order(payments=(DECLINED,)), others=(earlier(1),), failures=failures)
    assert last.kinds() == ["OpenCase"]
    again = DECLINED.model_copy(update={"id": "p2", "created_at": PLACED + timedelta(days=2)})
    assert alone(sample_order(payments=(again,)), others=(later,), failures=failures).kinds() == ["OpenCase"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"opens": ["surprise"]},
        {"vip_if": "order.totl.minor > 1"},
        {"large_value": {"EUR": "0"}},
        {"failures": {"count": 0}},
        {"steps": [{"after_hours": 4}, {"after_hours": 4}]},
        {"steps": [{"after_hours": 0}]},
        {"priority": {"surprise": "high"}},
        {"outcomes": {"approved": "points"}},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


SUMMARIES = st.builds(
    lambda n, cancelled, reason, paid: earlier(
        n, cancelled_at=PLACED if cancelled else None, cancel_reason=reason, payment_status=paid
    ),
    st.integers(0, 120),
    st.booleans(),
    st.sampled_from([None, "customer", "inventory", "declined"]),
    st.sampled_from(["paid", "refunded", "expired", "unknown"]),
)


@given(st.lists(SUMMARIES, max_size=6, unique_by=lambda o: o.id), st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_order_in_which_orders_are_read_changes_nothing(others: Any, random: Any, count: int) -> None:
    mixed = random.sample(others, len(others))
    one, two = (
        repeated_failures(
            sample_order(), {"late": NOW}, OrderHistory(key="email", orders=tuple(each)), Failures(count=count), NOW
        )
        for each in (others, mixed)
    )
    assert one == two
    assert one.reason


@given(st.permutations(range(4)), st.booleans())
def test_independent_events_in_any_order_come_to_the_same(order: Any, vip_first: bool) -> None:
    one = story(tags=("vip",) if vip_first else (), large_value={"EUR": "500"}, opens=["vip", "large_value"])

    def marked() -> None:
        one.customer = Customer(id="77", tags=("vip",))
        one.changed()

    happens: list[Any] = [
        marked,
        lambda: one.changed(total=money("700.00")),
        lambda: one.changed(note="x"),
        lambda: one.case_changed(status="Open"),
    ]
    for each in order:
        happens[each]()
    one.changed()
    said = sorted(text.split(".")[0] for text in one.comments())
    assert said == ["Escalated, large value: 700", "Escalated, vip: tag vip of the customer"]
    assert [c.kind for c in one.sent].count("OpenCase") == 1
    assert len(one.timers) == 2


@given(st.sampled_from(["EUR", "USD", "JPY"]), st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_large_order_reaches_the_threshold_of_its_own_currency(currency: str, total: int, threshold: int) -> None:
    order = sample_order(total=Money.model_validate({"amount": str(total), "currency": currency}))
    verdict = large_value(order, settings(large_value={"EUR": threshold, "USD": threshold}))
    assert (verdict.finding is not None) == (currency != "JPY" and total >= threshold)
    assert currency in verdict.reason
