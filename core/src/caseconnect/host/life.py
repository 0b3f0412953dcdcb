"""How a daemon's life ends is known and told: a mark beside the journal is there from its start to an orderly end.

The mark's time is the last sign of life. Who finds a mark at its start follows one that was killed, lost its power or
failed, and has people told. One that fails tells them by the channels before it ends: the journal may be what failed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from caseconnect.host.alerting.channels import Channel
from caseconnect.host.alerting.telling import Links, last_words
from caseconnect.host.faults import told
from caseconnect.host.journal.alerting import AlertPort
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.records import NewAlert
from caseconnect.sdk.resources import Log

ENDED = "daemon:ended"
"""The cause of the alert that the daemon was not stopped in order."""

WELL = timedelta(minutes=15)
"""After so long the alert about the end before is over: longer than what comes and goes has to hold to be told."""

EVERY = 30.0
"""Seconds between two signs of life."""

_WORDS_WITHIN = 5.0
_FAILS = "the daemon ends by a failure: "


def mark_path(journal: Path) -> Path:
    """The mark of the daemon that works on a journal."""
    return journal.with_suffix(".running")


@dataclass
class Life:
    """One run of the daemon. `channels` makes the ways to people anew: those that were open are closed at its end."""

    mark: Path
    now: Callable[[], datetime]
    log: Log
    channels: Callable[[], Sequence[Channel]]
    _links: Links | None = None
    _before: str = ""
    _known: bool = False

    async def run(self, journal: AlertPort, links: Links) -> None:
        """Tell how the one before ended, and give signs of life, until it is cancelled. To be begun once it serves."""
        began, self._links = self.now(), links
        self._before = self._begin()
        self._known = bool(self._before)
        while True:
            try:
                await self._turn(journal, began)
            except JournalError as error:
                self.log.error("the journal takes nothing", why=str(error))
            except Exception as error:  # noqa: BLE001 - it goes on giving signs of life
                self.log.error("alerts not told", error=told(error))
            await asyncio.sleep(EVERY)
            with suppress(OSError):
                self._sign()

    async def ended(self, error: BaseException | None = None) -> None:
        """It ends now. One that did not come to serve has said so to who started it, and leaves the mark as it was."""
        if self._links is None:
            return
        if error is None:
            with suppress(OSError):
                self.mark.unlink(missing_ok=True)
            return
        why = told(error)
        with suppress(OSError):
            self.mark.write_text(why, encoding="utf-8")
            self._sign()
        if not self._known:  # else people know, and it would be told at each turn of a restart that fails again
            try:
                await last_words(self.channels(), ENDED, f"{_FAILS}{why}", self.now(), self._links, _WORDS_WITHIN)
            except Exception as fault:  # noqa: BLE001 - what it ends by is what counts
                self.log.error("alerts not told", error=told(fault))

    async def _turn(self, journal: AlertPort, began: datetime) -> None:
        now = self.now()
        if self._before:
            await journal.alert(NewAlert("", ENDED, self._before), now)
            self._before = ""
        self._known = ENDED in journal.open_alerts("")
        if self._known and now - began >= WELL:
            await journal.close_alert("", ENDED, now)
            self._known = False

    def _begin(self) -> str:
        """Set the mark; what is to be told of the one that was there."""
        try:
            before = _told_of(self.mark)
            file = os.open(self.mark, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.fsync(file)
            os.close(file)
            self._sign()
            folder = os.open(self.mark.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as error:
            self.log.warning("no mark of life", why=str(error.strerror))
            return ""
        return before

    def _sign(self) -> None:
        at = self.now().timestamp()
        os.utime(self.mark, (at, at))


def _told_of(mark: Path) -> str:
    if not mark.exists():
        return ""
    at = f"{datetime.fromtimestamp(mark.stat().st_mtime, UTC):%Y-%m-%d %H:%M} UTC"
    if why := mark.read_text(encoding="utf-8", errors="replace"):
        return f"the daemon ended by a failure at {at}: {why}"
    return f"the daemon was not stopped in order: its last sign of life was at {at}"
