"""From an outcome to approval, refund, exchange or refusal: each once, and never more than can be given back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from caseconnect.models import LineItem, Money, Order, ReturnLine, ReturnRequest
from caseconnect.sdk.commands import (
    ApproveReturn,
    DeclineReturn,
    ExchangeReturn,
    IssueCredit,
    NotifyCustomer,
    OpenCase,
    RefundPayment,
)
from caseconnect.sdk.events import ReturnChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order
from caseconnect_returns.rules import decide
from caseconnect_returns.settings import ReturnsSettings

ITEM = Subject("shop", "return", "r1")
FORM = Subject("desk", "return", "f1")
LINES = (
    LineItem(id="l1", title="Mug", sku="MUG", quantity=2, variant_id="v1", unit_price=money("10"), total=money("18")),
    LineItem(id="l2", title="Plate", sku="PLATE", quantity=1, unit_price=money("30"), total=money("30")),
)
EFFECTS = (ApproveReturn, DeclineReturn, RefundPayment, ExchangeReturn, IssueCredit, NotifyCustomer)


def order(**changes: Any) -> Order:
    return sample_order(**{"lines": LINES, "refundable": money("48.00"), "total": money("48.00"), **changes})


def a_return(**changes: Any) -> ReturnRequest:
    """Both mugs and the plate, 48 EUR, forty days after the order."""
    lines = (ReturnLine(line_id="l1", sku="MUG", quantity=2), ReturnLine(line_id="l2", sku="PLATE", quantity=1))
    fields: dict[str, Any] = {
        "id": "r1",
        "order_id": "1001",
        "status": "requested",
        "requested_at": PLACED + timedelta(days=40),
        "lines": lines,
        "value": money("48.00"),
        **changes,
    }
    return ReturnRequest(**fields)


def story(
    of: Order | None = None, item: Subject = ITEM, *, alone: bool = False, told: Any = None, **settings: Any
) -> Story:
    """A return that came too late, with its case open."""
    event = ReturnChanged(subject=ORDER, item=item, time=PLACED, record=told or a_return())
    policy = ReturnsSettings.model_validate(settings)
    made = Story([("returns", decide, policy)], of or order(), item=event, alone=alone)
    made.now = PLACED + timedelta(days=40)
    made.told()
    made.settle("OpenCase")
    assert made.matter.stage == "in_review"
    return made


def done(one: Story) -> list[str]:
    """What was asked of the shop, in order."""
    return [c.kind for c in one.sent if c.side == "order"]


def decided(one: Story, outcome: str | None = "approved", revision: str = "r1", **attributes: str) -> None:
    """The agent decides."""
    one.case_changed(outcome=outcome, revision=revision, attributes=attributes)


def test_the_case_holds_what_was_asked_for_and_what_was_found() -> None:
    one = story(told=a_return(note="They broke.", email="jane@shop.test"), high_value_return={"EUR": "40"})
    (opened,) = one.of(OpenCase)
    assert opened.title == "Return for order #1001: outside policy, high value"
    for told in ("40 days after the order", "2 x goods without a name [MUG]", "They broke.", "3 orders", "48.00 EUR"):
        assert told in opened.description
    assert b"They broke" not in opened.documents[0].content


@pytest.mark.parametrize("outcome", ["refund", "credit"])
@pytest.mark.parametrize("attributes", [{}, {"approved_lines": "PLATE"}])
def test_what_went_back_already_is_not_given_back_by_itself(outcome: str, attributes: dict[str, str]) -> None:
    policy: dict[str, Any] = {"outcomes": {outcome: outcome}, "refund_when": "approved"}
    one = story(told=a_return(refunded=money("48.00")), **policy)
    decided(one, outcome, **attributes)
    assert done(one) == []
    assert "all that was asked for went back already" in one.comments()[-1]
    decided(one, outcome, "r2", approved_amount="5.00")
    assert done(one) == ["RefundPayment" if outcome == "refund" else "IssueCredit"]


def test_approved_approves_and_gives_back_when_the_goods_are_back() -> None:
    one = story()
    decided(one)
    assert (done(one), one.matter.stage) == (["ApproveReturn"], "waiting_for_goods")
    assert "follows when the goods are back" in one.comments()[-1]
    one.settle("ApproveReturn")
    one.told(a_return(status="open"))
    one.told(a_return(status="open"))
    assert (done(one), one.matter.state) == (["ApproveReturn"], "open")
    assert not any("resolved itself" in text for text in one.comments())
    one.told(a_return(status="closed"))
    one.told(a_return(status="closed"))
    assert (done(one), one.matter.stage) == (["ApproveReturn", "RefundPayment"], "carrying_out")
    (refund,) = one.of(RefundPayment)
    assert refund.amount == money("48.00")
    assert [(x.line, x.quantity) for x in refund.lines] == [("l1", 2), ("l2", 1)]
    assert {e.field for e in refund.expects} >= {"outcome", "refundable", "attributes.approved_amount"}
    one.settle("RefundPayment")
    assert (one.matter.state, one.matter.stage, one.alerts) == ("closed", "resolved", [])
    one.told(a_return(status="closed", refunded=money("48.00")))
    assert done(one) == ["ApproveReturn", "RefundPayment"]


def test_the_agent_may_say_that_the_goods_are_back() -> None:
    one = story()
    decided(one, goods_received="no")
    one.settle("ApproveReturn")
    decided(one, revision="r2", goods_received="no", note="called")
    assert done(one) == ["ApproveReturn"]
    decided(one, revision="r3", goods_received="Yes, 12 Dec", approved_amount="20.00")
    assert (done(one)[1:], one.of(RefundPayment)[0].amount) == (["RefundPayment"], money("20"))


def test_money_goes_at_once_where_the_setting_says_so() -> None:
    one = story(refund_when="approved")
    decided(one)
    assert done(one) == ["ApproveReturn", "RefundPayment"]
    assert one.of(RefundPayment)[0].after == ("ApproveReturn",)
    one.settle("ApproveReturn")
    assert one.matter.is_open()
    one.settle("RefundPayment")
    assert one.matter.state == "closed"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"status": "closed", "refunded": money("30.00")}, "gave 30.00 EUR back for this return by itself"),
        ({"status": "canceled"}, "canceled in the shop: nothing was given back"),
        ({"status": "declined"}, "declined in the shop: nothing was given back"),
    ],
)
def test_what_the_shop_did_by_itself_is_not_done_again(change: Any, says: str) -> None:
    one = story()
    decided(one)
    one.settle("ApproveReturn")
    one.changed(refundable=money("18.00"))
    one.told(a_return(**change))
    assert done(one) == ["ApproveReturn"]
    assert says in one.comments()[-1]
    assert (one.matter.state, one.alerts) == ("closed", [])


@pytest.mark.parametrize("outcome", [None, "declined"])
def test_an_outcome_that_was_taken_back_meanwhile_gives_nothing(outcome: str | None) -> None:
    one = story()
    decided(one)
    one.settle("ApproveReturn")
    one.case = one.case.model_copy(update={"outcome": outcome, "revision": "r2"})
    one.told(a_return(status="closed"))
    assert done(one) == ["ApproveReturn"]
    decided(one, outcome, "r2")
    decided(one, outcome, "r2")
    assert (done(one), len(one.alerts)) == (["ApproveReturn"], 1)
    assert "person must decide" in one.comments()[-1]


@pytest.mark.parametrize(
    ("attributes", "amount", "lines"),
    [
        ({"approved_lines": "MUG x 1"}, "9.00", [("l1", 1)]),
        ({"approved_lines": "PLATE; MUG x 2"}, "48.00", [("l2", 1), ("l1", 2)]),
        ({"approved_amount": "15.50"}, "15.50", [("l1", 2), ("l2", 1)]),
        ({"approved_amount": "5 EUR", "approved_lines": "PLATE"}, "5.00", [("l2", 1)]),
    ],
)
def test_a_part_is_approved_by_line_and_by_amount(attributes: Any, amount: str, lines: Any) -> None:
    one = story(refund_when="approved")
    decided(one, **attributes)
    (refund,) = one.of(RefundPayment)
    assert refund.amount == money(amount)
    assert [(x.line, x.quantity) for x in refund.lines] == lines
    assert ("approves a return as a whole" in one.comments()[-1]) is ("approved_lines" in attributes)


def test_a_part_of_discounted_goods_is_its_share_of_what_the_return_is_worth() -> None:
    one = story(refund_when="approved", told=a_return(value=money("24.00")))
    decided(one, approved_lines="MUG x 1")
    assert one.of(RefundPayment)[0].amount == money("4.50")


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"approved_amount": "48.01"}, "more than can still be given back"),
        ({"approved_amount": "40 USD"}, "the shopper paid in EUR"),
        ({"approved_lines": "CUP"}, "CUP is not in order #1001"),
        ({"approved_lines": "MUG x 3"}, "has 2 of MUG left"),
        ({"approved_amount": "a lot"}, "write an amount such as"),
    ],
)
@pytest.mark.parametrize("when", ["goods_back", "approved"])
def test_what_is_too_much_does_nothing_and_says_so_once(when: str, attributes: Any, says: str) -> None:
    one = story(refund_when=when)
    decided(one, **attributes)
    decided(one, **attributes)
    assert (done(one), one.kinds().count("CommentCase"), len(one.alerts)) == ([], 1, 1)
    assert says in one.comments()[-1]
    decided(one, revision="r2", approved_amount="5")
    assert done(one)[0] == "ApproveReturn"


def test_goods_that_are_not_in_the_return_are_not_given_back() -> None:
    one = story(told=a_return(lines=(ReturnLine(line_id="l1", sku="MUG", quantity=1),), value=money("9.00")))
    decided(one, approved_lines="MUG x 2")
    assert (done(one), "than were asked for" in one.comments()[-1]) == ([], True)
    decided(one, approved_lines="PLATE")
    assert (done(one), len(one.alerts)) == ([], 1)


def test_less_that_can_be_given_back_when_the_goods_are_there_goes_to_the_agent() -> None:
    one = story()
    decided(one)
    one.settle("ApproveReturn")
    one.changed(refundable=money("10.00"))
    one.told(a_return(status="closed"))
    assert (done(one), len(one.alerts)) == (["ApproveReturn"], 1)
    decided(one, revision="r2", approved_amount="10")
    assert one.of(RefundPayment)[0].amount == money("10")


def test_an_exchange_is_made_and_says_where_a_difference_is_settled() -> None:
    one = story()
    decided(one, "exchange", exchange_items="CUP x 1")
    assert done(one) == ["ApproveReturn", "ExchangeReturn"]
    (exchange,) = one.of(ExchangeReturn)
    assert (exchange.returned, [(i.sku, i.quantity) for i in exchange.items]) == (ITEM, [("CUP", 1)])
    assert "A difference in price is settled in the shop" in one.comments()[-1]
    one.settle("ApproveReturn")
    one.settle("ExchangeReturn")
    assert one.matter.state == "closed"


def test_approved_is_what_the_shopper_wants() -> None:
    one = story(told=a_return(wish="exchange"))
    decided(one)
    assert done(one) == ["ApproveReturn", "ExchangeReturn"]
    assert [(i.variant, i.quantity) for i in one.of(ExchangeReturn)[0].items] == [("v1", 2), ("", 1)]
    repair = story(told=a_return(wish="repair"))
    decided(repair)
    assert (done(repair), "choose an outcome" in repair.comments()[-1]) == ([], True)


@pytest.mark.parametrize(
    ("settings", "told", "cause"),
    [
        ({}, {}, "return_period_ended"),
        ({"return_days": None, "final_sale_skus": ["MUG"]}, {}, "final_sale"),
        ({"final_sale_skus": ["MUG"]}, {}, "other"),
        ({"return_days": None}, {"proof_of_purchase": False}, "other"),
    ],
)
def test_declined_tells_why(settings: Any, told: Any, cause: str) -> None:
    one = story(told=a_return(**told), **settings)
    decided(one, "declined", customer_reason="It was worn.")
    (decline,) = one.of(DeclineReturn)
    assert (decline.returned, decline.cause, decline.note) == (ITEM, cause, "It was worn.")
    one.settle("DeclineReturn")
    assert (one.matter.state, done(one)) == ("closed", ["DeclineReturn"])


def test_declined_without_a_reason_says_that_nobody_is_told_one() -> None:
    one = story()
    decided(one, "rejected")
    assert "No reason was given in customer_reason" in one.comments()[-1]


def test_a_shop_that_writes_nothing_has_a_message_of_its_own() -> None:
    outcomes = {"declined": ["decline_return", "notify"], "approved": ["approve_return", "notify", "credit"]}
    one = story(outcomes=outcomes, messages={"declined": "no_return", "approved": "welcome_back"})
    decided(one, "declined", customer_reason="It was worn.")
    (message,) = one.of(NotifyCustomer)
    assert (message.template, message.values["reason"], message.after) == (
        "no_return",
        "It was worn.",
        ("DeclineReturn",),
    )
    other = story(outcomes=outcomes, messages={"declined": "no_return", "approved": "welcome_back"})
    decided(other)
    assert (done(other), other.matter.stage) == (["ApproveReturn", "NotifyCustomer"], "waiting_for_goods")
    other.settle("NotifyCustomer", "refused", "no address")
    assert (other.matter.stage, len(other.alerts)) == ("waiting_for_goods", 1)
    other.settle("ApproveReturn")
    other.told(a_return(status="closed"))
    assert other.of(IssueCredit)[0].amount == money("48")


def test_an_approval_that_is_refused_gives_nothing_back() -> None:
    one = story()
    decided(one)
    one.settle("ApproveReturn", "refused", "the return is canceled")
    assert (one.matter.stage, len(one.alerts)) == ("blocked", 1)
    one.told(a_return(status="closed"))
    assert done(one) == ["ApproveReturn"]


@pytest.mark.parametrize(("first", "then"), [("approved", "declined"), ("declined", "approved")])
def test_changed_after_execution_or_reopened_is_for_a_person(first: str, then: str) -> None:
    one = story(refund_when="approved")
    decided(one, first)
    for kind in list(dict.fromkeys(done(one))):
        one.settle(kind)
    assert one.matter.state == "closed"
    before = done(one)
    decided(one, then, "r2")
    decided(one, first, "r3")
    assert (done(one), len(one.alerts)) == (before, 1)
    assert "a person must decide" in one.comments()[-1]


def test_a_return_that_staff_answers_resolves_itself() -> None:
    one = story(when_resolved="close")
    one.told(a_return(status="declined"))
    assert one.matter.state == "closed"
    assert "resolved itself: the return is declined in the shop" in one.comments()[-1]
    decided(one)
    assert done(one) == []


def test_a_changed_return_adds_to_its_case_and_the_same_one_does_not() -> None:
    one = story()
    one.told()
    assert one.kinds() == ["OpenCase"]
    one.told(a_return(note="And the box is lost."))
    assert one.kinds() == ["OpenCase", "CommentCase"]
    assert "And the box is lost." in one.comments()[0]


def test_a_return_by_form_is_answered_by_hand_and_refunded_when_the_agent_has_the_goods() -> None:
    one = story(item=FORM, told=a_return(status="unknown"))
    decided(one)
    assert (done(one), one.matter.stage) == ([], "waiting_for_goods")
    assert "The shop knows no such return" in one.comments()[-1]
    decided(one, revision="r2", goods_received="yes")
    assert done(one) == ["RefundPayment"]
    other = story(item=FORM, told=a_return(status="unknown"))
    decided(other, "exchange")
    assert (done(other), "do it by hand" in other.comments()[-1]) == ([], True)


def test_a_return_without_an_order_gives_nothing_by_itself() -> None:
    one = story(item=FORM, alone=True, told=a_return(status="unknown", order_id=None))
    assert one.of(OpenCase)[0].title == "Return for order unknown: no order"
    decided(one)
    assert (done(one), "the order is not known" in one.comments()[-1]) == ([], True)


def test_a_guests_return_and_a_second_currency() -> None:
    guest = order(customer_id=None, customer_name=None, total=money("48", "USD"), presentment_total=money("44"))
    one = story(guest, high_value_order={"EUR": "1"})
    assert "A guest: no customer profile" in one.of(OpenCase)[0].description
    assert "no threshold for USD" in one.reasons[0]
    decided(one)
    assert (done(one), len(one.alerts)) == (["ApproveReturn"], 0)
    usd = story(order(total=money("48", "USD"), presentment_total=money("44")), told=a_return(value=money("48", "USD")))
    decided(usd)
    assert (done(usd), "the shopper paid in EUR" in usd.comments()[-1]) == ([], True)
    decided(usd, revision="r2", approved_amount="44")
    assert done(usd) == ["ApproveReturn"]


def test_in_cases_mode_everything_is_left_to_the_agent() -> None:
    one = story()
    one.matter = replace(one.matter, mode="cases")
    decided(one)
    assert one.matter.state == "closed"
    assert "keeps Connect off orders: do it by hand (approve return, refund). Refund: 48.00 EUR." in one.comments()[-1]


STEPS = ("goods", "noise", "again")


@pytest.mark.parametrize("steps", list(permutations(STEPS)))
def test_late_doubled_and_reordered_events_give_back_once(steps: tuple[str, ...]) -> None:
    one = story()
    decided(one)
    one.settle("ApproveReturn")
    for step in steps:
        if step == "goods":
            one.told(a_return(status="closed"))
        elif step == "noise":
            one.told(a_return(status="open"))
            one.told(a_return(status="closed"))
        else:
            decided(one)
    assert done(one) == ["ApproveReturn", "RefundPayment"]


@checked(deadline=None)
@given(
    st.decimals(min_value=0, max_value=60, places=2),
    st.decimals(min_value=0, max_value=60, places=2),
    st.sampled_from(["", "0.01", "9", "48", "60"]),
    st.sampled_from(["", "MUG", "MUG x 2; PLATE", "MUG x 2; MUG x 2"]),
    st.sampled_from([None, "approved", "refund"]),
    st.sampled_from(["requested", "open", "closed", "canceled"]),
)
def test_no_refund_is_ever_more_than_can_be_given_back_or_was_asked_for(
    left: Decimal, back: Decimal, amount: str, lines: str, outcome: str | None, status: Any
) -> None:
    one = story(order(refundable=Money(amount=left, currency="EUR")))
    decided(one, outcome, approved_amount=amount, approved_lines=lines)
    one.told(a_return(status=status, refunded=Money(amount=back, currency="EUR")))
    one.told(a_return(status="closed"))
    refunds = one.of(RefundPayment)
    assert len(refunds) <= 1
    for refund in refunds:
        assert 0 < refund.amount.amount <= left
        assert amount or refund.amount.amount <= Decimal(48)
    assert len([c for c in one.sent if isinstance(c, EFFECTS)]) == len({c.kind for c in one.sent if c.side == "order"})


@checked(deadline=None)
@given(st.lists(st.sampled_from(["note", "told", "outcome", "goods", "settle"]), max_size=7))
def test_no_story_approves_or_pays_twice(steps: list[str]) -> None:
    one = story()
    for number, step in enumerate(steps):
        if step == "note":
            one.told(a_return(note=f"n{number}"))
        elif step == "told":
            one.told()
        elif step == "outcome":
            decided(one, revision=f"r{number}")
        elif step == "goods":
            one.told(a_return(status="closed"))
        elif one.of(ApproveReturn):
            one.settle("ApproveReturn")
        assert all(one.reasons)
    assert len(one.of(ApproveReturn)) <= 1
    assert len(one.of(RefundPayment)) <= 1
