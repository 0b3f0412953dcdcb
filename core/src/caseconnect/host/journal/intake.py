"""Verbs of intake: deliveries come in, are parsed, and become events in lanes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from caseconnect.host.journal.codec import Squeezer, digest, dump, expand, load, stamp, unstamp
from caseconnect.host.journal.records import CursorMove, DeliveryResult, NewDelivery, Receipt, Resolved, StoredDelivery
from caseconnect.sdk.deliveries import Delivery
from caseconnect.sdk.subjects import Subject

_SAME = "SELECT seq FROM deliveries WHERE tenant=? AND connection=? AND delivery_id=? AND topic=? AND digest=?"
_OTHER_BODY = "SELECT 1 FROM deliveries WHERE tenant=? AND connection=? AND delivery_id=? AND topic=? LIMIT 1"
_SAME_BODY = "SELECT seq FROM deliveries WHERE digest=? AND body IS NOT NULL AND tenant=? AND connection=? LIMIT 1"
_INSERT = (
    "INSERT INTO deliveries (tenant, connection, topic, delivery_id, received_at, polled, headers, body,"
    " ref_of, digest,"
    " flagged, due) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
)


def receive(
    db: sqlite3.Connection, squeezer: Squeezer, items: Sequence[NewDelivery], move: CursorMove | None, now: datetime
) -> list[Receipt]:
    """Store deliveries, and the cursor that covers them, in the caller's transaction."""
    receipts = [_store(db, squeezer, item) for item in items]
    if move:
        db.execute(
            "INSERT INTO cursors VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET cursor=excluded.cursor,"
            " saved_at=excluded.saved_at",
            (move.tenant, move.connection, move.cursor, stamp(now)),
        )
    return receipts


def _store(db: sqlite3.Connection, squeezer: Squeezer, item: NewDelivery) -> Receipt:
    mark = digest(item.body)
    name = (item.tenant, item.connection, item.delivery_id, item.topic)
    same = db.execute(_SAME, (*name, mark)).fetchone()
    if same:
        return Receipt(same[0], "duplicate")
    flagged = not item.polled and db.execute(_OTHER_BODY, name).fetchone() is not None
    twin = db.execute(_SAME_BODY, (mark, item.tenant, item.connection)).fetchone()
    at = stamp(item.received_at)
    row = (item.tenant, item.connection, item.topic, item.delivery_id, at, item.polled, dump(item.headers))
    body = None if twin else squeezer.squeeze(item.body)
    cursor = db.execute(_INSERT, (*row, body, twin and twin[0], mark, flagged, at))
    return Receipt(int(cursor.lastrowid or 0), "reference" if twin else "stored", flagged)


def unparsed(db: sqlite3.Connection, tenant: str, now: datetime, limit: int) -> list[StoredDelivery]:
    """Deliveries of a tenant that wait to be parsed, oldest due first."""
    rows = db.execute(
        "SELECT d.seq, d.connection, d.topic, d.delivery_id, d.received_at, d.headers,"
        " coalesce(d.body, (SELECT b.body FROM deliveries b WHERE b.seq = d.ref_of)), d.polled, d.tries FROM"
        " deliveries d"
        " WHERE d.state IN ('new', 'waiting') AND d.tenant = ? AND d.due <= ? ORDER BY d.due, d.seq LIMIT ?",
        (tenant, stamp(now), limit),
    )
    return [
        StoredDelivery(
            seq,
            tenant,
            Delivery(connection, topic, delivery_id, unstamp(at), expand(body), load(headers), bool(polled)),
            tries,
        )
        for seq, connection, topic, delivery_id, at, headers, body, polled, tries in rows
    ]


def parsed(db: sqlite3.Connection, tenant: str, result: DeliveryResult, now: datetime) -> None:
    """End a delivery, or let it wait; its events and learned aliases are written with it."""
    due = stamp(result.due or now)
    db.execute(
        "UPDATE deliveries SET state=?, reason=?, due=?, tries=tries+1 WHERE seq=? AND state IN ('new', 'waiting')",
        (result.state, result.reason, due, result.seq),
    )
    for number, resolved in enumerate(result.events):
        learn(db, tenant, resolved.aliases, resolved.lane)
        add_event(db, tenant, resolved, f"{result.seq}-{number}", result.seq, now)


def add_event(
    db: sqlite3.Connection, tenant: str, resolved: Resolved, fallback_id: str, delivery: int | None, now: datetime
) -> None:
    """Put an event at the end of its lane; one with an id that is there already changes nothing."""
    event = resolved.event
    lane = subject_of(db, tenant, resolved.lane)
    at = stamp(now)
    db.execute(
        "INSERT INTO events (id, tenant, lane, type, version, body, delivery, at, due) VALUES (?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT DO NOTHING",
        (
            event.id or fallback_id,
            tenant,
            str(lane),
            event.type,
            event.version,
            event.model_dump_json(),
            delivery,
            at,
            at,
        ),
    )


def learn(db: sqlite3.Connection, tenant: str, aliases: Sequence[Subject], subject: Subject) -> None:
    """Remember that `aliases` mean `subject`. One that lived as its own subject moves with its open matters."""
    for alias in aliases:
        if alias == subject:
            continue
        db.execute(
            "INSERT INTO aliases VALUES (?,?,?) ON CONFLICT DO UPDATE SET subject=excluded.subject",
            (tenant, str(alias), str(subject)),
        )
        was = (str(subject), tenant, str(alias))
        db.execute("UPDATE events SET lane=? WHERE tenant=? AND lane=? AND state IN ('ready', 'waiting')", was)
        db.execute("UPDATE OR IGNORE matters SET subject=? WHERE tenant=? AND subject=? AND state='open'", was)
        db.execute("UPDATE timers SET lane=? WHERE tenant=? AND lane=?", was)


def subject_of(db: sqlite3.Connection, tenant: str, alias: Subject) -> Subject:
    """The subject that `alias` is known to mean; itself if nothing is known."""
    row = db.execute("SELECT subject FROM aliases WHERE tenant=? AND alias=?", (tenant, str(alias))).fetchone()
    return Subject.parse(row[0]) if row else alias
