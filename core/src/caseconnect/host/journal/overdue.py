"""Commands that are open for longer than anybody would expect. Reads only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from caseconnect.host.journal.codec import stamp, unstamp
from caseconnect.host.journal.history import MONEY


@dataclass(frozen=True)
class Overdue:
    """Commands of one use case and kind to one connection. `since` and `key` are the oldest one's."""

    connection: str
    use: str
    kind: str
    count: int
    since: datetime
    key: str


# From when on nobody kept it back: it was asked for, a person answered it, or the tenant's last pause ended.
_SINCE = """
max(c.created_at, coalesce((SELECT max(o.at) FROM outcomes o WHERE o.key = c.key AND o.by <> 'connect'), ''),
    coalesce((SELECT max(b.released_at) FROM brakes b WHERE b.tenant = :tenant), ''))
"""
_OPEN = f"""
SELECT c.connection, c.use, c.kind, c.key, {_SINCE} AS since FROM commands c
WHERE c.tenant = :tenant AND c.waits = 0 AND c.state IN ('planned', 'unknown', 'accepted') AND c.created_at < :before
UNION ALL SELECT c.connection, c.use, c.kind, c.key, {_SINCE} AS since FROM commands c
WHERE c.tenant = :tenant AND c.state = 'sending' AND c.created_at < :before
"""  # noqa: S608 - our own text
_UNKNOWN = f"""
SELECT c.connection, c.use, c.kind, c.key, c.sent_at AS since FROM commands c
WHERE c.tenant = :tenant AND c.waits = 0 AND c.state = 'unknown' AND c.kind IN ({MONEY}) AND c.sent_at < :before
"""  # noqa: S608 - names of our own classes
_GROUPED = """
SELECT connection, use, kind, count(*), min(since), key FROM ({rows}) WHERE since < :before
GROUP BY connection, use, kind ORDER BY 5
"""


def open_since(db: sqlite3.Connection, tenant: str, before: datetime) -> list[Overdue]:
    """Commands that are open since before a moment, whatever they wait for; the oldest first."""
    return _read(db, _OPEN, tenant, before)


def unknown_since(db: sqlite3.Connection, tenant: str, before: datetime) -> list[Overdue]:
    """Commands that give value away, were sent before a moment, and of which nobody knows what became of them."""
    return _read(db, _UNKNOWN, tenant, before)


def _read(db: sqlite3.Connection, rows: str, tenant: str, before: datetime) -> list[Overdue]:
    found = db.execute(_GROUPED.format(rows=rows), {"tenant": tenant, "before": stamp(before)})
    return [Overdue(conn, use, kind, many, unstamp(since), key) for conn, use, kind, many, since, key in found]
