"""How a daemon's life ends is known and told: a mark beside the journal is there from its start to an orderly end.

The mark's time is the last sign of life. Who finds a mark at its start follows one that was killed, lost its power or
failed, and has people told. One that fails tells them by the channels before it ends: the journal may be what failed.
How it ended stays in a second file until the journal has taken the alert.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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
    _marked: bool = False
    _untold: list[str] = field(default_factory=list)
    _known: bool = False

    async def run(self, journal: AlertPort, links: Links) -> None:
        """Tell how the one before ended, and give signs of life, until it is cancelled. To be begun once it serves."""
        began, self._links = self.now(), links
        self._find()
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
        """It ends now. One that did not come to serve has said so to who started it, and leaves all as it was."""
        if self._links is None:
            return
        if error is None:
            if self._marked or not self._untold:  # an old mark that says what nobody was told stays
                self._unmark()
            return
        why = told(error)
        self._untold.append(f"the daemon ended by a failure at {_at(self.now())}: {why}")
        if self._written():
            self._unmark()
        if self._known:  # it would be told at each turn of a restart that fails again
            return
        try:
            words = last_words(self.channels(), ENDED, f"{_FAILS}{why}", self.now(), self._links, _WORDS_WITHIN)
            self._known = await words
        except Exception as fault:  # noqa: BLE001 - what it ends by is what counts
            self.log.error("alerts not told", error=told(fault))
        if self._known:
            self._written()

    @property
    def _ends(self) -> Path:
        """How daemons ended, until the journal has it; and whether people were told."""
        return self.mark.with_suffix(".ended")

    async def _turn(self, journal: AlertPort, began: datetime) -> None:
        now = self.now()
        if self._untold:
            await journal.alert(NewAlert("", ENDED, "; ".join(self._untold)), now)
            self._untold.clear()
            with suppress(OSError):
                self._ends.unlink(missing_ok=True)
            self._mark()
        if ENDED not in journal.open_alerts(""):
            self._known = False
        elif now - began >= WELL:
            await journal.close_alert("", ENDED, now)
            self._known = False
        else:
            self._known = self._known or _was_told(journal)

    def _find(self) -> None:
        """What is to be told of those before, and this one's mark. An old mark stays until what it says is kept."""
        try:
            self._untold, self._known = _read(self._ends)
            if self.mark.exists():
                at = _at(datetime.fromtimestamp(self.mark.stat().st_mtime, UTC))
                self._untold.append(f"the daemon was not stopped in order: its last sign of life was at {at}")
                if not self._written():
                    return
            self._mark()
        except OSError as error:
            self.log.warning("no mark of life", why=str(error.strerror))

    def _mark(self) -> None:
        if self._marked:
            return
        try:
            _put(self.mark, "")
        except OSError as error:
            self.log.warning("no mark of life", why=str(error.strerror))
            return
        self._marked = True
        self._sign()

    def _unmark(self) -> None:
        with suppress(OSError):
            self.mark.unlink(missing_ok=True)

    def _written(self) -> bool:
        """What is to be told is kept: the first of it, and the last."""
        self._untold = list(dict.fromkeys((self._untold[0], self._untold[-1])))
        try:
            _put(self._ends, json.dumps({"ends": self._untold, "known": self._known}))
        except OSError as error:
            self.log.warning("no mark of life", why=str(error.strerror))
            return False
        return True

    def _sign(self) -> None:
        if self._marked:
            at = self.now().timestamp()
            os.utime(self.mark, (at, at))


def _put(path: Path, text: str) -> None:
    """Write a file so that a loss of power leaves the old one or the new one."""
    new = path.with_name(f"{path.name}.new")
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file)
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> tuple[list[str], bool]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return [str(end) for end in kept["ends"]], bool(kept["known"])
    except FileNotFoundError:
        return [], False
    except (ValueError, TypeError, KeyError):
        return ["the daemon ended, and how is not readable"], False


def _was_told(journal: AlertPort) -> bool:
    alerts, notices = journal.tellable()
    of_it = {alert.seq for alert in alerts if alert.cause == ENDED and not alert.closed_at}
    return any(n.alert in of_it and (n.state == "sent" or n.number > 0) for n in notices)


def _at(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
