from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from journal_desk import ORDER, START, TENANT, Desk, case_of, delivery, now_of

from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.records import Brake, DecidedBy, NewAlert
from caseconnect.models import Money
from caseconnect.sdk.commands import AnnotateOrder, HoldOrder, RefundPayment
from caseconnect.sdk.decisions import Timer
from caseconnect.sdk.events import TimerFired
from caseconnect.sdk.subjects import Subject


def pause(desk: Desk, scope: str, name: str, by: str = "ann", tenant: str = TENANT) -> bool:
    return now_of(desk.journal.pause(Brake(tenant, scope, name, "because", by, START)))  # type: ignore[arg-type]


def resume(desk: Desk, scope: str, name: str, by: str = "ann") -> bool:
    return now_of(desk.journal.resume(TENANT, scope, name, "better now", by, START))


@pytest.mark.parametrize(
    ("scope", "name", "left"),
    [
        ("tenant", "", []),
        ("flow", "fraud", []),
        ("flow", "returns", ["OpenCase", "HoldOrder"]),
        ("connection", "cases", ["HoldOrder"]),
        ("connection", "shop", ["OpenCase"]),
        ("command", "OpenCase", ["HoldOrder"]),
    ],
)
def test_a_brake_keeps_back_exactly_its_commands(desk: Desk, scope: str, name: str, left: list[str]) -> None:
    desk.plan(desk.matter(), case_of(), HoldOrder())
    assert pause(desk, scope, name)
    assert not pause(desk, scope, name)
    assert sorted(desk.due()) == sorted(k for k in desk.due() if any(kind in k for kind in left))
    assert len(desk.due()) == len(left)
    assert resume(desk, scope, name)
    assert not resume(desk, scope, name)
    assert len(desk.due()) == 2


def test_a_brake_of_another_tenant_is_none_of_ours(desk: Desk) -> None:
    desk.plan(desk.matter(), case_of())
    pause(desk, "tenant", "", tenant="other")
    assert len(desk.due()) == 1


def test_the_host_never_ends_a_persons_brake(desk: Desk) -> None:
    assert pause(desk, "connection", "shop", by="connect")
    assert pause(desk, "connection", "shop", by="ann"), "a person's takes its place"
    assert not resume(desk, "connection", "shop", by="connect")
    assert [b.by for b in desk.journal.brakes()] == ["ann"]
    assert resume(desk, "connection", "shop", by="bob")
    assert pause(desk, "connection", "shop", by="connect")
    assert resume(desk, "connection", "shop", by="connect")


def test_alerts_are_one_row_a_cause_until_closed(desk: Desk) -> None:
    for title in ("first", "second"):
        now_of(desk.journal.alert(NewAlert(TENANT, "c", title), desk.now))
        desk.pass_time(minutes=1)
    (row,) = desk.journal.stuck()["alerts"]
    assert (row["title"], row["count"], row["first_at"] < row["last_at"]) == ("second", 2, True)
    assert now_of(desk.journal.close_alert(TENANT, "c", desk.now))
    assert not now_of(desk.journal.close_alert(TENANT, "c", desk.now))
    now_of(desk.journal.alert(NewAlert(TENANT, "c", "third"), desk.now))
    assert desk.journal.stuck()["alerts"][0]["count"] == 1


def test_answers_need_a_parked_command_and_leave_a_name(desk: Desk) -> None:
    case, mark = desk.plan(desk.matter(), case_of(), AnnotateOrder(name="a"))
    with pytest.raises(Conflict, match="only a parked one"):
        desk.answer(mark, "done")
    with pytest.raises(Conflict, match="no command"):
        desk.answer("nobody", "done")
    desk.settle(case, "parked")
    desk.settle(mark, "parked")
    with pytest.raises(Conflict, match="without its id"):
        desk.answer(case, "done")
    assert desk.answer(mark, "done") == "done"
    assert desk.sql("SELECT by, note FROM outcomes WHERE became='done'") == [("ann", "ann: I looked")]
    assert desk.alerts() == ["parked:OpenCase"]
    assert desk.answer(case, "retry") == "planned"
    assert desk.alerts() == []


def refund(amount: str = "8.00") -> RefundPayment:
    return RefundPayment(amount=Money(amount=Decimal(amount), currency="EUR"))


def test_no_money_goes_out_for_a_matter_that_is_closed(desk: Desk) -> None:
    (key,) = desk.plan(desk.matter(), refund(), birth="parked", note="look")
    desk.decide(matters=(desk.matter(state="closed"),))
    with pytest.raises(Conflict, match="no money goes out"):
        desk.answer(key, "retry")
    assert desk.state(key) == "parked"
    assert desk.answer(key, "refuse") == "refused"


def test_a_refused_refund_is_not_asked_again_beside_the_one_in_its_place(desk: Desk) -> None:
    (first,) = desk.plan(desk.matter(), refund())
    desk.send(first, "refused")
    (second,) = desk.plan(desk.matter(), refund("5.00"), ground="g2")
    for _ in ("planned", "done"):
        with pytest.raises(Conflict, match=f"changed after {second} was asked for"):
            now_of(desk.journal.again(first, "it is open", "ann", desk.now))
        if desk.state(second) == "planned":
            desk.send(second)
    assert desk.due() == []


def test_a_parked_delivery_is_taken_up_again_once(desk: Desk) -> None:
    seq = desk.receive(delivery())[0].seq
    desk.parsed(seq, state="parked", reason="unreadable")
    assert [(row["seq"], row["tenant"]) for row in desk.journal.stuck()["deliveries"]] == [(seq, TENANT)]
    assert now_of(desk.journal.replay("deliveries", [seq, 99], desk.now)) == 1
    assert now_of(desk.journal.replay("deliveries", [seq], desk.now)) == 0
    assert [d.seq for d in desk.journal.unparsed(TENANT, desk.now, 9)] == [seq]


def test_a_timer_fires_once_with_its_event_in_the_matters_lane(desk: Desk) -> None:
    matter = desk.matter()
    due = START + timedelta(hours=1)
    answer = DecidedBy("fraud", "x", matter=matter.id, timers=(Timer(name="later", due=due),))
    desk.decide(matters=(matter,), answers=(answer,))
    assert desk.journal.next_due(START) == due
    assert now_of(desk.journal.fire(due - timedelta(seconds=1), 9)) == 0
    assert now_of(desk.journal.fire(due, 9)) == 1
    assert now_of(desk.journal.fire(due, 9)) == 0
    (stored,) = desk.journal.ready_events(TENANT, due, 9)
    assert isinstance(stored.event, TimerFired)
    assert (stored.lane, stored.event.name, stored.event.due, stored.event.matter) == (ORDER, "later", due, matter.id)
    desk.decide(answers=(answer,))
    now_of(desk.journal.fire(due, 9))
    assert len(desk.journal.ready_events(TENANT, due, 9)) == 1, "the same timer set again for the same time is the same"


def test_a_timer_that_both_names_of_a_thing_have_is_lost_for_neither(desk: Desk) -> None:
    alone = Subject("shop", "return", "7")
    due = START + timedelta(hours=1)
    for lane in (alone, ORDER):
        for item in ("", "return/7"):
            timer = Timer(name=f"of {lane.kind}" if item else "later", due=due)
            answer = DecidedBy("fraud", "x", item=item, timers=(timer,))
            desk.decide(answers=(answer,), lane=lane)
    desk.event(ORDER, alone)
    assert now_of(desk.journal.fire(due, 9)) == 4
    fired = [e for e in desk.journal.ready_events(TENANT, due, 9) if isinstance(e.event, TimerFired)]
    names = sorted((e.event.item, e.event.name) for e in fired if isinstance(e.event, TimerFired))
    assert names == [("", "later"), ("", "later"), ("return/7", "of order"), ("return/7", "of return")]
    assert {e.lane for e in fired} == {ORDER}


def test_the_clock_writes_nothing_while_nothing_is_due(desk: Desk) -> None:
    matter = desk.matter()
    due = START + timedelta(hours=1)
    desk.decide(
        matters=(matter,),
        answers=(DecidedBy("fraud", "x", matter=matter.id, timers=(Timer(name="later", due=due),)),),
    )
    writing = desk.journal._writing
    assert writing is not None
    statements: list[str] = []
    writing.set_trace_callback(statements.append)
    assert now_of(desk.journal.fire(due - timedelta(seconds=1), 9)) == 0
    assert statements == []
    assert now_of(desk.journal.fire(due, 9)) == 1
    assert "COMMIT" in statements


def test_a_timer_is_moved_and_cancelled(desk: Desk) -> None:
    matter = desk.matter()
    for hours in (1, 3):
        timers = (Timer(name="later", due=START + timedelta(hours=hours)),)
        desk.decide(matters=(matter,), answers=(DecidedBy("fraud", "x", matter=matter.id, timers=timers),))
    assert desk.journal.next_due(START) == START + timedelta(hours=3)
    desk.decide(answers=(DecidedBy("fraud", "x", matter=matter.id, cancel_timers=("later",)),))
    assert desk.journal.next_due(START) is None


def test_schedules_and_firsts_are_remembered(desk: Desk) -> None:
    due = START + timedelta(minutes=10)
    now_of(desk.journal.schedule(TENANT, "shop", due, START))
    now_of(desk.journal.schedule(TENANT, "shop", due))
    assert desk.journal.schedules() == {(TENANT, "shop"): (due, START)}
    assert now_of(desk.journal.first(TENANT, "start", START)) == START
    assert now_of(desk.journal.first(TENANT, "start", due)) == START


def test_a_subject_is_found_by_all_its_names(desk: Desk) -> None:
    matter = desk.matter()
    desk.event()
    (case,) = desk.plan(matter, case_of())
    desk.send(case, data={"id": "c1", "number": "C-17"})
    for text in (str(ORDER), "1001", "c1", "C-17", matter.reference, matter.id):
        assert desk.journal.find(text) == [(TENANT, str(ORDER))], text
    told = desk.journal.explain(TENANT, ORDER)
    assert told["aliases"] == ["cases/case/c1"]
    assert [o["became"] for o in told["matters"][0]["commands"][0]["outcomes"]] == ["planned", "sending", "done"]
