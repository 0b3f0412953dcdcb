"""What follows when a command's state changes: the record, the slot, the case, the followers, the owner's event."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from caseconnect.host.journal import caps, closing, counters, restoring, slots, states
from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.codec import dump, expand, load, stamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.history import DOUBTFUL, record, tell
from caseconnect.host.journal.intake import learn
from caseconnect.host.journal.records import NewAlert, Settlement
from caseconnect.host.journal.rules import CapRule
from caseconnect.sdk.commands import CASE, COMMANDS, CancelOrder, Counter, OpenCase
from caseconnect.sdk.subjects import Subject


def began(
    db: sqlite3.Connection,
    key: str,
    was: str,
    now: datetime,
    deadline_at: datetime,
    before: Mapping[str, Any],
    rules: Sequence[CapRule] = (),
) -> bool:
    """Commit the intent to send before the first byte goes out. `Conflict` if the command is no longer `was`.

    `before` is what the command is about to replace, for what will undo it. False: of its caps `rules` one has no
    room now, so it is parked instead.
    """
    states.check(was, states.SENDING, key)
    if was == states.PLANNED and _parked_by_cap(db, key, rules, now):
        return False
    done = db.execute(
        "UPDATE commands SET state='sending', attempt=attempt+1, looked=0, sent_at=?, deadline_at=?,"
        " updated_at=?, note=''"
        " WHERE key=? AND state=? AND (slot IS NULL OR NOT EXISTS (SELECT 1 FROM commands o WHERE o.slot=commands.slot"
        " AND o.key<>commands.key AND o.state='sending'))",
        (stamp(now), stamp(deadline_at), stamp(now), key, was),
    )
    if done.rowcount != 1:
        raise Conflict(f"command {key} is not {was} any more, or another one of its slot is out")
    restoring.keep(db, key, before)
    attempt = db.execute("SELECT attempt FROM commands WHERE key=?", (key,)).fetchone()[0]
    record(db, key, attempt, was, states.SENDING, "", {}, "connect", now)
    return True


def _parked_by_cap(db: sqlite3.Connection, key: str, rules: Sequence[CapRule], now: datetime) -> bool:
    """Before the first attempt: its reservation counts from now, not from when it was planned, if there is room."""
    found = db.execute(
        "SELECT tenant, use, kind, body FROM commands WHERE key=? AND state='planned' AND attempt=0", (key,)
    )
    if (row := found.fetchone()) is None:
        return False
    tenant, use, kind, body = row
    worth = COMMANDS[kind].model_validate_json(expand(body)).worth() if rules else None
    if not (full := caps.move(db, tenant, key, rules, worth, now)):
        return False
    db.execute("UPDATE commands SET cap=? WHERE key=?", (caps.cause_of(use, kind, full[0]), key))
    settle(db, Settlement(key, states.PLANNED, states.PARKED, now, note=full[1]))
    return True


def settle(db: sqlite3.Connection, change: Settlement) -> None:
    """Change a command's state with its evidence, and all that follows from it, in the caller's transaction."""
    row = db.execute(
        "SELECT state, kind, tenant, matter, slot, value, attempt FROM commands WHERE key=?", (change.key,)
    ).fetchone()
    if row is None:
        raise Conflict(f"there is no command {change.key}")
    state, kind, tenant, matter, slot, value, attempt = row
    if state != change.was:
        raise Conflict(f"command {change.key} is {state}, not {change.was}")
    if kind == OpenCase.kind and change.becomes == states.DONE and not change.data.get("id"):
        becomes = states.UNKNOWN if state == states.SENDING else states.PARKED
        change = replace(change, becomes=becomes, note=f"the platform named no case: {change.note or 'no word'}")
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
    overtaken: set[str] = set()
    warning = _effects(db, tenant, matter, slot, value, change, overtaken)
    if change.becomes == states.DONE:
        _done(db, tenant, matter, kind, change)
    if change.aliases:
        learn(db, tenant, change.aliases, _subject(db, matter), change.at)
    if not change.quiet:
        _warn(db, tenant, matter, kind, change, warning)
    if change.becomes in states.SETTLED and not change.quiet:
        tell(db, change.key, change.becomes, change.note, change.at, change.data)
    ended = change.becomes not in states.OPEN
    closing.settled(db, tenant, kind, change.was, change.becomes, change.at)
    if slot and change.becomes == states.PLANNED:
        ended, others = slots.planned_again(db, change.key, change.at, person=change.was == states.PARKED)
        overtaken |= others
    if change.becomes != states.SUPERSEDED and (ended or change.was == states.PARKED):
        overtaken.add(matter)
    for each in sorted(overtaken):
        release_followers(db, each, change.at)


def revoke(db: sqlite3.Connection, key: str, now: datetime) -> str:
    """A decision takes back what an earlier one asked for; the command's matter. `Conflict` if it went out meanwhile.

    What waited for it is looked at by the caller, when what takes its place is planned.
    """
    state, matter, doubtful = db.execute(
        f"SELECT state, matter, {DOUBTFUL} FROM commands WHERE key=?",  # noqa: S608 - a constant condition
        (key,),
    ).fetchone()
    if state == states.PLANNED and not doubtful:
        note = "another decision took its place before it was sent"
        settle(db, Settlement(key, states.PLANNED, states.SUPERSEDED, now, note=note))
    elif state not in (states.REFUSED, states.SUPERSEDED, states.WITHHELD):
        raise Conflict(f"command {key} is {'in doubt' if doubtful else state} by now, so it cannot be revoked")
    return str(matter)


def _effects(
    db: sqlite3.Connection,
    tenant: str,
    matter: str,
    slot: str | None,
    value: str,
    change: Settlement,
    overtaken: set[str],
) -> str | None:
    """Slots, claims and counters follow the new state. What a person has to know of it, or None.

    Matters whose planned commands are over by it are added to `overtaken`.
    """
    answered = change.was == states.PARKED
    if answered and change.becomes in (states.PLANNED, states.DONE):
        caps.count(db, change.key, change.at)
        counter = _body(db, change.key)["counter"]
        if counter:
            counters.count(db, tenant, change.key, Counter.model_validate(counter))
    if change.becomes in (states.REFUSED, states.SUPERSEDED):
        counters.give_back(db, change.key)
        caps.give_back(db, change.key)
        if slots.is_claimed(slot):
            return slots.refused(db, str(slot), value, matter, change.at)
    if slot and change.becomes == states.DONE:
        overtaken |= slots.confirm(db, change.key, change.at, person=answered)
    return None


def uncounted(db: sqlite3.Connection, tenant: str, key: str) -> str | None:
    """Count a command's amount if it was not counted yet, as what a cap parked is not; why not."""
    counter = _body(db, key)["counter"]
    if not counter or db.execute("SELECT 1 FROM counters WHERE key=?", (key,)).fetchone():
        return None
    return counters.reserve(db, tenant, key, Counter.model_validate(counter))


def _done(db: sqlite3.Connection, tenant: str, matter: str, kind: str, change: Settlement) -> None:
    connection, target = db.execute("SELECT connection, target FROM commands WHERE key=?", (change.key,)).fetchone()
    if kind == CancelOrder.kind:
        slots.cancelled(db, tenant, connection, target)
    if kind == OpenCase.kind:
        case = Subject(connection, "case", str(change.data["id"]))
        db.execute(
            "UPDATE matters SET case_subject=?, case_number=?, case_url=? WHERE id=?",
            (str(case), change.data.get("number"), change.data.get("url"), matter),
        )
        learn(db, tenant, (case,), _subject(db, matter), change.at)


def _subject(db: sqlite3.Connection, matter: str) -> Subject:
    return Subject.parse(db.execute("SELECT subject FROM matters WHERE id=?", (matter,)).fetchone()[0])


def _body(db: sqlite3.Connection, key: str) -> dict[str, Any]:
    body: dict[str, Any] = load(expand(db.execute("SELECT body FROM commands WHERE key=?", (key,)).fetchone()[0]))
    return body


def _warn(db: sqlite3.Connection, tenant: str, matter: str, kind: str, change: Settlement, warning: str | None) -> None:
    if change.becomes == states.PARKED:
        cap = db.execute("SELECT cap FROM commands WHERE key=?", (change.key,)).fetchone()[0]
        if cap:
            caps.parked(db, tenant, cap, change.key, change.note, change.at)
        else:
            alert(db, NewAlert(tenant, f"parked:{kind}", f"{kind} parked: {change.note}", change.key), change.at)
    elif change.becomes == states.REFUSED and kind == OpenCase.kind:
        held = db.execute("SELECT 1 FROM claims WHERE matter=?", (matter,)).fetchone()
        title = "an order is held but its case could not be opened" if held else "a case could not be opened"
        alert(db, NewAlert(tenant, f"refused:{kind}", f"{title}: {change.note}", change.key), change.at)
    elif warning:
        alert(db, NewAlert(tenant, f"refused:{kind}", f"{warning} ({change.note})", change.key), change.at)


def release_followers(db: sqlite3.Connection, matter: str, now: datetime) -> None:
    """Look again at the commands of a matter that wait for others: let them go, or refuse them."""
    changed = True
    while changed:
        changed = False
        waiting = db.execute(
            "SELECT key, after FROM commands WHERE matter=? AND state='planned' AND waits=1 ORDER BY seq", (matter,)
        ).fetchall()
        blocked: dict[str, set[str]] = {}
        for key, after in waiting:
            failed, blocked[key] = _standing(db, matter, load(after), key)
            if failed and not _goes_on(_body(db, key), failed):
                _refuse(db, key, f"{failed[0]} did not happen, and this was to follow it", now)
                return
            if not blocked[key]:
                db.execute("UPDATE commands SET waits=0, due=? WHERE key=?", (stamp(now), key))
                changed = True
        if not changed and (key := _in_a_circle(blocked)):
            _refuse(db, key, "the commands that it was to follow wait for it", now)
            return


def _refuse(db: sqlite3.Connection, key: str, note: str, now: datetime) -> None:
    settle(db, Settlement(key, states.PLANNED, states.REFUSED, now, note=note))


def _goes_on(body: dict[str, Any], failed: list[str]) -> bool:
    """Although a predecessor failed. What is done to the case itself cannot without one."""
    return bool(body["even_if_failed"]) and not (CASE in failed and body["target"] is None)


def _in_a_circle(blocked: dict[str, set[str]]) -> str | None:
    """The newest command that waits only for commands that wait for it, or None."""
    left = dict(blocked)
    while free := [key for key, by in left.items() if by - left.keys()]:
        for key in free:
            del left[key]
    return list(left)[-1] if left else None


def _standing(db: sqlite3.Connection, matter: str, after: list[str], key: str) -> tuple[list[str], set[str]]:
    """(names of predecessors that failed, keys of those that are not over)."""
    failed, blocking = [], set()
    for name in after:
        state, which = _predecessor(db, matter, name, key)
        if state in (states.REFUSED, states.WITHHELD):
            failed.append(name)
        elif state not in (states.DONE, states.SUPERSEDED):
            blocking.add(which)
    return failed, blocking


def _predecessor(db: sqlite3.Connection, matter: str, name: str, key: str) -> tuple[str, str]:
    """(state, key) of the newest command of that name; one that was never asked for counts as refused."""
    if name == CASE:
        if db.execute("SELECT 1 FROM matters WHERE id=? AND case_subject IS NOT NULL", (matter,)).fetchone():
            return states.DONE, ""
        wanted, values = "kind=?", [OpenCase.kind]
    else:
        kind, _, which = name.partition(":")
        wanted, values = "kind=? AND name=?", [kind, which]
    row = db.execute(
        f"SELECT state, key FROM commands WHERE matter=? AND {wanted} AND key<>? ORDER BY seq DESC LIMIT 1",  # noqa: S608 - one of two texts
        (matter, *values, key),
    ).fetchone()
    return (row[0], row[1]) if row else (states.REFUSED, "")
