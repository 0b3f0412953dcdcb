"""What the console reads: right, bounded, and by indexes alone."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from journal_desk import ORDER, START, TENANT, Desk, case_of, delivery, now_of

from caseconnect.host.journal.records import Brake, DecidedBy, NewAlert
from caseconnect.host.journal.view_flows import FIRST_HIT, HIT, NOTHING, ORDERS, PUSHED
from caseconnect.models import Money
from caseconnect.sdk.commands import RefundPayment
from caseconnect.sdk.subjects import Subject

SMALL = {"alerts", "brakes", "firsts", "schedules", "comparisons", "cap_changes"}
"""Tables of few rows: they may be read through."""
_SCAN = re.compile(r"SCAN (\S+)(?: USING (?:COVERING )?INDEX (\S+))?")
WAITING_ONLY = {
    "commands_parked", "commands_open", "commands_refused", "commands_capped", "deliveries_parked", "events_parked",
    "matters_open", "alerts_on", "brakes_on",
}  # fmt: skip
"""Indexes of rows in a state that few are in."""


def usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def test_no_page_reads_a_large_table_through(desk: Desk) -> None:
    desk.plan(desk.matter(), case_of())
    desk.event()
    views, reader = desk.journal.views, desk.journal._db()
    said: list[str] = []
    reader.set_trace_callback(said.append)
    views.waiting(), views.parked(), views.open_alerts(), views.closed_alerts(None, 50), views.incidents(TENANT)
    views.members("m", 0, 50), views.behind(TENANT, "tenant", TENANT), views.arrivals(TENANT, "shop", None, 50)
    views.arrived(TENANT, str(ORDER), 50), views.delivery(1), views.naming("ann"), views.record(TENANT, str(ORDER))
    views.schedules(), views.pauses(None, 50), views.answers(None, 50), views.starts(TENANT), views.tenants()
    views.open_matters(), views.case_times(START), views.cases_by_hour(START), views.matters(TENANT, str(ORDER))
    views.tallies.look(START), views.tallies.look(START)
    desk.journal.find("1001"), desk.journal.find("#1001"), desk.journal.explain(TENANT, ORDER)
    reader.set_trace_callback(None)
    wrong = {}
    for sql in said:
        if not sql.lstrip().upper().startswith(("SELECT", "WITH")):
            continue
        plan = [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {sql}")]
        if scans := [step for step in plan if _reads_through(step, sql)]:
            wrong[" ".join(sql.split())[:160]] = scans
    assert len(said) > 30
    assert wrong == {}


def _reads_through(step: str, sql: str) -> bool:
    found = _SCAN.match(step)
    # `names` are steps through an index, of which there are few.
    if found is None or "VIRTUAL TABLE" in step or "CONSTANT ROW" in step:
        return False
    alias, index = found.groups()
    table = re.search(rf"\b(\w+) (?:AS )?{re.escape(alias)}\b", sql)
    name = alias if alias in SMALL or table is None else table[1]
    return name not in SMALL and index not in WAITING_ONLY and alias != "names" and not alias.startswith("(")


def test_the_rule_finds_a_query_that_reads_through(desk: Desk) -> None:
    for sql in ("SELECT count(*) FROM events WHERE type='x'", "SELECT * FROM commands c ORDER BY c.updated_at"):
        plan = [row[3] for row in desk.sql(f"EXPLAIN QUERY PLAN {sql}")]
        assert any(_reads_through(step, sql) for step in plan), plan


def test_what_waits_tells_amounts_and_what_it_blocks(desk: Desk) -> None:
    matter = desk.matter()
    refund = RefundPayment(name="r", amount=usd("12.50"))
    after = RefundPayment(name="s", amount=usd("3"), after=("RefundPayment:r",))
    key, _ = desk.plan(matter, refund, after)
    desk.settle(key, "parked", note="why")
    (row,) = desk.journal.views.waiting()["parked"]
    assert (row["worth"], row["blocks"], row["subject"], row["money"]) == (usd("12.50"), 1, str(ORDER), True)
    assert desk.journal.views.parked()["commands"] == 1


def test_money_of_unknown_outcome_is_told_apart(desk: Desk) -> None:
    (key,) = desk.plan(desk.matter(), RefundPayment(amount=usd("5")))
    desk.began(key)
    desk.settle(key, "unknown", note="no answer", due=START)
    assert [row["key"] for row in desk.journal.views.waiting()["unknown"]] == [key]


def test_what_a_pause_keeps_back_is_summed(desk: Desk) -> None:
    desk.plan(desk.matter(), RefundPayment(amount=usd("5")), case_of())
    now_of(desk.journal.pause(Brake(TENANT, "connection", "shop", "why", "ann", START)))
    assert desk.journal.views.behind(TENANT, "connection", "shop") == [usd("5")]


def test_tallies_count_each_row_once_forward_and_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caseconnect.host.journal.view_flows._PIECE", 2)
    other = Subject("shop", "order", "1002")
    found = {"findings": [{"exception": "fraud"}], "commands": []}
    hit = (DecidedBy("fraud", "risky", "m", decision=found), DecidedBy("returns", "none"))
    for lane, answers in ((ORDER, hit), (ORDER, hit), (other, hit[1:]), (ORDER, hit)):
        desk.decide(lane=lane, events=(desk.event(lane),), answers=answers)
        desk.pass_time(hours=1)
    tallies = desk.journal.views.tallies
    assert tallies.look(desk.now, patience=0).since is not None
    assert tallies.look(desk.now).since is None
    whats = (HIT, FIRST_HIT, NOTHING, ORDERS)
    first = tallies.sums(START - timedelta(days=1), whats)
    assert first == {
        (TENANT, "fraud", HIT): 3,
        (TENANT, "fraud", FIRST_HIT): 1,
        (TENANT, "returns", NOTHING): 4,
        (TENANT, "", ORDERS): 2,
    }
    desk.decide(lane=other, events=(desk.event(other),), answers=hit)
    assert tallies.look(desk.now).since is None
    assert tallies.sums(START - timedelta(days=1), whats)[TENANT, "fraud", FIRST_HIT] == 2
    assert sum(tallies.series(START - timedelta(days=1), (PUSHED,), TENANT, "shop").values()) == 5
    assert tallies.sums(desk.now, (HIT,))[TENANT, "fraud", HIT] == 1
    assert tallies.last[TENANT, "shop"] == "2026-01-01T00:00:00.000000Z"


def test_tallies_forget_what_is_too_old(desk: Desk) -> None:
    desk.decide(events=(desk.event(),))
    tallies = desk.journal.views.tallies
    tallies.look(desk.now)
    assert tallies.cells
    tallies.look(desk.now + timedelta(days=60))
    assert not tallies.cells


def test_arrivals_go_on_where_they_ended(desk: Desk) -> None:
    for number in range(5):
        desk.receive(delivery(f"d{number}", f"{number}".encode()))
    views = desk.journal.views
    first = views.arrivals(TENANT, "shop", None, 3)
    assert [row["delivery_id"] for row in first.rows] == ["d4", "d3", "d2"]
    rest = views.arrivals(TENANT, "shop", first.further, 3)
    assert ([row["delivery_id"] for row in rest.rows], rest.further) == (["d1", "d0"], None)
    assert views.arrivals(TENANT, "cases", None, 3).rows == []
    assert views.arrivals(TENANT, "shop", None, 3, "parked").rows == []


def test_a_delivery_shows_what_is_left_of_its_body(desk: Desk) -> None:
    (receipt,) = desk.receive(delivery("d", b'{"name": "Ann"}', headers={"X-Topic": "orders"}))
    row = desk.journal.views.delivery(receipt.seq)
    assert row is not None
    assert (row["body"], row["headers"], row["masked"]) == (b'{"name": "Ann"}', {"X-Topic": "orders"}, 0)
    desk.parsed(receipt.seq, state="ignored", masked=b'{"name": "*"}')
    row = desk.journal.views.delivery(receipt.seq)
    assert row is not None
    assert (row["body"], row["masked"], row["events"]) == (b'{"name": "*"}', 1, [])
    assert desk.journal.views.delivery(99) is None


def test_closed_alerts_are_listed_and_open_ones_are_not(desk: Desk) -> None:
    for cause in ("a", "b"):
        now_of(desk.journal.alert(NewAlert(TENANT, cause, cause), START))
    now_of(desk.journal.dismiss("a", None, "seen", "ann", START))
    assert [row["cause"] for row in desk.journal.views.open_alerts()] == ["b"]
    (closed,) = desk.journal.views.closed_alerts(None, 10)
    assert (closed["closed_by"], closed["closed_reason"]) == ("ann", "seen")
    assert desk.journal.views.closed_alerts(closed["seq"], 10) == []


def test_times_of_a_case_are_read_from_what_happened(desk: Desk) -> None:
    event = desk.event()
    desk.pass_time(seconds=5)
    (key,) = desk.decide(desk.ask(desk.matter(), case_of()), matters=(desk.matter(),), events=(event,))
    desk.send(key, data={"id": "77", "number": "CASE-77"})
    desk.pass_time(minutes=10)
    acted = DecidedBy("fraud", "approved", desk.matter().id, decision={"acted_on": {"outcome": "approved"}})
    (refund,) = desk.decide(desk.ask(desk.matter(), RefundPayment(amount=usd("5"))), answers=(acted,))
    desk.send(refund)
    (one,) = desk.journal.views.case_times(START)
    assert (one.received, one.opened) == (START, START + timedelta(seconds=7))
    assert one.decided is not None
    assert one.effect is not None
    assert one.decided - START == timedelta(minutes=10, seconds=7)
    assert one.effect - one.decided == timedelta(seconds=2)
    assert sum(desk.journal.views.cases_by_hour(START).values()) == 1


def test_a_customer_is_found_in_what_was_read_and_nowhere_else(desk: Desk) -> None:
    from caseconnect.models.customer import Customer

    ann = Customer.model_validate({"id": "7", "name": "Ann Lee", "email": "Ann@shop.test"})
    fact = ("customer", Subject("shop", "customer", "7"), ann)
    desk.decide(desk.ask(desk.matter(), case_of()), matters=(desk.matter(),), facts=(fact,))
    found = desk.journal.views.naming("ann@shop")
    assert [(tenant, subject) for tenant, subject, _ in found.subjects] == [(TENANT, str(ORDER))]
    assert found.further is None
    assert desk.journal.views.naming("bob").subjects == []


def test_another_commit_is_another_version(desk: Desk) -> None:
    reading = type(desk.journal).read(desk.path)
    before = reading.views.version()
    assert reading.views.version() == before
    desk.event()
    assert reading.views.version() != before
    reading.close()
