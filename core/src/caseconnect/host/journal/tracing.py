"""What traces are made of: every step that an order took since the last look, with its times. Reads only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from caseconnect.host.journal.codec import load, unstamp
from caseconnect.host.journal.measuring import ASKED_BY
from caseconnect.host.journal.states import DONE, REFUSED, SENDING, SUPERSEDED, WITHHELD

ADDED = ("events", "decisions", "outcomes")
"""Tables whose rows tell a step."""

Marks = Mapping[str, int]
"""By table the number of the last row that was looked at."""

AT_ONCE = 1_000
"""So many rows of a table are read in one look."""

Place = tuple[Literal["event", "decision", "command", "request"], int]
"""What a step is, and the number of its row: the name by which a later step knows it."""


@dataclass(frozen=True)
class Step:
    """One step of one order. `after` is the step that led to it. `told` are ids, kinds and states."""

    place: Place
    tenant: str
    lane: str
    begin: datetime
    end: datetime
    after: Place | None
    told: Mapping[str, Any]


def newest(db: sqlite3.Connection) -> Marks:
    """Where the journal is now."""
    return {t: db.execute(f"SELECT coalesce(max(seq), 0) FROM {t}").fetchone()[0] for t in ADDED}  # noqa: S608 - names of ours


def steps(db: sqlite3.Connection, marks: Marks) -> tuple[list[Step], Marks, bool]:
    """The steps since `marks`, the new marks, and whether there are more already."""
    now = newest(db)
    upto = {table: min(now[table], marks[table] + AT_ONCE) for table in ADDED}
    spans = {table: {"after": marks[table], "upto": upto[table]} for table in ADDED}
    found = [*_events(db, spans["events"]), *_decisions(db, spans["decisions"]), *_commands(db, spans["outcomes"])]
    return found, upto, upto != now


_EVENTS = """
SELECT e.seq, e.tenant, e.lane, e.type, e.at, d.seq, d.connection, d.received_at, d.polled
FROM events e JOIN deliveries d ON d.seq = e.delivery WHERE e.seq > :after AND e.seq <= :upto ORDER BY e.seq
"""
_DECISIONS = """
SELECT x.seq, x.tenant, x.lane, x.at, x.answers, CASE WHEN e.delivery IS NOT NULL THEN e.seq END, e.at, e.type,
    CASE e.type WHEN 'CommandSettled' THEN (SELECT c.seq FROM commands c WHERE c.key = e.body ->> 'key') END
FROM decisions x LEFT JOIN events e ON e.seq = (
    SELECT n.seq FROM events n WHERE n.tenant = x.tenant AND n.lane = x.lane AND n.decision = x.seq
    ORDER BY n.seq DESC LIMIT 1)
WHERE x.seq > :after AND x.seq <= :upto ORDER BY x.seq
"""
_OUTCOMES = f"""
SELECT o.seq, o.became, o.at, o.attempt, c.seq, c.tenant, m.subject, c.key, c.kind, c.use, c.connection,
    c.created_at, m.case_subject,
    CASE o.was WHEN '{SENDING}' THEN (SELECT max(s.at) FROM outcomes s
        WHERE s.key = o.key AND s.became = '{SENDING}' AND s.seq < o.seq) END,
    (SELECT x.seq FROM decisions x WHERE {ASKED_BY})
FROM outcomes o JOIN commands c ON c.key = o.key JOIN matters m ON m.id = c.matter
WHERE o.seq > :after AND o.seq <= :upto ORDER BY o.seq
"""  # noqa: S608 - constants are put in
_ENDS = frozenset({DONE, REFUSED, SUPERSEDED, WITHHELD})


def _events(db: sqlite3.Connection, span: Mapping[str, int]) -> Iterator[Step]:
    for seq, tenant, lane, kind, at, delivery, connection, received, polled in db.execute(_EVENTS, span):
        told = {"event": kind, "delivery": delivery, "connection": connection, "polled": bool(polled)}
        yield Step(("event", seq), tenant, lane, unstamp(received), unstamp(at), None, told)


def _decisions(db: sqlite3.Connection, span: Mapping[str, int]) -> Iterator[Step]:
    for seq, tenant, lane, at, answers, event, since, kind, command in db.execute(_DECISIONS, span):
        asked = [each for answer in load(answers) for each in (answer.get("decision") or {}).get("commands", ())]
        matters = sorted({answer["matter"] for answer in load(answers) if answer.get("matter")})
        told = {"event": kind or "", "flows": [answer["use"] for answer in load(answers)]}
        told |= {"matters": matters, "commands": asked}
        after: Place | None = ("command", command) if command is not None else None
        after = ("event", event) if event is not None else after
        yield Step(("decision", seq), tenant, lane, unstamp(since or at), unstamp(at), after, told)


def _commands(db: sqlite3.Connection, span: Mapping[str, int]) -> Iterator[Step]:
    for row in db.execute(_OUTCOMES, span):
        seq, became, at, attempt, number, tenant, lane, key, kind, use, connection, asked, case, sent, by = row
        told = {"key": key, "kind": kind, "flow": use, "connection": connection, "state": became, "case": case or ""}
        told |= {"attempt": attempt}
        command: Place = ("command", number)
        if sent is not None:
            yield Step(("request", seq), tenant, lane, unstamp(sent), unstamp(at), command, told)
        if became in _ENDS:
            after: Place | None = ("decision", by) if by is not None else None
            yield Step(command, tenant, lane, unstamp(asked), unstamp(at), after, told)
