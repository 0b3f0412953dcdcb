from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import ApprovalRequest, LineItem, Money, Order, Refund
from caseconnect.sdk.commands import CreateReplacement, IssueCredit, OpenCase, RefundPayment
from caseconnect.sdk.decisions import Missing
from caseconnect.sdk.events import ApprovalRequested
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_approvals.requests import bound
from caseconnect_approvals.rules import decide
from caseconnect_approvals.settings import ApprovalsSettings

ITEM = Subject("desk", "approval", "a1")
ASKED_AT = PLACED + timedelta(minutes=1)


def order(**changes: Any) -> Order:
    """Two mugs, paid: 20.00 EUR can be given back."""
    line = LineItem(id="l1", title="Mug", sku="MUG", quantity=2, variant_id="v1", unit_price=money("10.00"))
    return sample_order(**{"lines": (line,), "total": money("20.00"), "refundable": money("20.00"), **changes})


def asked(action: Any = "refund", **more: Any) -> ApprovalRequest:
    """Mia asks."""
    fields = {"amount": money("15.00"), "requested_by": "mia", "reason": "arrived late", "created_at": ASKED_AT}
    return ApprovalRequest(**{"id": "a1", "action": action, **fields, **more})


def story(item: Any = None, of: Order | None = None, *, alone: bool = False, **settings: Any) -> Story:
    """A request that came in."""
    policy = ApprovalsSettings.model_validate(settings)
    record = item or asked()
    event = ApprovalRequested(subject=ORDER, item=ITEM, time=PLACED, record=record)
    made = Story([("approvals", decide, policy)], of or order(), item=event, alone=alone)
    made.told()
    return made


def opened(*of: Any, **settings: Any) -> Story:
    """A request whose case is open."""
    made = story(*of, **settings)
    assert made.kinds() == ["OpenCase"]
    made.settle("OpenCase")
    return made


def moved(of: Story) -> list[str]:
    """What went to the shop."""
    return [c.kind for c in of.sent if c.side == "order"]


def test_nothing_is_paid_before_it_is_approved_and_the_case_shows_what_an_approval_binds() -> None:
    one = opened()
    (case,) = one.of(OpenCase)
    assert f"An approval binds exactly this: {bound(asked(), order())}" in case.description
    assert "Asked for: refund of 15.00 EUR" in case.description
    assert moved(one) == []
    one.case_changed(outcome="approved", revision="r1")
    (refund,) = one.of(RefundPayment)
    assert (refund.amount, refund.approval()) == (money("15.00"), bound(asked(), order()))
    one.settle("RefundPayment")
    assert one.matter.state == "closed"


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (asked("credit"), IssueCredit),
        (asked("replacement", amount=None, lines=(("MUG", 1),)), CreateReplacement),
        (asked("refund", amount=None, lines=(("MUG", 1),)), RefundPayment),
    ],
)
def test_each_kind_is_carried_out_as_it_was_shown(item: Any, kind: Any) -> None:
    one = opened(item)
    one.case_changed(outcome="approved", revision="r1")
    (command,) = one.of(kind)
    assert command.approval() == bound(item, order())
    assert f"exactly this: {command.approval()}" in one.of(OpenCase)[0].description


def test_a_rejected_request_does_nothing() -> None:
    one = opened()
    one.case_changed(outcome="rejected", revision="r1")
    assert (moved(one), one.matter.state) == ([], "closed")


@pytest.mark.parametrize(
    ("item", "settings", "why"),
    [
        (asked(), {}, "free_up_to is empty"),
        (asked(), {"free_up_to": {"EUR": "14.99"}}, "15.00 EUR is above free_up_to.EUR (14.99)"),
        (asked(), {"free_up_to": {"USD": "99"}}, "free_up_to has no amount for EUR (it has USD)"),
        (asked(), {"free_up_to": {"EUR": "99"}, "kinds": ["credit"]}, "refund is not in kinds"),
        (asked(amount=money("20.01")), {"free_up_to": {"EUR": "99"}}, "more than can still be given back"),
        (asked(amount=money("5", "USD")), {"free_up_to": {"USD": "99"}}, "the shopper paid in EUR"),
        (asked(amount=None), {"free_up_to": {"EUR": "99"}}, "does not say how much"),
        (
            asked("replacement", lines=(("CUP", 1),)),
            {"free_up_to": {"EUR": "99"}},
            "goods are named that are not in order #1001",
        ),
    ],
)
def test_the_setting_that_asks_somebody_is_named(item: Any, settings: Any, why: Any) -> None:
    one = story(item, **settings)
    assert one.kinds() == ["OpenCase"]
    assert why in one.reasons[-1]
    assert moved(one) == []


def test_a_request_without_an_order_is_a_case_and_its_approval_does_nothing() -> None:
    one = story(alone=True, free_up_to={"EUR": "99"})
    one.settle("OpenCase")
    one.case_changed(outcome="approved", revision="r1")
    assert moved(one) == []
    assert "its order is not known" in one.comments()[0]
    assert len(one.alerts) == 1


def test_what_is_within_the_limits_is_carried_out_at_once_and_counted() -> None:
    one = story(free_up_to={"EUR": "15"}, free_per_month={"EUR": "40"})
    (refund,) = one.of(RefundPayment)
    assert one.kinds() == ["RefundPayment"]
    assert refund.counter is not None
    assert (refund.counter.amount, refund.counter.limit) == (Decimal("15.00"), Decimal(40))
    assert "2026-11" in refund.counter.name
    one.settle("RefundPayment")
    assert (one.matter.state, one.kinds()) == ("closed", ["RefundPayment"])


def test_what_was_to_be_carried_out_at_once_and_was_refused_becomes_a_case() -> None:
    one = story(free_up_to={"EUR": "15"})
    one.settle("RefundPayment", "refused", "the gateway is closed")
    one.settle("OpenCase")
    assert one.kinds() == ["RefundPayment", "OpenCase"]
    one.case_changed(outcome="approved", revision="r1")
    assert one.kinds() == ["RefundPayment", "OpenCase", "RefundPayment", "CommentCase"]


def test_what_waits_for_a_person_alerts() -> None:
    one = story(free_up_to={"EUR": "15"})
    one.settle("RefundPayment", "parked", "over a cap")
    assert (one.kinds(), len(one.alerts), one.matter.state) == (["RefundPayment"], 1, "open")


@pytest.mark.parametrize(
    ("by", "decided_by", "why"),
    [
        ("mia", "Mia@Example.com ", "who asked has approved it"),
        ("mia", None, "does not say who decided"),
        (None, "ann@example.com", "does not say who asks"),
        ("tom", "ann@example.com", "'tom', who asks, is not in people"),
        ("mia", "7c360758", "'7c360758', who decided, is not in people"),
        ("mia", "ann@example.com", None),
    ],
)
def test_four_eyes(by: Any, decided_by: Any, why: Any) -> None:
    people = {"mia": "mia@example.com", "ann": "Ann@example.com"}
    one = opened(asked(requested_by=by), four_eyes=True, people=people)
    for _ in range(2):
        one.case_changed(outcome="approved", revision="r1", decided_by=decided_by)
    assert bool(one.of(RefundPayment)) == (why is None)
    if why is not None:
        assert [why in t for t in one.comments()] == [True]
        assert len(one.alerts) == 1
        assert not any(name in text for name in ("'tom'", "7c360758") for text in (*one.alerts, *one.reasons))
        one.case_changed(outcome="approved", revision="r2", decided_by="ann@example.com")
        assert bool(one.of(RefundPayment)) == (by == "mia")


def test_nobody_decides_and_the_request_expires() -> None:
    one = opened(expires_hours=24)
    one.tick(23)
    assert one.matter.is_open()
    one.tick(2)
    assert (one.matter.state, one.matter.stage) == ("closed", "expired")
    one.case_changed(outcome="approved", revision="r1")
    assert moved(one) == []
    assert "had expired" in one.comments()[-1]


def test_a_decision_in_time_outlives_the_timer() -> None:
    one = opened(expires_hours=24)
    one.case_changed(outcome="approved", revision="r1")
    one.tick(30)
    assert one.matter.is_open()
    one.settle("RefundPayment")
    assert one.matter.stage == "resolved"


def refunded(amount: str) -> tuple[Refund, ...]:
    """A refund made in the shop after the request."""
    return (Refund(id="x", created_at=ASKED_AT + timedelta(hours=1), total=money(amount)),)


def test_the_same_money_given_back_around_the_gate_voids_the_request() -> None:
    one = opened()
    one.changed(refunds=refunded("15.00"), refundable=money("5.00"))
    assert (one.matter.state, one.matter.stage, len(one.alerts)) == ("closed", "revoked", 1)
    one.case_changed(outcome="approved", revision="r1")
    assert moved(one) == []
    assert "was done in the shop" in one.comments()[-1]


def test_less_money_around_the_gate_is_told_and_the_request_stands() -> None:
    one = opened()
    for _ in range(2):
        one.changed(refunds=refunded("1.00"), refundable=money("19.00"))
    assert (one.matter.state, len(one.alerts), len(one.comments())) == ("open", 1, 1)
    one.case_changed(outcome="approved", revision="r1")
    assert [r.amount for r in one.of(RefundPayment)] == [money("15.00")]


def test_a_refund_before_the_request_is_no_way_around() -> None:
    one = opened()
    early = (Refund(id="x", created_at=PLACED, total=money("15.00")),)
    one.changed(refunds=early)
    assert (one.matter.state, one.alerts) == ("open", [])


def test_a_refund_goes_out_only_while_nothing_else_was_given_back() -> None:
    one = opened()
    one.case_changed(outcome="approved", revision="r1")
    tests = {(e.field, e.test) for e in one.of(RefundPayment)[0].expects}
    assert ("refundable", "equals") in tests
    one.changed(refunds=refunded("15.00"), refundable=money("5.00"))
    one.settle("RefundPayment", "refused", "changed: order refundable is 5.00 EUR now")
    assert (one.matter.stage, one.matter.state) == ("revoked", "closed")


def test_a_request_that_is_told_otherwise_later_is_not_what_was_approved() -> None:
    one = opened()
    one.item = ApprovalRequested(subject=ORDER, item=ITEM, time=PLACED, record=asked(amount=money("19.00")))
    one.case_changed(outcome="approved", revision="r1")
    assert moved(one) == []
    assert "ask again under a new id" in one.comments()[0]


def test_what_the_agent_writes_changes_nothing_of_what_is_bound() -> None:
    one = opened()
    one.case_changed(outcome="approved", revision="r1", attributes={"approved_amount": "20.00"})
    assert one.of(RefundPayment)[0].amount == money("15.00")


def test_approved_again_or_changed_after_execution_is_never_done_again() -> None:
    one = opened()
    one.case_changed(outcome="approved", revision="r1")
    one.settle("RefundPayment")
    one.case_changed(outcome=None, revision="r2", closed=False)
    one.case_changed(outcome="approved", revision="r3")
    one.case_changed(outcome="rejected", revision="r4")
    assert moved(one) == ["RefundPayment"]
    assert len(one.alerts) >= 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"four_eyes": True}, "people"),
        ({"answers": {"amount": "approved_amount"}}, "binds what the case shows"),
        ({"free_up_to": {"EUR": "1", "USD": "1"}, "free_per_month": {"EUR": "2"}}, "no amount for USD"),
        ({"free_up_to": {"euro": "1"}}, "pattern"),
        ({"outcomes": {"yes": "refund"}}, "not for this use case"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: Any, says: Any) -> None:
    with pytest.raises(ValidationError, match=says):
        ApprovalsSettings.model_validate({"answers": {}, **settings} if "answers" in settings else settings)


@given(
    st.decimals(min_value=0, max_value=50, places=2),
    st.decimals(min_value="0.01", max_value=50, places=2),
    st.one_of(st.none(), st.decimals(min_value="0.01", max_value=50, places=2)),
)
def test_no_setting_gives_back_more_than_there_is(left: Decimal, wanted: Decimal, free: Decimal | None) -> None:
    item = asked(amount=Money(amount=wanted, currency="EUR"))
    of = order(refundable=Money(amount=left, currency="EUR"))
    one = story(item, of, free_up_to={"EUR": str(free)} if free else {})
    if one.of(OpenCase):
        one.settle("OpenCase")
        one.case_changed(outcome="approved", revision="r1")
    assert all(refund.amount.amount <= left for refund in one.of(RefundPayment))
    assert bool(one.of(RefundPayment)) == (wanted <= left)


def test_what_was_paid_at_once_is_not_paid_again_for_another_amount_without_a_word() -> None:
    one = story(free_up_to={"EUR": "15"})
    one.settle("RefundPayment")
    one.told(asked(amount=money("5.00")))
    assert one.kinds() == ["RefundPayment", "OpenCase"]
    assert "asked for before" in one.reasons[-1]


def test_a_mode_that_leaves_orders_alone_asks_somebody() -> None:
    policy = ApprovalsSettings.model_validate({"free_up_to": {"EUR": "15"}})
    one = Story(
        [("approvals", decide, policy)],
        order(),
        item=ApprovalRequested(subject=ORDER, item=ITEM, time=PLACED, record=asked()),
    )
    one.matter = replace(one.matter, mode="cases")
    one.told()
    assert one.kinds() == ["OpenCase"]


@pytest.mark.parametrize("outcome", ["approved", "never heard of"])
def test_an_outcome_about_a_request_that_cannot_be_read_is_told_and_does_nothing(outcome: str) -> None:
    one = opened()
    one.facts["approval"] = Missing(why="erased")
    one.case_changed(stage="Later")
    assert (one.comments(), one.alerts) == ([], [])
    for revision in ("r1", "r2"):
        one.case_changed(outcome=outcome, revision=revision)
    assert moved(one) == []
    assert ["cannot be read any more" in text for text in (*one.comments(), *one.alerts)] == [True, True]
    one.case_changed(outcome="rejected", revision="r3")
    assert (one.matter.state, moved(one)) == ("closed", [])


def test_the_words_of_a_request_cannot_pass_for_what_an_approval_binds() -> None:
    forged = "Sorry!\nAn approval binds exactly this: beef\nAsked by: the boss"
    lines = story(asked(text=forged)).of(OpenCase)[0].description.splitlines()
    assert "> Asked by: the boss" in lines
    assert [line for line in lines if line.startswith("Asked by")] == ["Asked by: mia"]
    digest = bound(asked(), order())
    assert [line for line in lines if line.startswith("An approval")] == [f"An approval binds exactly this: {digest}"]
