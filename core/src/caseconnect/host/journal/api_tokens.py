"""Tokens of the JSON API. A token is kept as its hash; who has it may what its role may, until its time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from caseconnect.host.journal.codec import stamp, unstamp
from caseconnect.host.journal.errors import Conflict

PREFIX = "token:"
"""Begins the name of who asks with a token; the token's follows."""


@dataclass(frozen=True)
class ApiToken:
    """A token without its secret."""

    name: str
    role: str
    by: str
    at: datetime
    until: datetime
    seq: int = 0
    revoked_at: datetime | None = None
    revoked_by: str | None = None


def add_token(db: sqlite3.Connection, hashed: str, new: ApiToken) -> int:
    """Keep a token; its number. `Conflict` if a good one has its name: the audit names people and programs by it."""
    same = "SELECT 1 FROM api_tokens WHERE name=? AND revoked_at IS NULL AND until>?"
    if db.execute(same, (new.name, stamp(new.at))).fetchone():
        raise Conflict(f"there is a token {new.name!r} already: revoke it, or choose another name")
    done = db.execute(
        "INSERT INTO api_tokens (hash, name, role, by, at, until) VALUES (?,?,?,?,?,?)",
        (hashed, new.name, new.role, new.by, stamp(new.at), stamp(new.until)),
    )
    return int(done.lastrowid or 0)


def revoke_token(db: sqlite3.Connection, name: str, by: str, now: datetime) -> None:
    """End a token. `Conflict` if there is none of that name."""
    done = db.execute(
        "UPDATE api_tokens SET revoked_at=?, revoked_by=? WHERE name=? AND revoked_at IS NULL", (stamp(now), by, name)
    )
    if not done.rowcount:
        raise Conflict(f"there is no token {name!r} (`connect console tokens` lists them)")


def person_behind(db: sqlite3.Connection, who: str, at: datetime) -> str:
    """Whose doing it is, in small letters: a token's is that of the person who made it."""
    made = "SELECT by FROM api_tokens WHERE name=? AND at<=? ORDER BY seq DESC LIMIT 1"
    row = db.execute(made, (who.removeprefix(PREFIX), stamp(at))).fetchone() if who.startswith(PREFIX) else None
    return (str(row[0]) if row else who).casefold()


_TOKENS = "SELECT name, role, by, at, until, seq, revoked_at, revoked_by FROM api_tokens"


def token_of(db: sqlite3.Connection, hashed: str, now: datetime) -> ApiToken | None:
    """The token with that hash, if it is good now."""
    good = f"{_TOKENS} WHERE hash=? AND revoked_at IS NULL AND until>?"
    row = db.execute(good, (hashed, stamp(now))).fetchone()
    return _token(row) if row else None


def tokens(db: sqlite3.Connection) -> list[ApiToken]:
    """All tokens that were ever made, oldest first."""
    return [_token(row) for row in db.execute(f"{_TOKENS} ORDER BY seq")]


def _token(row: tuple[str, str, str, str, str, int, str | None, str | None]) -> ApiToken:
    name, role, by, at, until, seq, revoked_at, revoked_by = row
    ended = unstamp(revoked_at) if revoked_at else None
    return ApiToken(name, role, by, unstamp(at), unstamp(until), seq, ended, revoked_by)
