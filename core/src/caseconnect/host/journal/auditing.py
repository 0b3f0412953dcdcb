"""What an audit asks the journal: had a change come, what was moved, what was compared when, and how much a day was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from caseconnect.host.journal import sending, states
from caseconnect.host.journal.codec import dump, load, stamp, unstamp
from caseconnect.host.journal.intake import add_event, subject_of
from caseconnect.host.journal.records import Resolved, StoredCommand
from caseconnect.sdk.commands import COMMANDS, OpenCase
from caseconnect.sdk.events import Event, ItemEvent

Compared = Literal["changes", "cases", "money", "by hand"]
"""What is compared: a platform's changes, the cases of open matters, money that is done, refunds that people made."""

_KEPT = timedelta(days=7)
"""For so long a comparison that found nothing wrong is kept; the newest one, and what found something, for ever."""


@dataclass(frozen=True)
class Comparison:
    """One comparison of a connection with the journal: `found` there, of which `wrong` were not as they should be.

    `named`: some of the wrong ones, by subject or key.
    """

    tenant: str
    connection: str
    what: Compared
    at: datetime
    since: datetime
    until: datetime
    found: int
    wrong: int
    named: tuple[str, ...] = ()


def known(db: sqlite3.Connection, tenant: str, connection: str, names: Iterable[tuple[str, str]]) -> list[bool]:
    """For each (topic, delivery id), whether it was ever stored."""
    sql = "SELECT 1 FROM deliveries WHERE tenant=? AND connection=? AND delivery_id=? AND topic=? LIMIT 1"
    return [db.execute(sql, (tenant, connection, id_, topic)).fetchone() is not None for topic, id_ in names]


def heard(db: sqlite3.Connection, tenant: str, event: Event) -> bool:
    """Whether an event of the same kind, about the same thing, came at or after this one's time.

    That is enough, whatever it was about: what is decided on is the thing as it is read then.
    """
    item = str(event.item) if isinstance(event, ItemEvent) else ""
    lane = str(subject_of(db, tenant, event.subject))
    sql = (
        "SELECT 1 FROM events WHERE tenant=? AND lane=? AND type=? AND at>=?"
        " AND (?='' OR json_extract(body, '$.item')=?) LIMIT 1"
    )
    return db.execute(sql, (tenant, lane, event.type, stamp(event.time), item, item)).fetchone() is not None


def hear(db: sqlite3.Connection, tenant: str, event: Event, now: datetime) -> None:
    """Write an event that the host itself makes; one with the same id changes nothing."""
    add_event(db, tenant, Resolved(event, event.subject), event.id, None, now)


Moved = tuple[datetime, StoredCommand]
"""When a command became done, and the command."""


def moved(db: sqlite3.Connection, tenant: str, since: datetime, until: datetime) -> list[Moved]:
    """Commands that give value away and became done in the time, oldest first."""
    money = dump([kind for kind, model in COMMANDS.items() if model.money])
    rows = db.execute(
        "SELECT c.key, max(o.at) FROM outcomes o JOIN commands c ON c.key = o.key"
        " WHERE o.seq>=? AND o.at>=? AND o.at<? AND o.became=? AND c.state=? AND c.tenant=?"
        " AND c.kind IN (SELECT value FROM json_each(?)) GROUP BY c.key ORDER BY c.seq",
        (first_since(db, "outcomes", "at", since), stamp(since), stamp(until), states.DONE, states.DONE, tenant, money),
    )
    found = [(unstamp(at), sending.command(db, key)) for key, at in rows.fetchall()]
    return [(at, command) for at, command in found if command is not None]


def compared(db: sqlite3.Connection, one: Comparison) -> None:
    """Keep a comparison, and let go of old ones that found nothing wrong."""
    db.execute(
        "DELETE FROM comparisons WHERE tenant=? AND connection=? AND what=? AND wrong=0 AND at<?",
        (one.tenant, one.connection, one.what, stamp(one.at - _KEPT)),
    )
    times = (stamp(one.at), stamp(one.since), stamp(one.until))
    db.execute(
        "INSERT INTO comparisons (tenant, connection, what, at, since, until, found, wrong, named)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        (one.tenant, one.connection, one.what, *times, one.found, one.wrong, dump(one.named)),
    )


def comparisons(db: sqlite3.Connection, since: datetime) -> list[Comparison]:
    """The newest comparison of each kind and connection, and all since then that found something wrong; in order."""
    rows = db.execute(
        "SELECT tenant, connection, what, at, since, until, found, wrong, named FROM comparisons"
        " WHERE (wrong>0 AND at>=?) OR seq IN (SELECT max(seq) FROM comparisons GROUP BY tenant, connection, what)"
        " ORDER BY seq",
        (stamp(since),),
    )
    return [
        Comparison(
            tenant, connection, what, unstamp(at), unstamp(begin), unstamp(until), found, wrong, tuple(load(named))
        )
        for tenant, connection, what, at, begin, until, found, wrong, named in rows
    ]


_DAYS = {
    "deliveries": ("deliveries", "received_at", "state", ""),
    "events": ("events", "at", "state", ""),
    "decisions": ("decisions", "at", "''", ""),
    "commands": ("commands", "created_at", "state", ""),
    "cases": ("outcomes", "at", "''", "became=:done AND key IN (SELECT key FROM commands WHERE kind=:case)"),
}


def numbers(db: sqlite3.Connection, since: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """By tenant and day (UTC): how many deliveries, events and commands in each state, decisions, and cases opened."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, (table, column, state, only) in _DAYS.items():
        whose = "(SELECT c.tenant FROM commands c WHERE c.key = outcomes.key)" if table == "outcomes" else "tenant"
        sql = (
            f"SELECT {whose}, substr({column}, 1, 10), {state}, count(*) FROM {table}"  # noqa: S608 - names of ours
            f" WHERE seq>=:first AND {column}>=:since {'AND ' + only if only else ''} GROUP BY 1, 2, 3"
        )
        asked = {"first": first_since(db, table, column, since), "since": stamp(since)}
        asked |= {"case": OpenCase.kind, "done": states.DONE}
        for tenant, day, word, count in db.execute(sql, asked):
            of_day = found.setdefault(tenant, {}).setdefault(day, {})
            if word:
                of_day.setdefault(name, {})[word] = count
            else:
                of_day[name] = count
    return found


def first_since(db: sqlite3.Connection, table: str, column: str, since: datetime) -> int:
    """The number of the first row since then: rows are numbered as they come, so no index on the time is needed."""
    wanted = stamp(since)
    low = 0
    high: int = db.execute(f"SELECT coalesce(max(seq), 0) + 1 FROM {table}").fetchone()[0]  # noqa: S608 - as above
    while low < high:
        middle = (low + high) // 2
        sql = f"SELECT {column} FROM {table} WHERE seq>=? ORDER BY seq LIMIT 1"  # noqa: S608 - as above
        row: Sequence[str] | None = db.execute(sql, (middle,)).fetchone()
        if row is not None and row[0] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
