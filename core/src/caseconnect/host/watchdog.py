"""Looks after the daemon's two loops: tells when a plugin blocks the pipeline's, and the supervisor that all is well.

Intake goes on meanwhile. The supervisor hears from here, so only while both loops turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from caseconnect.host.journal.alerting import AlertPort
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.records import NewAlert
from caseconnect.host.pipeline_thread import PipelineThread
from caseconnect.host.systemd import Supervisor
from caseconnect.sdk.resources import Log

BLOCKED = "pipeline:blocked"
"""The cause of the alert that the pipeline's loop does not turn."""

_BLOCKED_AFTER = 5.0


class Watchdog:
    """Looks every second, until it is cancelled. `end`: the pipeline has ended, and so must the daemon."""

    def __init__(
        self, pipeline: PipelineThread, supervisor: Supervisor, end: Callable[[], None], now: Callable[[], datetime]
    ) -> None:
        self._pipeline, self._supervisor, self._end, self._now = pipeline, supervisor, end, now
        self._blocked: bool | None = None

    async def run(self, journal: AlertPort, log: Log) -> None:
        """Look, and tell."""
        while True:
            await asyncio.sleep(1)
            if not self._pipeline.alive():
                self._end()
            blocked = self._pipeline.silent_for() > _BLOCKED_AFTER
            if not blocked:
                self._supervisor.alive()
            if blocked is not self._blocked:  # the first time too: a process that was killed may have left its alert
                with suppress(JournalError):
                    await (self._tell(journal, log) if blocked else journal.close_alert("", BLOCKED, self._now()))
                    self._blocked = blocked

    async def _tell(self, journal: AlertPort, log: Log) -> None:
        where = self._pipeline.where()
        title = f"a plugin blocks the pipeline since {self._pipeline.silent_for():.0f} s, at {where}"
        log.error("pipeline blocked", where=where)
        await journal.alert(NewAlert("", BLOCKED, title, where), self._now())
