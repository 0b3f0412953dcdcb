from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from journal_desk import ORDER, START, TENANT, Desk, case_of, now_of

from caseconnect.host.journal import states
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.records import DecidedBy, Settlement
from caseconnect.sdk.commands import AnnotateOrder, CancelOrder, CommentCase, Counter, HoldOrder, ReleaseOrder
from caseconnect.sdk.decisions import Missing, Timer

EVERY = list(states.TRANSITIONS)


def tag(name: str, *after: str, **more: object) -> AnnotateOrder:
    return AnnotateOrder.model_validate({"name": name, "add_tags": (name,), "after": after, **more})


def put_in(desk: Desk, key: str, state: str) -> None:
    """Lead a planned command into `state` by the shortest way of the table."""
    ways = {
        "planned": (), "sending": ("sending",), "unknown": ("sending", "unknown"), "accepted": ("sending", "accepted"),
        "parked": ("parked",), "done": ("done",), "refused": ("refused",),
    }  # fmt: skip
    for step in ways[state]:
        if step == "sending":
            desk.began(key)
        else:
            desk.settle(key, step, data={"id": "c1"} if step == "done" else {})


@pytest.mark.parametrize("becomes", [s for s in EVERY if s != "new"])
@pytest.mark.parametrize("was", ["planned", "sending", "unknown", "accepted", "parked", "done", "refused"])
def test_every_write_is_checked_against_the_table(desk: Desk, was: str, becomes: str) -> None:
    (key,) = desk.plan(desk.matter(), CommentCase(text="x"), case_of())[1:]
    put_in(desk, key, was)
    history = desk.sql("SELECT count(*) FROM outcomes")
    data = {"id": "c1"} if becomes == "done" else {}
    if becomes in states.TRANSITIONS[was]:
        desk.settle(key, becomes, data=data)
        assert desk.state(key) == becomes
    else:
        with pytest.raises(Conflict, match="may become"):
            desk.settle(key, becomes, data=data)
        assert desk.state(key) == was
        assert desk.sql("SELECT count(*) FROM outcomes") == history


@pytest.mark.parametrize("was", ["sending", "accepted", "parked", "done", "refused"])
def test_only_planned_and_unknown_go_out(desk: Desk, was: str) -> None:
    (key,) = desk.plan(desk.matter(), case_of())
    put_in(desk, key, was)
    with pytest.raises(Conflict):
        desk.began(key)
    with pytest.raises(Conflict, match="any more"):
        now_of(desk.journal.began(key, "planned", desk.now, desk.now))


def test_a_change_from_another_state_than_it_is_in_is_a_conflict(desk: Desk) -> None:
    (key,) = desk.plan(desk.matter(), case_of())
    with pytest.raises(Conflict, match="is planned, not sending"):
        now_of(desk.journal.settled(Settlement(key, "sending", "done", START)))
    with pytest.raises(Conflict, match="is not accepted"):
        now_of(desk.journal.postpone(key, "accepted", START, 0, ""))
    with pytest.raises(Conflict, match="there is no command"):
        now_of(desk.journal.settled(Settlement("nobody", "sending", "done", START)))


def test_the_history_of_a_command_is_whole(desk: Desk) -> None:
    (key,) = desk.plan(desk.matter(), case_of())
    desk.send(key, "unknown", note="no answer")
    desk.send(key, "accepted", due=desk.now + timedelta(seconds=5), data={"job": "7"})
    desk.settle(key, "done", data={"id": "c1"}, note="seen")
    rows = desk.sql("SELECT was, became, attempt, note FROM outcomes WHERE key=? ORDER BY seq", key)
    assert rows == [
        ("new", "planned", 0, ""),
        ("planned", "sending", 1, ""),
        ("sending", "unknown", 1, "no answer"),
        ("unknown", "sending", 2, ""),
        ("sending", "accepted", 2, ""),
        ("accepted", "done", 2, "seen"),
    ]


def test_done_refused_and_parked_are_told_and_nothing_else(desk: Desk) -> None:
    keys = desk.plan(desk.matter(), case_of(), HoldOrder(), CancelOrder(), tag("a"))
    desk.send(keys[0], "unknown")
    desk.settle(keys[0], "done", data={"id": "c1", "number": "17"})
    desk.send(keys[1], "refused", note="shipped")
    desk.send(keys[2], "accepted")
    desk.settle(keys[2], "parked")
    desk.send(keys[3])
    assert desk.told() == [("OpenCase", "done"), ("HoldOrder", "refused"), ("CancelOrder", "parked")]
    desk.answer(keys[2], "refuse")
    assert desk.told()[-1] == ("CancelOrder", "refused")
    told = [e.event for e in desk.journal.ready_events(TENANT, desk.now, 9)]
    assert {str(e.subject) for e in told if e} == {str(ORDER)}


def test_a_case_that_was_opened_is_known_to_matter_and_aliases(desk: Desk) -> None:
    matter = desk.matter()
    (key,) = desk.plan(matter, case_of())
    desk.send(key, data={"id": "c1", "number": "17", "url": "https://cases/17"})
    row = desk.journal.matter(matter.id)
    assert row is not None
    assert row.case is not None
    assert (str(row.case), row.case_number, row.case_url) == ("cases/case/c1", "17", "https://cases/17")
    assert desk.journal.subject_of(TENANT, row.case) == ORDER
    assert desk.journal.matter_of_case(TENANT, row.case) == row
    assert desk.journal.open_cases(TENANT, "cases") == ["c1"]
    assert desk.journal.matter_of_reference(TENANT, row.reference) == row


@pytest.mark.parametrize(("was", "state"), [("sending", "unknown"), ("accepted", "parked"), ("unknown", "parked")])
def test_a_case_without_an_id_is_not_opened(desk: Desk, was: str, state: str) -> None:
    (key,) = desk.plan(desk.matter(), case_of())
    put_in(desk, key, was)
    desk.settle(key, "done", note="ok")
    assert (desk.state(key), desk.note(key)) == (state, "the platform named no case: ok")


# after


def test_followers_wait_for_the_case_and_then_go(desk: Desk) -> None:
    matter = desk.matter()
    comment, mark, case = desk.plan(matter, CommentCase(text="x"), tag("a", "OpenCase"), case_of())
    assert desk.due() == [case]
    desk.send(case, data={"id": "c1"})
    assert desk.due() == [comment, mark]
    assert str(desk.command(comment).case) == "cases/case/c1"
    (late,) = desk.plan(matter, CommentCase(name="late", text="y"))
    assert late in desk.due()


@pytest.mark.parametrize("end", ["refused", "withheld"])
def test_a_failed_predecessor_refuses_its_followers(desk: Desk, end: str) -> None:
    matter = desk.matter()
    first = desk.ask(matter, tag("a"), birth="withheld" if end == "withheld" else "planned")
    rest = (tag("b", "AnnotateOrder:a"), tag("c", "AnnotateOrder:b"), tag("d", "AnnotateOrder:a", even_if_failed=True))
    a, b, c, d = desk.decide(first, *(desk.ask(matter, x) for x in rest), matters=(matter,))
    if end == "refused":
        desk.send(a, "refused")
    assert [desk.state(k) for k in (a, b, c, d)] == [end, "refused", "refused", "planned"]
    assert desk.note(b) == "AnnotateOrder:a did not happen, and this was to follow it"
    assert desk.due() == [d]


def test_one_that_goes_on_in_any_case_still_waits_for_the_others(desk: Desk) -> None:
    a, b, both = desk.plan(
        desk.matter(), tag("a"), tag("b"), tag("c", "AnnotateOrder:a", "AnnotateOrder:b", even_if_failed=True)
    )
    desk.send(a, "refused")
    assert desk.due() == [b]
    desk.send(b)
    assert desk.due() == [both]


def test_without_a_case_nothing_is_done_to_it_but_the_order_may_be_touched(desk: Desk) -> None:
    matter = desk.matter()
    case, comment, mark = desk.plan(
        matter, case_of(), CommentCase(text="x", even_if_failed=True), tag("a", "case", even_if_failed=True)
    )
    desk.plan(matter, HoldOrder())
    desk.send(case, "refused", note="no right to")
    assert (desk.state(comment), desk.state(mark)) == ("refused", "planned")
    assert mark in desk.due()
    titles = [a["title"] for a in desk.journal.stuck()["alerts"]]
    assert titles == ["an order is held but its case could not be opened: no right to"]


def test_a_predecessor_that_nobody_asked_for_refuses(desk: Desk) -> None:
    (key,) = desk.plan(desk.matter(), tag("a", "HoldOrder"))
    assert desk.state(key) == "refused"


def test_a_parked_predecessor_keeps_its_followers_until_a_person_answers(desk: Desk) -> None:
    a, b = desk.plan(desk.matter(), tag("a"), tag("b", "AnnotateOrder:a"))
    desk.settle(a, "parked")
    assert desk.due() == []
    assert desk.journal.stuck()["commands"][0]["blocks"] == 1
    desk.answer(a, "done")
    assert desk.due() == [b]


def test_one_born_parked_does_not_wait_for_what_is_over(desk: Desk) -> None:
    matter = desk.matter()
    (a,) = desk.plan(matter, tag("a"))
    desk.send(a)
    (b,) = desk.plan(matter, tag("b", "AnnotateOrder:a"), birth="parked")
    desk.answer(b, "retry")
    assert desk.due() == [b]


def test_commands_that_wait_for_each_other_are_refused(desk: Desk) -> None:
    one, a, b, c = desk.plan(
        desk.matter(),
        tag("one"),
        tag("a", "AnnotateOrder:b"),
        tag("b", "AnnotateOrder:a"),
        tag("c", "AnnotateOrder:one"),
    )
    assert [desk.state(k) for k in (one, a, b, c)] == ["planned", "refused", "refused", "planned"]


def test_followers_of_another_matters_overtaken_command_go_on(desk: Desk) -> None:
    one, two = desk.matter("fraud"), desk.matter("address")
    mark, follower = desk.plan(one, tag("a"), tag("b", "AnnotateOrder:a"))
    (newer,) = desk.plan(two, AnnotateOrder(name="a", add_tags=("z",)))
    assert desk.state(mark) == "superseded"
    assert desk.due() == [follower, newer]


# generations


@pytest.mark.parametrize(("end", "same", "other"), [("refused", 0, 1), ("done", 0, 0), ("parked", 0, 0)])
def test_what_may_be_asked_again(desk: Desk, end: str, same: int, other: int) -> None:
    matter = desk.matter()
    (key,) = desk.plan(matter, CommentCase(name="a", text="x", target=ORDER))
    desk.send(key, end) if end != "parked" else desk.settle(key, end)
    assert len(desk.plan(matter, CommentCase(name="a", text="y", target=ORDER))) == same
    assert len(desk.plan(matter, CommentCase(name="a", text="z", target=ORDER), ground="g2")) == other


# counters


def test_an_amount_is_reserved_and_given_back(desk: Desk) -> None:
    def spend(name: str) -> CommentCase:
        counter = Counter(name="refunds:7:2026-01", amount=Decimal(40), limit=Decimal(100))
        return CommentCase(name=name, text="x", target=ORDER, after=(), counter=counter)

    matter = desk.matter()
    keys = desk.plan(matter, spend("a"), spend("b"), spend("c"))
    assert [desk.state(k) for k in keys] == ["planned", "planned", "parked"]
    assert desk.note(keys[2]) == "refunds:7:2026-01: 80 used, 40 more would pass the limit of 100"
    desk.settle(keys[0], "refused")
    (again,) = desk.plan(matter, spend("d"))
    assert desk.state(again) == "planned"
    desk.answer(keys[2], "retry")
    assert sum(Decimal(a) for (a,) in desk.sql("SELECT amount FROM counters")) == 120
    desk.settle(keys[2], "refused")
    assert sum(Decimal(a) for (a,) in desk.sql("SELECT amount FROM counters")) == 80


def test_observe_takes_no_claim_counter_or_slot(desk: Desk) -> None:
    watching, live = desk.matter(observe=True, mode="observe"), desk.matter()
    counter = Counter(name="n", amount=Decimal(1), limit=Decimal(0))
    held, spent = desk.plan(watching, HoldOrder(), CancelOrder(counter=counter), birth="withheld")
    assert (desk.state(held), desk.state(spent)) == ("withheld", "withheld")
    assert desk.claims() == set()
    assert desk.sql("SELECT count(*) FROM counters") == [(0,)]
    (hold,) = desk.plan(live, HoldOrder())
    assert desk.state(hold) == "planned"
    assert desk.told() == []


# matters


def test_one_open_matter_a_key_and_observe_beside_it(desk: Desk) -> None:
    desk.decide(matters=(desk.matter(), desk.matter(observe=True), desk.matter(item="return-7")))
    with pytest.raises(Conflict, match="UNIQUE"):
        desk.decide(matters=(desk.matter(episode=2),))
    desk.decide(matters=(desk.matter(state="closed"),))
    desk.decide(matters=(desk.matter(episode=2),))
    rows = desk.journal.episodes(desk.matter().key)
    assert [(r.episode, r.state) for r in rows] == [(2, "open"), (1, "closed")]


def test_a_matter_that_claims_a_hold_does_not_close(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HoldOrder())
    desk.decide(matters=(desk.matter(state="closed"),))
    assert desk.journal.matters_of(TENANT, ORDER)[0].state == "open"
    assert desk.alerts() == ["close:held"]
    desk.send(hold)
    desk.decide(desk.ask(matter, ReleaseOrder()), matters=(desk.matter(state="closed"),))
    closed = desk.journal.matters_of(TENANT, ORDER)[0]
    assert (closed.state, closed.closed_at) == ("closed", desk.now)


def test_a_closed_matter_has_no_timers(desk: Desk) -> None:
    matter = desk.matter()
    answer = DecidedBy("fraud", "x", matter=matter.id, timers=(Timer(name="later", due=START + timedelta(days=1)),))
    desk.decide(matters=(matter,), answers=(answer,))
    assert desk.journal.around(matter.id)[2] == {"later"}
    desk.decide(matters=(desk.matter(state="closed"),), answers=(answer,))
    assert desk.journal.around(matter.id)[2] == frozenset()


def test_a_verdict_is_whole_or_not_at_all(desk: Desk) -> None:
    first, second = desk.event(), desk.event()
    matter = desk.matter()
    desk.decide(events=(first,))
    with pytest.raises(Conflict, match="decided already"):
        desk.decide(desk.ask(matter, HoldOrder()), matters=(matter,), events=(second, first))
    assert desk.journal.counts() | {"deliveries": {}} == {
        "deliveries": {}, "events": {"done": 1, "ready": 1}, "commands": {}, "matters": {},
    }  # fmt: skip
    assert desk.claims() == set()


def test_facts_are_kept_with_a_decision_that_acts(desk: Desk) -> None:
    fact = (("order", ORDER, Missing(why="gone")),)
    desk.decide(facts=fact)
    desk.decide(facts=fact, matters=(desk.matter(),))
    assert desk.sql("SELECT facts IS NOT NULL FROM decisions ORDER BY seq") == [(0,), (1,)]


# due


def test_protective_first_then_in_order_and_never_what_is_paused(desk: Desk) -> None:
    a, hold, b = desk.plan(desk.matter(), tag("a"), HoldOrder(), tag("b"))
    assert desk.due() == [hold, a, b]
    now_of(desk.journal.postpone(a, "planned", desk.now + timedelta(minutes=1), 0, "429"))
    assert desk.due() == [hold, b]
    assert desk.journal.next_due(desk.now) == desk.now + timedelta(minutes=1)


def test_recovery_makes_only_what_was_out_unknown_and_twice_is_once(desk: Desk) -> None:
    keys = desk.plan(desk.matter(), case_of(), HoldOrder(), CancelOrder(), tag("a"))
    desk.began(keys[0])
    desk.send(keys[1], "accepted", due=desk.now + timedelta(hours=1))
    desk.settle(keys[2], "parked")
    desk.pass_time(minutes=5)
    assert now_of(desk.journal.recover(desk.now)) == [keys[0]]
    before = desk.sql("SELECT * FROM commands"), desk.sql("SELECT * FROM outcomes")
    assert now_of(desk.journal.recover(desk.now)) == []
    assert (desk.sql("SELECT * FROM commands"), desk.sql("SELECT * FROM outcomes")) == before
    assert [desk.state(k) for k in keys] == ["unknown", "accepted", "parked", "planned"]
    assert keys[0] in desk.due()
