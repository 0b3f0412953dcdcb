"""Alerts are rows: one per cause until it is closed. Channels come on top of them."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from caseconnect.host.journal.codec import stamp
from caseconnect.host.journal.records import NewAlert

MORE = "..."
"""Stands first among the links of an alert that had more than are kept."""

_KEPT = 20


def alert(db: sqlite3.Connection, new: NewAlert, now: datetime) -> None:
    """Open an alert, or count one more on the open one of the same cause. What it names are its last 20 links."""
    at = stamp(now)
    row = db.execute(
        "SELECT seq, link FROM alerts WHERE tenant=? AND cause=? AND closed_at IS NULL", (new.tenant, new.cause)
    ).fetchone()
    if row is None:
        db.execute(
            "INSERT INTO alerts (tenant, cause, title, link, first_at, last_at, count) VALUES (?,?,?,?,?,?,1)",
            (new.tenant, new.cause, new.title, new.link, at, at),
        )
        return
    db.execute(
        "UPDATE alerts SET count=count+1, last_at=?, title=?, link=? WHERE seq=?",
        (at, new.title, joined([*(link for link in links_of(row[1]) if link != new.link), new.link]), row[0]),
    )


def links_of(text: str) -> list[str]:
    """What an alert names, oldest first."""
    return [link for link in text.split(", ") if link]


def joined(links: list[str]) -> str:
    """Links as they are stored."""
    kept = [link for link in links if link and link != MORE]
    more = len(kept) > _KEPT or MORE in links
    return ", ".join([MORE] * more + kept[-_KEPT:])


def close_alert(
    db: sqlite3.Connection, tenant: str, cause: str, now: datetime, by: str | None = None, reason: str | None = None
) -> bool:
    """Close the open alert of a cause; False if there is none. `by` and `reason` when a person does it."""
    done = db.execute(
        "UPDATE alerts SET closed_at=?, closed_by=?, closed_reason=? WHERE tenant=? AND cause=? AND closed_at IS NULL",
        (stamp(now), by, reason, tenant, cause),
    )
    return done.rowcount > 0
