"""How matters end: by a verdict, with their incident, or because a person undoes what a rule opened."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Collection, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from caseconnect.host.journal import caps, closing, slots, states
from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.codec import Squeezer, load, stamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.matters import matter as matter_of
from caseconnect.host.journal.planning import plan
from caseconnect.host.journal.records import Ask, MatterRow, NewAlert, Settlement
from caseconnect.host.journal.settling import release_followers, settle
from caseconnect.host.journal.storms import HOST, INCIDENT
from caseconnect.sdk.commands import (
    HELD,
    HOLD,
    SUPPRESSED,
    CloseCase,
    Command,
    CommentCase,
    Expect,
    OpenCase,
    ReleaseOrder,
    RestoreProduct,
    digest_of,
)
from caseconnect.sdk.subjects import Subject

UNDO = "connect-undo"
"""Name of the commands that undo a case; when its `CloseCase` is done, the matter is closed."""

_GIVE_UP: dict[str, type[Command]] = {HOLD: ReleaseOrder, SUPPRESSED: RestoreProduct}


def close(
    db: sqlite3.Connection,
    squeezer: Squeezer,
    matter: MatterRow,
    now: datetime,
    note: str = "its matter was closed",
    by: str = HOST,
) -> None:
    """Close a matter and, if it is an incident's, those that wait in it.

    It cannot close while it claims a hold: then it stays open and a person is told.
    """
    claim = db.execute("SELECT slot FROM claims WHERE matter=? LIMIT 1", (matter.id,)).fetchone()
    if claim:
        title = f"{matter.reference} was to be closed but for it {slots.told(claim[0])}: undo that first"
        alert(db, NewAlert(matter.key.tenant, closing.HELD, title, matter.id), now)
        return
    for (key,) in db.execute(
        "SELECT key FROM commands WHERE matter=? AND state='parked' AND cap LIKE ?", (matter.id, f"{caps.INCIDENT}%")
    ).fetchall():
        settle(db, Settlement(key, states.PARKED, states.REFUSED, now, note=note, by=by, quiet=True))
        caps.answered(db, matter.key.tenant, key, now)
    db.execute("UPDATE matters SET state='closed', closed_at=? WHERE id=?", (stamp(now), matter.id))
    db.execute("DELETE FROM timers WHERE matter=?", (matter.id,))
    closing.matter_closed(db, matter.key.tenant, matter.id, {matter.owner, *matter.uses}, now)
    if matter.key.topic == INCIDENT:
        waiting = caps.waiting(db, matter.key.tenant, f"{caps.INCIDENT}{matter.key.subject.id}")
        for member in _matters(db, waiting):
            _end(db, squeezer, member, now, f"closed with {matter.key.subject}", by)


def _matters(db: sqlite3.Connection, keys: Sequence[str]) -> list[MatterRow]:
    ids = [db.execute("SELECT matter FROM commands WHERE key=?", (key,)).fetchone()[0] for key in keys]
    return [row for id_ in dict.fromkeys(ids) if (row := matter_of(db, id_))]


def _end(db: sqlite3.Connection, squeezer: Squeezer, matter: MatterRow, now: datetime, note: str, by: str) -> None:
    """Give up what a matter holds, and close it."""
    _give_up(db, squeezer, matter, now)
    close(db, squeezer, matter, now, note, by)


def _give_up(
    db: sqlite3.Connection, squeezer: Squeezer, matter: MatterRow, now: datetime, after: tuple[str, ...] = ()
) -> None:
    held = db.execute(
        "SELECT l.slot, c.connection, c.target, c.use FROM claims l JOIN commands c ON c.seq = ("
        "SELECT max(o.seq) FROM commands o WHERE o.matter = l.matter AND o.slot = l.slot AND o.value = ?)"
        " WHERE l.matter=?",
        (HELD, matter.id),
    ).fetchall()
    for slot, connection, target, use in held:
        kind = _GIVE_UP[slot.rpartition("|")[2]]
        name = f"{UNDO}:{digest_of(slot)[:6]}" if len(held) > 1 else UNDO
        _plan(db, squeezer, matter, use, connection, kind(name=name, target=Subject.parse(target), after=after), now)


def _plan(
    db: sqlite3.Connection,
    squeezer: Squeezer,
    matter: MatterRow,
    use: str,
    connection: str,
    command: Command,
    now: datetime,
) -> None:
    """Each wish of a person is a ground of its own: what was refused before is asked for again."""
    (asked,) = db.execute("SELECT count(*) FROM commands WHERE matter=?", (matter.id,)).fetchone()
    ask = Ask(matter.id, use, command, connection, "planned", digest_of("a person's", asked))
    _, overtaken = plan(db, squeezer, matter.key.tenant, ask, now, sys.maxsize)
    for each in sorted({matter.id, *overtaken}):
        release_followers(db, each, now)


def undo(db: sqlite3.Connection, squeezer: Squeezer, id_: str, reason: str, by: str, now: datetime) -> str:
    """A person undoes a matter: its case is closed, what it holds is given up, then it is closed. What is done.

    The caller has seen that nobody touched the case; it is looked at once more before it is closed. A case that was
    not sent for yet is not opened. `Conflict` if the matter is closed, or nobody knows whether it has a case.
    """
    matter = matter_of(db, id_)
    if matter is None or matter.state != "open":
        raise Conflict(f"the matter {id_} is not open")
    why = f"undone by {by}: {reason}"
    if matter.case is not None:
        text = f"This case was opened by a rule and is {why}. Nobody worked on it, so it is closed."
        _close_case(db, squeezer, matter, text, UNDO, now, _untouched(matter.case))
        _give_up(db, squeezer, matter, now, (f"{CloseCase.kind}:{UNDO}",))
        return "closing"
    asked = db.execute(
        "SELECT key, state, attempt FROM commands WHERE matter=? AND kind=? ORDER BY seq DESC LIMIT 1",
        (matter.id, OpenCase.kind),
    ).fetchone()
    if asked and (asked[1] in (states.SENDING, states.UNKNOWN, states.ACCEPTED, states.PARKED) or asked[2]):
        raise Conflict(f"its case is being opened ({asked[1]}): try again when that is over")
    if asked and asked[1] == states.PLANNED:
        settle(db, Settlement(asked[0], states.PLANNED, states.REFUSED, now, note=why, by=by, quiet=True))
    _end(db, squeezer, matter, now, why, by)
    return "closed"


def _untouched(case: Subject) -> tuple[Expect, ...]:
    """What is so of a case that nobody touched."""
    return (
        Expect(fact="case", subject=case, field="outcome", value=None),
        Expect(fact="case", subject=case, field="updated_by_us", value=True),
    )


def _close_case(
    db: sqlite3.Connection,
    squeezer: Squeezer,
    matter: MatterRow,
    text: str,
    name: str,
    now: datetime,
    expects: tuple[Expect, ...] = (),
) -> None:
    comment = CommentCase(name=name, text=text)
    ends = CloseCase(name=name, note=text, after=(f"{CommentCase.kind}:{name}",), even_if_failed=True, expects=expects)
    for command in (comment, ends):
        _plan(db, squeezer, matter, matter.owner, matter.cases, command, now)


def open_members(
    db: sqlite3.Connection,
    id_: str,
    tenant: str | None,
    subjects: Collection[str],
    reason: str,
    by: str,
    now: datetime,
) -> tuple[int, int]:
    """A person opens own cases for what waits in an incident: for these subjects, for all if none is named.

    How many, and how many are left. They are under the caps of their flows. `Conflict` for one that does not wait.
    """
    whose = _incident(db, id_, tenant).key.tenant
    cause = f"{caps.INCIDENT}{id_}"
    waiting = {str(m.key.subject): key for key in caps.waiting(db, whose, cause) for m in _matters(db, [key])}
    for name in subjects:
        if name not in waiting:
            near = get_close_matches(name, waiting, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise Conflict(f"{name} does not wait in {caps.INCIDENT}{id_}{meant}")
    keys = [key for subject, key in waiting.items() if not subjects or subject in subjects]
    note = f"{by}: {reason}"
    for key in keys:
        told: dict[str, Any] = {"incident": id_}
        settle(db, Settlement(key, states.PARKED, states.PLANNED, now, note=note, by=by, data=told))
        caps.answered(db, whose, key, now)
    return len(keys), len(waiting) - len(keys)


def close_incident(
    db: sqlite3.Connection, squeezer: Squeezer, id_: str, tenant: str | None, reason: str, by: str, now: datetime
) -> int:
    """A person ends an incident: its case is closed, and what waits in it ends with it. How many those are."""
    matter = _incident(db, id_, tenant)
    if matter.state != "open":
        raise Conflict(f"{caps.INCIDENT}{id_} is closed already")
    many = len(caps.waiting(db, matter.key.tenant, f"{caps.INCIDENT}{id_}"))
    text = f"Closed by {by}: {reason}. The {many} that are listed here and have no case of their own end with it."
    _close_case(db, squeezer, matter, text, "closed", now)
    close(db, squeezer, matter, now, f"closed with {matter.key.subject} by {by}: {reason}", by)
    return many


def _incident(db: sqlite3.Connection, id_: str, tenant: str | None) -> MatterRow:
    rows = db.execute(
        "SELECT id, tenant, subject FROM matters WHERE topic=? AND (?2 IS NULL OR tenant=?2)", (INCIDENT, tenant)
    ).fetchall()
    found = [matter_of(db, row[0]) for row in rows if Subject.parse(row[2]).id == id_]
    if len(found) == 1 and found[0]:
        return found[0]
    if found:
        raise Conflict(f"{id_!r} is of {', '.join(sorted(row[1] for row in rows))}: say which with --tenant")
    near = get_close_matches(id_, {Subject.parse(row[2]).id for row in rows}, 1)
    meant = f"; did you mean {caps.INCIDENT}{near[0]}?" if near else ""
    raise Conflict(f"there is no {caps.INCIDENT}{id_}{meant} (`connect errors` shows what waits)")


def opened(
    db: sqlite3.Connection, tenant: str | None, use: str, exception: str, since: datetime
) -> list[dict[str, Any]]:
    """Open matters that a rule found something in since, oldest first, and `others`: who found something, too.

    Those that only joined an incident end with it, and are left out.
    """
    rows = db.execute(
        "SELECT id, tenant, subject, topic, item, reference, findings, opened_at, case_subject, case_number, case_url"
        " FROM matters m WHERE state='open' AND observe=0 AND (?1 IS NULL OR tenant=?1) AND opened_at >= ?2"
        " AND EXISTS (SELECT 1 FROM json_each(m.findings) f WHERE f.value->>'by' = ?3"
        " AND (?4 = '' OR f.value->>'exception' = ?4))"
        " AND NOT EXISTS (SELECT 1 FROM commands c WHERE c.matter = m.id AND c.state = 'parked' AND c.cap LIKE ?5)"
        " ORDER BY opened_at, id",
        (tenant, stamp(since), use, exception, f"{caps.INCIDENT}%"),
    )
    names = [column[0] for column in rows.description]
    found = []
    for row in rows:
        one = dict(zip(names, row, strict=True))
        rules = {(f["by"], f["exception"]) for f in load(one.pop("findings"))}
        one["others"] = sorted(":".join(r) for r in rules if r[0] != use or exception not in ("", r[1]))
        found.append(one)
    return found
