"""Numbers of flows and connections for the console, read a piece at a time. Reads only.

Rows are numbered as they come, so a span of numbers is a span of time, and no index on times is needed. `Tallies` reads
each row once: the newest first, then further back at each look, and what came since; so no look is long, however large
the journal is.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from caseconnect.host.journal.codec import stamp, unstamp
from caseconnect.host.journal.view_waiting import Rows, dicts

HIT, ACTED, FOLLOWED, NOTHING = "found", "acted", "followed", "nothing"
"""What a flow came to: it found something, it carried a person's decision out, it did something else, or nothing."""

ORDERS, FIRST_HIT, POLLED, PUSHED = "orders", "first", "polled", "pushed"
"""What is counted beside: orders that came for the first time; of these, and others, the first finding of a flow;
deliveries that were read, or sent to us."""

BACK = timedelta(days=31)
_PIECE = 4000
_PATIENCE = 0.25  # seconds for one look

_VERDICTS = """
SELECT substr(d.at, 1, 13), d.tenant, a.value->>'$.use' AS flow, CASE
    WHEN a.value->'$.decision.findings' IS NOT NULL THEN 'found'
    WHEN a.value->'$.decision.acted_on' IS NOT NULL THEN 'acted'
    WHEN json_array_length(a.value, '$.decision.commands') > 0 THEN 'followed'
    ELSE 'nothing' END, count(*)
FROM decisions d, json_each(d.answers) a WHERE d.seq BETWEEN :low AND :high GROUP BY 1, 2, 3, 4
"""
_FIRST_HITS = """
SELECT substr(d.at, 1, 13), d.tenant, a.value->>'$.use' AS flow, 'first', count(*)
FROM decisions d, json_each(d.answers) a WHERE d.seq BETWEEN :low AND :high
AND a.value->'$.decision.findings' IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM decisions p, json_each(p.answers) b WHERE p.tenant = d.tenant AND p.lane = d.lane AND p.seq < d.seq
    AND b.value->>'$.use' = a.value->>'$.use' AND b.value->'$.decision.findings' IS NOT NULL)
GROUP BY 1, 2, 3
"""
_ORDERS = """
SELECT substr(d.at, 1, 13), d.tenant, '', 'orders', count(*) FROM decisions d
WHERE d.seq BETWEEN :low AND :high AND d.lane LIKE '%/order/%' AND NOT EXISTS (
    SELECT 1 FROM decisions p WHERE p.tenant = d.tenant AND p.lane = d.lane AND p.seq < d.seq)
GROUP BY 1, 2
"""
_DELIVERIES = """
SELECT substr(received_at, 1, 13), tenant, connection, CASE polled WHEN 0 THEN 'pushed' ELSE 'polled' END, count(*)
FROM deliveries WHERE seq BETWEEN :low AND :high GROUP BY 1, 2, 3, 4
"""
_LAST = """
SELECT tenant, connection, max(received_at) FROM deliveries WHERE seq BETWEEN :low AND :high GROUP BY 1, 2
"""

Cell = tuple[str, str, str, str]
"""Hour (2026-01-31T23), tenant, flow or connection, what is counted."""


@dataclass
class _Span:
    """What of a table was read: the numbers from `low` to `high`; `over`: nothing before is wanted or there."""

    table: str
    column: str
    sqls: tuple[str, ...]
    low: int = 0
    high: int = 0
    over: bool = False
    since: str = ""


@dataclass(frozen=True)
class Counted:
    """How far the counting has come: everything since then; None when all that is kept for it is counted."""

    since: datetime | None


@dataclass
class Tallies:
    """Counts by hour, kept up as long as the process lives. Safe from several threads."""

    connect: Callable[[], sqlite3.Connection]
    cells: Counter[Cell] = field(default_factory=Counter)
    last: dict[tuple[str, str], str] = field(default_factory=dict)
    _spans: tuple[_Span, ...] = field(
        default_factory=lambda: (
            _Span("decisions", "at", (_VERDICTS, _FIRST_HITS, _ORDERS)),
            _Span("deliveries", "received_at", (_DELIVERIES, _LAST)),
        )
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, now: datetime, patience: float = _PATIENCE) -> Counted:
        """Count what came since the last look, then further back while there is patience (seconds) left."""
        with self._lock:
            ends, db, horizon = time.monotonic() + patience, self.connect(), stamp(now - BACK)
            for span in self._spans:
                self._forward(db, span, stamp(now))
            self._forget(horizon[:13])
            behind = [span for span in self._spans if not span.over]
            while behind and time.monotonic() < ends:
                self._back(db, min(behind, key=lambda span: span.table), horizon)
                behind = [span for span in self._spans if not span.over]
            return Counted(unstamp(max(span.since for span in behind)) if behind else None)

    def sums(self, since: datetime, whats: Iterable[str]) -> Counter[tuple[str, str, str]]:
        """(tenant, flow or connection, what) -> how many since then, by whole hours."""
        hour, wanted = stamp(since)[:13], frozenset(whats)
        found: Counter[tuple[str, str, str]] = Counter()
        with self._lock:
            for (at, tenant, name, what), many in self.cells.items():
                if at >= hour and what in wanted:
                    found[tenant, name, what] += many
        return found

    def series(self, since: datetime, whats: Iterable[str], tenant: str = "", name: str = "") -> Counter[str]:
        """How many in each hour since then, of all or of one tenant and name."""
        hour, wanted = stamp(since)[:13], frozenset(whats)
        found: Counter[str] = Counter()
        with self._lock:
            for (at, whose, which, what), many in self.cells.items():
                if at >= hour and what in wanted and tenant in ("", whose) and name in ("", which):
                    found[at] += many
        return found

    def _forward(self, db: sqlite3.Connection, span: _Span, now: str) -> None:
        (top,) = db.execute(f"SELECT coalesce(max(seq), 0) FROM {span.table}").fetchone()  # noqa: S608 - names of ours
        if span.high == 0:
            span.low, span.high, span.since, span.over = top + 1, top, now, top == 0
        while span.high < top:
            low, high = span.high + 1, min(span.high + _PIECE, top)
            self._count(db, span, low, high)
            span.high = high

    def _back(self, db: sqlite3.Connection, span: _Span, horizon: str) -> None:
        low, high = max(span.low - _PIECE, 1), span.low - 1
        self._count(db, span, low, high)
        row = db.execute(
            f"SELECT {span.column} FROM {span.table} WHERE seq >= ? ORDER BY seq LIMIT 1",  # noqa: S608 - as above
            (low,),
        ).fetchone()
        span.low, span.since = low, row[0] if row else span.since
        span.over = low == 1 or span.since < horizon

    def _count(self, db: sqlite3.Connection, span: _Span, low: int, high: int) -> None:
        for sql in span.sqls:
            rows = db.execute(sql, {"low": low, "high": high})
            if sql is _LAST:
                for tenant, connection, at in rows:
                    self.last[tenant, connection] = max(at, self.last.get((tenant, connection), ""))
                continue
            for *cell, many in rows:
                hour, tenant, name, what = cell
                self.cells[hour, tenant, name or "", what] += many

    def _forget(self, hour: str) -> None:
        for cell in [cell for cell in self.cells if cell[0] < hour]:
            del self.cells[cell]


_OPEN = """
SELECT tenant, owner, count(*) AS open, sum(case_subject IS NOT NULL) AS cases, min(opened_at) AS oldest
FROM (SELECT tenant, owner, case_subject, opened_at FROM matters INDEXED BY matters_open WHERE state = 'open' LIMIT :n)
GROUP BY tenant, owner
"""
MOST_OPEN = 20_000


def open_matters(db: sqlite3.Connection) -> Rows:
    """By tenant and flow that opened them: open matters, those with a case, the oldest; of the first 20,000."""
    return dicts(db.execute(_OPEN, {"n": MOST_OPEN}))


_CASES = """
SELECT c.tenant, c.use, c.created_at, m.subject, m.id,
    (SELECT min(o.at) FROM outcomes o WHERE o.key = c.key AND o.became = 'done') AS opened,
    (SELECT min(coalesce(d.received_at, e.at)) FROM decisions x
        JOIN events e ON e.tenant = x.tenant AND e.lane = x.lane AND e.decision = x.seq
        LEFT JOIN deliveries d ON d.seq = e.delivery
        WHERE x.tenant = c.tenant AND x.lane = m.subject AND x.at = c.created_at) AS received,
    (SELECT min(x.at) FROM decisions x, json_each(x.answers) a
        WHERE x.tenant = c.tenant AND x.lane = m.subject AND x.at >= c.created_at
        AND a.value->>'$.matter' = m.id AND a.value->'$.decision.acted_on' IS NOT NULL) AS decided,
    (SELECT min(o.at) FROM commands f JOIN outcomes o ON o.key = f.key AND o.became = 'done'
        WHERE f.matter = m.id AND f.kind NOT IN ('OpenCase', 'CommentCase', 'UpdateCase', 'AttachDocument', 'CloseCase',
            'AnnotateOrder', 'AnnotateCustomer', 'NoteOrder')
        AND f.created_at >= (SELECT min(x.at) FROM decisions x, json_each(x.answers) a
            WHERE x.tenant = c.tenant AND x.lane = m.subject AND x.at >= c.created_at
            AND a.value->>'$.matter' = m.id AND a.value->'$.decision.acted_on' IS NOT NULL)) AS effect
FROM commands c JOIN matters m ON m.id = c.matter
WHERE c.kind = 'OpenCase' AND c.created_at >= :since ORDER BY c.created_at DESC LIMIT :n
"""


@dataclass(frozen=True)
class CaseTimes:
    """When what a case is about was received, when the case was there, decided on, and when the first effect was."""

    tenant: str
    use: str
    received: datetime | None
    opened: datetime | None
    decided: datetime | None
    effect: datetime | None


def case_times(db: sqlite3.Connection, since: datetime, limit: int) -> list[CaseTimes]:
    """The newest cases that were asked for since then."""
    rows = dicts(db.execute(_CASES, {"since": stamp(since), "n": limit}))
    times = ("received", "opened", "decided", "effect")
    return [
        CaseTimes(row["tenant"], row["use"], *(unstamp(row[name]) if row[name] else None for name in times))
        for row in rows
    ]


def cases_by_hour(db: sqlite3.Connection, since: datetime) -> dict[tuple[str, str, str], int]:
    """(hour, tenant, flow) -> cases that were opened, by the hour in which they were asked for."""
    rows = db.execute(
        "SELECT substr(created_at, 1, 13), tenant, use, count(*) FROM commands"
        " WHERE kind = 'OpenCase' AND created_at >= ? AND state = 'done' GROUP BY 1, 2, 3",
        (stamp(since),),
    )
    return {(hour, tenant, use): many for hour, tenant, use, many in rows}
