"""A decision revokes what an earlier one planned: all of it is given back, and what has gone out is a conflict."""

from __future__ import annotations

from decimal import Decimal

import pytest
from journal_desk import Desk, case_of

from caseconnect.host.journal.errors import Conflict
from caseconnect.models import Money
from caseconnect.sdk.commands import Counter, HoldOrder, NotifyCustomer, RefundPayment, ReleaseOrder


def refund(amount: str = "8.00", **more: object) -> RefundPayment:
    return RefundPayment.model_validate({"amount": Money(amount=Decimal(amount), currency="EUR"), **more})


def message(**more: object) -> NotifyCustomer:
    return NotifyCustomer.model_validate({"template": "done", "after": ("RefundPayment",), **more})


def test_what_it_reserved_is_free_for_what_takes_its_place(desk: Desk) -> None:
    matter = desk.matter()
    counter = Counter(name="c", amount=Decimal(8), limit=Decimal(10))
    (first,) = desk.plan(matter, refund(counter=counter))
    again = refund("9.00", counter=counter.model_copy(update={"amount": Decimal(9)}))
    (second,) = desk.decide(desk.ask(matter, again, ground="g2"), revokes=(first,))
    assert (desk.state(first), desk.state(second)) == ("superseded", "planned")
    assert (desk.due(), desk.told()) == ([second], [])
    with pytest.raises(Conflict):
        desk.began(first)


def test_what_was_to_follow_waits_for_what_takes_its_place(desk: Desk) -> None:
    matter = desk.matter()
    first, kept = desk.plan(matter, refund(), message())
    (second,) = desk.decide(desk.ask(matter, refund("9.00"), ground="g2"), revokes=(first,))
    assert desk.due() == [second]
    desk.send(second)
    assert desk.due() == [kept]


def test_the_same_may_be_asked_for_again(desk: Desk) -> None:
    matter = desk.matter()
    (first,) = desk.plan(matter, refund())
    desk.decide(revokes=(first,))
    assert desk.decide(desk.ask(matter, refund(), ground="g2")) == [f"{first}~2"]


def test_a_release_that_is_revoked_leaves_the_hold_claimed(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HoldOrder())
    desk.send(hold)
    (release,) = desk.plan(matter, ReleaseOrder())
    assert desk.claims() == set()
    desk.decide(revokes=(release,))
    assert (desk.state(release), desk.claims()) == ("superseded", {matter.id})


@pytest.mark.parametrize("state", ["sending", "unknown", "accepted", "done", "parked"])
def test_what_has_left_is_a_conflict_and_nothing_is_written(desk: Desk, state: str) -> None:
    matter = desk.matter()
    (key,) = desk.plan(matter, refund())
    if state == "parked":
        desk.settle(key, state)
    else:
        desk.began(key)
        if state != "sending":
            desk.settle(key, state)
    with pytest.raises(Conflict, match=f"is {state} by now"):
        desk.decide(desk.ask(matter, case_of()), revokes=(key,))
    assert (desk.state(key), desk.sql("SELECT count(*) FROM commands")) == (state, [(1,)])


def test_what_has_ended_without_an_effect_is_left_alone(desk: Desk) -> None:
    (key,) = desk.plan(desk.matter(), refund())
    desk.settle(key, "refused")
    desk.decide(revokes=(key,))
    assert desk.state(key) == "refused"


def test_money_that_a_person_planned_again_is_in_doubt(desk: Desk) -> None:
    matter = desk.matter()
    (key,) = desk.plan(matter, refund())
    assert desk.journal.around(matter.id)[0][0].state == "planned"
    desk.send(key, "unknown")
    desk.settle(key, "parked")
    desk.answer(key, "retry")
    assert (desk.state(key), desk.journal.around(matter.id)[0][0].state) == ("planned", "unknown")
    with pytest.raises(Conflict, match="in doubt"):
        desk.decide(revokes=(key,))
