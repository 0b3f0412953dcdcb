"""A journal in doubt: it was set back, copied, or is at work elsewhere, so it may not know all that was sent.

Everything is paused. The pipeline asks the platforms about all open and recent money; a person ends the pause. For two
weeks no command is sent for the first time without a look whether it happened.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from caseconnect.host.journal.alerts import alert
from caseconnect.host.journal.codec import dump, load, stamp
from caseconnect.host.journal.people import OURSELVES, pause
from caseconnect.host.journal.records import Brake, NewAlert
from caseconnect.sdk.commands import COMMANDS

CAUSE = "journal:doubt"
"""The cause of the alert of each tenant."""

RECENT = timedelta(days=14)
"""How far back money is verified, and how long what is planned looks first: longer than a backup is used after."""

UNTIL, UNVERIFIED = "doubt_until", "unverified"
_MONEY = ", ".join(f"'{kind}'" for kind, command in sorted(COMMANDS.items()) if command.money)


def begin(db: sqlite3.Connection, why: str, now: datetime) -> list[str]:
    """Pause all tenants with an alert; their names."""
    tenants = [tenant for (tenant,) in db.execute("SELECT tenant FROM heads ORDER BY tenant").fetchall()]
    for tenant in tenants:
        pause(db, Brake(tenant, "tenant", tenant, f"the journal is in doubt: {why}", OURSELVES, now))
        title = f"the journal is in doubt: {why}. All is paused while the platforms are asked about the money"
        alert(db, NewAlert(tenant, CAUSE, title), now)
    for name, value in ((UNTIL, stamp(now + RECENT)), (UNVERIFIED, dump(tenants))):
        db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (name, value))
    return tenants


def unverified(db: sqlite3.Connection, tenant: str, now: datetime) -> list[str] | None:
    """Keys of a tenant's money commands that are to be verified with the platform; None: nothing is in doubt."""
    row = db.execute("SELECT value FROM meta WHERE name=?", (UNVERIFIED,)).fetchone()
    if row is None or tenant not in load(row[0]):
        return None
    rows = db.execute(
        f"SELECT key FROM commands WHERE tenant=? AND kind IN ({_MONEY})"  # noqa: S608 - names of our own classes
        " AND (state IN ('planned', 'unknown', 'accepted', 'parked') OR (state='done' AND updated_at > ?))"
        " ORDER BY seq",
        (tenant, stamp(now - RECENT)),
    )
    return [key for (key,) in rows]


def verified(db: sqlite3.Connection, tenant: str, told: str, now: datetime) -> None:
    """The platforms were asked: the alert says what they `told` and how to go on."""
    row = db.execute("SELECT value FROM meta WHERE name=?", (UNVERIFIED,)).fetchone()
    left = [name for name in load(row[0]) if name != tenant] if row else []
    db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (UNVERIFIED, dump(left)))
    title = f"{told}; all is paused: look, then connect resume --tenant {tenant}, and close this alert"
    alert(db, NewAlert(tenant, CAUSE, title), now)
