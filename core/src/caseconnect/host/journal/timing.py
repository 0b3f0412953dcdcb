"""Verbs of the clock: due times are rows, so a restart forgets none and virtual time works."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from caseconnect.host.journal.codec import stamp, unstamp
from caseconnect.host.journal.intake import add_event
from caseconnect.host.journal.records import Resolved
from caseconnect.sdk.events import TimerFired
from caseconnect.sdk.subjects import Subject


def any_due(db: sqlite3.Connection, now: datetime) -> bool:
    """Whether a timer is due: to be asked before `fire`, which writes."""
    return db.execute("SELECT 1 FROM timers WHERE due <= ? LIMIT 1", (stamp(now),)).fetchone() is not None


def fire(db: sqlite3.Connection, now: datetime, limit: int) -> int:
    """Write the events of timers that are due and delete their rows, in one commit. How many fired."""
    due_now = "SELECT tenant, lane, use, item, name, matter, due FROM timers WHERE due <= ? ORDER BY due LIMIT ?"
    rows = db.execute(due_now, (stamp(now), limit)).fetchall()
    for tenant, lane, use, item, name, matter, due in rows:
        subject = Subject.parse(lane)
        event = TimerFired(
            id=f"timer-{lane}-{use}-{f'{item}-' if item else ''}{name}-{due}",
            source="connect",
            subject=subject,
            time=unstamp(due),
            use=use,
            matter=matter,
            item=item,
            name=name,
            due=unstamp(due),
        )
        add_event(db, tenant, Resolved(event, subject), event.id, None, now)
        whose = (tenant, lane, use, item, name)
        db.execute("DELETE FROM timers WHERE tenant=? AND lane=? AND use=? AND item=? AND name=?", whose)
    return len(rows)


def schedules(db: sqlite3.Connection) -> dict[tuple[str, str], tuple[datetime, datetime | None]]:
    """(tenant, connection) -> (next poll due, last poll begun)."""
    rows = db.execute("SELECT tenant, connection, due, last FROM schedules")
    return {(t, c): (unstamp(due), unstamp(last) if last else None) for t, c, due, last in rows}


def schedule(
    db: sqlite3.Connection, tenant: str, connection: str, due: datetime, last: datetime | None, note: str
) -> None:
    """Set when a connection is polled next, and when it was last."""
    db.execute(
        "INSERT INTO schedules VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET due=excluded.due,"
        " last=coalesce(excluded.last, last), note=excluded.note",
        (tenant, connection, stamp(due), last and stamp(last), note),
    )


def first(db: sqlite3.Connection, tenant: str, name: str, now: datetime) -> datetime:
    """When `name` was first started: written at the first call, the same ever after."""
    db.execute("INSERT INTO firsts VALUES (?,?,?) ON CONFLICT DO NOTHING", (tenant, name, stamp(now)))
    return unstamp(db.execute("SELECT at FROM firsts WHERE tenant=? AND name=?", (tenant, name)).fetchone()[0])


def next_due(db: sqlite3.Connection, now: datetime) -> datetime | None:
    """The next moment after `now` at which anything becomes due by itself."""
    at = stamp(now)
    sources = (
        "SELECT min(due) FROM timers WHERE due > ?",
        "SELECT min(due) FROM schedules WHERE due > ?",
        "SELECT min(due) FROM deliveries WHERE state = 'waiting' AND due > ?",  # new ones are due from the first
        "SELECT min(due) FROM events WHERE state = 'waiting' AND due > ?",
        "SELECT min(due) FROM commands WHERE waits = 0 AND state IN ('planned', 'unknown', 'accepted') AND due > ?",
    )
    found = [row[0] for sql in sources if (row := db.execute(sql, (at,)).fetchone()) and row[0]]
    return unstamp(min(found)) if found else None
