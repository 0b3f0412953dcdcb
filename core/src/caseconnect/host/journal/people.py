"""Verbs of people: pause and resume, answers to parked items, replay. Each with a name and a reason."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Literal

from caseconnect.host.journal import states
from caseconnect.host.journal.alerts import close_alert
from caseconnect.host.journal.codec import stamp, unstamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.records import Brake, Settlement
from caseconnect.host.journal.settling import settle

OURSELVES = "connect"
"""Who the host is where a name is asked for."""

Answer = Literal["retry", "done", "refuse"]
ANSWERS: dict[Answer, str] = {
    "retry": "it surely did not happen: plan it once more",
    "done": "it did happen: take it as done",
    "refuse": "it shall not happen: refuse it",
}


def pause(db: sqlite3.Connection, brake: Brake) -> bool:
    """Set a brake; False if it is set already. A person's takes the place of our own: only a person ends it."""
    row = (brake.tenant, brake.scope, brake.name, brake.reason, brake.by, stamp(brake.at))
    done = db.execute(
        "INSERT INTO brakes (tenant, scope, name, reason, by, at) VALUES (?,?,?,?,?,?)"
        " ON CONFLICT (tenant, scope, name) WHERE released_at IS NULL DO UPDATE"
        " SET reason=excluded.reason, by=excluded.by, at=excluded.at WHERE brakes.by=? AND excluded.by<>?",
        (*row, OURSELVES, OURSELVES),
    )
    return done.rowcount > 0


def resume(db: sqlite3.Connection, tenant: str, scope: str, name: str, reason: str, by: str, now: datetime) -> bool:
    """Release a brake; False if it was not set, or is a person's and `by` is ourselves. Its alert closes with it."""
    done = db.execute(
        "UPDATE brakes SET released_at=?, released_by=?, released_reason=?"
        " WHERE tenant=? AND scope=? AND name=? AND released_at IS NULL AND (by=? OR ?<>?)",
        (stamp(now), by, reason, tenant, scope, name, OURSELVES, by, OURSELVES),
    )
    if scope == "connection":
        close_alert(db, tenant, f"auth:{name}", now)
    return done.rowcount > 0


def brakes(db: sqlite3.Connection) -> list[Brake]:
    """All brakes that are set."""
    rows = db.execute("SELECT tenant, scope, name, reason, by, at FROM brakes WHERE released_at IS NULL ORDER BY seq")
    return [Brake(tenant, scope, name, reason, by, unstamp(at)) for tenant, scope, name, reason, by, at in rows]


def answer(db: sqlite3.Connection, key: str, what: Answer, reason: str, by: str, now: datetime) -> str:
    """A person ends a parked command. The state it has then. `Conflict` if it is not parked."""
    becomes = {"retry": states.PLANNED, "done": states.DONE, "refuse": states.REFUSED}[what]
    row = db.execute("SELECT state, kind, tenant, data FROM commands WHERE key=?", (key,)).fetchone()
    if row is None:
        raise Conflict(f"there is no command {key}")
    if row[0] != states.PARKED:
        raise Conflict(f"command {key} is {row[0]}; only a parked one can be answered")
    if row[1] == "OpenCase" and becomes == states.DONE:
        raise Conflict("a case cannot be taken as opened without its id: retry looks for it first, or refuse it")
    settle(db, Settlement(key, states.PARKED, becomes, now, note=f"{by}: {reason}", by=by))
    left = db.execute(
        "SELECT 1 FROM commands WHERE state='parked' AND kind=? AND tenant=?", (row[1], row[2])
    ).fetchone()
    if left is None:
        close_alert(db, row[2], f"parked:{row[1]}", now)
    return str(db.execute("SELECT state FROM commands WHERE key=?", (key,)).fetchone()[0])


def replay_deliveries(db: sqlite3.Connection, seqs: list[int], now: datetime) -> int:
    """Parse parked deliveries anew. Effects are keyed by matter, so what was done is not done again."""
    count = 0
    for seq in seqs:
        count += db.execute(
            "UPDATE deliveries SET state='new', reason='', due=?, tries=0 WHERE seq=? AND state='parked'",
            (stamp(now), seq),
        ).rowcount
    return count


def replay_events(db: sqlite3.Connection, seqs: list[int], now: datetime) -> int:
    """Decide parked events anew."""
    count = 0
    for seq in seqs:
        count += db.execute(
            "UPDATE events SET state='ready', reason='', due=?, tries=0 WHERE seq=? AND state='parked'",
            (stamp(now), seq),
        ).rowcount
    return count
