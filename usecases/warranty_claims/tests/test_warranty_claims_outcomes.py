from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from caseconnect.models import CustomerReply, Document, File, LineItem, Money, Order, WarrantyClaim
from caseconnect.sdk.commands import CreateReplacement, IssueCredit, NotifyCustomer, RefundPayment
from caseconnect.sdk.events import ClaimChanged, CustomerReplied
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_warranty_claims.plugin import _asks
from caseconnect_warranty_claims.rules import decide
from caseconnect_warranty_claims.settings import WarrantyClaimsSettings

ITEM = Subject("shop", "claim", "RefArch/C-1")
PROOF = Document(name="photo.png", media_type="image/png", content=b"png")


def order(**changes: Any) -> Order:
    lines = (
        LineItem(id="l1", title="Mug", sku="MUG", quantity=2, variant_id="v1", unit_price=money("10.00")),
        LineItem(id="l2", title="Plate", sku="PLATE", quantity=1, unit_price=money("30.00")),
    )
    return sample_order(**{"lines": lines, "refundable": money("50.00"), "payment_status": "paid", **changes})


def in_review(wish: str = "replacement", *, to: Order | None = None, alone: bool = False, **changes: Any) -> Story:
    """A claim about one of two mugs, with its case open. `sku` is the claim's, the rest are settings."""
    record = WarrantyClaim(
        id="C-1",
        sku=changes.pop("sku", "MUG"),
        wish=wish,
        defect="broken",
        email="jane@example.com",
        locale="de",
        created_at=PLACED + timedelta(days=3),
    )
    event = ClaimChanged(subject=ORDER, item=ITEM, time=PLACED, record=record)
    policy = WarrantyClaimsSettings.model_validate(changes)
    made = Story([("warranty_claims", decide, policy)], to or order(), item=event, alone=alone)
    made.told()
    made.settle("OpenCase")
    assert made.matter.stage == "in_review"
    return made


def effects(one: Story) -> list[str]:
    return [c.kind for c in one.sent if c.side == "order"]


@pytest.mark.parametrize(
    ("outcome", "wish", "kind"),
    [
        ("approved", "replacement", "CreateReplacement"),
        ("approved", "refund", "RefundPayment"),
        ("approved", "repair", None),
        ("replace", "refund", "CreateReplacement"),
        ("Refund", "replacement", "RefundPayment"),
        ("credit", "unknown", "IssueCredit"),
        ("repair", "repair", None),
        ("declined", "refund", None),
    ],
)
def test_each_outcome_does_what_the_settings_say(outcome: str, wish: str, kind: str | None) -> None:
    one = in_review(wish)
    one.case_changed(outcome=outcome, revision="r1")
    assert effects(one) == ([kind] if kind else [])
    if kind:
        assert one.matter.is_open()
        one.settle(kind)
        assert one.comments()[-1]
    assert (one.matter.state, one.matter.stage) == ("closed", "resolved")
    assert one.alerts == []


def test_one_piece_of_the_claimed_product_is_meant() -> None:
    one = in_review("refund")
    one.case_changed(outcome="approved", revision="r1")
    (refund,) = one.of(RefundPayment)
    assert (refund.amount, [(x.line, x.quantity) for x in refund.lines]) == (money("10.00"), [("l1", 1)])
    two = in_review()
    two.case_changed(outcome="approved", revision="r1")
    assert [(i.sku, i.quantity) for i in two.of(CreateReplacement)[0].items] == [("MUG", 1)]


@pytest.mark.parametrize(
    ("outcome", "attributes", "kind", "worth"),
    [
        ("refund", {"approved_amount": "4.50"}, RefundPayment, "4.50"),
        ("refund", {"approved_lines": "MUG x 2"}, RefundPayment, "20.00"),
        ("credit", {"approved_amount": "4.50 EUR"}, IssueCredit, "4.50"),
        ("replace", {"exchange_items": "BOWL x 3"}, CreateReplacement, None),
        ("replace", {"approved_lines": "PLATE"}, CreateReplacement, "30.00"),
    ],
)
def test_a_part_is_given_by_line_and_by_amount(outcome: str, attributes: Any, kind: Any, worth: str | None) -> None:
    one = in_review()
    one.case_changed(outcome=outcome, revision="r1", attributes=attributes)
    (command,) = one.of(kind)
    assert command.worth() == (money(worth) if worth else None)


@pytest.mark.parametrize(
    ("outcome", "attributes", "made", "says"),
    [
        ("refund", {"approved_amount": "60"}, {}, "more than can still be given back"),
        ("refund", {"approved_lines": "MUG x 3"}, {}, "has 2 of MUG left"),
        ("refund", {"approved_amount": "5 USD"}, {}, "the shopper paid in EUR"),
        ("refund", {}, {"sku": "BOWL"}, "how much is not known"),
        ("replace", {}, {"sku": "BOWL"}, "which goods are to be sent is not known"),
        ("approved", {}, {"wish": "unknown"}, "choose an outcome that says it"),
        ("refund", {}, {"alone": True}, "the order is not known"),
        ("refund", {}, {"to": order(total=money("50", "USD"), refundable=money("50", "USD"))}, "how much is not known"),
    ],
)
def test_what_cannot_be_done_does_nothing_and_says_so_once(outcome: str, attributes: Any, made: Any, says: str) -> None:
    one = in_review(**made)
    for _ in range(2):
        one.case_changed(outcome=outcome, revision="r1", attributes=attributes)
    assert effects(one) == []
    assert [text for text in one.comments() if says in text] == one.comments()
    assert len(one.comments()) == len(one.alerts) == 1
    assert one.matter.is_open()


def test_more_evidence_is_asked_for_by_a_link_and_its_answer_brings_the_case_back() -> None:
    one = in_review(messages={"ask_verification": "claim_more"})
    one.case_changed(outcome="verify", revision="r1", attributes={"customer_reason": "a photo of the label"})
    (message,) = one.of(NotifyCustomer)
    assert (message.template, message.upload, message.email) == ("claim_more", True, "jane@example.com")
    assert (message.locale, message.values["reason"]) == ("de", "a photo of the label")
    one.settle("NotifyCustomer")
    assert one.matter.stage == "waiting_for_customer"
    reply = CustomerReply(id="m1", text="Here.", files=(File(name="photo.png", document=PROOF),))
    one.run(CustomerReplied(subject=ORDER, time=one.now, item=Subject("mail", "reply", "m1"), record=reply))
    assert one.kinds()[-2:] == ["CommentCase", "AttachDocument"]
    assert one.matter.stage == "in_review"
    one.case_changed(outcome="approved", revision="r2")
    assert effects(one) == ["NotifyCustomer", "CreateReplacement"]


def test_without_a_template_the_agent_is_asked_to_write() -> None:
    one = in_review()
    one.case_changed(outcome="verify", revision="r1")
    assert effects(one) == []
    assert "must be asked for verification" in one.comments()[0]
    assert one.matter.stage == "waiting_for_customer"


def test_a_declined_claim_tells_why() -> None:
    one = in_review(outcomes={"declined": "notify"}, messages={"declined": "claim_declined"})
    one.case_changed(outcome="declined", revision="r1", attributes={"customer_reason": "The warranty is over."})
    (message,) = one.of(NotifyCustomer)
    assert (message.template, message.values["reason"]) == ("claim_declined", "The warranty is over.")
    one.settle("NotifyCustomer")
    assert one.matter.state == "closed"


@pytest.mark.parametrize("reached", ["sending", "unknown", "accepted", "parked", "done"])
def test_an_outcome_changed_after_execution_is_a_persons(reached: str) -> None:
    one = in_review()
    one.case_changed(outcome="approved", revision="r1")
    if reached == "done":
        one.settle("CreateReplacement")
    else:
        one.state("CreateReplacement", reached)
    for revision in ("r2", "r3"):
        one.case_changed(outcome="refund", revision=revision)
    assert effects(one) == ["CreateReplacement"]
    assert len(one.alerts) == 1
    assert "decide by hand" in one.alerts[0]


def test_a_case_reopened_after_execution_is_not_carried_out_again() -> None:
    one = in_review()
    one.case_changed(outcome="approved", revision="r1")
    one.settle("CreateReplacement")
    again: list[dict[str, Any]] = [{"closed": True}, {"closed": False}, {"status": "Reopened"}]
    for n, changes in enumerate(again):
        one.case_changed(revision=f"s{n}", **changes)
    assert effects(one) == ["CreateReplacement"]
    assert one.alerts == []


@pytest.mark.parametrize("state", ["refused", "parked"])
def test_what_fails_is_told_and_may_be_asked_again(state: str) -> None:
    one = in_review()
    one.case_changed(outcome="approved", revision="r1")
    one.settle("CreateReplacement", state, "no stock")
    assert "no stock" in one.comments()[-1]
    assert (one.matter.stage, len(one.alerts)) == ("blocked", state == "refused")
    one.case_changed(revision="r2")
    assert effects(one).count("CreateReplacement") == (2 if state == "refused" else 1)


def test_in_mode_cases_what_was_decided_is_left_to_a_person() -> None:
    one = in_review()
    one.matter = replace(one.matter, mode="cases")
    one.case_changed(outcome="approved", revision="r1")
    assert one.matter.state == "closed"
    assert one.comments()


def test_what_the_wish_may_ask_for_must_be_carried_out() -> None:
    asks = _asks(WarrantyClaimsSettings())
    assert {RefundPayment, CreateReplacement, IssueCredit} <= asks
    assert NotifyCustomer not in asks
    wishing = _asks(WarrantyClaimsSettings(outcomes={"x": ("as_requested",)}))
    assert wishing & {RefundPayment, CreateReplacement, IssueCredit} == {RefundPayment, CreateReplacement}
    closing = WarrantyClaimsSettings(outcomes={"done": ("close",)})
    assert not _asks(closing) & {RefundPayment, CreateReplacement, IssueCredit}


@checked(deadline=None, max_examples=60)
@given(
    st.decimals(min_value=0, max_value=60, places=2),
    st.sampled_from(["", "MUG", "MUG x 2", "PLATE; MUG x 2", "MUG x 9"]),
    st.none() | st.decimals(min_value=0, max_value=90, places=2),
    st.sampled_from(["approved", "refund", "credit", "replace"]),
)
def test_no_refund_is_ever_more_than_can_be_given_back(left: Decimal, goods: str, wanted: Any, outcome: str) -> None:
    one = in_review("refund", to=order(refundable=Money(amount=left, currency="EUR")))
    attributes = {"approved_lines": goods, "approved_amount": "" if wanted is None else str(wanted)}
    one.case_changed(outcome=outcome, revision="r1", attributes=attributes)
    assert all(r.amount.amount <= left for r in one.of(RefundPayment))
    assert all(one.reasons)
