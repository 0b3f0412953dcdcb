"""What the console reads of the journal: bounded, each answer well under a second in a journal of a million events."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

from caseconnect.host.journal import view_flows, view_places, view_waiting
from caseconnect.host.journal.view_flows import CaseTimes, Tallies
from caseconnect.host.journal.view_places import Found, Part
from caseconnect.host.journal.view_waiting import Rows
from caseconnect.models.money import Money


class Views:
    """Reads for people, by page. Safe from several threads; sees what was committed.

    Rows are plain data by the names of their columns, times in them UTC text. `tallies` are kept from look to look.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._db = connect
        self.tallies = Tallies(connect)

    def version(self) -> int:
        """Another number after another connection committed; compared within one thread only."""
        return int(self._db().execute("PRAGMA data_version").fetchone()[0])

    def waiting(self) -> dict[str, Rows]:
        """See `view_waiting.waiting`."""
        return view_waiting.waiting(self._db())

    def parked(self) -> dict[str, int]:
        """How many commands, deliveries and events are parked."""
        return view_waiting.counts(self._db())

    def behind(self, tenant: str, scope: str, name: str) -> list[Money | None]:
        """What each command that a pause keeps back gives away; of the first 1,000."""
        return view_waiting.behind(self._db(), tenant, scope, name)

    def open_alerts(self) -> Rows:
        """Alerts that are open, oldest first."""
        return view_waiting.open_alerts(self._db())

    def closed_alerts(self, before: int | None, limit: int) -> Rows:
        """Alerts that were closed, the newest first."""
        return view_waiting.closed_alerts(self._db(), before, limit)

    def incidents(self, tenant: str, limit: int = 50) -> Rows:
        """A tenant's incidents, the newest first."""
        return view_waiting.incidents(self._db(), tenant, limit)

    def members(self, incident: str, after: int, limit: int) -> Rows:
        """Who joined an incident (its matter's id), in order."""
        return view_waiting.members(self._db(), incident, after, limit)

    def arrivals(self, tenant: str, connection: str, before: int | None, limit: int, state: str = "") -> Part:
        """What a connection brought, the newest first."""
        return view_places.arrivals(self._db(), tenant, connection, before, limit, state)

    def arrived(self, tenant: str, subject: str, limit: int) -> Rows:
        """The deliveries that a subject's events came by."""
        return view_places.arrived(self._db(), tenant, subject, limit)

    def delivery(self, seq: int) -> dict[str, Any] | None:
        """One delivery with its headers and what is left of its body."""
        return view_places.delivery(self._db(), seq)

    def naming(self, text: str, before: int | None = None) -> Found:
        """Subjects whose facts hold a text, such as a customer's mail address."""
        return view_places.naming(self._db(), text, before)

    def record(self, tenant: str, subject: str) -> dict[str, Any] | None:
        """A subject's own record as it was last read for a decision."""
        return view_places.order_facts(self._db(), tenant, subject)

    def matters(self, tenant: str, subject: str) -> Rows:
        """The matters of a subject in short, the newest first."""
        return view_places.matters(self._db(), tenant, subject)

    def schedules(self) -> Rows:
        """Polls: next, last, and what was noted."""
        return view_places.schedules(self._db())

    def pauses(self, before: int | None, limit: int) -> Rows:
        """Pauses that are over, the newest first."""
        return view_places.brakes_of(self._db(), before, limit)

    def answers(self, before: int | None, limit: int) -> Part:
        """What people answered to commands, the newest first."""
        return view_places.answers(self._db(), before, limit)

    def starts(self, tenant: str) -> dict[str, str]:
        """By connection when it was first started; '' for the tenant."""
        return view_places.first_of(self._db(), tenant)

    def tenants(self) -> list[str]:
        """Every tenant that was ever started."""
        return view_places.known_tenants(self._db())

    def open_matters(self) -> Rows:
        """By tenant and flow: open matters, those with a case, the oldest."""
        return view_flows.open_matters(self._db())

    def case_times(self, since: datetime, limit: int = 2000) -> list[CaseTimes]:
        """Times of the newest cases since then."""
        return view_flows.case_times(self._db(), since, limit)

    def cases_by_hour(self, since: datetime) -> dict[tuple[str, str, str], int]:
        """(hour, tenant, flow) -> cases that were opened."""
        return view_flows.cases_by_hour(self._db(), since)
