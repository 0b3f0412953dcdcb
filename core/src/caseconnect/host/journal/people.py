"""Verbs of people: pause and resume, answers to parked items, replay. Each with a name and a reason."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Literal

from caseconnect.host.journal import caps, states
from caseconnect.host.journal.alerts import alert, close_alert
from caseconnect.host.journal.batch import Item, alone
from caseconnect.host.journal.codec import Squeezer, stamp, unstamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.planning import ask_again
from caseconnect.host.journal.records import Brake, NewAlert, Settlement
from caseconnect.host.journal.rules import CapRule
from caseconnect.host.journal.settling import release_followers, settle, uncounted
from caseconnect.sdk.commands import COMMANDS
from caseconnect.sdk.events import ANSWERED

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
    elif scope == "access":
        close_alert(db, tenant, f"account:{name}", now)
    return done.rowcount > 0


def brakes(db: sqlite3.Connection) -> list[Brake]:
    """All brakes that are set."""
    rows = db.execute("SELECT tenant, scope, name, reason, by, at FROM brakes WHERE released_at IS NULL ORDER BY seq")
    return [Brake(tenant, scope, name, reason, by, unstamp(at)) for tenant, scope, name, reason, by, at in rows]


def answer(db: sqlite3.Connection, key: str, what: Answer, reason: str, by: str, now: datetime) -> str:
    """A person ends a parked command. The state it has then. `Conflict` if it is not parked."""
    becomes = {"retry": states.PLANNED, "done": states.DONE, "refuse": states.REFUSED}[what]
    row = db.execute("SELECT state, kind, tenant, matter FROM commands WHERE key=?", (key,)).fetchone()
    if row is None:
        raise Conflict(f"there is no command {key}")
    if row[0] == states.REFUSED:
        raise Conflict(f"command {key} is refused; only `retry` is left: it is asked again")
    if row[0] != states.PARKED:
        raise Conflict(f"command {key} is {row[0]}; only a parked one can be answered")
    if row[1] == "OpenCase" and becomes == states.DONE:
        raise Conflict("a case cannot be taken as opened without its id: retry looks for it first, or refuse it")
    if what == "retry" and row[1] in COMMANDS and COMMANDS[row[1]].money and _is_over(db, row[3]):
        raise Conflict(f"the matter of {key} is closed, so no money goes out for it: say `done`, or refuse it")
    data = {ANSWERED: by} if becomes == states.REFUSED else {}
    settle(db, Settlement(key, states.PARKED, becomes, now, note=f"{by}: {reason}", by=by, data=data))
    caps.answered(db, row[2], key, now)
    return str(db.execute("SELECT state FROM commands WHERE key=?", (key,)).fetchone()[0])


def _is_over(db: sqlite3.Connection, matter: str) -> bool:
    return db.execute("SELECT 1 FROM matters WHERE id=? AND state='open'", (matter,)).fetchone() is None


def let_go(
    db: sqlite3.Connection,
    cause: str,
    tenant: str | None,
    what: Answer,
    limit: int,
    reason: str,
    by: str,
    now: datetime,
    only: Collection[str] | None = None,
) -> tuple[int, int]:
    """A person answers the first `limit` commands that a cap has parked: how many, and how many are left.

    `only` these keys, if given: those that they have looked at.

    One that cannot be answered so stays, and keeps nobody from the others. One whose counter has no room stays parked
    for that: whoever lets many go has not looked at it. `Conflict` if there is none.
    """
    rows = db.execute("SELECT DISTINCT tenant, cap FROM commands WHERE state='parked' AND cap<>''").fetchall()
    whose = _one_tenant(rows, cause, tenant, "nothing is parked under")
    keys = [key for key in caps.waiting(db, whose, cause, limit) if only is None or key in only]

    def one(key: str) -> Item:
        return Item("answer", lambda db: answer_one(db, key))

    def answer_one(db: sqlite3.Connection, key: str) -> str | None:
        if what == "retry" and (full := uncounted(db, whose, key)):
            _left_to_its_counter(db, whose, key, full, now)
            return None
        return answer(db, key, what, reason, by, now)

    ends = [alone(db, one(key)) for key in keys]
    return sum(isinstance(end, str) for end in ends), len(caps.waiting(db, whose, cause))


def _left_to_its_counter(db: sqlite3.Connection, tenant: str, key: str, note: str, now: datetime) -> None:
    """The cap keeps it no more, its counter does."""
    caps.answered(db, tenant, key, now)
    db.execute("UPDATE commands SET note=?, updated_at=? WHERE key=?", (note, stamp(now), key))
    kind = db.execute("SELECT kind FROM commands WHERE key=?", (key,)).fetchone()[0]
    alert(db, NewAlert(tenant, f"parked:{kind}", f"{kind} parked: {note}", key), now)


def again(
    db: sqlite3.Connection,
    squeezer: Squeezer,
    key: str,
    reason: str,
    by: str,
    now: datetime,
    rules: Sequence[CapRule] | None,
) -> str:
    """A person asks a refused command again; the key of its next generation. See `planning.ask_again`."""
    key, overtaken = ask_again(db, squeezer, key, reason, by, now, rules)
    matter = db.execute("SELECT matter FROM commands WHERE key=?", (key,)).fetchone()[0]
    for each in sorted({matter, *overtaken}):
        release_followers(db, each, now)
    return key


Waiting = Literal["deliveries", "events"]
_CAUSES: dict[Waiting, str] = {"deliveries": "parked:delivery", "events": "parked:event"}
_AGAIN: dict[Waiting, str] = {"deliveries": "new", "events": "ready"}
_DROPPED: dict[Waiting, str] = {"deliveries": "ignored", "events": "done"}


def replay(db: sqlite3.Connection, what: Waiting, seqs: list[int], now: datetime) -> int:
    """Parse parked deliveries, or decide parked events, anew; how many. The alert closes where none is left.

    Effects are keyed by matter, so what was done is not done again. What is decided then moves no money by itself.
    """
    tenants = [_end_parked(db, what, seq, _AGAIN[what], "", now) for seq in seqs]
    _none_left(db, what, {tenant for tenant in tenants if tenant is not None}, now)
    return sum(tenant is not None for tenant in tenants)


def drop(db: sqlite3.Connection, what: Waiting, seq: int, reason: str, by: str, now: datetime) -> str:
    """A person ends a parked delivery or event of which nothing can be made; its state then. Else `Conflict`."""
    tenant = _end_parked(db, what, seq, _DROPPED[what], f"dropped by {by}: {reason}", now)
    if tenant is None:
        raise Conflict(f"number {seq} is not among the parked {what} (`connect errors` lists them)")
    _none_left(db, what, {tenant}, now)
    return _DROPPED[what]


def _end_parked(db: sqlite3.Connection, what: Waiting, seq: int, state: str, reason: str, now: datetime) -> str | None:
    """The tenant of what was parked and is `state` now; None if it was not parked."""
    row = db.execute(
        f"UPDATE {what} SET state=?, reason=?, due=?, tries=0, replayed=1"  # noqa: S608 - one of two names
        " WHERE seq=? AND state='parked' RETURNING tenant",
        (state, reason, stamp(now), seq),
    ).fetchone()
    return str(row[0]) if row else None


def _none_left(db: sqlite3.Connection, what: Waiting, tenants: set[str], now: datetime) -> None:
    for tenant in tenants:
        left = db.execute(f"SELECT 1 FROM {what} WHERE state='parked' AND tenant=? LIMIT 1", (tenant,))  # noqa: S608 - as above
        if left.fetchone() is None:
            close_alert(db, tenant, _CAUSES[what], now)


def dismiss(db: sqlite3.Connection, cause: str, tenant: str | None, reason: str, by: str, now: datetime) -> str:
    """A person closes the alert of a cause; its tenant. `Conflict` unless exactly one is open for it."""
    rows = db.execute("SELECT tenant, cause FROM alerts WHERE closed_at IS NULL").fetchall()
    whose = _one_tenant(rows, cause, tenant, "no alert is open for")
    close_alert(db, whose, cause, now, by, reason)
    return whose


def _one_tenant(rows: list[tuple[str, str]], cause: str, tenant: str | None, none: str) -> str:
    """Whose the cause is; `Conflict` unless it is exactly one tenant's."""
    found = [whose for whose, what in rows if what == cause and tenant in (None, whose)]
    if not found:
        near = get_close_matches(cause, {what for whose, what in rows if tenant in (None, whose)}, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise Conflict(f"{none} {cause!r}{meant} (`connect errors` shows what waits)")
    if len(found) > 1:
        raise Conflict(f"{cause!r} is of {', '.join(sorted(found))}: say which with --tenant")
    return str(found[0])
