"""Alerts are rows: one per cause until it is closed. Channels come on top of them."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from caseconnect.host.journal.codec import stamp
from caseconnect.host.journal.records import NewAlert


def alert(db: sqlite3.Connection, new: NewAlert, now: datetime) -> None:
    """Open an alert, or count one more on the open one of the same cause."""
    at = stamp(now)
    counted = db.execute(
        "UPDATE alerts SET count=count+1, last_at=?, title=?, link=? WHERE tenant=? AND cause=? AND closed_at IS NULL",
        (at, new.title, new.link, new.tenant, new.cause),
    )
    if counted.rowcount == 0:
        db.execute(
            "INSERT INTO alerts (tenant, cause, title, link, first_at, last_at, count) VALUES (?,?,?,?,?,?,1)",
            (new.tenant, new.cause, new.title, new.link, at, at),
        )


def close_alert(db: sqlite3.Connection, tenant: str, cause: str, now: datetime) -> bool:
    """Close the open alert of a cause; False if there is none."""
    done = db.execute(
        "UPDATE alerts SET closed_at=? WHERE tenant=? AND cause=? AND closed_at IS NULL", (stamp(now), tenant, cause)
    )
    return done.rowcount > 0
