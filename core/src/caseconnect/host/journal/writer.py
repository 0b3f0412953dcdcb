"""The one place that writes: group commit on one connection in one thread.

All that waits is written in one transaction and each waiter is answered after its COMMIT. A COMMIT that fails
has an unknown outcome: nobody is answered, the journal is broken, and the process has to end (faults.md,
finding 1).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from caseconnect.host.journal.answering import Waiting, answer_of, resolve, tell
from caseconnect.host.journal.ballast import ENDING, Ballast
from caseconnect.host.journal.batch import Item, Seal, apply, hurts, name_of
from caseconnect.host.journal.errors import JournalBroken, JournalBusy, JournalError, JournalFull

_BATCH = 512
# After a batch of several deliveries the next is gathered: each transaction costs a sync and a dozen changes of the
# thread that runs, so many small ones would cost more than this wait (seconds).
_CROWD = 32
_GATHER = 0.003
_CHECKPOINT_BATCHES = 64
_CHECKPOINT_BYTES = 16 * 1024 * 1024


_FULL = JournalFull("the journal's disk has no room: free some space; nothing was lost")


class Writer(Protocol):
    """How the journal's verbs reach `apply`."""

    async def submit(self, item: Item) -> Any:
        """The item's result after its COMMIT; raises what undid it."""

    def submit_now(self, item: Item) -> Any:
        """The same for a caller without an event loop."""

    def load(self) -> float:
        """How full the queue is, 0 to 1 and more."""

    def full(self) -> bool:
        """The disk is full: only what ends something is written."""

    def close(self) -> None:
        """Write what waits, then stop. May be called twice."""


Watch = Callable[[Sequence[Item], Sequence[Any], float], None]
"""Told of each transaction, after its waiters: its items, the result of each, and the seconds that it took."""

ERASING = "privacy"
"""Name of the writes after which nothing of what was there may be left in the log either."""


class InlineWriter:
    """Writes at once, in the caller's thread: for tests, the simulation and one-off commands."""

    def __init__(self, db: sqlite3.Connection, seal: Seal | None = None) -> None:
        self._db, self._seal = db, seal

    async def submit(self, item: Item) -> Any:
        """See `Writer`."""
        return self.submit_now(item)

    def submit_now(self, item: Item) -> Any:
        """See `Writer`."""
        answer = answer_of(apply(self._db, [item], self._seal)[0])
        if item.name == ERASING:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return answer

    def load(self) -> float:
        """Nothing waits."""
        return 0.0

    def full(self) -> bool:
        """Nothing is kept back: who asks is told at once."""
        return False

    def close(self) -> None:
        """Nothing waits."""


class ThreadWriter:
    """A thread with a queue, bounded by items, bytes and age. Safe to use from any thread and event loop."""

    def __init__(
        self,
        db: sqlite3.Connection,
        seal: Seal | None = None,
        ballast: Ballast | None = None,
        *,
        max_items: int = 20_000,
        max_bytes: int = 256 * 1024 * 1024,
        max_age: float = 3.0,
        on_broken: Callable[[JournalError], None] | None = None,
        checkpoint_every: float = 0.5,
        watch: Watch | None = None,
    ) -> None:
        self._db, self._seal, self._ballast = db, seal, ballast
        self._on_broken, self._checkpoint_every, self._watch = on_broken, checkpoint_every, watch
        self._max_items, self._max_bytes, self._max_age = max_items, max_bytes, max_age
        self._queue: deque[Waiting] = deque()
        self._bytes = 0
        self._since: float | None = None
        self._unchecked = [0, 0]
        self._erased = False
        self._wake = threading.Condition()
        self._closing = False
        self._crowd = self._gathering = False
        self._broken: JournalError | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def submit(self, item: Item) -> Any:
        """See `Writer`. Raises `JournalBusy` at once when the queue is full and the item came from outside."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Any] = loop.create_future()
        self._put(Waiting(item, time.monotonic(), partial(resolve, waiter), loop))
        return answer_of(await waiter)

    def submit_now(self, item: Item) -> Any:
        """See `Writer`."""
        done = threading.Event()
        box: list[Any] = []

        def answer(result: Any) -> None:
            box.append(result)
            done.set()

        self._put(Waiting(item, time.monotonic(), answer))
        done.wait()
        return answer_of(box[0])

    def load(self) -> float:
        """See `Writer`. Also full when the oldest has waited too long: the disk hangs."""
        since = self._since
        age = time.monotonic() - since if since is not None else 0.0
        return max(len(self._queue) / self._max_items, self._bytes / self._max_bytes, age / self._max_age)

    def full(self) -> bool:
        """See `Writer`."""
        return self._ballast is not None and self._ballast.given

    def close(self) -> None:
        """See `Writer`."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _put(self, waiting: Waiting) -> None:
        with self._wake:
            if self._broken:
                raise self._broken
            if self._closing:
                raise JournalBusy("the journal is closing")
            if waiting.item.outside and self.load() >= 1:
                raise JournalBusy("more is waiting to be written than may: try again in a moment")
            self._queue.append(waiting)
            self._bytes += waiting.item.size
            if self._since is None:
                self._since = waiting.since
            if not self._gathering or len(self._queue) >= _CROWD:
                self._wake.notify()

    def _take(self) -> list[Waiting] | None:
        with self._wake:
            self._since = self._queue[0].since if self._queue else None
            if not self._queue and not self._closing:
                self._wake.wait(self._checkpoint_every)
            if self._crowd and 0 < len(self._queue) < _CROWD and not self._closing:
                self._gathering = True  # who puts something wakes us only when it makes a crowd
                self._wake.wait(_GATHER)
                self._gathering = False
            batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
            self._bytes -= sum(waiting.item.size for waiting in batch)
            self._crowd = sum(waiting.item.outside for waiting in batch) > 1
            return None if self._closing and not batch else batch

    def _run(self) -> None:
        batch: list[Waiting] | None = None
        try:
            while (batch := self._take()) is not None:
                idle = not batch
                if idle and self._ballast:
                    self._ballast.is_given()  # looks whether there is room again, though nobody asks
                if batch:
                    self._write(batch)
                    batch = []
                self._checkpoint(idle=idle)
            self._checkpoint(idle=True)
        except JournalError as error:
            self._fail(error, batch or [])
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it was
            self._fail(JournalBroken(f"the writing thread ended: {type(error).__name__}"), batch or [])

    def _write(self, batch: Sequence[Waiting]) -> None:
        results: Sequence[Any]
        items = [waiting.item for waiting in batch]
        began = time.monotonic()
        try:
            full = self._ballast is not None and self._ballast.is_given()
            results = self._on_ballast(items) if full else apply(self._db, items, self._seal)
        except JournalFull as error:
            results = self._on_ballast(items, error)
        except JournalBusy as error:
            results = [error] * len(batch)
        took = time.monotonic() - began
        tell(batch, results)
        if self._watch:
            with suppress(Exception):  # who only watches must not end the journal
                self._watch(items, results, took)
        self._unchecked[0] += 1
        self._unchecked[1] += sum(waiting.item.size for waiting in batch)
        self._erased = self._erased or any(waiting.item.name == ERASING for waiting in batch)

    def _on_ballast(self, items: Sequence[Item], error: JournalFull = _FULL) -> list[Any]:
        """The disk is full: what ends something is written in the room that the ballast gives up, the rest is not."""
        ending = [item for item in items if item.name in ENDING]
        if self._ballast is None:
            return [error] * len(items)
        if not self._ballast.given:
            self._ballast.give()
        try:
            ends = iter(apply(self._db, ending, self._seal) if ending else [])
        except JournalFull as still:
            return [still] * len(items)
        return [next(ends) if item.name in ENDING else error for item in items]

    def _checkpoint(self, *, idle: bool) -> None:
        """Between batches, when enough was written or nothing else is to do. A failed sync here loses what was
        answered, if the log were used anew after it (faults.md finding 1): then the journal is broken, too.
        """
        batches, size = self._unchecked
        due = batches and (idle or batches >= _CHECKPOINT_BATCHES or size >= _CHECKPOINT_BYTES)
        if not due and not self._erased:
            return
        self._unchecked = [0, 0]
        try:
            # What was erased is still in the log until that is emptied; a reader that is on puts it off.
            mode = "TRUNCATE" if self._erased else "PASSIVE"
            ((busy, *_),) = self._db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
            self._erased = self._erased and bool(busy)
        except sqlite3.Error as error:
            if hurts(error):
                raise JournalBroken(f"the journal cannot be moved on ({name_of(error)}): the process ends") from error

    def _fail(self, error: JournalError, batch: Sequence[Waiting]) -> None:
        with self._wake:
            self._broken = error
            waiting = [*batch, *self._queue]
            self._queue.clear()
        try:
            if self._on_broken:
                self._on_broken(error)
        finally:
            tell(waiting, [error] * len(waiting))
