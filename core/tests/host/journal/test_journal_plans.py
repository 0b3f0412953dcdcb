"""What is asked at every turn is found by an index: a claim from a backlog of a million costs what one of ten does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from journal_desk import ORDER, START, TENANT, case_of, delivery, now_of
from journal_desk import Desk as JournalDesk

from caseconnect.host.journal import arrivals
from caseconnect.host.journal.rules import CapRule, CapWindow

SMALL = ("json_each", "(subquery", "done", "a VIRTUAL", "j VIRTUAL", "k VIRTUAL", "schedules", "cap_changes", "lines")
"""What may be walked over: what we hand in ourselves, what was found before, a row for each connection, and what people
changed of caps."""

LATER = START + timedelta(days=1)
NAMED = '[["acme", "shop", "d1", "orders/updated"]]'
CAP = CapRule("tenant:money", (CapWindow("day", timedelta(days=1), 5, {"EUR": Decimal(1)}),))
ASKED: dict[str, Callable[[Any], object]] = {
    "unparsed": lambda journal: journal.unparsed(TENANT, LATER, 256),
    "ready events": lambda journal: journal.ready_events(TENANT, LATER, 512, [ORDER]),
    "due commands": lambda journal: journal.due_commands(TENANT, LATER, 64, ["k"]),
    "due commands, many": lambda journal: journal.due_commands(TENANT, LATER, 1, ["k"]),
    "next due": lambda journal: journal.next_due(LATER),
    "timers": lambda journal: now_of(journal.fire(LATER, 500)),
    "open cases": lambda journal: journal.open_cases(TENANT, "desk"),
    "lane": lambda journal: journal.subject_of(TENANT, ORDER),
    "matters": lambda journal: journal.matters_of(TENANT, ORDER),
    "known deliveries": lambda journal: journal._db().execute(arrivals._KNOWN, {"rows": NAMED, "marks": bytes(32)}),
    "news": lambda journal: journal.news({"decisions": 0, "outcomes": 0}, [1, 2], 9.0),
    "what stands open": lambda journal: journal.standing({TENANT: [CAP]}, LATER, 9.0),
}


def plans(desk: JournalDesk, asked: Callable[[Any], object]) -> list[tuple[str, str]]:
    """Each statement that is run, and each step of its plan."""
    db = desk.journal._db()
    ran: list[str] = []
    db.set_trace_callback(ran.append)
    asked(desk.journal)
    db.set_trace_callback(None)
    reads = [sql for sql in ran if sql.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"))]
    assert reads
    return [(sql, step[3]) for sql in reads for step in db.execute(f"EXPLAIN QUERY PLAN {sql}")]


def of_what_is_open(desk: JournalDesk) -> tuple[str, ...]:
    """Indexes with a condition: they are as long as what they are for, not as the table."""
    rows = desk.journal._db().execute("SELECT name FROM sqlite_master WHERE type='index' AND sql LIKE '% WHERE %'")
    return tuple(f" INDEX {name}" for (name,) in rows)


@pytest.mark.parametrize("name", ASKED)
def test_a_claim_walks_over_no_table(name: str, desk: JournalDesk) -> None:
    desk.receive(*(delivery(f"d{n}", str(n).encode()) for n in range(3)))
    desk.parsed(2, state="waiting", due=LATER)
    for topic in ("review", "claim"):
        desk.plan(desk.matter(topic), case_of())
    found = plans(desk, ASKED[name])
    walked = [each for each in found if each[1].startswith("SCAN") and not each[1].endswith(of_what_is_open(desk))]
    assert not [each for each in walked if not each[1].removeprefix("SCAN ").startswith(SMALL)], walked


def test_a_walk_over_a_table_would_be_seen(desk: JournalDesk) -> None:
    found = plans(desk, lambda journal: journal._db().execute("SELECT 1 FROM events WHERE reason = 'x'").fetchall())
    assert [step for _, step in found] == ["SCAN events"]
