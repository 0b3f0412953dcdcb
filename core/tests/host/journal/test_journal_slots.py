from __future__ import annotations

from decimal import Decimal

import pytest
from journal_desk import ORDER, TENANT, Desk

from caseconnect.host.journal.errors import Conflict
from caseconnect.sdk.commands import (
    AnnotateOrder,
    CancelOrder,
    Counter,
    HoldOrder,
    ReleaseOrder,
    RemoveNotice,
    ShowNotice,
)

HOLD, RELEASE, CANCEL = HoldOrder(), ReleaseOrder(), CancelOrder()


def note(text: str) -> AnnotateOrder:
    return AnnotateOrder(name="status", attributes={"status": text})


def test_a_hold_is_claimed_sent_confirmed_and_released(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    assert desk.claims() == {matter.id}
    desk.send(hold)
    (release,) = desk.plan(matter, RELEASE)
    assert desk.claims() == set()
    assert desk.due() == [release]
    desk.send(release)
    assert desk.sql("SELECT confirmed, version FROM slots") == [("released", 2)]
    assert desk.told() == [("HoldOrder", "done"), ("ReleaseOrder", "done")]


def test_the_same_hold_is_asked_for_once(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    assert desk.plan(matter, HOLD, ground="g2") == []
    desk.send(hold)
    assert desk.plan(matter, HOLD, ground="g3") == []


def test_a_matter_that_released_may_hold_again(desk: Desk) -> None:
    matter = desk.matter()
    keys: list[str] = []
    for command in (HOLD, RELEASE, HOLD, RELEASE):
        keys += desk.plan(matter, command)
        desk.send(keys[-1])
    assert keys[2:] == [f"{matter.id}:HoldOrder~2", f"{matter.id}:ReleaseOrder~2"]


def test_names_cannot_be_mistaken_for_generations(desk: Desk) -> None:
    matter = desk.matter()
    keys = [*desk.plan(matter, note("a")), *desk.plan(matter, note("b"))]
    keys += desk.plan(matter, AnnotateOrder(name="status~2", attributes={"x": "y"}))
    assert keys == [f"{matter.id}:AnnotateOrder:status", f"{matter.id}:AnnotateOrder:status~2",
                    f"{matter.id}:AnnotateOrder:status~~2"]  # fmt: skip


def test_the_last_claim_to_go_releases(desk: Desk) -> None:
    fraud, address = desk.matter("fraud"), desk.matter("address")
    (hold,) = desk.plan(fraud, HOLD)
    (second,) = desk.plan(address, HOLD)
    assert (desk.state(second), desk.note(second)) == ("done", "nothing to send: it is held already")
    desk.send(hold)
    (kept,) = desk.plan(fraud, RELEASE)
    assert desk.state(kept) == "done"
    assert "still held for 1 other matter(s): 1001-address-1" in desk.note(kept)
    (release,) = desk.plan(address, RELEASE)
    assert desk.state(release) == "planned"


def test_a_notice_that_another_matter_shows_stays_until_that_one_ends(desk: Desk) -> None:
    one, other = desk.matter("one"), desk.matter("other")
    show = ShowNotice(name="p", place="product", texts={"default": "Do not use it."})
    remove = RemoveNotice(name="p", place="product")
    (shown,) = desk.plan(one, show)
    desk.send(shown)
    desk.plan(other, show)
    (kept,) = desk.plan(one, remove)
    assert desk.state(kept) == "done"
    assert "still wanted by" in desk.note(kept)
    (removed,) = desk.plan(other, remove)
    assert desk.state(removed) == "planned"


def test_a_release_without_a_claim_sends_nothing(desk: Desk) -> None:
    (hold,) = desk.plan(desk.matter("fraud"), HOLD)
    desk.send(hold)
    (release,) = desk.plan(desk.matter("address"), RELEASE)
    assert (desk.state(release), desk.note(release)) == ("done", "nothing to send: this matter claims nothing")


def test_a_hold_that_never_went_out_is_superseded_by_its_release(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    (release,) = desk.plan(matter, RELEASE)
    assert (desk.state(hold), desk.state(release)) == ("superseded", "done")
    assert desk.note(release) == "nothing to send: it had not gone out"


@pytest.mark.parametrize("way", [("unknown", "parked"), ("unknown", "planned")])
def test_a_hold_that_may_have_landed_is_released_for_sure(desk: Desk, way: tuple[str, ...]) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    desk.send(hold, way[0])
    for becomes in way[1:]:
        desk.settle(hold, becomes)
    (release,) = desk.plan(matter, RELEASE)
    assert desk.state(release) == "planned"
    assert release in desk.due()


def test_a_release_waits_for_a_hold_whose_outcome_is_unknown(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    desk.send(hold, "unknown")
    (release,) = desk.plan(matter, RELEASE)
    assert desk.due() == [hold]
    desk.settle(hold, "done")
    assert desk.due() == [release]


def test_a_hold_that_comes_back_to_planned_under_a_newer_release_is_over(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    desk.began(hold)
    (release,) = desk.plan(matter, RELEASE)
    desk.settle(hold, "planned", note="429")
    assert (desk.state(hold), desk.state(release)) == ("superseded", "planned")
    assert desk.due() == [release]


def test_another_hold_overtakes_a_planned_release_which_is_told_as_done(desk: Desk) -> None:
    fraud, address = desk.matter("fraud"), desk.matter("address")
    (hold,) = desk.plan(fraud, HOLD)
    desk.send(hold)
    (release,) = desk.plan(fraud, RELEASE)
    (again,) = desk.plan(address, HOLD)
    assert (desk.state(release), desk.state(again)) == ("done", "done")
    assert ("ReleaseOrder", "done") in desk.told()
    assert desk.claims() == {address.id}
    assert desk.due() == []


def test_a_planned_value_that_is_wanted_again_is_still_sent(desk: Desk) -> None:
    one, two = desk.matter("fraud"), desk.matter("address")
    (first,) = desk.plan(one, note("a"))
    desk.send(first)
    (second,) = desk.plan(one, note("b"))
    (third,) = desk.plan(two, note("b"))
    assert (desk.state(second), desk.state(third)) == ("planned", "done")
    assert desk.due() == [second]


def test_a_newer_value_supersedes_what_waits_and_equal_to_the_confirmed_sends_nothing(desk: Desk) -> None:
    matter = desk.matter()
    (a,) = desk.plan(matter, note("a"))
    desk.send(a)
    (b,) = desk.plan(matter, note("b"))
    (back,) = desk.plan(matter, note("a"))
    assert (desk.state(b), desk.state(back)) == ("superseded", "done")


def test_two_matters_do_not_set_one_slot_back_and_forth(desk: Desk) -> None:
    one, two = desk.matter("fraud"), desk.matter("address")
    for matter, text in ((one, "one"), (two, "two")):
        (key,) = desk.plan(matter, note(text))
        desk.send(key)
    assert desk.plan(one, note("one")) == []
    assert desk.plan(two, note("two")) == []


def test_a_slot_that_is_changed_too_often_is_parked(desk: Desk) -> None:
    matter = desk.matter()
    for number in range(3):
        (key,) = desk.decide(desk.ask(matter, note(str(number))), matters=(matter,), slot_limit=3)
        desk.send(key)
    (key,) = desk.decide(desk.ask(matter, note("once more")), slot_limit=3)
    assert desk.state(key) == "parked"
    assert desk.alerts() == ["parked:AnnotateOrder"]
    desk.pass_time(hours=2)
    (key,) = desk.decide(desk.ask(matter, note("later")), slot_limit=3)
    assert desk.state(key) == "planned"


def test_a_person_who_took_the_hold_off_ends_the_claims(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    before = desk.observed("released")
    desk.send(hold)
    desk.decide(observed=(before,))
    assert desk.claims() == {matter.id}, "it was read before our hold was there"
    desk.pass_time(minutes=1)
    desk.decide(observed=(desk.observed("held"),))
    assert desk.claims() == {matter.id}
    desk.decide(observed=(desk.observed("released"),))
    assert desk.claims() == set()
    assert desk.plan(matter, HOLD) == [], "a person is not argued with"
    (again,) = desk.plan(matter, HOLD, ground="g2")
    assert (again, desk.state(again)) == (f"{matter.id}:HoldOrder~2", "planned")
    assert desk.claims() == {matter.id}


def test_a_hold_that_a_person_took_off_comes_back_once_for_each_new_ground(desk: Desk) -> None:
    matter = desk.matter()
    for ground in ("g1", "g2", "g3"):
        (hold,) = desk.plan(matter, HOLD, ground=ground)
        assert desk.plan(matter, HOLD, ground="g9") == [], "it is held already"
        desk.send(hold)
        assert desk.plan(matter, HOLD, ground="g9") == []
        desk.pass_time(minutes=1)
        desk.decide(observed=(desk.observed("released"),))
        assert desk.claims() == set()
        for old in ("g1", "g2", "g3")[: int(ground[1])]:
            assert desk.plan(matter, HOLD, ground=old) == [], "nor on a ground before the last"
        assert desk.decide(desk.ask(matter, HOLD, ground="g9", fresh=False)) == [], "without a finding that is new"
    assert desk.sql("SELECT confirmed FROM slots") == [("released",)]


def test_a_hold_of_a_cancelled_order_does_not_come_back(desk: Desk) -> None:
    matter = desk.matter()
    for command in (HOLD, CANCEL):
        (key,) = desk.plan(matter, command)
        desk.send(key)
    assert desk.claims() == set()
    assert desk.plan(matter, HOLD, ground="g2") == []


def test_what_is_under_way_is_not_taken_for_a_persons_doing(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    desk.send(hold)
    (release,) = desk.plan(matter, RELEASE)
    desk.began(release)
    other = desk.matter("address")
    desk.plan(other, HOLD)
    desk.pass_time(minutes=1)
    desk.decide(observed=(desk.observed("released"),))
    assert desk.claims() == {other.id}


def test_a_hold_seen_after_all_keeps_the_claim_of_the_matter_that_asked(desk: Desk) -> None:
    matter = desk.matter()
    for command in (HOLD, RELEASE):
        (key,) = desk.plan(matter, command)
        desk.send(key)
    (hold,) = desk.plan(matter, HOLD)
    desk.send(hold, "unknown")
    desk.settle(hold, "parked")
    desk.pass_time(minutes=1)
    desk.decide(observed=(desk.observed("held"),))
    assert desk.claims() == {matter.id}


def test_a_hold_of_ours_that_nobody_claims_is_shown(desk: Desk) -> None:
    matter = desk.matter()
    for command in (HOLD, RELEASE):
        (key,) = desk.plan(matter, command)
        desk.send(key)
    desk.pass_time(minutes=1)
    desk.decide(observed=(desk.observed("released"),))
    assert desk.alerts() == []
    desk.decide(observed=(desk.observed("held"),))
    assert desk.alerts() == ["held:unclaimed"]


def test_a_refused_hold_claims_nothing_and_others_that_rely_on_it_are_shown(desk: Desk) -> None:
    fraud, address = desk.matter("fraud"), desk.matter("address")
    (hold,) = desk.plan(fraud, HOLD)
    desk.began(hold)
    desk.plan(address, HOLD)
    desk.settle(hold, "refused", note="shipped")
    assert desk.claims() == {address.id}
    assert desk.alerts() == ["refused:HoldOrder"]
    assert desk.plan(fraud, HOLD) == [], "refused: the same ground asks no second time"
    assert desk.plan(fraud, HOLD, ground="g2") == [f"{fraud.id}:HoldOrder~2"]


def test_a_refused_release_leaves_the_hold_claimed(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    desk.send(hold)
    (release,) = desk.plan(matter, RELEASE)
    desk.settle(release, "refused", note="changed")
    assert desk.claims() == {matter.id}
    (again,) = desk.plan(matter, RELEASE, ground="g2")
    assert desk.state(again) == "planned"


def test_a_refused_release_of_a_closed_matter_is_shown(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    desk.send(hold)
    (release,) = desk.decide(desk.ask(matter, RELEASE), matters=(desk.matter(state="closed"),))
    desk.send(release, "refused", note="no right to")
    assert desk.claims() == set()
    assert desk.alerts() == ["refused:ReleaseOrder"]


def test_a_cancelled_order_is_claimed_by_nobody(desk: Desk) -> None:
    fraud, address = desk.matter("fraud"), desk.matter("address")
    (hold,) = desk.plan(fraud, HOLD)
    desk.send(hold)
    desk.plan(address, HOLD)
    (cancel,) = desk.plan(fraud, CANCEL)
    desk.send(cancel, "accepted")
    assert desk.claims() == {fraud.id, address.id}
    desk.settle(cancel, "done")
    assert desk.claims() == set()
    late = desk.matter("late")
    desk.plan(late, HOLD)
    (nothing,) = desk.plan(late, CANCEL)
    assert desk.state(nothing) == "done"
    assert desk.claims() == set()


@pytest.mark.parametrize(
    ("answer", "state", "claims"), [("retry", "planned", 1), ("done", "done", 1), ("refuse", "refused", 0)]
)
def test_a_hold_born_parked_claims_when_a_person_lets_it_go(desk: Desk, answer: str, state: str, claims: int) -> None:
    (hold,) = desk.plan(desk.matter(), HOLD, birth="parked", note="contradiction")
    assert desk.claims() == set()
    assert desk.answer(hold, answer) == state  # type: ignore[arg-type]
    assert len(desk.claims()) == claims


def test_a_hold_of_a_closed_matter_can_only_be_refused(desk: Desk) -> None:
    (hold,) = desk.plan(desk.matter(), HOLD, birth="parked")
    desk.decide(matters=(desk.matter(state="closed"),))
    with pytest.raises(Conflict, match="closed"):
        desk.answer(hold, "retry")
    assert desk.answer(hold, "refuse") == "refused"


def test_a_release_that_a_person_lets_go_respects_other_claims(desk: Desk) -> None:
    fraud, address = desk.matter("fraud"), desk.matter("address")
    (hold,) = desk.plan(fraud, HOLD)
    desk.send(hold)
    desk.plan(address, HOLD)
    (release,) = desk.plan(fraud, RELEASE, birth="parked")
    assert desk.answer(release, "retry") == "done"
    assert desk.claims() == {address.id}
    assert desk.due() == []


def test_a_release_that_a_person_lets_go_overtakes_a_hold_that_still_waits(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    (release,) = desk.plan(matter, RELEASE, birth="parked")
    assert desk.answer(release, "retry") == "planned"
    assert desk.state(hold) == "superseded"
    assert desk.due() == [release]


def test_a_hold_that_still_waits_is_not_sent_after_a_person_released(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    (release,) = desk.plan(matter, RELEASE, birth="parked")
    assert desk.answer(release, "done") == "done"
    assert (desk.state(hold), desk.due(), desk.claims()) == ("superseded", [], set())


def test_an_old_hold_said_to_be_done_does_not_undo_what_came_after(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HOLD)
    desk.send(hold, "unknown")
    desk.settle(hold, "parked")
    (release,) = desk.plan(matter, RELEASE)
    desk.send(release)
    desk.answer(hold, "done")
    assert desk.sql("SELECT confirmed FROM slots") == [("released",)]
    assert desk.claims() == set()


def test_a_hold_whose_claim_ended_is_not_sent_again(desk: Desk) -> None:
    matter = desk.matter()
    (cancel,) = desk.plan(matter, CANCEL)
    (hold,) = desk.plan(matter, HOLD)
    desk.began(hold)
    desk.send(cancel)
    desk.settle(hold, "planned", note="503")
    assert desk.state(hold) == "superseded"


def test_slots_of_different_tenants_and_orders_are_apart(desk: Desk) -> None:
    other = desk.matter(subject=ORDER._replace(id="2002"))
    desk.plan(desk.matter(), HOLD)
    (hold,) = desk.decide(desk.ask(other, HOLD), matters=(other,), lane=other.key.subject)
    assert desk.state(hold) == "planned"
    assert [slot for (slot,) in desk.sql("SELECT slot FROM commands ORDER BY seq")] == [
        f"{TENANT}|shop|shop/order/1001|hold",
        f"{TENANT}|shop|shop/order/2002|hold",
    ]


def test_a_hold_on_a_new_ground_that_was_refused_does_not_bring_the_old_ground_back(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HoldOrder())
    desk.send(hold)
    desk.pass_time(seconds=5)
    desk.decide(observed=(desk.observed("released"),))
    (again,) = desk.plan(matter, HoldOrder(), ground="g2")
    desk.send(again, "refused")
    assert desk.plan(matter, HoldOrder(), ground="g1") == []
    assert len(desk.plan(matter, HoldOrder(), ground="g3")) == 1


def test_followers_of_what_is_overtaken_when_it_is_planned_again_go_on(desk: Desk) -> None:
    one, two = desk.matter("fraud"), desk.matter("address")
    mark = AnnotateOrder(name="a", add_tags=("y",))
    first, follower = desk.plan(one, mark, AnnotateOrder(name="b", add_tags=("b",), after=("AnnotateOrder:a",)))
    desk.began(first)
    desk.plan(two, AnnotateOrder(name="a", add_tags=("z",)))
    desk.settle(first, "planned")
    assert desk.state(first) == "superseded"
    assert follower in desk.due()


def test_what_is_overtaken_before_it_was_sent_gives_its_counter_back(desk: Desk) -> None:
    counter = Counter(name="marks", amount=Decimal(1), limit=Decimal(1))
    (first,) = desk.plan(desk.matter("fraud"), AnnotateOrder(name="a", add_tags=("y",), counter=counter))
    (newer,) = desk.plan(desk.matter("address"), AnnotateOrder(name="a", add_tags=("z",), counter=counter))
    assert (desk.state(first), desk.state(newer)) == ("superseded", "planned")
    assert desk.sql("SELECT key FROM counters") == [(newer,)]
