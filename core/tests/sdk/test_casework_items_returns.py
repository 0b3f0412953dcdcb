"""What waits for something, parts of what was asked for, and items that join an open matter."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseconnect.models import Case, Complaint, Document, File, LineItem, Money, Order
from caseconnect.sdk.casework import Action, CaseworkSettings, Requested, UseCase, Verdict, Waiting, decide_item
from caseconnect.sdk.casework.answers import share_of, value_of
from caseconnect.sdk.commands import (
    AttachDocument,
    CreateReplacement,
    LineQuantity,
    NotifyCustomer,
    RefundPayment,
    digest_of,
)
from caseconnect.sdk.decisions import Finding
from caseconnect.sdk.events import ComplaintChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order

ITEM, OTHER = Subject("forms", "complaint", "c7"), Subject("mail", "complaint", "m1")
PHOTO = Document(name="photo.png", media_type="image/png", content=b"png")
LINES = (
    LineItem(id="l1", title="Mug", sku="MUG", quantity=3, unit_price=money("10.00"), total=money("20.00")),
    LineItem(id="l2", title="Plate", sku="PLATE", quantity=1, unit_price=money("30.00")),
)


class Policy(CaseworkSettings):
    names: ClassVar[tuple[str, ...]] = ("broken",)
    actions: ClassVar[tuple[Action, ...]] = ("refund", "replace", "notify", "close")


def _late(settings: Any) -> tuple[Action, ...]:
    return ("refund",)


def stands(item: Complaint | None, case: Case, settings: Any) -> Any:
    """A sign in the item's status, or in the case."""
    status = case.attributes.get("sign") or (item.status if item else None)
    return ("due", "It came.") if status == "came" else ("over", "Gone.") if status == "gone" else ("waits", "Waits.")


def reading(item: Complaint, order: Order | None) -> Requested:
    """All mugs and the plate for 40 EUR, and nothing else."""
    lines = (LineQuantity(line="l1", quantity=3), LineQuantity(line="l2", quantity=1))
    return Requested(item.text, files=item.files, amount=money("40"), lines=lines, bound=True)


def judge(item: Complaint, *_: Any) -> list[Verdict]:
    """Every complaint counts."""
    finding = Finding(exception="broken", ground=digest_of(item.id, item.text), summary=item.id, arose_at=PLACED)
    return [Verdict("broken", finding)]


def over(item: Complaint, order: Order | None) -> str | None:
    """Withdrawn."""
    return "it was withdrawn" if item.status == "withdrawn" else None


USE = UseCase(
    name="waiting",
    exceptions=("broken",),
    waiting=Waiting(_late, stands),
    item=Complaint,
    reading=reading,
)


def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Any:
    """The use case of these tests."""
    return decide_item(USE, event, matter, facts, settings, now, judge=judge, over=over)


def story(outcome: Any = ("replace", "refund", "notify"), **settings: Any) -> Story:
    """A complaint with its case open."""
    policy = Policy.model_validate({"outcomes": {"yes": outcome}, "messages": {"yes": "sorry"}, **settings})
    event = ComplaintChanged(subject=ORDER, item=ITEM, time=PLACED, record=Complaint(id="c7", text="Broken."))
    made = Story([("waiting", decide, policy)], sample_order(lines=LINES, refundable=money("50")), item=event)
    made.told()
    made.settle("OpenCase")
    return made


def effects(one: Story) -> list[str]:
    """What was asked of the shop, in order."""
    return [c.kind for c in one.sent if c.side == "order"]


@pytest.mark.parametrize("by", ["item", "case"])
def test_what_waits_and_what_follows_it_come_once_when_it_is_there(by: str) -> None:
    one = story()
    one.case_changed(outcome="yes", revision="r1")
    assert (effects(one), one.matter.stage) == (["CreateReplacement"], "waiting_for_goods")
    assert one.comments()[-1] == "Outcome 'yes'. Replacement, for nothing. Waits."
    one.settle("CreateReplacement")
    one.told()
    one.case_changed(revision="r2")
    assert (effects(one), one.matter.is_open()) == (["CreateReplacement"], True)
    for _ in range(2):
        if by == "item":
            one.told(Complaint(id="c7", text="Broken.", status="came"))
        else:
            one.case_changed(attributes={"sign": "came"}, revision="r3")
    assert effects(one) == ["CreateReplacement", "RefundPayment", "NotifyCustomer"]
    assert one.of(NotifyCustomer)[0].after == ("RefundPayment",)
    one.settle("RefundPayment")
    one.settle("NotifyCustomer")
    assert (one.matter.state, one.matter.stage) == ("closed", "resolved")


def test_what_is_there_already_waits_for_nothing() -> None:
    one = story()
    one.told(Complaint(id="c7", text="Broken.", status="came"))
    one.case_changed(outcome="yes", revision="r1")
    assert effects(one) == ["CreateReplacement", "RefundPayment", "NotifyCustomer"]


@pytest.mark.parametrize("before", [True, False])
def test_what_never_comes_ends_without_it(before: bool) -> None:
    one = story()
    if not before:
        one.case_changed(outcome="yes", revision="r1")
        one.settle("CreateReplacement")
    one.told(Complaint(id="c7", text="Broken.", status="gone"))
    if before:
        one.case_changed(outcome="yes", revision="r1")
        one.settle("CreateReplacement")
    assert effects(one) == ["CreateReplacement"]
    assert any("Gone." in text for text in one.comments())
    assert one.matter.state == "closed"


def test_an_outcome_that_cannot_be_carried_out_whole_is_not_begun() -> None:
    one = story()
    one.case_changed(outcome="yes", revision="r1", attributes={"approved_amount": "50.01"})
    assert (effects(one), one.of(CreateReplacement)) == ([], [])
    assert one.comments()[-1].endswith("Nothing was done.")
    one.case_changed(revision="r2", attributes={"approved_amount": "50"})
    one.case_changed(revision="r3", attributes={"approved_amount": "60", "sign": "came"})
    assert effects(one) == ["CreateReplacement"]
    assert one.comments()[-1].endswith("Nothing more was done.")


def test_an_end_by_itself_is_not_told_while_an_outcome_is_carried_out() -> None:
    one = story("replace")
    one.case_changed(outcome="yes", revision="r1")
    one.state("CreateReplacement", "sending")
    before = one.kinds()
    one.told(Complaint(id="c7", status="withdrawn"))
    assert one.kinds() == before


@pytest.mark.parametrize(
    ("goods", "amount"),
    [("MUG", "5.32"), ("MUG x 3", "16.00"), ("PLATE", "24.00"), ("MUG x 3; PLATE", "40.00"), ("PLATE; MUG", "29.32")],
)
def test_a_part_of_what_was_asked_for_is_its_share_of_the_amount(goods: str, amount: str) -> None:
    one = story("refund")
    one.told(Complaint(id="c7", text="Broken.", status="came"))
    one.case_changed(outcome="yes", revision="r1", attributes={"approved_lines": goods})
    assert one.of(RefundPayment)[0].amount == money(amount)


def test_goods_that_are_named_twice_count_twice() -> None:
    one = story("refund")
    one.case_changed(outcome="yes", revision="r1", attributes={"approved_lines": "PLATE; PLATE"})
    assert (effects(one), "has 1 of PLATE left, not 2" in one.comments()[-1]) == ([], True)


def test_a_line_is_worth_what_was_paid_for_it() -> None:
    order = sample_order(lines=LINES)
    assert value_of((LineQuantity(line="l1", quantity=2),), order) == money("13.33")
    assert value_of((LineQuantity(line="l2", quantity=1),), order) == money("30.00")


@given(st.decimals("0.01", "9999.99", places=2), st.integers(1, 50), st.data())
def test_shares_never_add_up_to_more_than_the_whole(amount: Any, whole: int, data: Any) -> None:
    parts, left = [], whole
    while left:
        parts.append(data.draw(st.integers(1, left)))
        left -= parts[-1]
    of = Money(amount=amount, currency="EUR")
    shares = [share_of(of, Decimal(part), Decimal(whole)).amount for part in parts]
    assert sum(shares) <= amount
    assert share_of(of, Decimal(whole), Decimal(whole)) == of


def test_an_item_that_joins_is_added_with_its_files_and_decides_nothing() -> None:
    one = story()
    one.item = ComplaintChanged(
        subject=ORDER,
        item=OTHER,
        time=PLACED,
        record=Complaint(id="m1", text="The lid too.", files=(File(name="p.png", document=PHOTO),)),
    )
    for _ in range(2):
        one.told()
    assert one.kinds() == ["OpenCase", "CommentCase", "AttachDocument"]
    assert "The lid too." in one.comments()[0]
    assert one.of(AttachDocument)[0].document == PHOTO
    assert one.matter.about == ITEM
    one.told(Complaint(id="m1", status="withdrawn"))
    one.told(Complaint(id="m1", text="The lid too.", status="came"))
    assert one.kinds() == ["OpenCase", "CommentCase", "AttachDocument"]


def test_an_item_that_joins_does_not_settle_first() -> None:
    one = story()
    one.flows[0] = (*one.flows[0][:2], Policy.model_validate({**PLAIN, "settle_minutes": {"broken": 600}}))
    one.item = ComplaintChanged(subject=ORDER, item=OTHER, time=PLACED, record=Complaint(id="m1", text="The lid too."))
    one.told()
    assert (one.kinds(), one.timers) == (["OpenCase", "CommentCase"], {})


PLAIN: dict[str, Any] = {"outcomes": {"yes": "close"}}


def test_an_order_that_is_left_out_opens_nothing_by_a_tenants_own_condition() -> None:
    policy = Policy.model_validate({**PLAIN, "also": {"any": "true"}})
    event = ComplaintChanged(subject=ORDER, item=ITEM, time=PLACED, record=Complaint(id="c7", text="Broken."))

    def found(**changes: Any) -> set[str]:
        def nothing(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Any:
            return decide_item(
                USE, event, matter, facts, settings, now, judge=lambda *_: [Verdict("nothing")], over=over
            )

        one = Story([("waiting", nothing, policy)], sample_order(**changes), item=event)
        one.told()
        return {f.exception for f in one.matter.findings}

    assert found() == {"condition"}
    assert found(test=True) == set()
