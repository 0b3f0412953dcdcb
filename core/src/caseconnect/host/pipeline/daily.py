"""The daily check: what `connect check --live` reads of a source is read again, so that nobody has to remember it.

An hour after the start and then every day; a step that fails opens an alert, which closes when it is right again. A
step that tells a `state` alerts when it is one that was never seen before.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

from caseconnect.host.alerting.watching import ends_soon
from caseconnect.host.faults import told
from caseconnect.host.pipeline.context import Context
from caseconnect.host.pipeline.live import PATIENCE, LiveConnection, guarded
from caseconnect.host.pipeline.recurring import Recurring
from caseconnect.sdk.components import Check, Source
from caseconnect.sdk.errors import AuthError, ConnectError
from caseconnect.sdk.pace import BACKGROUND, priority

FIRST, EVERY = timedelta(hours=1), timedelta(days=1)
_SPREAD = 3600  # seconds over which the connections' checks are spread

Key = tuple[str, str]


class DailyChecks:
    """Makes the check of every source."""

    def __init__(self, context: Context, started: datetime, before_end: timedelta) -> None:
        self._context, self._started, self.before_end = context, started, before_end
        self._work = Recurring[Key](EVERY, self._failed)
        self.on, self.idle, self.stop = self._work.on, self._work.idle, self._work.stop

    def tick(self, now: datetime) -> None:
        """Begin every check that is due and not on."""
        for tenant in self._context.tenants.values():
            for connection in tenant.connections.values():
                if connection.source is not None:
                    key = (tenant.name, connection.spec.name)
                    self._work.begin(
                        key, self._first(key), now, partial(self._check, key, connection, connection.source)
                    )

    def _first(self, key: Key) -> datetime:
        spread = zlib.crc32("/".join(key).encode()) % _SPREAD
        return self._started + FIRST + timedelta(seconds=spread)

    def _failed(self, key: Key, error: BaseException) -> None:
        self._context.log.error("daily check failed", tenant=key[0], connection=key[1], error=told(error))

    async def _check(self, key: Key, connection: LiveConnection, source: Source) -> None:
        priority.set(BACKGROUND)
        connection.identified = False  # asked again before the next command goes out
        try:
            connection.resources.gate.check()
            steps = await guarded(
                source.check(), plugin=connection.spec.platform, doing="daily check", deadline=PATIENCE
            )
        except AuthError as error:
            await self._context.credentials_refused(*key, str(error))
            return
        except ConnectError as error:
            # That it does not answer is told by what works on it; tomorrow is another day.
            self._context.log.warning("daily check", tenant=key[0], connection=key[1], why=str(error))
            return
        for step in steps:
            await self._tell(key, step)
        await self._close_others(key, {step.step for step in steps})

    async def _tell(self, key: Key, step: Check) -> None:
        (tenant, connection), journal, now = key, self._context.journal, self._context.now()
        cause = f"check:{connection}:{step.step}"
        if not step.ok:
            await self._context.alert(tenant, cause, f"{connection}: {step.step}: {step.note}", connection)
        else:
            await journal.close_alert(tenant, cause, now)
        ends = f"ends:{connection}:{step.step}"
        if step.ends_at and ends_soon(step.ends_at, self.before_end, now):
            title = f"{connection}: {step.step} ({step.note}) ends on {step.ends_at:%Y-%m-%d}: see its platform's notes"
            await self._context.alert(tenant, ends, title, connection)
        else:
            await journal.close_alert(tenant, ends, now)
        if not step.state:
            return
        began = await journal.first(tenant, cause, now)
        if await journal.first(tenant, f"{cause}:{step.state}", now) == now > began:
            title = (
                f"{connection}: {step.step} is another than before, look whether the settings still fit: {step.note}"
            )
            await self._context.alert(tenant, f"changed:{connection}:{step.step}", title, connection)

    async def _close_others(self, key: Key, steps: Collection[str]) -> None:
        """A step that is not made any more fails no more, and ends nothing."""
        (tenant, connection), journal = key, self._context.journal
        for cause in journal.open_alerts(tenant):
            kind, _, rest = cause.partition(":")
            whose, _, step = rest.partition(":")
            if kind in ("check", "ends") and whose == connection and step not in steps:
                await journal.close_alert(tenant, cause, self._context.now())
