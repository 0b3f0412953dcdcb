"""Verbs of delivering: what is due, the intent, what came of it; and recovery after a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from caseconnect.host.journal import states
from caseconnect.host.journal.codec import dump, expand, load, stamp, unstamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.history import record
from caseconnect.host.journal.records import StoredCommand
from caseconnect.sdk.commands import COMMANDS, Command
from caseconnect.sdk.subjects import Subject

_COLUMNS = (
    "c.key, c.seq, c.tenant, c.matter, c.use, c.kind, c.name, c.connection, c.target, c.state, c.body, c.attempt,"
    " c.looked, c.sent_at, c.deadline_at, c.created_at, c.due, c.note, c.data, m.reference, m.case_subject,"
    " (SELECT min(o.at) FROM outcomes o WHERE o.key = c.key AND o.became = 'sending'),"
    " (SELECT count(*) FROM outcomes o WHERE o.key = c.key AND o.became = 'unknown'),"
    " (SELECT count(*) FROM outcomes o WHERE o.key = c.key AND o.became = 'accepted'),"
    " (SELECT s.before FROM slots s WHERE s.slot = c.slot),"
    " (SELECT d.value > c.created_at FROM meta d WHERE d.name = 'doubt_until')"
)
_OPEN = "waits = 0 AND state IN ('planned', 'unknown', 'accepted') AND tenant = :tenant"
_MAY_GO = f"""
{_OPEN} AND due <= :now
AND NOT EXISTS (
    SELECT 1 FROM brakes b WHERE b.released_at IS NULL AND b.tenant = c.tenant AND (
        b.scope = 'tenant' OR (b.scope = 'flow' AND b.name = c.use)
        OR (b.scope IN ('connection', 'access') AND b.name = c.connection)
        OR (b.scope = 'command' AND b.name = c.kind)))
AND NOT (c.state = 'planned' AND c.slot IS NOT NULL AND EXISTS (
    SELECT 1 FROM commands s WHERE s.slot = c.slot AND s.key <> c.key
    AND s.state IN ('sending', 'unknown', 'accepted')))
"""  # noqa: S608 - constant conditions
_MANY = f"SELECT count(*) > :limit FROM (SELECT 1 FROM commands WHERE {_OPEN} AND due <= :now LIMIT :limit + 1)"  # noqa: S608 - as above
_ALL = f"SELECT c.seq FROM commands c WHERE {_MAY_GO}"  # noqa: S608 - as above
# For each connection its first in the order in which they go out: that index is walked no further than to the limit.
_FIRST = f"""
WITH RECURSIVE lines(connection) AS (
    SELECT min(connection) FROM commands WHERE {_OPEN}
    UNION ALL
    SELECT (SELECT min(connection) FROM commands WHERE {_OPEN} AND connection > lines.connection)
    FROM lines WHERE connection IS NOT NULL
)
SELECT w.seq FROM lines JOIN commands w ON w.seq IN (
    SELECT c.seq FROM commands c INDEXED BY commands_turn WHERE c.connection = lines.connection AND {_MAY_GO}
    ORDER BY c.protective DESC, c.seq LIMIT :limit)
"""  # noqa: S608 - as above
_DUE = f"""
SELECT {_COLUMNS} FROM commands c JOIN matters m ON m.id = c.matter
WHERE c.seq IN (%s) AND c.key NOT IN (SELECT value FROM json_each(:busy))
ORDER BY c.protective DESC, c.seq
"""  # noqa: S608 - constant columns


def due_commands(
    db: sqlite3.Connection, tenant: str, now: datetime, limit: int, busy: Iterable[str] = ()
) -> list[StoredCommand]:
    """Commands of a tenant to be sent or looked at: protective ones first, then in the order they were planned.

    Left out: paused ones, and those whose slot has another command that may still have its effect. Of the first
    `limit` of each connection, those in `busy` are not read: the caller works on them already.
    """
    asked = {"tenant": tenant, "now": stamp(now), "limit": limit, "busy": dump(list(busy))}
    (many,) = db.execute(_MANY, asked).fetchone()
    return [_row(row) for row in db.execute(_DUE % (_FIRST if many else _ALL), asked)]


def command(db: sqlite3.Connection, key: str) -> StoredCommand | None:
    """The command with that key."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM commands c JOIN matters m ON m.id = c.matter WHERE c.key=?",  # noqa: S608 - as above
        (key,),
    ).fetchone()
    return _row(row) if row else None


def _row(row: tuple[Any, ...]) -> StoredCommand:
    key, seq, tenant, matter, use, kind, name, connection, target, state, body, attempt = row[:12]
    looked, sent_at, deadline_at, created_at, due, note, data, reference, case, first_sent_at, lost = row[12:23]
    taken, before, doubted = row[23:]
    # A kind of a newer program: nobody carries out the bare base, so it parks instead of stopping the others.
    known = COMMANDS.get(kind, Command)
    return StoredCommand(
        key=key,
        seq=seq,
        tenant=tenant,
        matter=matter,
        use=use,
        kind=kind,
        name=name,
        connection=connection,
        target=Subject.parse(target) if target else None,
        state=state,
        command=known.model_validate_json(expand(body)),
        attempt=attempt,
        looked=looked,
        sent_at=unstamp(sent_at) if sent_at else None,
        first_sent_at=unstamp(first_sent_at) if first_sent_at else None,
        lost=lost,
        taken=taken,
        before=load(before) if before else {},
        doubted=bool(doubted),
        deadline_at=unstamp(deadline_at) if deadline_at else None,
        created_at=unstamp(created_at),
        due=unstamp(due),
        note=note,
        data=load(data),
        reference=reference,
        case=Subject.parse(case) if case else None,
    )


def postpone(db: sqlite3.Connection, key: str, state: str, due: datetime, looked: int, note: str) -> None:
    """Look at a command again at `due`; its state stays. `Conflict` if it is not `state` any more."""
    done = db.execute(
        "UPDATE commands SET due=?, looked=?, note=? WHERE key=? AND state=?", (stamp(due), looked, note, key, state)
    )
    if done.rowcount != 1:
        raise Conflict(f"command {key} is not {state} any more")


def recover(db: sqlite3.Connection, now: datetime) -> list[str]:
    """After a crash only `sending` becomes `unknown`. The keys; doing it twice is doing it once."""
    found = db.execute("SELECT key, attempt FROM commands WHERE state='sending' ORDER BY seq").fetchall()
    note = "the process ended while the request was out"
    for key, attempt in found:
        states.check(states.SENDING, states.UNKNOWN, key)
        db.execute(
            "UPDATE commands SET state='unknown', note=?, due=?, updated_at=? WHERE key=?",
            (note, stamp(now), stamp(now), key),
        )
        record(db, key, attempt, states.SENDING, states.UNKNOWN, note, {}, "connect", now)
    return [key for key, _ in found]
