"""Everything that waits for a person has an end: refused commands, what nothing can be made of, alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from journal_desk import ORDER, START, TENANT, Desk, case_of, delivery, now_of

from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.records import DecidedBy, DeliveryResult, MatterRow, NewAlert, Verdict
from caseconnect.host.journal.rules import CapRule, CapWindow
from caseconnect.sdk.commands import CASE, AnnotateOrder, CommentCase, HoldOrder, ReleaseOrder
from caseconnect.sdk.subjects import Subject


def again(desk: Desk, key: str) -> str:
    return now_of(desk.journal.again(key, "mended", "ann", desk.now))


def close(desk: Desk, matter: MatterRow) -> None:
    desk.decide(matters=(replace(matter, state="closed"),), lane=matter.key.subject)


def refused_case(desk: Desk, matter: MatterRow) -> str:
    (case,) = desk.plan(matter, case_of())
    desk.send(case, "refused", note="no right to")
    return case


def order(number: int) -> Subject:
    return Subject("shop", "order", str(number))


def test_a_refused_case_is_asked_again_by_a_person(desk: Desk) -> None:
    matter = desk.matter()
    case, hold, comment = desk.plan(matter, case_of(), HoldOrder(), CommentCase(text="x"))
    desk.send(hold)
    desk.send(case, "refused", note="no right to")
    assert desk.state(comment) == "refused"
    (row,) = desk.journal.stuck()["refused"]
    assert (row["key"], row["note"], row["held"], row["reference"]) == (case, "no right to", 1, matter.reference)
    assert desk.alerts() == ["refused:OpenCase"]
    key = again(desk, case)
    assert (desk.state(case), desk.state(key), key in desk.due()) == ("refused", "planned", True)
    assert desk.command(key).command == desk.command(case).command
    assert desk.sql("SELECT by, note FROM outcomes WHERE key=?", key) == [("ann", "ann: mended")]
    assert (desk.alerts(), desk.journal.stuck()["refused"]) == ([], [])
    desk.send(key, data={"id": "c1"})
    found = desk.journal.matter(matter.id)
    assert found is not None
    assert str(found.case) == "cases/case/c1"


def test_the_reason_of_who_asked_again_is_kept_when_a_cap_parks_it(desk: Desk) -> None:
    rule = CapRule("tenant:HoldOrder", (CapWindow("hour", timedelta(hours=1), 1, {}),))
    (hold,) = desk.plan(desk.matter(), HoldOrder(), caps=(rule,))
    desk.send(hold, "refused")
    desk.plan(desk.matter(subject=order(2)), HoldOrder(), caps=(rule,))
    key = now_of(desk.journal.again(hold, "ticket 812", "ann", desk.now, (rule,)))
    full = "the cap of 1 an hour is reached (tenant:HoldOrder)"
    kept = desk.sql("SELECT was, became, by, note FROM outcomes WHERE key=? ORDER BY seq", key)
    assert kept == [("new", "planned", "ann", "ann: ticket 812"), ("planned", "parked", "connect", full)]
    assert desk.note(key) == full
    assert "ticket" not in str(desk.sql("SELECT title FROM alerts"))


def test_asking_again_is_once_and_for_refused_ones_of_open_matters(desk: Desk) -> None:
    matter = desk.matter()
    case = refused_case(desk, matter)
    key = again(desk, case)
    with pytest.raises(Conflict, match="asked again already, as " + key):
        again(desk, case)
    with pytest.raises(Conflict, match="is planned; only a refused one"):
        again(desk, key)
    with pytest.raises(Conflict, match="no command"):
        again(desk, "nobody")
    desk.send(key, "refused")
    close(desk, matter)
    with pytest.raises(Conflict, match="is closed"):
        again(desk, key)
    with pytest.raises(Conflict, match="only `retry` is left"):
        desk.answer(key, "done")


def test_a_refused_hold_that_is_asked_again_claims_again(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HoldOrder())
    desk.send(hold, "refused")
    assert desk.claims() == set()
    key = again(desk, hold)
    assert desk.claims() == {matter.id}
    desk.send(key)
    (release,) = desk.plan(matter, ReleaseOrder())
    assert release in desk.due()


def test_a_command_asked_again_waits_for_what_it_follows(desk: Desk) -> None:
    matter = desk.matter()
    case, comment = desk.plan(matter, case_of(), CommentCase(text="x"))
    desk.send(case, "refused")
    retried = again(desk, case)
    follows = again(desk, comment)
    assert desk.due() == [retried]
    desk.send(retried, data={"id": "c1"})
    assert desk.due() == [follows]


@pytest.mark.parametrize(("what", "ends"), [("deliveries", "ignored"), ("events", "done")])
def test_what_nothing_can_be_made_of_is_dropped_by_name(desk: Desk, what: str, ends: str) -> None:
    seqs = [parked(desk, what, TENANT, n) for n in (1, 2)]
    cause = "parked:delivery" if what == "deliveries" else "parked:event"
    now_of(desk.journal.alert(NewAlert(TENANT, cause, "parked"), desk.now))
    for seq, left in zip(seqs, ([cause], []), strict=True):
        assert now_of(desk.journal.drop(what, seq, "no order at all", "ann", desk.now)) == ends  # type: ignore[arg-type]
        assert desk.sql(f"SELECT state, reason FROM {what} WHERE seq=?", seq) == [
            (ends, "dropped by ann: no order at all")
        ]
        assert desk.alerts() == left
    with pytest.raises(Conflict, match="not among the parked"):
        now_of(desk.journal.drop(what, seqs[0], "x", "ann", desk.now))  # type: ignore[arg-type]


def parked(desk: Desk, what: str, tenant: str, number: int) -> int:
    (receipt,) = desk.receive(replace(delivery(f"{tenant}{number}", f"{number}".encode()), tenant=tenant))
    if what == "deliveries":
        now_of(desk.journal.parsed([(tenant, DeliveryResult(receipt.seq, "parked", "x"))], desk.now))
        return receipt.seq
    seq = desk.event(order(number))
    now_of(desk.journal.put_off([seq], "parked", "x", desk.now))
    return seq


def test_taking_up_one_tenants_deliveries_closes_that_tenants_alert_alone(desk: Desk) -> None:
    seqs = {tenant: parked(desk, "deliveries", tenant, 1) for tenant in (TENANT, "other")}
    for tenant in seqs:
        now_of(desk.journal.alert(NewAlert(tenant, "parked:delivery", "parked"), desk.now))
    assert now_of(desk.journal.replay("deliveries", [seqs[TENANT]], desk.now)) == 1
    assert [a["tenant"] for a in desk.journal.stuck()["alerts"]] == ["other"]
    assert now_of(desk.journal.replay("deliveries", [seqs["other"]], desk.now)) == 1
    assert desk.alerts() == []


def test_an_alert_names_its_last_twenty(desk: Desk) -> None:
    for n in (*range(25), 24):
        now_of(desk.journal.alert(NewAlert(TENANT, "c", "t", f"k{n}"), desk.now))
    (row,) = desk.journal.stuck()["alerts"]
    assert row["link"].split(", ") == ["...", *(f"k{n}" for n in range(5, 25))]
    assert row["count"] == 26


def test_the_alert_of_refused_cases_stays_until_none_needs_anybody(desk: Desk) -> None:
    matters = [desk.matter(subject=order(n)) for n in range(23)]
    keys = [refused_case(desk, matter) for matter in matters]
    (row,) = desk.journal.stuck()["alerts"]
    assert row["link"].split(", ") == ["...", *keys[3:]]
    for matter in matters[3:]:
        close(desk, matter)
    assert desk.alerts() == ["refused:OpenCase"], "three that it names no more are still open"
    again(desk, keys[0])
    close(desk, matters[1])
    assert desk.alerts() == ["refused:OpenCase"]
    close(desk, matters[2])
    assert desk.alerts() == []


def test_a_hold_that_kept_a_matter_open_is_over_when_it_closes(desk: Desk) -> None:
    first, second = desk.matter(), desk.matter(subject=order(2))
    for matter in (first, second):
        (hold,) = desk.plan(matter, HoldOrder())
        desk.send(hold)
        close(desk, matter)
    assert desk.alerts() == ["close:held"]
    for matter, left in ((first, ["close:held"]), (second, [])):
        (release,) = desk.plan(matter, ReleaseOrder())
        desk.send(release)
        close(desk, matter)
        assert desk.alerts() == left


def test_an_unclaimed_hold_is_over_when_it_is_taken_off(desk: Desk) -> None:
    matter = desk.matter()
    (hold,) = desk.plan(matter, HoldOrder())
    desk.send(hold)
    (release,) = desk.plan(matter, ReleaseOrder())
    desk.send(release)
    for value, alerts in (("held", ["held:unclaimed"]), ("held", ["held:unclaimed"]), ("released", [])):
        desk.pass_time(minutes=1)
        desk.decide(observed=(desk.observed(value),))
        assert desk.alerts() == alerts


@pytest.mark.parametrize("ends", ["its own", "the other"])
def test_twins_are_over_when_one_of_them_is(desk: Desk, ends: str) -> None:
    other = Subject("shop", "order", "77")
    mine, twin = desk.matter(), desk.matter(subject=other)
    desk.plan(mine, AnnotateOrder(name="a"))
    desk.plan(twin, AnnotateOrder(name="a"))
    desk.event(ORDER, other)
    assert desk.alerts() == ["matters:twins"]
    desk.decide(matters=(replace(twin if ends == "its own" else mine, state="closed"),))
    assert desk.alerts() == []


def test_what_a_use_case_told_of_a_matter_is_over_with_it_unless_it_tells_it_now(desk: Desk) -> None:
    def tell(matter: MatterRow) -> None:
        answer = DecidedBy("fraud", "x", matter=matter.id, alert="look at it")
        verdict = Verdict(TENANT, matter.key.subject, (), desk.now, (answer,), matters=(matter,))
        now_of(desk.journal.decided(verdict))

    first, second = desk.matter(), desk.matter(subject=order(2))
    tell(first)
    tell(second)
    now_of(desk.journal.alert(NewAlert(TENANT, "parked:event", "x", str(ORDER)), desk.now))
    close(desk, first)
    assert desk.alerts() == ["fraud:look at it", "parked:event"], "the second matter is open"
    tell(replace(second, state="closed"))
    assert desk.alerts() == ["parked:event", "fraud:look at it"]


def test_a_person_closes_an_alert_by_name(desk: Desk) -> None:
    for tenant in (TENANT, "other"):
        now_of(desk.journal.alert(NewAlert(tenant, "close:held", "x"), desk.now))

    def dismiss(cause: str, tenant: str | None = None) -> str:
        return now_of(desk.journal.dismiss(cause, tenant, "released by hand", "ann", desk.now))

    with pytest.raises(Conflict, match="acme, other: say which"):
        dismiss("close:held")
    with pytest.raises(Conflict, match=r"no alert is open for 'close:hold'; did you mean close:held\?"):
        dismiss("close:hold")
    assert dismiss("close:held", "other") == "other"
    assert dismiss("close:held") == TENANT
    assert desk.alerts() == []
    assert desk.sql("SELECT DISTINCT closed_by, closed_reason FROM alerts") == [("ann", "released by hand")]


def test_a_parked_command_blocks_those_that_wait_for_it(desk: Desk) -> None:
    matter = desk.matter()
    case, mark, *_ = desk.plan(
        matter,
        case_of(),
        AnnotateOrder(name="a"),
        AnnotateOrder(name="b", after=("AnnotateOrder:a",)),
        CommentCase(text="x", after=(CASE,)),
        CommentCase(text="y", name="y"),
    )
    desk.settle(case, "parked")
    desk.settle(mark, "parked")
    assert {c["key"]: c["blocks"] for c in desk.journal.stuck()["commands"]} == {case: 2, mark: 1}


def test_the_names_that_rows_have(desk: Desk) -> None:
    desk.plan(desk.matter(uses=("fraud", "returns")), case_of())
    desk.receive(delivery())
    now_of(desk.journal.first("started", "start", START))
    told = desk.journal.names()
    assert {t: {s: sorted(n) for s, n in scopes.items()} for t, scopes in told.items()} == {
        TENANT: {"flow": ["fraud", "returns"], "connection": ["cases", "shop"]},
        "started": {"flow": [], "connection": []},
    }
