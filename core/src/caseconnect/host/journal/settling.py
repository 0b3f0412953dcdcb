"""What follows when a command's state changes: the record, the slot, the case, the followers, the owner's event."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import Any

from caseconnect.host.journal import states
from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.codec import dump, expand, load, stamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.intake import add_event, learn
from caseconnect.host.journal.records import NewAlert, Resolved, Settlement
from caseconnect.sdk.commands import CASE, COMMANDS, HOLD
from caseconnect.sdk.events import CommandSettled
from caseconnect.sdk.subjects import Subject


def record(
    db: sqlite3.Connection,
    key: str,
    attempt: int,
    was: str,
    became: str,
    note: str,
    data: dict[str, Any],
    by: str,
    now: datetime,
) -> int:
    """One line of the command's history."""
    row = (key, attempt, was, became, note, dump(data), by, stamp(now))
    cursor = db.execute(
        "INSERT INTO outcomes (key, attempt, was, became, note, data, by, at) VALUES (?,?,?,?,?,?,?,?)", row
    )
    return int(cursor.lastrowid or 0)


def tell(
    db: sqlite3.Connection, key: str, state: str, note: str, now: datetime, data: dict[str, Any] | None = None
) -> None:
    """Write `CommandSettled` to the lane of the command's matter, if commands of that kind are told."""
    row = db.execute(
        "SELECT c.kind, c.name, c.tenant, c.matter, m.subject, (SELECT max(o.seq) FROM outcomes o WHERE o.key = c.key)"
        " FROM commands c JOIN matters m ON m.id = c.matter WHERE c.key=?",
        (key,),
    ).fetchone()
    if row is None:
        return
    kind, name, tenant, matter, subject, number = row
    known = COMMANDS.get(kind)
    if known is None or not known.settles:
        return
    lane = Subject.parse(subject)
    event = CommandSettled.model_validate(
        {
            "id": f"settled-{number}",
            "source": "connect",
            "subject": lane,
            "time": now,
            "matter": matter,
            "key": key,
            "kind": kind,
            "name": name,
            "state": state,
            "note": note,
            "data": data or {},
        }
    )
    add_event(db, tenant, Resolved(event, lane), event.id, None, now)


def began(db: sqlite3.Connection, key: str, was: str, now: datetime, deadline_at: datetime) -> None:
    """Commit the intent to send before the first byte goes out. `Conflict` if the command is no longer `was`."""
    states.check(was, states.SENDING, key)
    done = db.execute(
        "UPDATE commands SET state='sending', attempt=attempt+1, looked=0, sent_at=?, deadline_at=?,"
        " updated_at=?, note=''"
        " WHERE key=? AND state=?",
        (stamp(now), stamp(deadline_at), stamp(now), key, was),
    )
    if done.rowcount != 1:
        raise Conflict(f"command {key} is not {was} any more")
    attempt = db.execute("SELECT attempt FROM commands WHERE key=?", (key,)).fetchone()[0]
    record(db, key, attempt, was, states.SENDING, "", {}, "connect", now)


def settle(db: sqlite3.Connection, change: Settlement) -> None:
    """Change a command's state with its evidence, and all that follows from it, in the caller's transaction."""
    row = db.execute(
        "SELECT state, kind, tenant, matter, connection, target, slot, value, attempt FROM commands WHERE key=?",
        (change.key,),
    ).fetchone()
    if row is None:
        raise Conflict(f"there is no command {change.key}")
    state, kind, tenant, matter, connection, target, slot, value, attempt = row
    if state != change.was:
        raise Conflict(f"command {change.key} is {state}, not {change.was}")
    states.check(change.was, change.becomes, change.key)
    at = stamp(change.at)
    db.execute(
        "UPDATE commands SET state=?, note=?, data=?, due=?, looked=?, deadline_at=coalesce(?, deadline_at),"
        " updated_at=?"
        " WHERE key=?",
        (change.becomes, change.note, dump(change.data), stamp(change.due or change.at), change.looked)
        + (change.deadline_at and stamp(change.deadline_at), at, change.key),
    )
    record(db, change.key, attempt, change.was, change.becomes, change.note, change.data, change.by, change.at)
    if slot and change.becomes == states.DONE:
        _confirm(db, slot, value, change.at)
    if change.becomes == states.REFUSED:
        db.execute("DELETE FROM counters WHERE key=?", (change.key,))
        if slot and slot.endswith(f"|{HOLD}") and value == "held":
            db.execute("DELETE FROM claims WHERE slot=? AND matter=?", (slot, matter))
    if change.becomes == states.DONE and kind == "OpenCase":
        _case_opened(db, tenant, matter, connection, change)
    if change.becomes == states.DONE and kind == "CancelOrder":
        db.execute("DELETE FROM claims WHERE slot=?", (f"{tenant}|{connection}|{target}|{HOLD}",))
    if change.aliases:
        subject = db.execute("SELECT subject FROM matters WHERE id=?", (matter,)).fetchone()
        if subject:
            learn(db, tenant, change.aliases, Subject.parse(subject[0]))
    _warn(db, tenant, matter, kind, change)
    if change.becomes in states.SETTLED:
        tell(db, change.key, change.becomes, change.note, change.at, change.data)
    if change.becomes not in states.OPEN:
        release_followers(db, matter, change.at)


def _confirm(db: sqlite3.Connection, slot: str, value: str, now: datetime) -> None:
    row = db.execute("SELECT changes FROM slots WHERE slot=?", (slot,)).fetchone()
    recent = [t for t in load(row[0] if row else "[]") if t > stamp(now - timedelta(hours=1))]
    db.execute(
        "INSERT INTO slots VALUES (?,?,?,1,?) ON CONFLICT DO UPDATE SET confirmed=excluded.confirmed,"
        " confirmed_at=excluded.confirmed_at, version=version+1, changes=excluded.changes",
        (slot, value, stamp(now), dump([*recent, stamp(now)])),
    )


def _case_opened(db: sqlite3.Connection, tenant: str, matter: str, connection: str, change: Settlement) -> None:
    case = Subject(connection, "case", str(change.data["id"]))
    db.execute(
        "UPDATE matters SET case_subject=?, case_number=?, case_url=? WHERE id=?",
        (str(case), change.data.get("number"), change.data.get("url"), matter),
    )
    subject = db.execute("SELECT subject FROM matters WHERE id=?", (matter,)).fetchone()[0]
    learn(db, tenant, (case,), Subject.parse(subject))


def _warn(db: sqlite3.Connection, tenant: str, matter: str, kind: str, change: Settlement) -> None:
    if change.becomes == states.PARKED:
        alert(db, NewAlert(tenant, f"parked:{kind}", f"{kind} parked: {change.note}", change.key), change.at)
    elif change.becomes == states.REFUSED and kind == "OpenCase":
        held = db.execute("SELECT 1 FROM claims WHERE matter=?", (matter,)).fetchone()
        title = "an order is held but its case could not be opened" if held else "a case could not be opened"
        alert(db, NewAlert(tenant, f"refused:{kind}", f"{title}: {change.note}", change.key), change.at)


def release_followers(db: sqlite3.Connection, matter: str, now: datetime) -> None:
    """Look again at the commands of a matter that wait for others: let them go, or refuse them."""
    changed = True
    while changed:
        changed = False
        waiting = db.execute(
            "SELECT key, after, body FROM commands WHERE matter=? AND state='planned' AND waits=1 ORDER BY seq",
            (matter,),
        ).fetchall()
        for key, after, body in waiting:
            failed, ready = _ready(db, matter, load(after), key)
            if failed and (failed == CASE or not load(expand(body))["even_if_failed"]):
                note = f"{failed} did not happen, and this was to follow it"
                settle(db, Settlement(key, states.PLANNED, states.REFUSED, now, note=note))
                return
            if ready or failed:
                db.execute("UPDATE commands SET waits=0, due=? WHERE key=?", (stamp(now), key))
                changed = True


def _ready(db: sqlite3.Connection, matter: str, after: list[str], key: str) -> tuple[str | None, bool]:
    """(name of a predecessor that failed, all predecessors are done)."""
    ready = True
    for name in after:
        if name == CASE:
            state = _case_state(db, matter)
        else:
            kind, _, which = name.partition(":")
            row = db.execute(
                "SELECT state FROM commands WHERE matter=? AND kind=? AND name=? AND key<>? ORDER BY seq DESC LIMIT 1",
                (matter, kind, which, key),
            ).fetchone()
            state = row[0] if row else states.REFUSED
        if state in (states.REFUSED, states.WITHHELD):
            return name, False
        ready = ready and state in (states.DONE, states.SUPERSEDED)
    return None, ready


def _case_state(db: sqlite3.Connection, matter: str) -> str:
    row = db.execute("SELECT case_subject FROM matters WHERE id=?", (matter,)).fetchone()
    if row and row[0]:
        return states.DONE
    asked = db.execute(
        "SELECT state FROM commands WHERE matter=? AND kind='OpenCase' ORDER BY seq DESC LIMIT 1", (matter,)
    ).fetchone()
    return str(asked[0]) if asked else states.REFUSED
