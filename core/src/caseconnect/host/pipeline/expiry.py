"""Bodies of deliveries that are older than the tenant file says are erased: soon after the start, then every day."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

from caseconnect.host.faults import told
from caseconnect.host.pipeline.context import Context

FIRST, EVERY = timedelta(minutes=10), timedelta(days=1)


class Expiry:
    """Erases what is too old. Its due times are in memory: a restart only puts the next one off."""

    def __init__(self, context: Context, started: datetime) -> None:
        self._context, self._first = context, started + FIRST
        self._due: dict[str, datetime] = {}
        self._running: dict[str, asyncio.Task[int]] = {}

    def tick(self, now: datetime) -> None:
        """Begin with every tenant that is due."""
        for name, live in self._context.tenants.items():
            if name in self._running or now < self._due.get(name, self._first):
                continue
            self._due[name] = now + EVERY
            before = now - live.tenant.timing.keep_bodies
            task = asyncio.create_task(self._context.journal.expire(name, before))
            self._running[name] = task
            task.add_done_callback(partial(self._over, name))

    async def idle(self) -> None:
        """Wait for what is on."""
        if self._running:
            await asyncio.wait(self._running.values())

    def _over(self, name: str, task: asyncio.Task[int]) -> None:
        self._running.pop(name, None)
        if task.cancelled():
            return
        if error := task.exception():
            self._context.log.error("old bodies not erased", tenant=name, error=told(error))
        elif count := task.result():
            self._context.log.info("old bodies erased", tenant=name, count=count)
