"""What people did in the console and through its API, and what the first of two people proposed.

A click is written before it is carried out, and how it ended is put to it: a crash between leaves it without a result.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from caseconnect.host.journal.api_tokens import person_behind
from caseconnect.host.journal.codec import dump, load, stamp, unstamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.planning import base_of
from caseconnect.models.money import Money

WORTH = "worth"
"""Names, among the fields of a click, what one person gave away by it: by currency amounts by command."""

OPEN, DONE, REFUSED, WITHDRAWN, EXPIRED, CHANGED = "open", "done", "refused", "withdrawn", "expired", "changed"
"""What a proposal is: `changed` is what it was about, so that it holds no more."""


@dataclass(frozen=True)
class Click:
    """One action of a person. `about`: subjects, commands' keys, or names; `through`: 'console' or 'api'."""

    at: datetime
    who: str
    role: str
    action: str
    through: str = "console"
    tenant: str = ""
    about: Sequence[str] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    proposal: int | None = None
    seq: int = 0
    ended_at: datetime | None = None
    result: str = ""


@dataclass(frozen=True)
class GivenAway:
    """What one person's clicks gave away: by command its worth, and when it was clicked last."""

    who: str = ""
    each: Mapping[str, tuple[datetime, Money]] = field(default_factory=dict)

    def beside(self, keys: Iterable[str]) -> dict[str, tuple[Decimal, datetime]]:
        """By currency the sum, and since when; without these commands, whatever their generation."""
        those, found = {base_of(key) for key in keys}, dict[str, tuple[Decimal, datetime]]()
        for base, (at, worth) in self.each.items():
            if base not in those:
                much, since = found.get(worth.currency, (Decimal(0), at))
                found[worth.currency] = much + worth.amount, min(since, at)
        return found


@dataclass(frozen=True)
class Proposal:
    """What one person wants done and another has to confirm, as long as `digest` is what would happen."""

    at: datetime
    until: datetime
    tenant: str
    who: str
    action: str
    fields: Mapping[str, Sequence[str]]
    plan: Mapping[str, Any]
    digest: str
    reason: str
    state: str = OPEN
    seq: int = 0
    ended_at: datetime | None = None
    ended_by: str | None = None
    note: str = ""


def clicked(db: sqlite3.Connection, new: Click) -> int:
    """Write a click down; its number."""
    row = (stamp(new.at), new.tenant, new.who, new.role, new.through, new.action, dump(list(new.about)))
    done = db.execute(
        "INSERT INTO clicks (at, tenant, who, role, through, action, about, fields, reason, proposal)"
        " VALUES (?,?,?,?,?,?,?,?,?,?)",
        (*row, dump(dict(new.fields)), new.reason, new.proposal),
    )
    return int(done.lastrowid or 0)


def click_ended(db: sqlite3.Connection, seq: int, result: str, now: datetime) -> None:
    """How it ended."""
    db.execute("UPDATE clicks SET ended_at=?, result=? WHERE seq=? AND ended_at IS NULL", (stamp(now), result, seq))


_CLICKS = (
    "SELECT seq, at, tenant, who, role, through, action, about, fields, reason, proposal, ended_at, result FROM clicks"
)

_CHOSEN = f"""{_CLICKS} WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR seq < ?2) AND (
    json_array_length(?3) = 0
    OR EXISTS (SELECT 1 FROM json_each(about) a JOIN json_each(?3) n ON a.value = n.value))
ORDER BY seq DESC LIMIT ?4"""  # noqa: S608 - constant text


def clicks(
    db: sqlite3.Connection, tenant: str | None, names: Sequence[str], before: int | None, limit: int
) -> list[Click]:
    """The newest clicks, newest first; of one tenant, about any of `names`, older than the one numbered `before`."""
    rows = db.execute(_CHOSEN, (tenant, before, dump(list(names)), limit))
    return [_click(row) for row in rows]


def given_away(db: sqlite3.Connection, who: str, after: datetime, now: datetime) -> GivenAway:
    """What somebody gave away by clicks of their own after a moment, however a provider writes their name.

    Clicks by a token are those of the person who made it. The money of one command moves once, so it counts once,
    however often it was clicked.
    """
    me, each = person_behind(db, who, now), dict[str, tuple[datetime, Money]]()
    for seq, at, name, fields in db.execute("SELECT seq, at, who, fields FROM clicks ORDER BY seq DESC"):
        if unstamp(at) <= after:
            break
        worth = load(fields).get(WORTH) if person_behind(db, name, unstamp(at)) == me else None
        for currency, amounts in (worth or {}).items():
            # Clicks of an older version have one sum by currency.
            by_key = amounts if isinstance(amounts, dict) else {f"click {seq} {currency}": amounts}
            for key, amount in by_key.items():
                each.setdefault(base_of(key), (unstamp(at), Money(amount=Decimal(amount), currency=currency)))
    return GivenAway(who, each)


def _click(row: tuple[Any, ...]) -> Click:
    seq, at, tenant, who, role, through, action, about, fields, reason, proposal, ended_at, result = row
    return Click(
        unstamp(at),
        who,
        role,
        action,
        through,
        tenant,
        load(about),
        load(fields),
        reason,
        proposal,
        seq,
        unstamp(ended_at) if ended_at else None,
        result,
    )


def propose(db: sqlite3.Connection, new: Proposal) -> int:
    """Write a proposal down; its number. `Conflict` if the same is proposed already."""
    same = db.execute(
        "SELECT seq FROM proposals WHERE state='open' AND digest=? AND until>?", (new.digest, stamp(new.at))
    )
    if row := same.fetchone():
        raise Conflict(f"the same is proposed already, as number {row[0]}: it waits for another approver")
    row = (
        stamp(new.at),
        stamp(new.until),
        new.tenant,
        new.who,
        new.action,
        dump(dict(new.fields)),
        dump(dict(new.plan)),
    )
    done = db.execute(
        "INSERT INTO proposals (at, until, tenant, who, action, fields, plan, digest, reason, state)"
        " VALUES (?,?,?,?,?,?,?,?,?,?)",
        (*row, new.digest, new.reason, OPEN),
    )
    return int(done.lastrowid or 0)


def end_proposal(db: sqlite3.Connection, seq: int, state: str, by: str, note: str, now: datetime) -> None:
    """End an open proposal: of two people who confirm at once one is the first. `Conflict` if it is not open.

    Who proposed it cannot confirm it, however the provider writes their name this time, nor by a token of theirs.
    """
    row = db.execute("SELECT state, who, until, at FROM proposals WHERE seq=?", (seq,)).fetchone()
    if row is None:
        raise Conflict(f"there is no proposal {seq}")
    if row[0] != OPEN:
        raise Conflict(f"proposal {seq} is {row[0]} already")
    if state == DONE and person_behind(db, row[1], unstamp(row[3])) == person_behind(db, by, now):
        raise Conflict(f"proposal {seq} is your own: another approver has to confirm it")
    if state == DONE and unstamp(row[2]) <= now:
        raise Conflict(f"proposal {seq} has expired: propose it anew")
    db.execute(
        "UPDATE proposals SET state=?, ended_at=?, ended_by=?, note=? WHERE seq=?", (state, stamp(now), by, note, seq)
    )


_PROPOSALS = (
    "SELECT seq, at, until, tenant, who, action, fields, plan, digest, reason, state, ended_at, ended_by, note"
    " FROM proposals"
)


def proposals(db: sqlite3.Connection, now: datetime, *, ended: int = 0) -> list[Proposal]:
    """The open proposals, oldest first, and the newest `ended` ones after them."""
    rows = db.execute(_PROPOSALS + " WHERE state='open' ORDER BY seq").fetchall()
    rows += db.execute(_PROPOSALS + " WHERE state<>'open' ORDER BY seq DESC LIMIT ?", (ended,)).fetchall()
    return [_proposal(row, now) for row in rows]


def proposal(db: sqlite3.Connection, seq: int, now: datetime) -> Proposal | None:
    """One proposal."""
    row = db.execute(_PROPOSALS + " WHERE seq=?", (seq,)).fetchone()
    return _proposal(row, now) if row else None


def _proposal(row: tuple[Any, ...], now: datetime) -> Proposal:
    seq, at, until, tenant, who, action, fields, plan, digest, reason, state, ended_at, ended_by, note = row
    return Proposal(
        unstamp(at),
        unstamp(until),
        tenant,
        who,
        action,
        load(fields),
        load(plan),
        digest,
        reason,
        EXPIRED if state == OPEN and unstamp(until) <= now else state,
        seq,
        unstamp(ended_at) if ended_at else None,
        ended_by,
        note,
    )
