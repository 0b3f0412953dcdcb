"""How an asked command becomes a row: its key, its generation, its slot and claim, its counter.

All of it happens in the deciding commit, so that two decisions never plan the same effect twice.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from caseconnect.host.journal import states
from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.codec import Squeezer, dump, load, stamp
from caseconnect.host.journal.records import Ask, NewAlert, Observation
from caseconnect.host.journal.settling import record, tell
from caseconnect.sdk.commands import CASE, HOLD, OpenCase

_INSERT = (
    "INSERT INTO commands (key, base, generation, tenant, matter, use, kind, name, connection, target,"
    " slot, value, after,"
    " body, ground, protective, waits, state, due, note, created_at, updated_at)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_AGAIN = (states.REFUSED, states.SUPERSEDED, states.WITHHELD)


@dataclass
class _Birth:
    state: str
    note: str


def plan(
    db: sqlite3.Connection, squeezer: Squeezer, tenant: str, ask: Ask, now: datetime, slot_limit: int
) -> str | None:
    """Write the command unless it is the same as one that is there; its key, or None."""
    command = ask.command
    base = ":".join(filter(None, (ask.matter, command.kind, command.name)))
    slot = command.slot()
    value = slot[1] if slot else None
    generation = _next_generation(db, base, ask, value)
    if generation is None:
        return None
    key = base if generation == 1 else f"{base}~{generation}"
    slot_key = f"{tenant}|{ask.connection}|{command.target or ask.matter}|{slot[0]}" if slot else None
    birth = _Birth(ask.birth, ask.note)
    if slot_key and value is not None and birth.state == states.PLANNED:
        _take_slot(db, slot_key, value, ask, birth, now, slot_limit)
    if birth.state == states.PLANNED and command.counter:
        _reserve(db, tenant, key, ask, birth)
    states.check(states.NEW, birth.state, key)
    after = [*command.after]
    if command.side == "case" and command.kind != OpenCase.kind and command.target is None and CASE not in after:
        after.append(CASE)
    at = stamp(now)
    db.execute(
        _INSERT,
        (key, base, generation, tenant, ask.matter, ask.use, command.kind, command.name, ask.connection)
        + (command.target and str(command.target), slot_key, value, dump(after))
        + (squeezer.squeeze(command.model_dump_json().encode()), ask.ground, command.protective, bool(after))
        + (birth.state, at, birth.note, at, at),
    )
    record(db, key, 0, states.NEW, birth.state, birth.note, {}, "connect", now)
    if birth.state in states.SETTLED:
        tell(db, key, birth.state, birth.note, now)
    if birth.state == states.PARKED:
        alert(db, NewAlert(tenant, f"parked:{command.kind}", f"{command.kind} parked: {birth.note}", key), now)
    return key


def _next_generation(db: sqlite3.Connection, base: str, ask: Ask, value: str | None) -> int | None:
    last = db.execute(
        "SELECT generation, state, ground, value FROM commands WHERE base=? ORDER BY generation DESC LIMIT 1", (base,)
    ).fetchone()
    if last is None:
        return 1
    generation, state, ground, had = last
    if value is not None and value != had:
        return int(generation) + 1
    if state in _AGAIN and ground != ask.ground:
        return int(generation) + 1
    return None


def _take_slot(
    db: sqlite3.Connection, slot: str, value: str, ask: Ask, birth: _Birth, now: datetime, slot_limit: int
) -> None:
    if slot.endswith(f"|{HOLD}") and not _claim(db, slot, value, ask.matter, birth, now):
        return
    row = db.execute("SELECT confirmed, changes FROM slots WHERE slot=?", (slot,)).fetchone() or (None, "[]")
    newest = db.execute(
        f"SELECT value FROM commands WHERE slot=? AND state IN ({_marks(states.OPEN)}) ORDER BY seq DESC LIMIT 1",  # noqa: S608 - only question marks are put in
        (slot, *states.OPEN),
    ).fetchone()
    _supersede(db, slot, now)
    intended = db.execute(
        f"SELECT value FROM commands WHERE slot=? AND state IN ({_marks(states.OPEN)}) ORDER BY seq DESC LIMIT 1",  # noqa: S608 - as above
        (slot, *states.OPEN),
    ).fetchone() or (row[0],)
    if intended[0] == value or (newest and newest[0] == value and intended[0] is not None):
        birth.state, birth.note = states.DONE, f"nothing to send: it is {value} already"
    elif value == "released" and intended[0] is None:
        birth.state, birth.note = states.DONE, "nothing to send: the hold had not gone out"
    elif len([t for t in load(row[1]) if t > stamp(now - timedelta(hours=1))]) >= slot_limit:
        birth.state = states.PARKED
        birth.note = f"changed {slot_limit} times within an hour: somebody else keeps changing it back"


def _claim(db: sqlite3.Connection, slot: str, value: str, matter: str, birth: _Birth, now: datetime) -> bool:
    """Claim or give up; False when nothing needs to be sent."""
    if value == "held":
        db.execute("INSERT OR IGNORE INTO claims VALUES (?,?,?)", (slot, matter, stamp(now)))
        return True
    gone = db.execute("DELETE FROM claims WHERE slot=? AND matter=?", (slot, matter)).rowcount
    others = db.execute("SELECT matter FROM claims WHERE slot=?", (slot,)).fetchall()
    if not gone:
        birth.state, birth.note = states.DONE, "nothing to send: this matter holds nothing"
    elif others:
        birth.state = states.DONE
        birth.note = f"nothing to send: still held for {len(others)} other matter(s): {', '.join(m for (m,) in others)}"
    return bool(gone) and not others


def _supersede(db: sqlite3.Connection, slot: str, now: datetime) -> None:
    for key, attempt in db.execute(
        "SELECT key, attempt FROM commands WHERE slot=? AND state='planned'", (slot,)
    ).fetchall():
        note = "a newer value is wanted for the same thing"
        states.check(states.PLANNED, states.SUPERSEDED, key)
        db.execute("UPDATE commands SET state='superseded', note=?, updated_at=? WHERE key=?", (note, stamp(now), key))
        record(db, key, attempt, states.PLANNED, states.SUPERSEDED, note, {}, "connect", now)


def _reserve(db: sqlite3.Connection, tenant: str, key: str, ask: Ask, birth: _Birth) -> None:
    counter = ask.command.counter
    if counter is None:
        return
    rows = db.execute("SELECT amount FROM counters WHERE tenant=? AND name=?", (tenant, counter.name))
    used = sum((Decimal(a) for (a,) in rows), Decimal(0))
    if used + counter.amount > counter.limit:
        birth.state = states.PARKED
        birth.note = f"{counter.name}: {used} used, {counter.amount} more would pass the limit of {counter.limit}"
    else:
        db.execute("INSERT INTO counters VALUES (?,?,?,?)", (tenant, counter.name, key, str(counter.amount)))


def observe(db: sqlite3.Connection, tenant: str, seen: Observation, now: datetime) -> None:
    """A person changed a slot after us: believe it, and end all claims on it."""
    slot = f"{tenant}|{seen.connection}|{seen.target}|{seen.field}"
    row = db.execute("SELECT confirmed, confirmed_at FROM slots WHERE slot=?", (slot,)).fetchone()
    if row is None or row[0] == seen.value or row[1] >= stamp(seen.at):
        return
    if db.execute(
        f"SELECT 1 FROM commands WHERE slot=? AND state IN ({_marks(states.OPEN)}) LIMIT 1",  # noqa: S608 - only question marks are put in
        (slot, *states.OPEN),
    ).fetchone():
        return
    db.execute(
        "UPDATE slots SET confirmed=?, confirmed_at=?, version=version+1 WHERE slot=?", (seen.value, stamp(now), slot)
    )
    db.execute("DELETE FROM claims WHERE slot=?", (slot,))


def _marks(values: tuple[str, ...]) -> str:
    return ",".join("?" * len(values))
