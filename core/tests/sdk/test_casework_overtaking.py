"""What changes about an outcome after it was acted on, and what of it may leave the case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

from caseconnect.models import Complaint, LineItem, Order
from caseconnect.sdk.casework import Action, CaseworkSettings, Requested, UseCase, follow_up, holding
from caseconnect.sdk.commands import (
    CreateReplacement,
    HoldOrder,
    IssueCredit,
    LineQuantity,
    NotifyCustomer,
    OpenCase,
    RefundPayment,
    ReleaseOrder,
)
from caseconnect.sdk.decisions import Decision, Finding
from caseconnect.sdk.events import ComplaintChanged
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import ORDER, PLACED, Story, money, sample_order

FOUND = Finding(exception="odd", ground="g", summary="odd", arose_at=PLACED)


class Policy(CaseworkSettings):
    names = ("odd",)
    actions: ClassVar[tuple[Action, ...]] = ("refund", "credit", "replace", "points", "notify", "release", "close")


OUTCOMES: dict[str, Any] = {
    "outcomes": {
        "refund": ["refund"],
        "credit": ["credit"],
        "replace": ["replace"],
        "points": ["points"],
        "told": ["notify"],
        "both": ["notify", "refund"],
        "release": ["release"],
        "free": ["release"],
        "no": ["close"],
    },
    "messages": {"notify": "outcome"},
}


def order(left: int | None = 2) -> Order:
    line = LineItem(id="l1", title="Mug", sku="MUG", quantity=2, refundable_quantity=left, unit_price=money("10.00"))
    return sample_order(lines=(line,), total=money("20.00"), refundable=money("20.00"))


def story(asked: Requested | None = None, of: Order | None = None, *held: HoldOrder) -> Story:
    """A matter whose case is open."""
    use = UseCase("odd", ("odd",), item=Complaint, reading=lambda *_: asked or Requested(""))
    policy = Policy.model_validate(OUTCOMES)

    def decide(event: Any, matter: Any, facts: Any, settings: Any, now: Any) -> Any:
        followed = follow_up(use, event, matter, facts, policy)
        opening = (OpenCase(title="t", description="d"), *held)
        return followed or Decision(reason="look", findings=(FOUND,), commands=opening)

    record = Complaint(id="c1", text="broken")
    item = ComplaintChanged(subject=ORDER, item=Subject("desk", "complaint", "c1"), time=PLACED, record=record)
    made = Story([("odd", decide, policy)], of or order(), item=item)
    made.told()
    made.settle("OpenCase")
    return made


def says(one: Story, outcome: str | None, revision: str, **attributes: str) -> list[Decision]:
    return one.case_changed(outcome=outcome, revision=revision, attributes=attributes)


def states(one: Story, kind: str) -> list[str]:
    return [c.state for c in one.matter.commands if c.kind == kind]


def test_messages_and_statuses_of_the_former_outcome_are_revoked_with_it() -> None:
    one = story()
    says(one, "both", "r1", approved_amount="1.00")
    says(one, "refund", "r2", approved_amount="1.00")
    assert (states(one, "NotifyCustomer"), states(one, "RefundPayment")) == (["superseded"], ["superseded", "planned"])
    assert "NotifyCustomer, RefundPayment" in one.comments()[-1]


def test_another_revision_while_the_new_outcome_is_on_its_way_does_not_repeat_it() -> None:
    one = story()
    says(one, "refund", "r1", approved_amount="1.00")
    says(one, "told", "r2")
    says(one, "told", "r3")
    assert (len(one.of(NotifyCustomer)), len(one.of(RefundPayment))) == (1, 1)
    one.settle("NotifyCustomer")
    says(one, "told", "r4")
    assert (len(one.of(NotifyCustomer)), one.matter.state) == (1, "closed")


def test_an_outcome_of_messages_alone_is_carried_out_after_a_detour() -> None:
    one = story()
    says(one, "told", "r1")
    says(one, "nothing that is known", "r2")
    assert states(one, "NotifyCustomer") == ["superseded"]
    says(one, "told", "r3")
    assert states(one, "NotifyCustomer") == ["superseded", "planned"]


def test_a_release_that_is_still_planned_keeps_the_order_held() -> None:
    one = story(None, None, HoldOrder(target=ORDER))
    one.settle("HoldOrder")
    says(one, "release", "r1")
    one.matter = replace(one.matter, claims=frozenset())  # the journal gives the claim up when the release is planned
    assert holding(one.matter)
    says(one, "free", "r2")
    assert (len(one.of(ReleaseOrder)), states(one, "ReleaseOrder")) == (2, ["superseded", "planned"])


@pytest.mark.parametrize("state", ["sending", "unknown", "accepted", "parked"])
def test_what_may_have_happened_is_neither_revoked_nor_done_otherwise(state: str) -> None:
    for outcome, amount in (("refund", "2.00"), ("credit", "1.00"), ("no", "1.00")):
        one = story()
        says(one, "refund", "r1", approved_amount="1.00")
        one.state("RefundPayment", state)
        says(one, outcome, "r2", approved_amount=amount)
        assert (states(one, "RefundPayment"), one.of(IssueCredit)) == ([state], [])
        assert (len(one.alerts), "after execution" in one.alerts[0]) == (1, True)
        one.settle("RefundPayment")
        assert one.matter.state == "closed"
        assert "decide by hand" in one.alerts[-1], "the former alert ends with the matter"
        assert len(one.alerts) == 2


def test_what_came_to_nothing_has_no_details() -> None:
    one = story()
    says(one, "no", "r1")
    says(one, "no", "r2", approved_amount="5.00")
    assert (one.matter.state, one.alerts) == ("closed", [])


def test_a_matter_of_a_program_that_kept_no_digest_is_left_alone() -> None:
    one = story()
    says(one, "refund", "r1", approved_amount="1.00")
    one.settle("RefundPayment")
    assert one.matter.acted_on is not None
    one.matter = replace(one.matter, acted_on=one.matter.acted_on.model_copy(update={"answers": ""}))
    says(one, "refund", "r2", approved_amount="2.00")
    assert one.alerts == []


SECRET = "4 Privet Drive"


@pytest.mark.parametrize(
    ("outcome", "name", "text", "said"),
    [
        ("refund", "approved_amount", SECRET, "approved_amount is no amount"),
        (
            "refund",
            "approved_amount",
            "5 XXL",
            "approved_amount is not in the currency in which the shopper paid (EUR)",
        ),
        ("refund", "approved_amount", "1.234", "approved_amount is nothing, or has other digits than EUR"),
        ("refund", "approved_lines", SECRET, "goods are named that are not in order #1001"),
        ("refund", "approved_lines", f"{SECRET} x 0", "approved_lines is no list of SKUs and quantities"),
        ("refund", "approved_lines", "MUG x 9", "more goods are named than are left of order #1001"),
        ("points", "approved_points", SECRET, "approved_points is no whole number"),
    ],
)
def test_what_an_agent_wrote_stays_on_the_case(outcome: str, name: str, text: str, said: str) -> None:
    one = story()
    (told,) = says(one, outcome, "r1", **{name: text})
    assert told.alert_kind == f"impossible:{one.subject}:{one.matter.item}"
    (alert,) = one.alerts
    assert alert.endswith(f"outcome {outcome!r} cannot be carried out: {said}")
    assert one.reasons[-1] == f"outcome {outcome!r} cannot be carried out: {said}"
    assert text.split(" x ")[0].split()[-1] in one.comments()[-1]


@pytest.mark.parametrize(
    ("lines", "left", "why"),
    [
        ((("l1", 2),), 2, ""),
        ((("l1", 2),), None, ""),
        ((("l1", 2),), 1, "2 of line l1 were asked for, order #1001 has 1 left"),
        ((("l1", 1), ("l1", 1)), 1, "2 of line l1 were asked for"),
        ((("l9", 1),), 2, "goods that are not in order #1001"),
    ],
)
@pytest.mark.parametrize(
    ("outcome", "kind"), [("refund", RefundPayment), ("credit", IssueCredit), ("replace", CreateReplacement)]
)
def test_goods_that_were_asked_for_must_be_left(
    outcome: str, kind: Any, lines: Any, left: int | None, why: str
) -> None:
    asked = Requested("", lines=tuple(LineQuantity(line=id_, quantity=n) for id_, n in lines), amount=money("5.00"))
    one = story(asked, order(left))
    says(one, outcome, "r1")
    assert bool(one.of(kind)) is not bool(why)
    assert why in (one.comments() or [""])[-1]


def test_credit_of_an_amount_that_somebody_wrote_is_for_no_goods() -> None:
    asked = Requested("", lines=(LineQuantity(line="l1", quantity=2),))
    one = story(asked, order(0))
    says(one, "credit", "r1", approved_amount="5.00")
    assert [c.amount for c in one.of(IssueCredit)] == [money("5.00")]
