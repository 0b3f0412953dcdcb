"""What people changed of caps: a row that overrides the tenant file until its time, or until it is taken back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from caseconnect.host.journal.codec import stamp, unstamp
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.rules import CapRule, CapWindow

COUNT = "count"
"""What of a cap is not an amount of money; the others are named by their currency."""


@dataclass(frozen=True)
class CapChange:
    """`limit` instead of what the file says of `what` (`count` or a currency) in the window `per` of `cap`."""

    tenant: str
    cap: str
    per: str
    what: str
    limit: Decimal
    reason: str
    by: str
    at: datetime
    until: datetime | None = None
    confirmed_by: str | None = None


@dataclass(frozen=True)
class CapUse:
    """One limit of a cap: how much of it is used in its window now. `file`: what the tenant file says."""

    tenant: str
    cap: str
    per: str
    what: str
    used: Decimal
    limit: Decimal
    file: Decimal
    change: CapChange | None = None


def change_cap(db: sqlite3.Connection, new: CapChange) -> None:
    """Override a limit; what overrode it before ends."""
    _end(db, new.tenant, new.cap, new.per, new.what, "changed again", new.by, new.at)
    until = stamp(new.until) if new.until else None
    row = (new.tenant, new.cap, new.per, new.what, str(new.limit), until, new.reason, new.by, new.confirmed_by)
    db.execute(
        "INSERT INTO cap_changes (tenant, cap, per, what, amount, until, reason, by, confirmed_by, at)"
        " VALUES (?,?,?,?,?,?,?,?,?,?)",
        (*row, stamp(new.at)),
    )


def take_back(
    db: sqlite3.Connection, tenant: str, cap: str, per: str, what: str, reason: str, by: str, now: datetime
) -> None:
    """The tenant file holds again. `Conflict` if nothing overrides it."""
    if not _end(db, tenant, cap, per, what, reason, by, now):
        raise Conflict(f"nobody has changed {what} an {per} of {cap}: what the tenant file says holds")


def _end(
    db: sqlite3.Connection, tenant: str, cap: str, per: str, what: str, reason: str, by: str, now: datetime
) -> bool:
    done = db.execute(
        "UPDATE cap_changes SET ended_at=?, ended_by=?, ended_reason=?"
        " WHERE tenant=? AND cap=? AND per=? AND what=? AND ended_at IS NULL",
        (stamp(now), by, reason, tenant, cap, per, what),
    )
    return done.rowcount > 0


def changes(db: sqlite3.Connection, tenant: str | None, now: datetime) -> list[CapChange]:
    """The changes in force, oldest first."""
    rows = db.execute(
        "SELECT tenant, cap, per, what, amount, reason, by, at, until, confirmed_by FROM cap_changes"
        " WHERE ended_at IS NULL AND (? IS NULL OR tenant=?) AND (until IS NULL OR until>?) ORDER BY seq",
        (tenant, tenant, stamp(now)),
    )
    return [
        CapChange(
            whose, cap, per, what, Decimal(amount), reason, by, unstamp(at), unstamp(until) if until else None, ok
        )
        for whose, cap, per, what, amount, reason, by, at, until, ok in rows
    ]


def in_force(db: sqlite3.Connection, tenant: str, rules: Sequence[CapRule], now: datetime) -> Sequence[CapRule]:
    """The rules with what people changed of their limits. A limit that the file has no more is not brought back."""
    changed = {(c.cap, c.per, c.what): c.limit for c in changes(db, tenant, now)}
    if not changed:
        return rules
    return [
        replace(rule, windows=tuple(_changed(rule.name, window, changed) for window in rule.windows)) for rule in rules
    ]


def _changed(cap: str, window: CapWindow, changed: dict[tuple[str, str, str], Decimal]) -> CapWindow:
    sums = {what: changed.get((cap, window.name, what), limit) for what, limit in window.sums.items()}
    count = window.count
    if count is not None:
        count = int(changed.get((cap, window.name, COUNT), Decimal(count)))
    return replace(window, count=count, sums=sums)


def uses(db: sqlite3.Connection, tenant: str, rules: Sequence[CapRule], now: datetime) -> list[CapUse]:
    """How much of each limit is used now."""
    changed = {(c.cap, c.per, c.what): c for c in changes(db, tenant, now)}
    found = []
    for cap, window, what, limit in limits(rules):
        change = changed.get((cap, window.name, what))
        used = _used(db, tenant, cap, window, what, now)
        found.append(CapUse(tenant, cap, window.name, what, used, change.limit if change else limit, limit, change))
    return found


def limits(rules: Sequence[CapRule]) -> Iterator[tuple[str, CapWindow, str, Decimal]]:
    """Each limit of these rules: its cap, its window, what of it, and how much."""
    for rule in rules:
        for window in rule.windows:
            if window.count is not None:
                yield rule.name, window, COUNT, Decimal(window.count)
            for what, limit in window.sums.items():
                yield rule.name, window, what, limit


def _used(db: sqlite3.Connection, tenant: str, cap: str, window: CapWindow, what: str, now: datetime) -> Decimal:
    since = (tenant, cap, stamp(now - window.span))
    counted = "FROM reservations WHERE tenant=? AND cap=? AND at>?"
    if what == COUNT:
        return Decimal(db.execute(f"SELECT count(*) {counted}", since).fetchone()[0])
    rows = db.execute(f"SELECT amount {counted} AND currency=?", (*since, what))
    return sum((Decimal(amount) for (amount,) in rows), Decimal(0))
