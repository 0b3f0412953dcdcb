"""How much comes from each connection in each hour: counted once, a piece at a time, so that nobody reads it all."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from caseconnect.host.journal.auditing import first_since

KEPT = timedelta(days=36)
"""How far back hours are known: five weeks, and a day."""

_TO = "arrived_to"
_AT_ONCE = 5_000
_HOUR = 13  # characters of a stamp up to its hour
_NEXT = "SELECT tenant, connection, received_at, polled, seen, seq FROM deliveries WHERE seq > ? ORDER BY seq LIMIT ?"


@dataclass(frozen=True)
class Hour:
    """How many deliveries came in an hour, by webhook or queue, and by poll."""

    pushed: int = 0
    polled: int = 0


Hours = Mapping[datetime, Hour]
"""By the hour's beginning; an hour in which nothing came is not there."""


def uncounted(db: sqlite3.Connection) -> bool:
    """Whether `count` has anything to do."""
    last = db.execute("SELECT coalesce(max(seq), 0) FROM deliveries").fetchone()[0]
    return int(last) > _counted_to(db)


def _counted_to(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT value FROM meta WHERE name=?", (_TO,)).fetchone()
    return int(row[0]) if row else -1


def count(db: sqlite3.Connection, now: datetime) -> bool:
    """Count the next deliveries, and forget hours that are too old; True if there are more."""
    begin = _counted_to(db)
    if begin < 0:
        begin = first_since(db, "deliveries", "received_at", now - KEPT) - 1
    rows = db.execute(
        f"SELECT tenant, connection, substr(received_at, 1, {_HOUR}), sum(polled = 0 AND seen = 0),"  # noqa: S608 - our own text
        f" sum(polled AND seen = 0), max(seq), count(*) FROM ({_NEXT}) GROUP BY 1, 2, 3",
        (begin, _AT_ONCE),
    ).fetchall()
    for tenant, connection, hour, pushed, polled, _, _ in rows:
        db.execute(
            "INSERT INTO arrived VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET pushed=pushed+excluded.pushed,"
            " polled=polled+excluded.polled",
            (tenant, connection, hour, pushed, polled),
        )
    oldest = f"{now - KEPT:%Y-%m-%dT%H}"
    for place in {(tenant, connection) for tenant, connection, *_ in rows}:
        db.execute("DELETE FROM arrived WHERE tenant=? AND connection=? AND hour<?", (*place, oldest))
    last = max((row[5] for row in rows), default=begin)
    db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (_TO, str(last)))
    return bool(sum(row[6] for row in rows) == _AT_ONCE)


def hours(db: sqlite3.Connection, tenant: str, connection: str) -> Hours:
    """What came from a connection in each of the last five weeks' hours, as far as it was counted."""
    rows = db.execute("SELECT hour, pushed, polled FROM arrived WHERE tenant=? AND connection=?", (tenant, connection))
    return {datetime.fromisoformat(f"{hour}:00:00+00:00"): Hour(pushed, polled) for hour, pushed, polled in rows}
