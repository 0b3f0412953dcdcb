from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from caseconnect.models import Dispute, Document, File, Money, Payment, Refund
from caseconnect.sdk.commands import (
    AdjustLoyalty,
    CorrectProfile,
    IssueCredit,
    NotifyCustomer,
    RefundPayment,
    SubmitEvidence,
)
from caseconnect.sdk.events import DisputeChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_disputes.plugin import _asks
from caseconnect_disputes.rules import decide
from caseconnect_disputes.settings import DisputesSettings

ITEM = Subject("shop", "dispute", "9")
RECEIPT = Document(name="receipt.pdf", media_type="application/pdf", content=b"%PDF")
ALL = {
    "approved": "as_requested",
    "refund": "refund",
    "credit": "credit",
    "points": "points",
    "corrected": "correct_profile",
    "evidence": "submit_evidence",
    "verify": "ask_verification",
    "accepted": "close",
    "declined": "close",
}


def sale(id_: str, minutes: int) -> Payment:
    return Payment(
        id=id_,
        kind="sale",
        status="success",
        amount=money("120.00"),
        created_at=PLACED + timedelta(minutes=minutes),
        card_last_digits="4242",
    )


def record(kind: str, **fields: Any) -> Dispute:
    return Dispute(id="9", kind=kind, created_at=PLACED, **fields)


def in_review(kind: str, *, to: Any = None, alone: bool = False, policy: Any = None, **fields: Any) -> Story:
    """A dispute with its case open; `fields` are the dispute's."""
    order = sample_order(**{"refundable": money("240.00"), "payments": (sale("t1", 0), sale("t2", 2)), **(to or {})})
    event = DisputeChanged(subject=ORDER, item=ITEM, time=PLACED, record=record(kind, **fields))
    settings = DisputesSettings.model_validate({"outcomes": ALL, **(policy or {})})
    made = Story([("disputes", decide, settings)], order, item=event, alone=alone)
    made.told()
    made.settle("OpenCase")
    made.facts["document"] = RECEIPT
    return made


def effects(one: Story) -> list[str]:
    return [c.kind for c in one.sent if c.side == "order"]


@pytest.mark.parametrize(
    ("kind", "fields", "outcome", "command", "says"),
    [
        ("duplicate_charge", {}, "approved", "RefundPayment", "The money was given back."),
        ("refund", {"amount": money("10")}, "approved", "RefundPayment", "The money was given back."),
        ("billing", {"amount": money("10")}, "refund", "RefundPayment", "The money was given back."),
        ("inquiry", {"amount": money("10")}, "refund", "RefundPayment", "The money was given back."),
        ("billing", {"amount": money("10")}, "credit", "IssueCredit", "The credit was given."),
        ("loyalty", {"points": 300}, "approved", "AdjustLoyalty", "The points are booked."),
        ("loyalty", {"points": 300}, "points", "AdjustLoyalty", "The points are booked."),
        ("profile", {"corrections": {"lastName": "Sun"}}, "approved", "CorrectProfile", "The profile is corrected."),
        ("profile", {"corrections": {"lastName": "Sun"}}, "corrected", "CorrectProfile", "The profile is corrected."),
        ("other", {}, "declined", None, ""),
        ("chargeback", {"amount": money("120")}, "accepted", None, ""),
    ],
)
def test_each_outcome_is_carried_out_and_confirmed_on_the_case(
    kind: str, fields: Any, outcome: str, command: str | None, says: str
) -> None:
    one = in_review(kind, **fields)
    one.case_changed(outcome=outcome, revision="r1")
    assert effects(one) == ([command] if command else [])
    if command:
        one.settle(command)
        assert one.comments()[-1].startswith(says)
    assert (one.matter.state, one.matter.stage, one.alerts) == ("closed", "resolved", [])


def test_of_a_duplicate_charge_one_is_given_back_in_the_shoppers_money() -> None:
    one = in_review("duplicate_charge", amount=money("120.00"))
    one.case_changed(outcome="approved", revision="r1")
    assert one.of(RefundPayment)[0].amount == money("120.00")
    paid = (sale("t1", 0), sale("t2", 2))
    dollars = tuple(p.model_copy(update={"presentment_amount": money("130.00", "USD")}) for p in paid)
    two = in_review(
        "duplicate_charge",
        to={"payments": dollars, "presentment_total": money("130", "USD"), "refundable": money("260", "USD")},
    )
    two.case_changed(outcome="approved", revision="r1")
    assert two.of(RefundPayment)[0].amount == money("130.00", "USD")


@pytest.mark.parametrize(
    ("kind", "fields", "outcome", "attributes", "worth"),
    [
        ("duplicate_charge", {}, "refund", {"approved_amount": "20"}, money("20")),
        ("chargeback", {"amount": money("120")}, "refund", {"approved_amount": "20"}, money("20")),
        ("billing", {}, "credit", {"approved_amount": "7.50 EUR"}, money("7.50")),
        ("billing", {}, "refund", {"approved_lines": "l1"}, None),
    ],
)
def test_a_part_is_what_the_agent_writes(kind: str, fields: Any, outcome: str, attributes: Any, worth: Any) -> None:
    one = in_review(kind, **fields)
    one.case_changed(outcome=outcome, revision="r1", attributes=attributes)
    given = [c.worth() for c in one.sent if isinstance(c, RefundPayment | IssueCredit)]
    assert given == ([worth] if worth else [])


def test_points_are_those_that_the_agent_writes_else_those_asked_for() -> None:
    for attributes, points in (({}, 300), ({"approved_points": "50"}, 50), ({"approved_points": "-20"}, -20)):
        one = in_review("loyalty", points=300)
        one.case_changed(outcome="points", revision="r1", attributes=attributes)
        assert [c.points for c in one.of(AdjustLoyalty)] == [points]


def test_a_profile_that_the_dispute_names_is_corrected_without_an_order() -> None:
    one = in_review("profile", alone=True, customer_id="RefArch/7", corrections={"lastName": "Sun"})
    one.case_changed(outcome="approved", revision="r1")
    (correct,) = one.of(CorrectProfile)
    assert (correct.target, correct.fields) == (Subject("shop", "customer", "RefArch/7"), {"lastName": "Sun"})


@pytest.mark.parametrize(
    ("kind", "made", "outcome", "attributes", "says"),
    [
        ("chargeback", {"amount": money("120")}, "refund", {}, "how much is not known"),
        ("chargeback", {}, "approved", {}, "choose an outcome that says it"),
        ("other", {}, "approved", {}, "choose an outcome that says it"),
        ("loyalty", {"policy": {"outcomes": {"approved": "as_requested"}}}, "approved", {}, "choose an outcome"),
        ("loyalty", {}, "points", {}, "how many points is not known"),
        ("loyalty", {}, "points", {"approved_points": "many"}, "write a whole number"),
        ("profile", {}, "corrected", {}, "which fields of the profile are wrong is not known"),
        ("refund", {"amount": money("500")}, "refund", {}, "more than can still be given back"),
        ("refund", {"amount": money("5", "USD")}, "refund", {}, "the shopper paid in EUR"),
        ("refund", {"alone": True, "amount": money("5")}, "refund", {}, "the order is not known"),
        ("chargeback", {}, "evidence", {}, "there is no evidence"),
    ],
)
def test_what_cannot_be_done_does_nothing_and_says_so_once(
    kind: str, made: Any, outcome: str, attributes: Any, says: str
) -> None:
    one = in_review(kind, **made)
    for _ in range(2):
        one.case_changed(outcome=outcome, revision="r1", attributes=attributes)
    assert effects(one) == []
    assert says in one.comments()[0]
    assert len(one.comments()) == len(one.alerts) == 1
    assert one.matter.is_open()


def handed_in(**policy: Any) -> Story:
    """A chargeback whose evidence was handed in."""
    due = PLACED + timedelta(days=9)
    one = in_review("chargeback", status="needs_response", evidence_due_at=due, policy=policy)
    files = (File(id="c-1/a", name="receipt.pdf"), File(id="c-1/b", name="order-1001.json", ours=True))
    one.case_changed(outcome="evidence", revision="r1", files=files, attributes={"customer_reason": "Delivered."})
    return one


@pytest.mark.parametrize("send", [True, False])
def test_evidence_of_the_case_goes_to_the_bank_and_the_matter_waits_for_it(send: bool) -> None:
    one = handed_in(send_evidence=send)
    (evidence,) = one.of(SubmitEvidence)
    assert (evidence.documents, evidence.text, evidence.send) == ((RECEIPT,), "Delivered.", send)
    one.settle("SubmitEvidence")
    assert "handed in" in one.comments()[-1]
    assert (one.matter.state, one.matter.stage) == ("open", "waiting_for_bank")
    one.told(record("chargeback", status="under_review", evidence_due_at=PLACED + timedelta(days=9)))
    assert one.matter.stage == "waiting_for_bank"
    one.tick(24 * 8)
    assert one.alerts == []


@pytest.mark.parametrize(("status", "says"), [("won", "the bank decided: won"), ("lost", "the bank decided: lost")])
def test_the_banks_decision_is_told_and_ends_the_matter(status: str, says: str) -> None:
    one = handed_in()
    one.settle("SubmitEvidence")
    for _ in range(2):
        one.told(record("chargeback", status=status, evidence_due_at=PLACED + timedelta(days=9)))
    assert one.comments()[-1] == f"The evidence was handed in, and {says}."
    assert [says in text for text in one.comments()].count(True) == 1
    assert (one.matter.state, one.matter.stage, one.matter.episode) == ("closed", "resolved", 1)


def test_evidence_that_is_refused_warns_still() -> None:
    one = handed_in()
    one.settle("SubmitEvidence", "refused", "one file of each kind")
    assert one.matter.stage == "blocked"
    one.tick(24 * 8)
    assert [alert for alert in one.alerts if "nothing was handed in" in alert]


@pytest.mark.parametrize("reached", ["sending", "unknown", "accepted", "parked", "done"])
def test_an_outcome_changed_after_execution_is_a_persons(reached: str) -> None:
    one = in_review("duplicate_charge")
    one.case_changed(outcome="approved", revision="r1")
    if reached == "done":
        one.settle("RefundPayment")
    else:
        one.state("RefundPayment", reached)
    for revision in ("r2", "r3"):
        one.case_changed(outcome="credit", revision=revision)
    assert effects(one) == ["RefundPayment"]
    assert len(one.alerts) == 1
    assert "decide by hand" in one.alerts[0]


def test_a_case_reopened_after_execution_is_not_carried_out_again() -> None:
    one = in_review("duplicate_charge")
    one.case_changed(outcome="approved", revision="r1")
    one.settle("RefundPayment")
    again: list[dict[str, Any]] = [{"closed": True}, {"closed": False}, {"status": "Reopened"}]
    for n, changes in enumerate(again):
        one.case_changed(revision=f"s{n}", **changes)
    assert effects(one) == ["RefundPayment"]
    assert one.alerts == []


def test_the_shopper_is_told_of_the_decision() -> None:
    policy = {"outcomes": {"declined": ["notify"]}, "messages": {"declined": "dispute_declined"}}
    one = in_review("billing", policy=policy, email="jane@example.com")
    one.case_changed(outcome="declined", revision="r1", attributes={"customer_reason": "The bill is right."})
    (message,) = one.of(NotifyCustomer)
    assert (message.template, message.email) == ("dispute_declined", "jane@example.com")
    assert message.values["reason"] == "The bill is right."


def test_in_mode_cases_what_was_decided_is_left_to_a_person() -> None:
    one = in_review("duplicate_charge")
    one.matter = replace(one.matter, mode="cases")
    one.case_changed(outcome="approved", revision="r1")
    assert one.matter.state == "closed"


def test_only_what_outcomes_name_must_be_carried_out() -> None:
    giving = {RefundPayment, IssueCredit, AdjustLoyalty, CorrectProfile, SubmitEvidence, NotifyCustomer}
    assert _asks(DisputesSettings()) & giving == {RefundPayment, IssueCredit}
    assert _asks(DisputesSettings(outcomes={"a": ("as_requested",)})) & giving == {RefundPayment}
    assert _asks(DisputesSettings.model_validate({"outcomes": ALL})) & giving == giving - {NotifyCustomer}
    assert _asks(DisputesSettings(outcomes={"a": ("close",)})) & giving == set()


@checked(deadline=None, max_examples=60)
@given(
    st.decimals(min_value=0, max_value=130, places=2),
    st.none() | st.decimals(min_value=0, max_value=200, places=2),
    st.sampled_from(["duplicate_charge", "refund", "billing", "chargeback"]),
    st.sampled_from(["approved", "refund", "credit"]),
)
def test_no_refund_is_ever_more_than_can_be_given_back(left: Decimal, wanted: Any, kind: str, outcome: str) -> None:
    one = in_review(kind, to={"refundable": Money(amount=left, currency="EUR")}, amount=money("50"))
    one.case_changed(
        outcome=outcome, revision="r1", attributes={} if wanted is None else {"approved_amount": str(wanted)}
    )
    assert all(r.amount.amount <= left for r in one.of(RefundPayment))
    assert all(one.reasons)


def test_after_staff_gave_money_back_the_shoppers_figure_is_not_paid_as_well() -> None:
    back = Refund(id="r1", created_at=PLACED + timedelta(days=30), total=money("60.00"))
    one = in_review("duplicate_charge", amount=money("60.00"), to={"refunds": (back,)})
    one.case_changed(outcome="approved", revision="r1")
    assert one.of(RefundPayment) == []
    assert "how much is not known" in one.comments()[-1]


@pytest.mark.parametrize(
    ("day", "parent", "amount", "given"),
    [
        (-1, "t2", money("50.00"), [money("70.00")]),
        (-1, "t1", money("50.00"), [money("120.00")]),
        (-1, "t2", money("50.00", "USD"), []),
        (30, "t2", money("50.00"), []),
    ],
)
def test_what_went_back_of_a_charge_made_twice_is_not_given_back_again(
    day: int, parent: str, amount: Money, given: list[Money]
) -> None:
    at = PLACED + timedelta(days=day)
    part = Payment(
        id="r", kind="refund", status="success", amount=money("50.00"), created_at=at, parent_id=parent,
        presentment_amount=amount,
    )  # fmt: skip
    to = {"payments": (sale("t1", 0), sale("t2", 2), part), "refundable": money("190.00")}
    one = in_review("duplicate_charge", to=to | {"refunds": (Refund(id="r", created_at=at, total=money("50.00")),)})
    assert [f.exception for f in one.matter.findings] == ["duplicate_charge", "confirmed_by_transactions"]
    one.case_changed(outcome="approved", revision="r1")
    assert [c.amount for c in one.of(RefundPayment)] == given
    assert given or "how much is not known" in one.comments()[-1]
