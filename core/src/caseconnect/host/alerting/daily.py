"""The daily mail: what came, what was opened, why nothing was done, what was late, waits, does not agree, and moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from caseconnect.host.alerting.mailing import Mail, MailServer, rendered
from caseconnect.host.alerting.settings import DailyPart
from caseconnect.host.alerting.telling import Links
from caseconnect.host.faults import told as fault
from caseconnect.host.journal.alerting import AlertPort
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.records import NewAlert
from caseconnect.host.journal.summary import Day
from caseconnect.host.logs import plain
from caseconnect.sdk.errors import ConnectError
from caseconnect.sdk.resources import Log

CAUSE = "channel:daily"
"""The cause of the alert when the mail cannot be sent; no channel may have this name."""

_TOLD = "daily_mail"  # the day of the last one that was handed over
_EVERY = 30.0
_AGAIN = timedelta(minutes=10)


@dataclass
class DailyMail:
    """Sends one mail a day, also if the daemon was down at its time, then as soon as it is up.

    `told`: the day of the last one that was handed over, also if the journal takes nothing.
    """

    journal: AlertPort
    settings: DailyPart
    server: MailServer
    tenants: Callable[[], Collection[str]]
    now: Callable[[], datetime]
    log: Log
    links: Links
    rest: datetime | None = None
    alerted: bool = True
    told: str = ""

    async def run(self) -> None:
        """Look every half minute whether it is time."""
        while True:
            try:
                await self.turn()
            except JournalError as error:
                self.log.error("the journal takes nothing", why=str(error))
            except Exception as error:  # noqa: BLE001 - tomorrow is another day
                self.log.error("daily mail not sent", error=fault(error))
                self.rest = self.now() + _AGAIN
            await asyncio.sleep(_EVERY)

    async def turn(self) -> None:
        """Send it if it is due."""
        now, until = self.now(), self._last_due()
        name = f"{until.astimezone(self.settings.tz):%Y-%m-%d}"
        remembered = self.journal.remembered(_TOLD) or ""
        if self.told >= name > remembered:
            await self.journal.remember(_TOLD, name)
        if max(remembered, self.told) >= name or (self.rest and now < self.rest):
            return
        since = self._before(until)
        if not (remembered or self.told) and now - until > _AGAIN:
            # It was set up after today's time: there is nothing to make up for.
            self.told = name
            await self.journal.remember(_TOLD, name)
            return
        days = {tenant: self.journal.day(tenant, since, until) for tenant in sorted(self.tenants())}
        try:
            mail = daily_mail(days, since.astimezone(self.settings.tz), until.astimezone(self.settings.tz), self.links)
            await self.server.send(mail, self.settings.to, f"daily_{self.links.journal}_{name}", now)
        except ConnectError as error:
            self.rest, self.alerted = now + _AGAIN, True
            self.log.warning("daily mail not sent", why=str(error))
            await self.journal.alert(NewAlert("", CAUSE, f"the daily mail cannot be sent: {error}", "daily"), now)
            return
        self.told = name
        if self.alerted:
            self.alerted = False
            await self.journal.close_alert("", CAUSE, now)
        await self.journal.remember(_TOLD, name)

    def _last_due(self) -> datetime:
        local = self.now().astimezone(self.settings.tz)
        today = datetime.combine(local.date(), self.settings.at, self.settings.tz)
        return (today if today <= local else self._day_before(today)).astimezone(UTC)

    def _before(self, until: datetime) -> datetime:
        return self._day_before(until.astimezone(self.settings.tz)).astimezone(UTC)

    def _day_before(self, local: datetime) -> datetime:
        """The same time on the clock: 23 or 25 hours where clocks are set."""
        return datetime.combine(local.date() - timedelta(days=1), self.settings.at, self.settings.tz)


def daily_mail(days: dict[str, Day], since: datetime, until: datetime, links: Links) -> Mail:
    """The mail of a day, tenant by tenant."""
    tenants = [(name, _rows(day), [(plain(why), count) for why, count in day.reasons]) for name, day in days.items()]
    waiting = sum(day.parked + day.alerts for day in days.values())
    subject = f"[Connect] {until:%Y-%m-%d}: " + (f"{waiting} wait for a person" if waiting else "nothing waits")
    values = {"tenants": tenants, "since": since, "until": until, "console": links.console}
    return Mail(subject, *rendered("daily", **values))


def _rows(day: Day) -> Sequence[tuple[str, object]]:
    return (
        ("received", day.received),
        ("cases opened", day.opened),
        ("late: had come by no webhook and no poll", day.late),
        ("parked now", day.parked),
        ("unmatched: the platform does not agree", day.unmatched),
        ("alerts open now", day.alerts),
        ("money moved", ", ".join(map(str, day.moved)) or "none"),
    )
