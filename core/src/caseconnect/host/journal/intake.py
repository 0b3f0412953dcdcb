"""Verbs of intake: deliveries come in, are parsed, and become events in lanes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from pydantic import ValidationError

from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.batch import Item, alone
from caseconnect.host.journal.bodies import mask
from caseconnect.host.journal.codec import Squeezer, dump, expand, load, stamp, unstamp
from caseconnect.host.journal.records import (
    DeliveryResult,
    NewAlert,
    Resolved,
    StoredDelivery,
)
from caseconnect.models.base import Record, without_personal
from caseconnect.sdk.deliveries import Delivery
from caseconnect.sdk.events import EVENTS, Event, ItemEvent
from caseconnect.sdk.subjects import Subject


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


_BACKLOG = """
SELECT (SELECT count(*) FROM deliveries WHERE tenant = :tenant AND state IN ('new', 'waiting') AND due <= :now)
    + (SELECT count(*) FROM events WHERE tenant = :tenant AND state = 'ready')
"""


def backlog(db: sqlite3.Connection, tenant: str, now: datetime) -> int:
    """How many deliveries and events of a tenant could be worked on now; those that wait for a moment are left out."""
    return int(db.execute(_BACKLOG, {"tenant": tenant, "now": stamp(now)}).fetchone()[0])


def parsed(db: sqlite3.Connection, squeezer: Squeezer, tenant: str, result: DeliveryResult, now: datetime) -> None:
    """End a delivery, or let it wait; its events and learned aliases are written with it, its body is masked."""
    due = stamp(result.due or now)
    ended = db.execute(
        "UPDATE deliveries SET state=?, reason=?, due=?, tries=tries+1 WHERE seq=? AND state IN ('new', 'waiting')",
        (result.state, result.reason, due, result.seq),
    )
    if ended.rowcount != 1:
        return
    for number, resolved in enumerate(result.events):
        learn(db, tenant, resolved.aliases, resolved.lane, now)
        add_event(db, tenant, resolved, f"{result.seq}-{number}", result.seq, now)
    _keep_told(db, [(tenant, result)])
    mask(db, squeezer, [result])


def parsed_or_parked(
    db: sqlite3.Connection, squeezer: Squeezer, tenant: str, result: DeliveryResult, now: datetime
) -> None:
    """The same; a result that cannot be written parks its own delivery and keeps nobody from the others."""
    failed = alone(db, Item("parsed", lambda db: parsed(db, squeezer, tenant, result, now)))
    if isinstance(failed, Exception):
        why = f"its events cannot be written: {type(failed).__name__}"
        parsed(db, squeezer, tenant, DeliveryResult(result.seq, "parked", why), now)


def parsed_all(
    db: sqlite3.Connection, squeezer: Squeezer, results: Sequence[tuple[str, DeliveryResult]], now: datetime
) -> None:
    """The same for a batch, in order. Results that teach no alias and follow each other are written by a few
    statements, whatever their number (why: see arrivals.py); if that fails, each by itself, so that each fails alone.
    """
    for teaches, run in groupby(results, key=lambda pair: any(e.aliases for e in pair[1].events)):
        batch = list(run)
        if len(batch) > 1 and not teaches and _written(db, squeezer, batch, now):
            continue
        for tenant, result in batch:
            parsed_or_parked(db, squeezer, tenant, result, now)


def _written(
    db: sqlite3.Connection, squeezer: Squeezer, batch: Sequence[tuple[str, DeliveryResult]], now: datetime
) -> bool:
    return not isinstance(alone(db, Item("parsed", lambda db: _plain(db, squeezer, batch, now))), Exception)


_STILL_OPEN = (
    "SELECT json_group_array(seq) FROM deliveries WHERE state IN ('new', 'waiting')"
    " AND seq IN (SELECT value FROM json_each(?))"
)
_END = """
UPDATE deliveries SET state = j.value->>1, reason = j.value->>2, due = j.value->>3, tries = tries + 1
FROM json_each(?) j WHERE deliveries.seq = j.value->>0
"""
_ADD = """
INSERT INTO events (id, tenant, lane, type, version, body, delivery, replayed, seen, at, due)
SELECT j.value->>0, j.value->>1,
    coalesce((SELECT subject FROM aliases WHERE tenant = j.value->>1 AND alias = j.value->>2), j.value->>2),
    j.value->>3, j.value->>4, j.value->>5, j.value->>6,
    coalesce((SELECT replayed FROM deliveries WHERE seq = j.value->>6), 0),
    coalesce((SELECT seen FROM deliveries WHERE seq = j.value->>6), 0), :at, :at
FROM json_each(:rows) j WHERE true ON CONFLICT DO NOTHING
"""


def _plain(
    db: sqlite3.Connection, squeezer: Squeezer, results: Sequence[tuple[str, DeliveryResult]], now: datetime
) -> None:
    still_open = set(load(db.execute(_STILL_OPEN, (dump([r.seq for _, r in results]),)).fetchone()[0]))
    ended = [(tenant, r) for tenant, r in results if r.seq in still_open]
    db.execute(_END, (dump([(r.seq, r.state, r.reason, stamp(r.due or now)) for _, r in ended]),))
    events = [_event_row(db, tenant, r.seq, n, e) for tenant, r in ended for n, e in enumerate(r.events)]
    if events:
        db.execute(_ADD, {"rows": dump(events), "at": stamp(now)})
    _keep_told(db, ended)
    mask(db, squeezer, [r for _, r in ended])


def _keep_told(db: sqlite3.Connection, results: Sequence[tuple[str, DeliveryResult]]) -> None:
    """Remember of every item that an event brought along which event that was; the newest counts."""
    rows = [
        (tenant, event.item.kind, str(event.item), stamp(event.time), event.id or f"{result.seq}-{number}")
        for tenant, result in results
        for number, event in enumerate(resolved.event for resolved in result.events)
        if isinstance(event, ItemEvent) and event.told() is not None
    ]
    db.executemany(
        "INSERT INTO told VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET at=excluded.at, event=excluded.event"
        " WHERE excluded.at >= told.at",
        rows,
    )


def told(db: sqlite3.Connection, tenant: str, fact: str, subject: Subject) -> Record | None:
    """The newest telling of an item, None if there was none that this version can read."""
    row = db.execute(
        "SELECT e.type, e.body FROM told t JOIN events e ON e.tenant = t.tenant AND e.id = t.event"
        " WHERE t.tenant=? AND t.fact=? AND t.subject=?",
        (tenant, fact, str(subject)),
    ).fetchone()
    known = EVENTS.get(row[0]) if row else None
    if known is None:
        return None
    try:
        event = known.model_validate_json(row[1])
    except ValidationError:
        return None
    return event.told() if isinstance(event, ItemEvent) else None


def _event_row(
    db: sqlite3.Connection, tenant: str, delivery: int, number: int, resolved: Resolved
) -> tuple[str | int, ...]:
    event = _bare(db, tenant, resolved)
    name = (event.id or f"{delivery}-{number}", tenant, str(resolved.lane))
    return (*name, event.type, event.version, event.model_dump_json(), delivery)


def _bare(db: sqlite3.Connection, tenant: str, resolved: Resolved) -> Event:
    """The event; what it tells of somebody who was erased is left out."""
    event = resolved.event
    if isinstance(event, ItemEvent) and event.told() is not None:
        names = (subject_of(db, tenant, resolved.lane), event.subject, event.item, *event.refs)
        if erased(db, tenant, names):
            return without_personal(event)
    return event


def erased(db: sqlite3.Connection, tenant: str, subjects: Iterable[Subject]) -> bool:
    """Data of one of these subjects was erased on request, or of its whole connection."""
    names = [name for subject in subjects for name in (str(subject), f"{subject.connection}/")]
    return db.execute(_ERASED, (tenant, dump(names))).fetchone() is not None


_ERASED = "SELECT 1 FROM erased WHERE tenant=? AND subject IN (SELECT value FROM json_each(?)) LIMIT 1"


def add_event(
    db: sqlite3.Connection, tenant: str, resolved: Resolved, fallback_id: str, delivery: int | None, now: datetime
) -> None:
    """Put an event at the end of its lane; one with an id that is there already changes nothing."""
    event = _bare(db, tenant, resolved)
    lane = subject_of(db, tenant, resolved.lane)
    at = stamp(now)
    db.execute(
        "INSERT INTO events (id, tenant, lane, type, version, body, delivery, replayed, seen, at, due)"
        " VALUES (?,?,?,?,?,?,?,coalesce((SELECT replayed FROM deliveries WHERE seq=?), 0),"
        " coalesce((SELECT seen FROM deliveries WHERE seq=?), 0),?,?) ON CONFLICT DO NOTHING",
        (
            event.id or fallback_id,
            tenant,
            str(lane),
            event.type,
            event.version,
            event.model_dump_json(),
            delivery,
            delivery,
            delivery,
            at,
            at,
        ),
    )


def learn(db: sqlite3.Connection, tenant: str, aliases: Sequence[Subject], subject: Subject, now: datetime) -> None:
    """Remember that `aliases` mean `subject`. One that lived as its own subject moves with its open matters."""
    root = subject_of(db, tenant, subject)
    for alias in aliases:
        if root in (alias, subject_of(db, tenant, alias)):
            continue
        db.execute(
            "INSERT INTO aliases VALUES (?,?,?) ON CONFLICT DO UPDATE SET subject=excluded.subject",
            (tenant, str(alias), str(root)),
        )
        was = (str(root), tenant, str(alias))
        db.execute("UPDATE aliases SET subject=? WHERE tenant=? AND subject=?", was)
        db.execute("UPDATE events SET lane=? WHERE tenant=? AND lane=? AND state IN ('ready', 'waiting')", was)
        # One that the root has as well stays where it is, and comes due in the root's lane all the same.
        db.execute("UPDATE OR IGNORE timers SET lane=? WHERE tenant=? AND lane=?", was)
        _move_matters(db, tenant, alias, root, now)


def _move_matters(db: sqlite3.Connection, tenant: str, alias: Subject, root: Subject, now: datetime) -> None:
    """Open matters go on under the root, as its next episode. Where it has one open itself, a person ends one."""
    rows = db.execute(
        "SELECT id, topic, item, observe, reference FROM matters WHERE tenant=? AND subject=? AND state='open'",
        (tenant, str(alias)),
    ).fetchall()
    for id_, topic, item, observe, reference in rows:
        there = db.execute(
            "SELECT max(episode), max(CASE state WHEN 'open' THEN reference END) FROM matters"
            " WHERE tenant=? AND subject=? AND topic=? AND item=? AND observe=?",
            (tenant, str(root), topic, item, observe),
        ).fetchone()
        if there[1]:
            title = f"{alias} is {root}, and both have a matter open: {reference} and {there[1]}; end one of them"
            alert(db, NewAlert(tenant, "matters:twins", title, id_), now)
        else:
            moved = (str(root), (there[0] or 0) + 1, id_)
            db.execute("UPDATE matters SET subject=?, episode=? WHERE id=?", moved)


def subject_of(db: sqlite3.Connection, tenant: str, alias: Subject) -> Subject:
    """The subject that `alias` is known to mean; itself if nothing is known."""
    row = db.execute("SELECT subject FROM aliases WHERE tenant=? AND alias=?", (tenant, str(alias))).fetchone()
    return Subject.parse(row[0]) if row else alias
