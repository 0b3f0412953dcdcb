"""Whom an alert was told: one row for each alert and channel, with what was told last, or is to be told next."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from caseconnect.host.journal.codec import stamp, unstamp

Kind = Literal["opened", "repeated", "closed"]
State = Literal["due", "sent", "left"]
"""left: nothing is told of it any more; it was over before anything was told, or could not be told for too long."""


@dataclass(frozen=True)
class Told:
    """An alert as it is told. `seq` numbers it for ever; `before`: so often its cause opened in the hour before it."""

    seq: int
    tenant: str
    cause: str
    title: str
    link: str
    first_at: datetime
    last_at: datetime
    count: int
    closed_at: datetime | None
    closed_by: str | None
    closed_reason: str | None
    before: int = 0


@dataclass(frozen=True)
class Notice:
    """What a channel tells of an alert. `at`: when it was told, or became due; `due`: when it is tried next.

    `number` counts what the channel told of the alert: (alert, channel, number) names a message, also if it is sent
    again because a crash came before its row.
    """

    alert: int
    channel: str
    kind: Kind
    at: datetime
    state: State
    due: datetime
    tries: int = 0
    number: int = 0


_OPEN = "(state = 'due' OR (state = 'sent' AND kind <> 'closed'))"
_LIVE = f"SELECT seq FROM alerts WHERE closed_at IS NULL UNION SELECT alert FROM notices WHERE {_OPEN}"  # noqa: S608 - as below
_BEFORE = """
SELECT count(*) FROM alerts b WHERE b.tenant = a.tenant AND b.cause = a.cause AND b.seq < a.seq
AND b.first_at BETWEEN strftime('%Y-%m-%dT%H:%M:%f', a.first_at, '-1 hour') AND a.first_at
"""
_ALERTS = f"""
SELECT seq, tenant, cause, title, link, first_at, last_at, count, closed_at, closed_by, closed_reason, ({_BEFORE})
FROM alerts a WHERE seq IN ({_LIVE}) ORDER BY seq
"""  # noqa: S608 - a constant condition
_TOLD = f"""
SELECT alert, channel, kind, at, state, due, tries, number FROM notices
WHERE alert IN ({_LIVE})
"""  # noqa: S608 - as above


def tellable(db: sqlite3.Connection) -> tuple[list[Told], list[Notice]]:
    """Alerts that are open or were told as open, oldest first, and all that was told of them."""
    rows = db.execute(_ALERTS)
    alerts = [
        Told(
            seq, tenant, cause, title, link, unstamp(at), unstamp(last), count, over and unstamp(over), by, why, before
        )
        for seq, tenant, cause, title, link, at, last, count, over, by, why, before in rows
    ]
    notices = [
        Notice(alert, channel, kind, unstamp(at), state, unstamp(due), tries, number)
        for alert, channel, kind, at, state, due, tries, number in db.execute(_TOLD)
    ]
    return alerts, notices


def put_notices(db: sqlite3.Connection, notices: Sequence[Notice]) -> None:
    """Write what was told, or is to be told."""
    db.executemany(
        "INSERT INTO notices (alert, channel, kind, at, state, due, tries, number) VALUES (?,?,?,?,?,?,?,?)"
        " ON CONFLICT DO UPDATE SET kind=excluded.kind, at=excluded.at, state=excluded.state, due=excluded.due,"
        " tries=excluded.tries, number=excluded.number",
        [(n.alert, n.channel, n.kind, stamp(n.at), n.state, stamp(n.due), n.tries, n.number) for n in notices],
    )
