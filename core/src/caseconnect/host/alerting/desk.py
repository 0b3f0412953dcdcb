"""What `connect serve` runs for alerts: all channels and the daily mail, as the daemon's file says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime

from caseconnect.host.alerting.channels import build
from caseconnect.host.alerting.settings import AlertsPart
from caseconnect.host.alerting.telling import Links, Teller
from caseconnect.host.journal.alerting import AlertPort
from caseconnect.sdk.resources import Log
from caseconnect.sdk.secrets import Secrets


async def tell(
    settings: AlertsPart,
    secrets: Secrets,
    journal: AlertPort,
    tenants: Callable[[], Collection[str]],
    now: Callable[[], datetime],
    log: Log,
    console: str | None = None,
) -> None:
    """Tell alerts, and of each day, until it is cancelled. `console`: the address of the console."""
    links = Links((journal.remembered("instance") or "")[:12], settings.runbooks, console)
    async with asyncio.TaskGroup() as group:
        teller = Teller(journal, build(settings, secrets, log), settings.repeat, now, log, links)
        group.create_task(teller.run())
        if settings.daily and settings.smtp:
            from caseconnect.host.alerting.daily import DailyMail  # its libraries load only for who mails
            from caseconnect.host.alerting.mailing import MailServer

            server = MailServer(settings.smtp, secrets, log)
            daily = DailyMail(journal, settings.daily, server, tenants, now, log, links)
            group.create_task(daily.run())
