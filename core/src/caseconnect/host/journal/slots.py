"""Slots and claims: of one thing only the newest intended value counts, and a hold lasts while a matter claims it.

A slot is known by its text: tenant, connection, target and field. Its row holds the value confirmed last; what
is intended is the newest open command on it, else that value.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from caseconnect.host.journal import caps, counters, restoring, states
from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.codec import dump, load, stamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.history import record, tell
from caseconnect.host.journal.records import NewAlert, Observation
from caseconnect.sdk.commands import HELD, HOLD, NOTHING, RELEASED, SUPPRESSED

_CLAIMED = {HOLD: "held", SUPPRESSED: "suppressed"}
_NEWER = "a newer value is wanted for the same thing"

_OPEN = "('planned', 'sending', 'accepted', 'unknown')"
_NEWEST = f"SELECT value FROM commands WHERE slot=? AND state IN {_OPEN} AND waits=0 ORDER BY seq DESC LIMIT 1"  # noqa: S608 - constant states
_LANDED = (
    "SELECT 1 FROM commands WHERE slot=? AND state IN ('parked', 'superseded') AND attempt > 0"
    " AND (? IS NULL OR sent_at > ?) LIMIT 1"
)


@dataclass
class Birth:
    """The state that a command is born in, and why."""

    state: str
    note: str


def name_of(tenant: str, connection: str, target: object, field: str) -> str:
    """The text that names a slot."""
    return f"{tenant}|{connection}|{target}|{field}"


def is_claimed(slot: str | None) -> bool:
    """The slot that holds and releases share, or suppressing and restoring: those that matters claim."""
    return slot is not None and slot.rpartition("|")[2] in _CLAIMED


def told(slot: str) -> str:
    """A claimed slot for people: `shop/order/1 is held`."""
    target, _, field = slot.split("|", 2)[2].rpartition("|")
    return f"{target} is {_CLAIMED[field]}"


def take(
    db: sqlite3.Connection, slot: str, value: str, matter: str, birth: Birth, now: datetime, limit: int
) -> set[str]:
    """Intend `value` for the slot: `birth` says what becomes of the command that is to set it.

    Answers the matters whose planned commands it overtook.
    """
    if is_claimed(slot) and not _claim(db, slot, value, matter, birth, now):
        return set()
    if value == NOTHING and (others := _wanting(db, slot, matter)):
        birth.state, birth.note = states.DONE, f"nothing to send: still wanted by {', '.join(others)}"
        return set()
    confirmed, at, changes = db.execute(
        "SELECT confirmed, confirmed_at, changes FROM slots WHERE slot=?", (slot,)
    ).fetchone() or (None, None, "[]")
    newest = db.execute(_NEWEST, (slot,)).fetchone()
    overtaken = set() if newest and newest[0] == value else _overtake(db, slot, matter, now)
    unsure = db.execute(_LANDED, (slot, at, at)).fetchone() is not None
    under_way = db.execute(_NEWEST, (slot,)).fetchone()
    there = under_way[0] if under_way else None if unsure else confirmed
    if value == there:
        birth.state, birth.note = states.DONE, f"nothing to send: it is {value} already"
    elif value == RELEASED and there is None and not unsure:
        birth.state, birth.note = states.DONE, "nothing to send: it had not gone out"
    elif len([t for t in load(changes) if t > stamp(now - timedelta(hours=1))]) >= limit:
        birth.state = states.PARKED
        birth.note = f"changed {limit} times within an hour: somebody else keeps changing it back"
    return overtaken


def _claim(db: sqlite3.Connection, slot: str, value: str, matter: str, birth: Birth, now: datetime) -> bool:
    """Claim or give up; False when nothing needs to be sent."""
    if value == HELD:
        db.execute("INSERT OR IGNORE INTO claims VALUES (?,?,?)", (slot, matter, stamp(now)))
        return True
    gone = db.execute("DELETE FROM claims WHERE slot=? AND matter=?", (slot, matter)).rowcount
    others = _claimants(db, slot)
    if not gone:
        birth.state, birth.note = states.DONE, "nothing to send: this matter claims nothing"
    elif others:
        birth.state, birth.note = states.DONE, _still_held(others)
    return bool(gone) and not others


def _wanting(db: sqlite3.Connection, slot: str, matter: str) -> list[str]:
    """Other open matters whose last word on the slot was a value: two recalls of one product show one notice."""
    last = db.execute(
        "SELECT c.matter, c.value, max(c.seq) FROM commands c JOIN matters m ON m.id = c.matter WHERE c.slot=?"
        " AND c.matter <> ? AND m.state = 'open' AND c.state NOT IN ('refused', 'superseded', 'withheld')"
        " GROUP BY c.matter ORDER BY c.matter",
        (slot, matter),
    )
    return [other for other, value, _ in last if value != NOTHING]


def _claimants(db: sqlite3.Connection, slot: str) -> list[str]:
    return [matter for (matter,) in db.execute("SELECT matter FROM claims WHERE slot=? ORDER BY matter", (slot,))]


def _still_held(others: list[str]) -> str:
    return f"nothing to send: still held for {len(others)} other matter(s): {', '.join(others)}"


def _overtake(db: sqlite3.Connection, slot: str, by: str, now: datetime, but: str = "") -> set[str]:
    """End what is planned for the slot, `but` one; the matters that had planned it."""
    planned = db.execute("SELECT key FROM commands WHERE slot=? AND state='planned' AND key<>?", (slot, but)).fetchall()
    return {_end_planned(db, key, by, now) for (key,) in planned}


def _end_planned(db: sqlite3.Connection, key: str, by: str, now: datetime, note: str = _NEWER) -> str:
    """End what needs no sending. A release that another matter's hold overtook is done: its owner waits for word."""
    matter, slot, value, attempt = db.execute(
        "SELECT matter, slot, value, attempt FROM commands WHERE key=?", (key,)
    ).fetchone()
    becomes = states.SUPERSEDED
    if is_claimed(slot) and value == RELEASED and matter != by:
        becomes, note = states.DONE, _still_held([by])
    states.check(states.PLANNED, becomes, key)
    caps.give_back(db, key)
    counters.give_back(db, key)
    db.execute("UPDATE commands SET state=?, note=?, updated_at=? WHERE key=?", (becomes, note, stamp(now), key))
    record(db, key, attempt, states.PLANNED, becomes, note, {}, "connect", now)
    if becomes == states.DONE:
        tell(db, key, becomes, note, now)
    return str(matter)


def planned_again(db: sqlite3.Connection, key: str, now: datetime, *, person: bool) -> tuple[bool, set[str]]:
    """A command that is planned once more may have been overtaken, and claims may have come or gone meanwhile.

    Whether it was ended here, else the matters whose older planned commands it overtook.
    """
    row = db.execute("SELECT seq, slot, matter, value FROM commands WHERE key=?", (key,)).fetchone()
    seq, slot, matter, value = row
    newer = db.execute(
        f"SELECT matter FROM commands WHERE slot=? AND state IN {_OPEN} AND seq > ? ORDER BY seq DESC LIMIT 1",  # noqa: S608 - constant states
        (slot, seq),
    ).fetchone()
    by, note = (newer[0] if newer else None), _NEWER
    if newer or not is_claimed(slot):
        pass
    elif value == HELD and person:
        _claim_again(db, slot, matter, key, now)
    elif value == HELD:
        if not _claimants(db, slot):
            by, note = matter, "nobody claims it any more"
    else:
        db.execute("DELETE FROM claims WHERE slot=? AND matter=?", (slot, matter))
        by = next(iter(_claimants(db, slot)), None)
    if by is None:
        return False, _overtake(db, slot, matter, now, but=key)
    _end_planned(db, key, by, now, note)
    return True, set()


def _claim_again(db: sqlite3.Connection, slot: str, matter: str, key: str, now: datetime) -> None:
    state = db.execute("SELECT state FROM matters WHERE id=?", (matter,)).fetchone()
    if state is None or state[0] != "open":
        raise Conflict(f"the matter of {key} is closed, so nobody would undo it: refuse it")
    db.execute("INSERT OR IGNORE INTO claims VALUES (?,?,?)", (slot, matter, stamp(now)))


def confirm(db: sqlite3.Connection, key: str, now: datetime, *, person: bool = False) -> set[str]:
    """The command's value is there: the slot has it. `person`: somebody says so of a parked command.

    What was sent before something else was confirmed says nothing of how it is now. What a person released is not held
    by what was planned before; the matters that had planned it.
    """
    slot, value, matter, sent_at = db.execute(
        "SELECT slot, value, matter, sent_at FROM commands WHERE key=?", (key,)
    ).fetchone()
    changes, at = db.execute("SELECT changes, confirmed_at FROM slots WHERE slot=?", (slot,)).fetchone() or ("[]", None)
    overtaken: set[str] = set()
    if sent_at and at and at > sent_at:
        return overtaken
    if person and is_claimed(slot):
        if value == HELD:
            _claim_again(db, slot, matter, key, now)
        else:
            db.execute("DELETE FROM claims WHERE slot=?", (slot,))
            overtaken = _overtake(db, slot, matter, now)
    restoring.settled(db, key)
    recent = [t for t in load(changes) if t > stamp(now - timedelta(hours=1))]
    db.execute(
        "INSERT INTO slots (slot, confirmed, confirmed_at, version, changes) VALUES (?,?,?,1,?)"
        " ON CONFLICT DO UPDATE SET confirmed=excluded.confirmed, confirmed_at=excluded.confirmed_at,"
        " version=version+1, changes=excluded.changes",
        (slot, value, stamp(now), dump([*recent, stamp(now)])),
    )
    return overtaken


def refused(db: sqlite3.Connection, slot: str, value: str, matter: str, now: datetime) -> str | None:
    """A hold or release that was refused: claims follow what is so. What a person has to know, or None."""
    if value == HELD:
        db.execute("DELETE FROM claims WHERE slot=? AND matter=?", (slot, matter))
        if not _may_be_held(db, slot):
            restoring.forget(db, slot)
        others = _claimants(db, slot)
        why = f"{len(others)} other matter(s) rely on it that {told(slot)}, which is not so"
        return why if others else None
    if not _may_be_held(db, slot):
        return None
    state = db.execute("SELECT state FROM matters WHERE id=?", (matter,)).fetchone()[0]
    if state == "open":
        db.execute("INSERT OR IGNORE INTO claims VALUES (?,?,?)", (slot, matter, stamp(now)))
        return None
    return f"{told(slot)}, and its matter is closed: undo it on the platform"


def _may_be_held(db: sqlite3.Connection, slot: str) -> bool:
    """It is, or is about to be, or may have become so."""
    held = "SELECT 1 FROM slots WHERE slot=? AND confirmed=?"
    going = f"SELECT 1 FROM commands WHERE slot=? AND value=? AND state IN {_OPEN}"  # noqa: S608 - as above
    found = any(db.execute(sql, (slot, HELD)).fetchone() for sql in (held, going))
    return found or db.execute(_LANDED, (slot, None, None)).fetchone() is not None


def taken_off(db: sqlite3.Connection, slot: str, matter: str) -> bool:
    """The hold is gone and the matter claims it no more, without having given it up: a person took it off."""
    gone = "SELECT 1 FROM slots WHERE slot=? AND confirmed=? AND NOT EXISTS"
    mine = "SELECT 1 FROM claims WHERE claims.slot=slots.slot AND claims.matter=?"
    return is_claimed(slot) and db.execute(f"{gone} ({mine})", (slot, RELEASED, matter)).fetchone() is not None


def cancelled(db: sqlite3.Connection, tenant: str, connection: str, target: object) -> None:
    """An order that is cancelled is held for nobody."""
    db.execute("DELETE FROM claims WHERE slot=?", (name_of(tenant, connection, target, HOLD),))


def confirmed(db: sqlite3.Connection, slot: str) -> str | None:
    """The value confirmed last."""
    row = db.execute("SELECT confirmed FROM slots WHERE slot=?", (slot,)).fetchone()
    return row[0] if row else None


def observe(db: sqlite3.Connection, tenant: str, seen: Observation, now: datetime) -> None:
    """A person changed a slot after us: believe it. A hold that a person took off is claimed by nobody."""
    slot = name_of(tenant, seen.connection, seen.target, seen.field)
    row = db.execute("SELECT confirmed, confirmed_at FROM slots WHERE slot=?", (slot,)).fetchone()
    if row is None or row[0] is None or row[0] == seen.value or row[1] >= stamp(seen.at):
        return
    if db.execute(f"SELECT 1 FROM commands WHERE slot=? AND state IN {_OPEN} LIMIT 1", (slot,)).fetchone():  # noqa: S608 - as above
        return
    db.execute(
        "UPDATE slots SET confirmed=?, confirmed_at=?, version=version+1 WHERE slot=?", (seen.value, stamp(now), slot)
    )
    if seen.value != HELD:
        restoring.forget(db, slot)
        db.execute("DELETE FROM claims WHERE slot=?", (slot,))
    elif not _claimants(db, slot):
        title = f"{seen.target} shows a hold of ours that nobody claims: release it on the platform"
        alert(db, NewAlert(tenant, "held:unclaimed", title, str(seen.target)), now)
