"""Bodies of deliveries that are older than the tenant file says are erased: soon after the start, then every day."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from caseconnect.host.faults import told
from caseconnect.host.pipeline.context import Context
from caseconnect.host.pipeline.recurring import Recurring

FIRST, EVERY = timedelta(minutes=10), timedelta(days=1)


class Expiry:
    """Erases what is too old."""

    def __init__(self, context: Context, started: datetime) -> None:
        self._context, self._first = context, started + FIRST
        self._work = Recurring[str](EVERY, self._failed)
        self.on, self.idle = self._work.on, self._work.idle

    def tick(self, now: datetime) -> None:
        """Begin with every tenant that is due."""
        for name, live in self._context.tenants.items():
            before = now - live.tenant.timing.keep_bodies
            self._work.begin(name, self._first, now, partial(self._erase, name, before))

    async def _erase(self, name: str, before: datetime) -> None:
        if count := await self._context.journal.expire(name, before):
            self._context.log.info("old bodies erased", tenant=name, count=count)

    def _failed(self, name: str, error: BaseException) -> None:
        self._context.log.error("old bodies not erased", tenant=name, error=told(error))
