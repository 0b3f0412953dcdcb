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

FLAPS = 3
"""What opens once more, after so many openings within an hour, comes and goes."""


@dataclass(frozen=True)
class Told:
    """An alert as it is told. `seq` numbers it for ever; `before`: so often its cause opened in the hour before it.

    `heard`: the channels that told, of an opening in that hour, that it comes and goes.
    """

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
    heard: frozenset[str] = frozenset()


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
_IN_THE_HOUR = """{0}.tenant = {1}.tenant AND {0}.cause = {1}.cause AND {0}.seq < {1}.seq
AND {0}.first_at BETWEEN strftime('%Y-%m-%dT%H:%M:%f', {1}.first_at, '-1 hour') AND {1}.first_at"""
_BEFORE = f"SELECT count(*) FROM alerts b WHERE {_IN_THE_HOUR.format('b', 'a')}"  # noqa: S608 - as below
_ALERTS = f"""
SELECT seq, tenant, cause, title, link, first_at, last_at, count, closed_at, closed_by, closed_reason, ({_BEFORE})
FROM alerts a WHERE seq IN ({_LIVE}) ORDER BY seq
"""  # noqa: S608 - a constant condition
# `IIF`, so that openings are counted only before what was told.
_HEARD = f"""
SELECT a.seq, n.channel FROM alerts a CROSS JOIN alerts c CROSS JOIN notices n
WHERE a.seq IN ({_LIVE}) AND {_IN_THE_HOUR.format("c", "a")} AND n.alert = c.seq
AND IIF(n.state = 'sent' OR n.number > 0, (SELECT count(*) FROM alerts b WHERE {_IN_THE_HOUR.format("b", "c")}), 0) >= ?
"""  # noqa: S608 - as above
_TOLD = f"""
SELECT alert, channel, kind, at, state, due, tries, number FROM notices
WHERE alert IN ({_LIVE})
"""  # noqa: S608 - as above


def tellable(db: sqlite3.Connection) -> tuple[list[Told], list[Notice]]:
    """Alerts that are open or were told as open, oldest first, and all that was told of them."""
    heard: dict[int, set[str]] = {}
    for seq, channel in db.execute(_HEARD, (FLAPS,)):
        heard.setdefault(seq, set()).add(channel)
    alerts = [
        Told(
            *(seq, tenant, cause, title, link, unstamp(at), unstamp(last), count),
            *(over and unstamp(over), by, why, before, frozenset(heard.get(seq, ()))),
        )
        for seq, tenant, cause, title, link, at, last, count, over, by, why, before in db.execute(_ALERTS)
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
