"""One tenant's day, for people who read no tables: what came, what was done, what was not and why, what waits."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from caseconnect.host.journal import auditing, states
from caseconnect.host.journal.auditing import first_since
from caseconnect.host.journal.codec import load, stamp
from caseconnect.models.money import Money
from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.events import CommandSettled

_MOST = 20_000
_REASONS = 5
_WAITED = timedelta(days=1)  # so long an event may have waited for its decision
_NUMBER = re.compile(r"\d[\d.,:]*")
_NAMED = re.compile(r"\b[\w-]+/[\w-]+/\S+")


@dataclass(frozen=True)
class Day:
    """What the time was. `reasons`: why nothing was done, the most frequent first, with how often.

    `late`: changes that had come by no webhook and no poll, `unmatched`: cases and money on which the platforms do not
    agree with the journal. `parked` is what waits for a person now.
    """

    received: int
    opened: int
    reasons: tuple[tuple[str, int], ...]
    late: int
    unmatched: int
    parked: int
    moved: tuple[Money, ...]
    alerts: int


def day(db: sqlite3.Connection, tenant: str, since: datetime, until: datetime) -> Day:
    """What happened to a tenant from `since` until `until`."""
    compared = [c for c in auditing.comparisons(db, since) if c.tenant == tenant and since <= c.at < until]
    return Day(
        received=_received(db, tenant, since, until),
        opened=_opened(db, tenant, since, until),
        reasons=_reasons(db, tenant, since, until),
        late=sum(c.wrong for c in compared if c.what == "changes"),
        unmatched=sum(c.wrong for c in compared if c.what != "changes"),
        parked=_parked(db, tenant),
        moved=_moved(db, tenant, since, until),
        alerts=_count(db, "SELECT count(*) FROM alerts WHERE tenant=? AND closed_at IS NULL", tenant),
    )


def _count(db: sqlite3.Connection, sql: str, *asked: object) -> int:
    return int(db.execute(sql, asked).fetchone()[0])


def _received(db: sqlite3.Connection, tenant: str, since: datetime, until: datetime) -> int:
    first = first_since(db, "deliveries", "received_at", since)
    sql = "SELECT count(*) FROM deliveries NOT INDEXED WHERE seq>=? AND tenant=? AND received_at>=? AND received_at<?"
    return _count(db, sql, first, tenant, stamp(since), stamp(until))


def _opened(db: sqlite3.Connection, tenant: str, since: datetime, until: datetime) -> int:
    first = first_since(db, "outcomes", "at", since)
    sql = (
        "SELECT count(*) FROM outcomes o JOIN commands c ON c.key = o.key"
        " WHERE o.seq>=? AND o.at>=? AND o.at<? AND o.became=? AND c.tenant=? AND c.kind=?"
    )
    return _count(db, sql, first, stamp(since), stamp(until), states.DONE, tenant, OpenCase.kind)


def _reasons(db: sqlite3.Connection, tenant: str, since: datetime, until: datetime) -> tuple[tuple[str, int], ...]:
    """Of answers without commands; of very many the newest. Numbers and names of things are left out of them.

    That a command of ours ended is nobody's wish: it counts only where it alerts.
    """
    first = first_since(db, "decisions", "at", since)
    rows = db.execute(
        "SELECT seq, answers FROM decisions NOT INDEXED WHERE seq>=? AND tenant=? AND at>=? AND at<?"
        " ORDER BY seq DESC LIMIT ?",
        (first, tenant, stamp(since), stamp(until), _MOST),
    )
    echoes = _echoes(db, tenant, first, first_since(db, "events", "at", since - _WAITED))
    found: Counter[str] = Counter()
    for seq, answers in rows:
        for answer in load(answers):
            decision = answer.get("decision") or {}
            if not decision.get("commands") and (seq not in echoes or decision.get("alert")):
                found[f"{answer['use']}: {_NUMBER.sub('…', _NAMED.sub('…', answer['reason']))}"] += 1
    return tuple(found.most_common(_REASONS))


def _echoes(db: sqlite3.Connection, tenant: str, decision: int, event: int) -> set[int]:
    """Decisions from that number on, of events from that number on, that were about commands that ended, alone."""
    rows = db.execute(
        "SELECT decision FROM events NOT INDEXED WHERE seq>=? AND tenant=? AND decision>=?"
        " GROUP BY decision HAVING min(type = ?)",
        (event, tenant, decision, CommandSettled.__name__),
    )
    return {seq for (seq,) in rows}


def _parked(db: sqlite3.Connection, tenant: str) -> int:
    tables = ("commands", "events", "deliveries")
    return sum(
        _count(db, f"SELECT count(*) FROM {table} WHERE state='parked' AND tenant=?", tenant)  # noqa: S608 - as named
        for table in tables
    )


def _moved(db: sqlite3.Connection, tenant: str, since: datetime, until: datetime) -> tuple[Money, ...]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for _, stored in auditing.moved(db, tenant, since, until):
        worth = stored.command.worth()
        if worth is not None:
            sums[worth.currency] += worth.amount
    return tuple(Money(amount=amount, currency=currency) for currency, amount in sorted(sums.items()))
