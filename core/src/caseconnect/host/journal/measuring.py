"""What the numbers ask the journal: what happened since the last look, and what stands open now. Reads only.

What happened is read from the tables that are only added to, by the numbers of their rows, and summed up by SQLite,
which lets go of the interpreter's lock meanwhile: nobody waits for it. What stands open is read by the indexes of what
is open, so that it costs what is open, not what ever was.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import ValidationError

from caseconnect.host.journal.cap_changes import in_force
from caseconnect.host.journal.codec import dump, expand, load, stamp
from caseconnect.host.journal.history import MONEY
from caseconnect.host.journal.rules import CapRule
from caseconnect.models.money import Money
from caseconnect.sdk.commands import COMMANDS, OpenCase

T = TypeVar("T")

ADDED = ("decisions", "outcomes")
"""Tables whose rows tell what happened."""

AT_ONCE = 5_000
"""So many rows of a table are read in one look."""

Marks = Mapping[str, int]
"""By table the number of the last row that was looked at."""

_ORDER = ", ".join(f"'{kind}'" for kind, command in sorted(COMMANDS.items()) if command.side == "order")
_SECONDS = "(julianday({end}) - julianday({begin})) * 86400"


@dataclass(frozen=True)
class News:
    """What happened up to `marks`. `more`: there is more already."""

    marks: Marks
    more: bool
    decisions: Sequence[tuple[str, str, str, int]]
    """(tenant, use case, verdict, how many)"""
    decided: Sequence[tuple[str, str, float]]
    """(tenant, use case, seconds from the arrival of what was decided on), of answers that asked or closed"""
    changes: Sequence[tuple[str, str, str, str, str, int]]
    """(tenant, use case, kind, connection, new state, how many)"""
    cases: Sequence[tuple[str, str, float]]
    """(tenant, use case, seconds from the arrival of what opened the matter to its case)"""
    effects: Sequence[tuple[str, str, float]]
    """(tenant, use case, seconds from the arrival of what was decided on to a command's end at the shop)"""
    money: Sequence[tuple[str, str, Money]]
    """(tenant, kind, what was given away)"""
    ended: Sequence[tuple[str, str, str, int]]
    """(tenant, connection, state, how many) of the deliveries that were asked about"""


@dataclass(frozen=True)
class Standing:
    """What stands open. A part that could not be read in time is in `missing`, and empty."""

    waiting: Sequence[tuple[str, str, int, str]] = ()
    """(tenant, deliveries or events or commands, how many, stamp of the oldest)"""
    commands: Sequence[tuple[str, str, str, int]] = ()
    """(tenant, kind, state, how many)"""
    parked: Sequence[tuple[str, str, int]] = ()
    """(tenant, deliveries or events, how many)"""
    refused: Sequence[tuple[str, int]] = ()
    """(tenant, how many open matters have a case that was refused and not asked again)"""
    matters: Sequence[tuple[str, str, int, int]] = ()
    """(tenant, topic, observe, how many)"""
    caps: Sequence[tuple[str, str, str, str, float, float]] = ()
    """(tenant, cap, window, count or currency, used, limit)"""
    polls: Sequence[tuple[str, str, str, str | None]] = ()
    """(tenant, connection, stamp when due, stamp of the last)"""
    alerts: Sequence[tuple[str, str, int]] = ()
    """(tenant, cause, how many)"""
    brakes: Sequence[tuple[str, str, int]] = ()
    """(tenant, scope, how many)"""
    missing: Sequence[str] = field(default_factory=list)


def newest(db: sqlite3.Connection) -> Marks:
    """Where the journal is now."""
    return {t: db.execute(f"SELECT coalesce(max(seq), 0) FROM {t}").fetchone()[0] for t in ADDED}  # noqa: S608 - names of ours


_VERDICT = """
CASE WHEN json_array_length(j.value->'$.decision.commands') > 0 THEN 'asked' WHEN j.value->'$.decision.close' THEN
'closed' WHEN j.value->'$.matter' IS NOT NULL THEN 'noted' ELSE 'nothing' END
"""
VERDICTS = ("asked", "closed", "noted", "nothing")
"""What a use case answered: it asked for something, closed its matter, only noted something in it, or nothing."""

# `+`, INDEXED BY: without them SQLite walks over all there ever was, in the order of the groups.
_DECISIONS = f"""
SELECT +x.tenant, j.value->>'$.use', {_VERDICT}, count(*) FROM decisions x, json_each(x.answers) j
WHERE x.seq > :after AND x.seq <= :upto GROUP BY 1, 2, 3
"""  # noqa: S608 - constants are put in
# The lane's events are read from their end: those of a fresh decision are there.
_ARRIVED = """
SELECT coalesce(d.received_at, e.at) FROM events e LEFT JOIN deliveries d ON d.seq = e.delivery
WHERE e.tenant = x.tenant AND e.lane = x.lane AND e.decision = x.seq ORDER BY e.seq DESC LIMIT 1
"""
_DECIDED = f"""
SELECT x.tenant, j.value->>'$.use', {_SECONDS.format(end="x.at", begin=f"({_ARRIVED})")}
FROM decisions x, json_each(x.answers) j
WHERE x.seq > :after AND x.seq <= :upto
    AND (json_array_length(j.value->'$.decision.commands') > 0 OR j.value->'$.decision.close')
"""  # noqa: S608 - as above
_CHANGES = """
SELECT c.tenant, c.use, c.kind, c.connection, o.became, count(*) FROM outcomes o JOIN commands c ON c.key = o.key
WHERE o.seq > :after AND o.seq <= :upto GROUP BY 1, 2, 3, 4, 5
"""
ASKED_BY = """
x.tenant = c.tenant AND x.lane = m.subject AND x.at = c.created_at AND EXISTS (
    SELECT 1 FROM json_each(x.answers) a, json_each(a.value, '$.decision.commands') k
    WHERE k.value = c.kind || CASE c.name WHEN '' THEN '' ELSE ':' || c.name END) ORDER BY x.seq DESC LIMIT 1
"""
"""The decision x that asked for command c of matter m. Its lane is read from the end."""

_OPENED_BY = """
x.tenant = c.tenant AND x.lane = m.subject AND x.at = m.opened_at AND EXISTS (
    SELECT 1 FROM json_each(x.answers) a
    WHERE a.value ->> '$.matter' = m.id AND a.value -> '$.decision.findings' IS NOT NULL) ORDER BY x.seq DESC LIMIT 1
"""
_DONE = f"""
WITH done AS MATERIALIZED (
    SELECT c.tenant, c.use, c.kind = :case AS opened, o.at AS ended, CASE c.kind
        WHEN :case THEN (SELECT ({_ARRIVED}) FROM decisions x WHERE {_OPENED_BY})
        ELSE (SELECT ({_ARRIVED}) FROM decisions x WHERE {ASKED_BY}) END AS arrived
    FROM outcomes o JOIN commands c ON c.key = o.key JOIN matters m ON m.id = c.matter
    WHERE o.seq > :after AND o.seq <= :upto AND o.became = 'done' AND (c.kind = :case OR c.kind IN ({_ORDER})))
SELECT tenant, use, opened, {_SECONDS.format(end="ended", begin="arrived")} FROM done WHERE arrived IS NOT NULL
"""  # noqa: S608 - as above
_MONEY = f"""
SELECT c.tenant, c.kind, c.body FROM outcomes o JOIN commands c ON c.key = o.key
WHERE o.seq > :after AND o.seq <= :upto AND o.became = 'done' AND c.kind IN ({MONEY})
"""  # noqa: S608 - as above
_ENDED = """
SELECT tenant, connection, state, count(*) FROM deliveries WHERE seq IN (SELECT value FROM json_each(?))
AND state NOT IN ('new', 'waiting') GROUP BY 1, 2, 3
"""


def happened(db: sqlite3.Connection, marks: Marks, parsed: Sequence[int], within: float) -> News:
    """What happened since `marks`, and what became of the deliveries in `parsed`.

    Raises `sqlite3.OperationalError` when it takes longer than `within` seconds.
    """
    with _ends_at(db, time.monotonic() + within), _snapshot(db):
        now = newest(db)
        upto = {table: min(now[table], marks[table] + AT_ONCE) for table in ADDED}
        decisions = {"after": marks["decisions"], "upto": upto["decisions"]}
        outcomes = {"after": marks["outcomes"], "upto": upto["outcomes"]}
        done = db.execute(_DONE, outcomes | {"case": OpenCase.kind}).fetchall()
        return News(
            marks=upto,
            more=upto != now,
            decisions=db.execute(_DECISIONS, decisions).fetchall(),
            decided=[row for row in db.execute(_DECIDED, decisions) if row[-1] is not None],
            changes=db.execute(_CHANGES, outcomes).fetchall(),
            cases=[(tenant, use, seconds) for tenant, use, case, seconds in done if case],
            effects=[(tenant, use, seconds) for tenant, use, case, seconds in done if not case],
            money=list(_worths(db.execute(_MONEY, outcomes))),
            ended=db.execute(_ENDED, (dump(list(parsed)),)).fetchall(),
        )


def _worths(rows: Iterable[tuple[str, str, bytes]]) -> Iterator[tuple[str, str, Money]]:
    for tenant, kind, body in rows:
        try:
            worth = COMMANDS[kind].model_validate_json(expand(body)).worth()
        except ValidationError:  # written by a program that knows more of it
            continue
        if worth is not None:
            yield tenant, kind, worth


_WAITING = """
SELECT tenant, what, many, CASE what WHEN 'events' THEN (SELECT at FROM events WHERE seq = first)
    ELSE (SELECT received_at FROM deliveries WHERE seq = first) END
FROM (
    SELECT tenant, 'deliveries' AS what, count(*) AS many, min(seq) AS first FROM deliveries
    WHERE state IN ('new', 'waiting') GROUP BY tenant
    UNION ALL SELECT tenant, 'events', sum(many), min(first) FROM (
        SELECT tenant, count(*) AS many, min(seq) AS first FROM events WHERE state = 'ready' GROUP BY tenant
        UNION ALL SELECT tenant, count(*), min(seq) FROM events WHERE state = 'waiting' GROUP BY tenant)
    GROUP BY tenant)
UNION ALL SELECT tenant, 'commands', count(*), min(created_at) FROM commands
    WHERE waits = 0 AND state IN ('planned', 'unknown', 'accepted') GROUP BY tenant
"""
_COMMANDS = """
SELECT tenant, kind, state, count(*) FROM commands WHERE waits = 0 AND state IN ('planned', 'unknown', 'accepted')
GROUP BY 1, 2, 3
UNION ALL SELECT tenant, kind, state, count(*) FROM commands WHERE state = 'sending' GROUP BY 1, 2, 3
UNION ALL SELECT tenant, kind, state, count(*) FROM commands WHERE state = 'parked' GROUP BY 1, 2, 3
"""
_PARKED = """
SELECT tenant, 'deliveries', count(*) FROM deliveries INDEXED BY deliveries_parked
WHERE state = 'parked' GROUP BY tenant
UNION ALL SELECT tenant, 'events', count(*) FROM events INDEXED BY events_parked WHERE state = 'parked' GROUP BY tenant
"""
_REFUSED = """
SELECT m.tenant, count(*) FROM matters m JOIN commands c ON c.matter = m.id
WHERE m.state = 'open' AND c.kind = ? AND c.state = 'refused' AND NOT EXISTS
(SELECT 1 FROM commands n WHERE n.base = c.base AND n.generation > c.generation) GROUP BY 1
"""
_MATTERS = "SELECT tenant, topic, observe, count(*) FROM matters WHERE state = 'open' GROUP BY 1, 2, 3"
_POLLS = "SELECT tenant, connection, due, last FROM schedules"
_ALERTS = "SELECT tenant, cause, count(*) FROM alerts WHERE closed_at IS NULL GROUP BY 1, 2"
_BRAKES = "SELECT tenant, scope, count(*) FROM brakes WHERE released_at IS NULL GROUP BY 1, 2"
_RESERVED = """
SELECT count(*), json_group_array(amount) FILTER (WHERE currency = :currency) FROM reservations
WHERE tenant = :tenant AND cap = :cap AND at > :since
"""


def standing(db: sqlite3.Connection, caps: Mapping[str, Sequence[CapRule]], now: datetime, within: float) -> Standing:
    """What stands open, and how much of each tenant's `caps` is used. It takes no longer than `within` seconds."""
    missing: list[str] = []

    def part(name: str, read: Callable[[], Sequence[T]]) -> Sequence[T]:
        try:
            return read()
        except sqlite3.OperationalError:
            missing.append(name)
            return ()

    def rows(name: str, sql: str, *values: Any) -> Sequence[Any]:
        return part(name, lambda: db.execute(sql, values).fetchall())

    with _ends_at(db, time.monotonic() + within):
        return Standing(
            polls=rows("polls", _POLLS),
            alerts=rows("alerts", _ALERTS),
            brakes=rows("brakes", _BRAKES),
            parked=rows("parked", _PARKED),
            caps=part("caps", lambda: [used for t, rules in caps.items() for used in _used(db, t, rules, now)]),
            commands=rows("commands", _COMMANDS),
            waiting=rows("waiting", _WAITING),
            matters=rows("matters", _MATTERS),
            refused=rows("refused", _REFUSED, OpenCase.kind),
            missing=missing,
        )


def _used(
    db: sqlite3.Connection, tenant: str, rules: Sequence[CapRule], now: datetime
) -> Iterator[tuple[str, str, str, str, float, float]]:
    for rule in in_force(db, tenant, rules, now):
        for window in rule.windows:
            asked = {"tenant": tenant, "cap": rule.name, "since": stamp(now - window.span)}
            count = db.execute(_RESERVED, asked | {"currency": ""}).fetchone()[0]
            if window.count is not None:
                yield tenant, rule.name, window.name, "count", count, window.count
            for currency, limit in window.sums.items():
                amounts = db.execute(_RESERVED, asked | {"currency": currency}).fetchone()[1]
                used = sum((Decimal(amount) for amount in load(amounts)), Decimal(0))
                yield tenant, rule.name, window.name, currency, float(used), float(limit)


@contextmanager
def _ends_at(db: sqlite3.Connection, end: float) -> Iterator[None]:
    db.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    finally:
        db.set_progress_handler(None, 0)


_STEPS = 20_000
"""After so many steps of SQLite's machine the clock is looked at: a millisecond or so."""


@contextmanager
def _snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """All reads see the journal as of one moment."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")
