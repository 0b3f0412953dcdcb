"""What `connect serve` runs for alerts: all channels and the daily mail, as the daemon's file says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from datetime import datetime
from typing import Any

from caseconnect.host.alerting.channels import build
from caseconnect.host.alerting.due import CHANNEL
from caseconnect.host.alerting.settings import AlertsPart
from caseconnect.host.alerting.telling import Links, Teller
from caseconnect.host.faults import told
from caseconnect.host.journal.alerting import AlertPort
from caseconnect.host.journal.errors import JournalError
from caseconnect.sdk.resources import Log
from caseconnect.sdk.secrets import Secrets

PAUSE = 30.0
"""Seconds before telling that has ended by an error is begun again."""


async def tell(
    settings: AlertsPart,
    secrets: Secrets,
    journal: AlertPort,
    tenants: Callable[[], Collection[str]],
    now: Callable[[], datetime],
    log: Log,
    links: Links,
) -> None:
    """Tell alerts, and of each day, until it is cancelled."""
    names = {*settings.channels, *(("daily",) if settings.daily else ())}
    try:
        await _close_gone(journal, names, now())
    except JournalError as error:
        log.error("the journal takes nothing", why=str(error))
    async with asyncio.TaskGroup() as group:
        teller = Teller(journal, build(settings, secrets, log), settings.repeat, now, log, links)
        group.create_task(teller.run())
        if settings.daily and settings.smtp:
            from caseconnect.host.alerting.daily import DailyMail  # its libraries load only for who mails
            from caseconnect.host.alerting.mailing import MailServer

            server = MailServer(settings.smtp, secrets, log)
            daily = DailyMail(journal, settings.daily, server, tenants, now, log, links)
            group.create_task(daily.run())


async def tell_anew(telling: Callable[[], Coroutine[Any, Any, None]], changed: asyncio.Event, log: Log) -> None:
    """Tell until it is cancelled, and begin anew whenever `changed` is set: channels are other ones then.

    What was being handed over just then may be told once more, under the same id. Telling that ends by an error begins
    again after a pause; without an error it had no channel to tell by.
    """
    while True:
        changed.clear()
        task, waiting = asyncio.create_task(telling()), asyncio.create_task(changed.wait())
        try:
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                error = task.exception()
                if error:
                    log.error("alerts not told", error=told(error))
                await asyncio.wait([waiting], timeout=PAUSE if error else None)
        finally:
            for each in (task, waiting):
                each.cancel()
            await asyncio.gather(task, waiting, return_exceptions=True)


async def _close_gone(journal: AlertPort, names: Collection[str], now: datetime) -> None:
    """Close what is told of channels that the daemon's file has no more."""
    for cause in journal.open_alerts(""):
        if cause.startswith(CHANNEL) and cause.removeprefix(CHANNEL) not in names:
            await journal.close_alert("", cause, now)
