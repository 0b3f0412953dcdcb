"""Caps: room for a command is reserved in the deciding commit; beyond it commands park under one alert.

A reservation counts from its time on, in a window that rolls. One without a time does not count: the command is
parked, or did not happen. When a person lets it go it counts, whatever the limit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from caseconnect.host.journal.alerts import alert, close_alert
from caseconnect.host.journal.cap_changes import in_force
from caseconnect.host.journal.codec import stamp
from caseconnect.host.journal.history import MONEY
from caseconnect.host.journal.records import NewAlert
from caseconnect.host.journal.rules import FREE, CapRule, CapWindow
from caseconnect.models.money import Money

CAUSE = "cap:"
"""Begins the cause of an alert about a cap; flow, kind of command and window follow."""

INCIDENT = "incident:"
"""Begins the cause of an alert about a storm, and of what it keeps from being opened; the incident's id follows."""

_FORMER = f"""
WITH RECURSIVE names(cap) AS (
    SELECT min(cap) FROM reservations WHERE tenant=:tenant
    UNION ALL
    SELECT (SELECT min(cap) FROM reservations WHERE tenant=:tenant AND cap > names.cap) FROM names WHERE cap IS NOT NULL
)
INSERT INTO reservations
SELECT r.tenant, :new, r.key, max(r.at), r.amount, r.currency
FROM names n CROSS JOIN reservations r ON r.tenant=:tenant AND r.cap = n.cap AND r.at > :since
CROSS JOIN commands c ON c.key = r.key
WHERE n.cap <> '' AND c.attempt > 0 AND (c.use = :use OR :use = '')
AND (c.kind = :kind OR :kind = 'money' AND c.kind IN ({MONEY}))
GROUP BY r.key
"""  # noqa: S608 - constant kinds
_EACH = {"hour": "an hour", "day": "a day"}


def over(
    db: sqlite3.Connection, tenant: str, rules: Sequence[CapRule], worth: Money | None, now: datetime
) -> tuple[str, str] | None:
    """(window, why) of the first cap that the command would pass; None if there is room."""
    for rule in in_force(db, tenant, rules, now):
        _begin(db, tenant, rule, now)
        for window in rule.windows:
            if why := _passes(db, tenant, rule.name, window, worth, now):
                return window.name, why
    return None


def _begin(db: sqlite3.Connection, tenant: str, rule: CapRule, now: datetime) -> None:
    """A cap that was never counted begins with what went out in its windows under other caps, as money always did."""
    scope, _, kind = rule.name.rpartition(":")
    if (
        not rule.windows
        or db.execute("SELECT 1 FROM reservations WHERE tenant=? AND cap=?", (tenant, rule.name)).fetchone()
    ):
        return
    since = stamp(now - max(window.span for window in rule.windows))
    use = scope.removeprefix("flow:") if scope != "tenant" else ""
    db.execute(_FORMER, {"tenant": tenant, "new": rule.name, "since": since, "use": use, "kind": kind})


def _passes(
    db: sqlite3.Connection, tenant: str, cap: str, window: CapWindow, worth: Money | None, now: datetime
) -> str | None:
    since = (tenant, cap, stamp(now - window.span))
    counted = "FROM reservations WHERE tenant=? AND cap=? AND at > ?"
    if window.count is not None:
        used = db.execute(f"SELECT count(*) {counted}", since).fetchone()[0]
        if used >= window.count:
            return f"the cap of {window.count} {_EACH[window.name]} is reached ({cap})"
    limit = window.sums.get(worth.currency) if worth else None
    if worth is None or limit is None:
        return None
    rows = db.execute(f"SELECT amount {counted} AND currency=?", (*since, worth.currency))
    if sum((Decimal(amount) for (amount,) in rows), worth.amount) > limit:
        much = Money(amount=limit, currency=worth.currency)
        return f"the cap of {much} {_EACH[window.name]} is reached ({cap})"
    return None


def reserve(
    db: sqlite3.Connection, tenant: str, key: str, rules: Sequence[CapRule], worth: Money | None, at: datetime | None
) -> None:
    """Write down what the command takes of each cap that it has no row of.

    Without `at` it takes nothing until it is counted.
    """
    taken = (key, stamp(at) if at else None, str(worth.amount) if worth else None, worth.currency if worth else None)
    db.executemany(
        "INSERT INTO reservations VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
        [(tenant, rule.name, *taken) for rule in rules],
    )


def count(db: sqlite3.Connection, key: str, now: datetime) -> None:
    """A person let the command go: it counts from now on, if it did not before."""
    db.execute("UPDATE reservations SET at=? WHERE key=? AND at IS NULL", (stamp(now), key))


def move(
    db: sqlite3.Connection, tenant: str, key: str, rules: Sequence[CapRule], worth: Money | None, now: datetime
) -> tuple[str, str] | None:
    """The command goes out only now, and counts from now on; else (window, why), and it takes nothing.

    `rules` are those of now: what it was planned under may have been others. What a person let go counts, whatever
    the limit; not what left an incident, for those may be many at once, nor what was asked for again.
    """
    if db.execute("SELECT 1 FROM reservations WHERE key=? AND cap=?", (key, FREE[0].name)).fetchone():
        return None
    give_back(db, key)
    by_a_person = (
        "SELECT 1 FROM outcomes WHERE key=? AND was='parked' AND became='planned' AND by<>'connect'"
        " AND data->>'incident' IS NULL"
    )
    full = None if db.execute(by_a_person, (key,)).fetchone() else over(db, tenant, rules, worth, now)
    reserve(db, tenant, key, rules, worth, None)
    if full is None:
        count(db, key, now)
    return full


def give_back(db: sqlite3.Connection, key: str) -> None:
    """The command did not happen."""
    db.execute("UPDATE reservations SET at=NULL WHERE key=?", (key,))


def former(db: sqlite3.Connection, key: str) -> tuple[CapRule, ...]:
    """The caps that a command was counted under, without their limits, which only the tenant file has."""
    return tuple(CapRule(cap, ()) for (cap,) in db.execute("SELECT cap FROM reservations WHERE key=?", (key,)))


def cause_of(use: str, kind: str, window: str) -> str:
    """What an alert about a cap, and all that is parked under it, is known by."""
    return f"{CAUSE}{use}:{kind}:{window}"


def parked(db: sqlite3.Connection, tenant: str, cause: str, key: str, note: str, now: datetime) -> None:
    """One more command is parked under a cap: one alert says how many, and what to do."""
    alert(db, NewAlert(tenant, cause, _title(db, tenant, cause, note), key), now)


def answered(db: sqlite3.Connection, tenant: str, key: str, now: datetime) -> None:
    """A person answered a command that was parked under a cap: the alert says how many are left, or closes."""
    cause, note = db.execute(
        "SELECT c.cap, (SELECT o.note FROM outcomes o WHERE o.key = c.key AND o.became = 'parked'"
        " ORDER BY o.seq DESC LIMIT 1)"
        " FROM commands c WHERE c.key=?",
        (key,),
    ).fetchone()
    if not cause:
        return
    db.execute("UPDATE commands SET cap='' WHERE key=?", (key,))
    if not waiting(db, tenant, cause):
        close_alert(db, tenant, cause, now)
    else:
        title = (_title(db, tenant, cause, note), tenant, cause)
        db.execute("UPDATE alerts SET title=? WHERE tenant=? AND cause=? AND closed_at IS NULL", title)


def waiting(db: sqlite3.Connection, tenant: str, cause: str, limit: int = -1) -> list[str]:
    """Keys of what is parked under a cap, the first asked for first."""
    rows = db.execute(
        "SELECT key FROM commands WHERE tenant=? AND cap=? AND cap<>'' AND state='parked' ORDER BY seq LIMIT ?",
        (tenant, cause, limit),
    )
    return [key for (key,) in rows]


def kept_by(db: sqlite3.Connection, key: str) -> tuple[str, tuple[str, ...]]:
    """(cause, caps): what it is parked under, and the caps of which it takes nothing until it is retried."""
    row = db.execute("SELECT cap FROM commands WHERE key=? AND state='parked'", (key,)).fetchone()
    if row is None:  # what is asked for again passes none
        return "", ()
    free = db.execute("SELECT cap FROM reservations WHERE key=? AND at IS NULL", (key,))
    return row[0], tuple(cap for (cap,) in free)


def _title(db: sqlite3.Connection, tenant: str, cause: str, note: str) -> str:
    parked = "SELECT count(*) FROM commands WHERE tenant=? AND cap=? AND cap<>'' AND state='parked'"
    many = db.execute(parked, (tenant, cause)).fetchone()[0]
    if cause.startswith(INCIDENT):
        return f"{note}; {many} wait: connect resolve {cause} --open SUBJECT, --all or --close"
    use, kind, _ = cause.removeprefix(CAUSE).rsplit(":", 2)
    way = f"connect resolve {cause} --answer retry --limit N --reason WHY"
    return f"{many} {kind} of {use} parked: {note}; to let some go: {way}"
