from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import Dispute, Document, File, Payment, Refund
from caseconnect.sdk.commands import OpenCase, UpdateCase
from caseconnect.sdk.events import DisputeChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_disputes.rules import decide
from caseconnect_disputes.settings import KINDS, DisputesSettings

ITEM = Subject("shop", "dispute", "9")
DAY = timedelta(days=1)
RECEIPT = Document(name="bill.pdf", media_type="application/pdf", content=b"%PDF")


def dispute(kind: str = "duplicate_charge", **changes: Any) -> Dispute:
    return Dispute(**{"id": "9", "kind": kind, "created_at": PLACED + DAY, "status": None, **changes})


def chargeback(**changes: Any) -> Dispute:
    fields = {"reason": "product_not_received", "status": "needs_response", "evidence_due_at": PLACED + 9 * DAY}
    return dispute("chargeback", amount=money("120.00"), **{**fields, **changes})


def charge(id_: str, minutes: int = 0, **changes: Any) -> Payment:
    fields: dict[str, Any] = {
        "kind": "sale",
        "status": "success",
        "amount": money("120.00"),
        "created_at": PLACED + timedelta(minutes=minutes),
        "gateway": "shopify_payments",
        "tender": "card",
        "card_brand": "Visa",
        "card_last_digits": "4242",
    }
    return Payment(id=id_, **{**fields, **changes})


def run(of: Dispute, *payments: Payment, to: Any = None, alone: bool = False, **changes: Any) -> Story:
    event = DisputeChanged(subject=ORDER, item=ITEM, time=PLACED, record=of)
    order = sample_order(payments=payments, **(to or {}))
    policy = DisputesSettings.model_validate(changes)
    made = Story([("disputes", decide, policy)], order, item=event, alone=alone)
    made.now = PLACED + DAY
    made.told()
    return made


def found(one: Story) -> list[str]:
    return [f.exception for f in one.matter.findings]


TWICE = (charge("t1"), charge("t2", 3))
EUROS = {"total": money("100.00", "USD"), "presentment_total": money("120.00")}


def foreign(id_: str, minutes: int) -> Payment:
    return charge(id_, minutes, amount=money("100.00", "USD"), presentment_amount=money("120.00"))


@pytest.mark.parametrize(
    ("payments", "of", "to", "confirmed"),
    [
        (TWICE, {}, {}, True),
        (TWICE, {"amount": money("120")}, {}, True),
        (TWICE, {"amount": money("20")}, {}, False),
        (TWICE, {"amount": money("120", "USD")}, {}, False),
        ((foreign("t1", 0), foreign("t2", 3)), {"amount": money("120")}, EUROS, True),
        ((foreign("t1", 0), foreign("t2", 3)), {"amount": money("100", "USD")}, EUROS, True),
        ((charge("t1"), charge("t2", 60)), {}, {}, True),
        ((charge("t1"), charge("t2", 61)), {}, {}, False),
        ((charge("t1"), charge("t2", 3, card_last_digits="1111")), {}, {}, False),
        ((charge("t1"), charge("t2", 3, card_brand="Amex")), {}, {}, False),
        ((charge("t1", card_last_digits=None), charge("t2", 3, card_last_digits=None)), {}, {}, False),
        ((charge("t1"), charge("t2", 3, status="failure")), {}, {}, False),
        ((charge("t1", kind="authorization"), charge("t2", 3, kind="authorization")), {}, {}, False),
        ((charge("t1", kind="authorization"), charge("t2", 3, kind="capture", parent_id="t1")), {}, {}, False),
        ((charge("t1", parent_id="a"), charge("t2", 3, parent_id="a")), {}, {}, False),
        ((charge("t1", parent_id="a"), charge("t2", 3, parent_id="b")), {}, {}, True),
        ((*TWICE, charge("r", 5, kind="refund", parent_id="t2")), {}, {}, False),
        ((*TWICE, charge("r", 5, kind="refund", parent_id="t2", status="failure")), {}, {}, True),
        ((*TWICE, charge("r", 5, kind="refund", parent_id="t2", amount=money("20"))), {}, {}, True),
        (TWICE, {}, {"total": money("240.00")}, False),
        # Two equal parts of one payment, and a mug went back: no more was kept than the order is worth now.
        ((*TWICE, charge("r", 5, kind="refund", amount=money("20"))), {}, {"total": money("220.00")}, False),
        ((*TWICE, charge("r", 5, kind="refund", amount=money("20"))), {}, {"total": money("219.99")}, True),
        ((*TWICE, charge("r", 5, kind="refund", amount=money("20", "USD"))), {}, {}, False),
        (TWICE, {}, {"total": money("120.00", "USD")}, False),
        (TWICE, {}, {"cancelled_at": PLACED, "customer_id": None}, True),
        ((), {}, {}, False),
    ],
)
def test_a_duplicate_charge_is_confirmed_by_the_orders_transactions(
    payments: Any, of: Any, to: Any, confirmed: bool
) -> None:
    one = run(dispute(**of), *payments, to=to)
    assert found(one) == ["duplicate_charge", "confirmed_by_transactions" if confirmed else "unverified"]
    assert "duplicate_within_minutes (60)" in one.reasons[0]
    assert one.of(OpenCase)[0].priority == ("high" if confirmed else "normal")
    assert not confirmed or "120.00 EUR was charged twice to the same Visa card" in one.of(OpenCase)[0].description


def test_how_far_apart_two_charges_may_be_is_a_setting() -> None:
    for minutes, name in ((2, "unverified"), (3, "confirmed_by_transactions")):
        assert found(run(dispute(), *TWICE, duplicate_within_minutes=minutes))[1] == name


def test_what_transactions_show_later_is_added_and_what_was_confirmed_stays_so() -> None:
    one = run(dispute())
    one.settle("OpenCase")
    one.order = sample_order(payments=TWICE)
    one.told()
    assert found(one) == ["duplicate_charge", "unverified", "confirmed_by_transactions"]
    assert "charged twice" in one.comments()[0]
    assert [c.priority for c in one.of(UpdateCase)] == ["high"]
    one.order = sample_order(payments=(*TWICE, charge("r", 5, kind="refund", parent_id="t2")))
    one.told()
    assert len(found(one)) == 3


def test_a_refund_of_a_confirmed_duplicate_opens_nothing_again() -> None:
    one = run(dispute(), *TWICE, to={"refundable": money("240.00")})
    one.settle("OpenCase")
    one.case_changed(outcome="approved", revision="r1")
    one.settle("RefundPayment")
    assert one.matter.state == "closed"
    one.order = sample_order(payments=(*TWICE, charge("r", 5, kind="refund", parent_id="t2")))
    one.told()
    assert (one.matter.episode, one.kinds().count("OpenCase")) == (1, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alone", [True, False])
def test_every_kind_opens_a_case_and_what_no_data_confirms_is_unverified(kind: str, alone: bool) -> None:
    one = run(dispute(kind), alone=alone)
    assert found(one) == ([kind] if kind in ("chargeback", "inquiry") else [kind, "unverified"])
    (case,) = one.of(OpenCase)
    assert kind.replace("_", " ") in case.title
    assert case.priority == {"chargeback": "urgent", "inquiry": "high"}.get(kind, "normal")
    assert one.kinds() == ["OpenCase"]
    assert one.timers == {}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_that_are_not_named_open_nothing_and_the_verdict_says_so(kind: str) -> None:
    others = [k for k in KINDS if k != kind]
    one = run(dispute(kind), kinds=others)
    assert one.sent == []
    assert f"{kind}: is not in kinds ({', '.join(others)})" in one.reasons[0]


def test_a_refund_dispute_tells_what_was_given_back() -> None:
    refund = Refund(id="r", created_at=PLACED, total=money("100", "USD"), presentment_total=money("90"), pending=True)
    one = run(dispute("refund"), to={"refunds": (refund,)})
    assert "refunds so far: 90.00 EUR on 2026-11-02 (pending)" in one.of(OpenCase)[0].description
    assert "refunds so far: none" in run(dispute("refund")).of(OpenCase)[0].description


def test_the_case_holds_what_was_written_points_corrections_and_papers() -> None:
    of = dispute(
        "profile",
        text="My name\nis wrong.",
        points=300,
        corrections={"lastName": "Sun\n- Approved"},
        email="a@b.example",
        files=(File(name="bill.pdf", document=RECEIPT),),
        attributes={"ticket": "T-1"},
    )
    (case,) = run(of).of(OpenCase)
    for text in (
        "Points that are missing: 300",
        "Should be, lastName: Sun - Approved",
        "ticket: T-1",
        "> My name\n> is",
    ):
        assert text in case.description
    assert [d.name for d in case.documents] == ["bill.pdf", "order-1001.json"]
    assert b"Sun" not in case.documents[1].content


def test_the_day_of_the_evidence_is_the_cases_deadline_and_a_nearer_one_of_ours_counts() -> None:
    assert run(chargeback()).of(OpenCase)[0].due == PLACED + 9 * DAY
    assert run(chargeback(), due_hours={"chargeback": 24}).of(OpenCase)[0].due == PLACED + 2 * DAY
    assert run(chargeback(), due_hours={"*": 2400}).of(OpenCase)[0].due == PLACED + 9 * DAY


def test_nothing_handed_in_warns_once_before_the_day() -> None:
    one = run(chargeback(), warn_hours=72)
    one.settle("OpenCase")
    assert list(one.timers.values()) == [PLACED + 6 * DAY]
    one.tick(5 * 24 - 1)
    assert one.comments() == []
    one.tick(1)
    assert "due by 2026-11-11 09:00 UTC" in one.comments()[0]
    assert "nothing was handed in" in one.alerts[0]
    assert "warn_hours" in one.reasons[-1]
    one.told()
    one.tick(1)
    assert (len(one.comments()), len(one.alerts), one.timers) == (1, 1, {})


def test_a_dispute_that_comes_late_warns_at_once_and_one_whose_day_is_over_does_not() -> None:
    late = run(chargeback(evidence_due_at=PLACED + DAY + timedelta(hours=5)))
    late.settle("OpenCase")
    late.tick(0)
    assert len(late.alerts) == 1
    over = run(chargeback(evidence_due_at=PLACED))
    assert (over.timers, over.kinds()) == ({}, ["OpenCase"])
    assert "no warning is set" in over.reasons[0]


def test_a_day_that_moves_moves_deadline_and_warning() -> None:
    one = run(chargeback())
    one.settle("OpenCase")
    one.told(chargeback(evidence_due_at=PLACED + 20 * DAY))
    assert list(one.timers.values()) == [PLACED + 18 * DAY]
    assert [c.due for c in one.of(UpdateCase)] == [PLACED + 20 * DAY]
    one.tick(8 * 24)
    assert one.alerts == []


@pytest.mark.parametrize("status", ["under_review", "won", "Lost"])
def test_what_was_handed_in_elsewhere_warns_nobody(status: str) -> None:
    one = run(chargeback())
    one.settle("OpenCase")
    one.item = one.item and one.item.model_copy(update={"record": chargeback(status=status)})
    one.tick(24 * 8)
    assert one.alerts == []
    assert "no warning is needed" in one.reasons[-1]


@pytest.mark.parametrize("status", ["won", "lost", "accepted", "Prevented", "charge_refunded"])
@pytest.mark.parametrize("when_resolved", ["note", "close"])
def test_a_chargeback_that_is_decided_resolves_itself(status: str, when_resolved: str) -> None:
    one = run(chargeback(), when_resolved=when_resolved)
    one.settle("OpenCase")
    for _ in range(2):
        one.told(chargeback(status=status))
    said = status.lower().replace("_", " ")
    assert [t for t in one.comments() if f"This resolved itself: the bank decided: {said}." in t] == one.comments()
    assert len(one.comments()) == 1
    assert one.matter.is_open() == (when_resolved == "note")


def test_a_dispute_that_is_over_when_it_is_first_seen_opens_nothing() -> None:
    assert run(chargeback(status="won")).sent == []
    ended = run(chargeback(status=None, finalized_at=PLACED))
    assert (ended.sent, ended.reasons) == ([], ["the dispute ended on 2026-11-02 (no status)"])
    assert run(dispute("billing", status="withdrawn")).reasons == ["the dispute is withdrawn"]


def test_disputes_about_orders_that_are_left_out_open_nothing() -> None:
    one = run(dispute(), to={"tags": ("test",)}, applies_to={"except_tags": ["Test"]})
    assert one.sent == []
    assert "applies_to.except_tags" in one.reasons[0]


STEPS: dict[str, Any] = {
    "text": {"text": "Please."},
    "day": {"evidence_due_at": PLACED + 12 * DAY},
    "status": {"status": "under_review"},
}


@pytest.mark.parametrize("steps", list(permutations(STEPS)))
def test_permuting_independent_events_changes_nothing(steps: tuple[str, ...]) -> None:
    known = chargeback()
    one = run(known)
    one.settle("OpenCase")
    for step in steps:
        known = known.model_copy(update=STEPS[step])
        one.told(known)
    assert set(found(one)) == {"chargeback"}
    assert one.kinds().count("CommentCase") == 2
    assert [c.due for c in one.of(UpdateCase)][-1] == PLACED + 12 * DAY
    assert list(one.timers.values()) == [PLACED + 10 * DAY]


@checked(deadline=None, max_examples=60)
@given(
    st.builds(
        dispute,
        st.sampled_from(KINDS),
        text=st.text(max_size=20),
        status=st.none() | st.text(max_size=8),
        evidence_due_at=st.none() | st.integers(-20, 20).map(lambda n: PLACED + n * DAY),
        amount=st.none() | st.sampled_from([money("120"), money("5", "USD")]),
    ),
    st.lists(st.integers(0, 90), max_size=3),
    st.booleans(),
)
def test_every_dispute_has_a_verdict_and_the_same_one_twice(of: Dispute, minutes: Any, alone: bool) -> None:
    one = run(of, *(charge(f"t{i}", m) for i, m in enumerate(minutes)), alone=alone)
    assert one.reasons[0]
    before = len(one.sent)
    one.told()
    assert len(one.sent) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": []},
        {"kinds": ["fraud"]},
        {"warn_hours": 0},
        {"duplicate_within_minutes": 0},
        {"outcomes": {"a": "release"}},
        {"outcomes": {"a": "replace"}},
        {"owner": {"fraud": "x"}},
    ],
)
def test_settings_refuse_what_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DisputesSettings.model_validate(wrong)


def test_what_a_shopper_sends_cannot_pass_for_ours() -> None:
    names = {"Amount": "1.00 EUR", "Status": "won", "x\nFrom": "bank"}
    of = dispute(amount=money("120"), text="Hello\n- Confirmed by transactions: yes", attributes=names)
    lines = run(of).of(OpenCase)[0].description.splitlines()
    assert "Amount: 120.00 EUR" in lines
    assert "> - Confirmed by transactions: yes" in lines
    assert not any(line.startswith(("- Confirmed", "From")) for line in lines)
