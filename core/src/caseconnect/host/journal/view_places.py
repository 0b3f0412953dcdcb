"""What the console shows of deliveries, of the personal data that finds a subject, and of who did what. Reads only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caseconnect.host.journal.codec import expand, load, unstamp
from caseconnect.host.journal.view_waiting import Rows, dicts

_STEP = 40_000
_COLUMNS = (
    "d.seq, d.tenant, d.connection, d.topic, d.delivery_id, d.received_at, d.polled, d.state, d.reason, d.tries,"
    " d.replayed, d.seen, d.flagged, d.masked, d.ref_of,"
    " (SELECT json_group_array(DISTINCT e.lane) FROM events e WHERE e.delivery = d.seq) AS subjects"
)


@dataclass(frozen=True)
class Part:
    """Some rows, newest first, and the number to ask on from; None: there are no more."""

    rows: Rows
    further: int | None


def arrivals(
    db: sqlite3.Connection, tenant: str, connection: str, before: int | None, limit: int, state: str = ""
) -> Part:
    """What a connection brought, the newest first; of the 40,000 rows before `before`, so that no look is long."""
    (top,) = db.execute("SELECT coalesce(max(seq), 0) FROM deliveries").fetchone()
    high = min(before or top + 1, top + 1)
    low = max(high - _STEP, 0)
    rows = dicts(
        db.execute(
            f"SELECT {_COLUMNS} FROM deliveries d NOT INDEXED"  # noqa: S608 - columns of ours
            " WHERE d.seq < ? AND d.seq >= ? AND d.tenant=? AND d.connection=?"
            " AND ? IN ('', d.state) ORDER BY d.seq DESC LIMIT ?",
            (high, low, tenant, connection, state, limit),
        )
    )
    for row in rows:
        row["subjects"] = load(row["subjects"])
    if len(rows) == limit:
        return Part(rows, int(rows[-1]["seq"]))
    return Part(rows, low if low > 1 else None)


def delivery(db: sqlite3.Connection, seq: int) -> dict[str, Any] | None:
    """One delivery with its headers and what is left of its body; None if there is none of that number.

    `body` is None where nothing is left of it. `masked`: what was personal in it is gone.
    """
    found = dicts(
        db.execute(
            f"SELECT {_COLUMNS}, d.headers, coalesce(d.body, (SELECT r.body FROM deliveries r WHERE r.seq = d.ref_of))"  # noqa: S608 - columns of ours
            " AS body, coalesce((SELECT r.masked FROM deliveries r WHERE r.seq = d.ref_of), d.masked) AS masked"
            " FROM deliveries d WHERE d.seq=?",
            (seq,),
        )
    )
    if not found:
        return None
    (row,) = found
    row["subjects"], row["headers"] = load(row["subjects"]), load(row["headers"])
    row["body"] = expand(row["body"]) if row["body"] else None
    row["events"] = dicts(
        db.execute(
            "SELECT seq, id, type, lane, state, reason, decision FROM events WHERE delivery=? ORDER BY seq LIMIT 100",
            (seq,),
        )
    )
    return row


def arrived(db: sqlite3.Connection, tenant: str, subject: str, limit: int) -> Rows:
    """The deliveries that a subject's events came by, the newest first."""
    rows = dicts(
        db.execute(
            f"SELECT {_COLUMNS} FROM deliveries d WHERE d.seq IN (SELECT e.delivery FROM events e WHERE e.tenant=? AND"  # noqa: S608 - columns of ours
            " e.lane=? AND e.delivery IS NOT NULL ORDER BY e.seq DESC LIMIT ?) ORDER BY d.seq DESC",
            (tenant, subject, limit),
        )
    )
    for row in rows:
        row["subjects"] = load(row["subjects"])
    return rows


@dataclass(frozen=True)
class Found:
    """Subjects that a text stands in, how far back was looked, and the number to look on from."""

    subjects: list[tuple[str, str, datetime]]
    since: datetime | None
    further: int | None


def naming(db: sqlite3.Connection, text: str, before: int | None, looks: int = 6000, limit: int = 50) -> Found:
    """Subjects whose facts (order, customer, case) hold `text`: the newest decisions first, `looks` of them at most.

    No index of persons is kept: what is known of them stands in the facts of decisions alone, and is erased there.
    """
    wanted = text.strip().lower().encode()
    high = before or 1 << 62
    found: dict[tuple[str, str], datetime] = {}
    last, at, looked = high, None, 0
    rows = db.execute(
        "SELECT seq, tenant, lane, at, facts FROM decisions WHERE seq < ? AND facts IS NOT NULL ORDER BY seq DESC"
        " LIMIT ?",
        (high, looks),
    )
    for last, tenant, lane, at, facts in rows:  # noqa: B007 - the last of them is told
        looked += 1
        if (tenant, lane) not in found and wanted in expand(facts).lower():
            found[tenant, lane] = unstamp(at)
            if len(found) == limit:
                break
    more = last if looked == looks or len(found) == limit else None
    return Found([(*whose, when) for whose, when in found.items()], unstamp(at) if at else None, more)


def order_facts(db: sqlite3.Connection, tenant: str, subject: str) -> dict[str, Any] | None:
    """A subject's own record (an order, mostly) as a decision kept it last; None: there is none, or it is erased."""
    rows = db.execute(
        "SELECT at, facts FROM decisions WHERE tenant=? AND lane=? AND facts IS NOT NULL ORDER BY seq DESC LIMIT 12",
        (tenant, subject),
    )
    for at, facts in rows:
        for _, about, record in load(expand(facts)):
            if about == subject and isinstance(record, dict):
                return {**record, "read_at": at}
    return None


def schedules(db: sqlite3.Connection) -> Rows:
    """When each connection is polled next, was last, and what was noted then."""
    return dicts(db.execute("SELECT tenant, connection, due, last, note FROM schedules ORDER BY tenant, connection"))


def brakes_of(db: sqlite3.Connection, before: int | None, limit: int) -> Rows:
    """Pauses that are over, the newest first."""
    return dicts(
        db.execute(
            "SELECT seq, tenant, scope, name, reason, by, at, released_at, released_by, released_reason FROM brakes"
            " WHERE released_at IS NOT NULL AND seq < ? ORDER BY seq DESC LIMIT ?",
            (before or 1 << 62, limit),
        )
    )


def answers(db: sqlite3.Connection, before: int | None, limit: int, steps: int = 40_000) -> Part:
    """What people answered to commands, the newest first, of the last `steps` outcomes before `before`."""
    (top,) = db.execute("SELECT coalesce(max(seq), 0) FROM outcomes").fetchone()
    high = min(before or top + 1, top + 1)
    low = max(high - steps, 0)
    rows = dicts(
        db.execute(
            "SELECT o.seq, o.key, o.was, o.became, o.note, o.by, o.at, c.tenant, c.kind, m.subject FROM outcomes o"
            " JOIN commands c ON c.key = o.key JOIN matters m ON m.id = c.matter"
            " WHERE o.seq < ? AND o.seq >= ? AND o.by <> 'connect' ORDER BY o.seq DESC LIMIT ?",
            (high, low, limit),
        )
    )
    if len(rows) == limit:
        return Part(rows, int(rows[-1]["seq"]))
    return Part(rows, low if low > 1 else None)


def first_of(db: sqlite3.Connection, tenant: str) -> dict[str, str]:
    """By connection when it was first started; '' for the tenant."""
    rows = db.execute("SELECT name, at FROM firsts WHERE tenant=? AND (name='start' OR name LIKE 'start:%')", (tenant,))
    return {name.removeprefix("start").removeprefix(":"): at for name, at in rows}


def known_tenants(db: sqlite3.Connection) -> list[str]:
    """Every tenant that was ever started."""
    return [name for (name,) in db.execute("SELECT tenant FROM firsts WHERE name='start' ORDER BY tenant")]


def matters(db: sqlite3.Connection, tenant: str, subject: str, limit: int = 20) -> Rows:
    """The matters of a subject in short, the newest first."""
    return dicts(
        db.execute(
            "SELECT id, topic, item, mode, state, owner, stage, case_number, case_subject, case_url, opened_at"
            " FROM matters WHERE tenant=? AND subject=? ORDER BY opened_at DESC LIMIT ?",
            (tenant, subject, limit),
        )
    )
