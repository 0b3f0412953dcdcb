"""The journal's verbs for alerts and for what is watched by time: their port, and the same on SQLite."""

from __future__ import annotations

import shutil
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from caseconnect.host.journal import notices, overdue, rates, summary
from caseconnect.host.journal.alerts import alert, close_alert
from caseconnect.host.journal.codec import unstamp
from caseconnect.host.journal.notices import Notice, Told
from caseconnect.host.journal.overdue import Overdue
from caseconnect.host.journal.part import SqlitePart
from caseconnect.host.journal.rates import Hours
from caseconnect.host.journal.records import NewAlert
from caseconnect.host.journal.summary import Day

ALERT = "alert"
"""Name of these writes: they are made in the ballast's room, when the disk is full."""


@dataclass(frozen=True)
class Room:
    """How much is free beside the journal, in bytes. `full`: nothing new is written until there is more."""

    free: int
    full: bool


class AlertPort(Protocol):
    """What alerting asks of the journal."""

    async def alert(self, new: NewAlert, now: datetime) -> None:
        """Open an alert, or count one more."""

    async def close_alert(self, tenant: str, cause: str, now: datetime) -> bool:
        """Close the open alert of a cause, if there is one."""

    def open_alerts(self, tenant: str) -> dict[str, str]:
        """Titles of a tenant's open alerts, by cause."""

    def dismissed(self, tenant: str, cause: str) -> datetime | None:
        """When a person closed an alert of a cause last."""

    def tellable(self) -> tuple[list[Told], list[Notice]]:
        """Alerts that are open or were told as open, and all that was told of them."""

    async def put_notices(self, told: Sequence[Notice]) -> None:
        """Write what was told, or is to be told."""

    async def count_arrived(self, now: datetime) -> bool:
        """Count deliveries by the hour, a piece of them; True if there are more."""

    def hours(self, tenant: str, connection: str) -> Hours:
        """How much came from a connection in each hour."""

    def open_since(self, tenant: str, before: datetime) -> list[Overdue]:
        """Commands that are open since before a moment."""

    def unknown_since(self, tenant: str, before: datetime) -> list[Overdue]:
        """Commands that give value away and are unknown since before a moment."""

    def room(self) -> Room:
        """How much is free beside the journal."""

    def day(self, tenant: str, since: datetime, until: datetime) -> Day:
        """What came, what was done and what waits."""

    def remembered(self, name: str) -> str | None:
        """What was remembered under a name."""

    async def remember(self, name: str, value: str) -> None:
        """Remember one thing about the daemon itself."""


class SqliteAlerts(SqlitePart):
    """`AlertPort` on SQLite."""

    path: Path

    @abstractmethod
    def full(self) -> bool:
        """The disk is full."""

    async def alert(self, new: NewAlert, now: datetime) -> None:
        """See `AlertPort`."""
        await self._write(ALERT, lambda db: alert(db, new, now))

    async def close_alert(self, tenant: str, cause: str, now: datetime) -> bool:
        """See `AlertPort`."""
        return bool(await self._write(ALERT, lambda db: close_alert(db, tenant, cause, now)))

    def open_alerts(self, tenant: str) -> dict[str, str]:
        """See `AlertPort`."""
        rows = self._db().execute("SELECT cause, title FROM alerts WHERE tenant=? AND closed_at IS NULL", (tenant,))
        return dict(rows.fetchall())

    def dismissed(self, tenant: str, cause: str) -> datetime | None:
        """See `AlertPort`."""
        sql = "SELECT max(closed_at) FROM alerts WHERE tenant=? AND cause=? AND closed_by IS NOT NULL"
        (at,) = self._db().execute(sql, (tenant, cause)).fetchone()
        return unstamp(at) if at else None

    def tellable(self) -> tuple[list[Told], list[Notice]]:
        """See `AlertPort`."""
        return notices.tellable(self._db())

    async def put_notices(self, told: Sequence[Notice]) -> None:
        """See `AlertPort`."""
        await self._write(ALERT, lambda db: notices.put_notices(db, told))

    async def count_arrived(self, now: datetime) -> bool:
        """See `AlertPort`."""
        if not rates.uncounted(self._db()):
            return False
        return bool(await self._write("arrived", lambda db: rates.count(db, now)))

    def hours(self, tenant: str, connection: str) -> Hours:
        """See `AlertPort`."""
        return rates.hours(self._db(), tenant, connection)

    def open_since(self, tenant: str, before: datetime) -> list[Overdue]:
        """See `AlertPort`."""
        return overdue.open_since(self._db(), tenant, before)

    def unknown_since(self, tenant: str, before: datetime) -> list[Overdue]:
        """See `AlertPort`."""
        return overdue.unknown_since(self._db(), tenant, before)

    def room(self) -> Room:
        """See `AlertPort`."""
        return Room(shutil.disk_usage(self.path.parent).free, self.full())

    def day(self, tenant: str, since: datetime, until: datetime) -> Day:
        """See `AlertPort`."""
        return summary.day(self._db(), tenant, since, until)

    def remembered(self, name: str) -> str | None:
        """See `AlertPort`."""
        row = self._db().execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return str(row[0]) if row else None

    async def remember(self, name: str, value: str) -> None:
        """See `AlertPort`."""
        await self._write(
            "remember", lambda db: db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (name, value)).rowcount
        )
