"""The clock: APScheduler's triggers say when (tenants/schedule.py), its scheduler wakes; due times are rows.

The scheduler keeps nothing of its own: a job per poll and one for the next timer are set from the journal's
rows, and a sweep looks every half minute. Each calls `tick(now)`; a lost or doubled wake-up is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from caseconnect.host.faults import told
from caseconnect.host.journal.errors import JournalBusy, JournalFull
from caseconnect.host.pipeline.runner import Runner

_SWEEP = 30
_SETTLE = 0.1


class Clock:
    """Wakes a runner in `serve`. Use inside the runner's event loop."""

    def __init__(self, runner: Runner, now: Callable[[], datetime]) -> None:
        self._runner, self._now = runner, now
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._follower: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Set the sweep and follow the rows."""
        self._scheduler.add_job(self._tick, IntervalTrigger(seconds=_SWEEP, timezone=UTC), id="sweep", **_EVER)
        self._scheduler.start()
        self._follower = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """No more wake-ups."""
        self._scheduler.shutdown(wait=False)
        if self._follower:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower

    async def _tick(self) -> None:
        try:
            await self._runner.tick(self._now())
        except (JournalFull, JournalBusy) as error:
            self._runner.context.log.error("clock", error=told(error))

    async def _follow(self) -> None:
        woken = self._runner.context.wake.listen()
        await self._tick()
        while True:
            try:
                self._set_jobs()
                self._runner.announce()
            except Exception as error:  # noqa: BLE001 - the clock must not stop; the sweep goes on meanwhile
                self._runner.context.log.error("clock", error=told(error))
            woken.clear()
            await woken.wait()
            await asyncio.sleep(_SETTLE)

    def _set_jobs(self) -> None:
        wanted = {f"poll:{t}/{c}": due for (t, c), due in self._runner.poller.due().items()}
        due = self._runner.next_due()
        if due is not None:
            wanted["next"] = due
        for name, when in wanted.items():
            self._scheduler.add_job(self._tick, DateTrigger(max(when, self._now()), timezone=UTC), id=name, **_EVER)


_EVER = {"replace_existing": True, "misfire_grace_time": None, "coalesce": True, "max_instances": 1}
