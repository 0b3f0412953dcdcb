"""The one place that writes: group commit on one connection in one thread.

All that waits is written in one transaction and each waiter is answered after its COMMIT. An item that fails
is rolled back alone (savepoint). A COMMIT that fails has an unknown outcome: nobody is answered, the journal
is broken, and the process has to end (faults.md, finding 1).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from caseconnect.host.crash import crashpoint
from caseconnect.host.journal.errors import Conflict, JournalBroken, JournalBusy, JournalError, JournalFull

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], T]
_BATCH = 512


@dataclass(frozen=True)
class Item:
    """One write: its name (for crash points), what it does, and about how many bytes it carries."""

    name: str
    write: Write[Any] = field(repr=False)
    size: int = 0


def apply(db: sqlite3.Connection, items: Sequence[Item]) -> list[Any]:
    """Write `items` in one transaction. For each its result, or the exception that undid it alone.

    Raises `JournalFull` when nothing could be written, `JournalBroken` when the COMMIT's outcome is unknown.
    """
    names = sorted({item.name for item in items})
    try:
        db.execute("BEGIN IMMEDIATE")
        results = [_one(db, item) for item in items]
        for name in names:
            crashpoint(f"{name}:before")
    except sqlite3.Error as error:
        _undo(db)
        raise _storage(error, committing=False) from error
    try:
        db.execute("COMMIT")
    except sqlite3.Error as error:
        failure = _storage(error, committing=True)
        _undo(db)
        raise failure from error
    for name in names:
        crashpoint(f"{name}:after")
    return results


def _one(db: sqlite3.Connection, item: Item) -> Any:
    db.execute("SAVEPOINT item")
    try:
        result = item.write(db)
    except sqlite3.IntegrityError as error:
        result = Conflict(f"{item.name}: {error}")
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001 - one item's fault is its own; the batch goes on
        result = error
    if isinstance(result, Exception):
        db.execute("ROLLBACK TO item")
    db.execute("RELEASE item")
    return result


def _undo(db: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        if db.in_transaction:
            db.execute("ROLLBACK")


def _storage(error: sqlite3.Error, *, committing: bool) -> JournalError:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE")) and not committing:
        return JournalFull(f"the journal's disk has no room ({name}): free some space; nothing was lost")
    if name == "SQLITE_FULL":
        return JournalFull(f"the journal's disk has no room ({name}): free some space; nothing was lost")
    return JournalBroken(f"the journal cannot be written ({name}): the process ends and reads it anew")


class Writer(Protocol):
    """How the journal's verbs reach `apply`."""

    async def submit(self, item: Item) -> Any:
        """The item's result after its COMMIT; raises what undid it."""

    def submit_now(self, item: Item) -> Any:
        """The same for a caller without an event loop."""

    def close(self) -> None:
        """Write what waits, then stop. May be called twice."""


class InlineWriter:
    """Writes at once, in the caller's thread: for tests, the simulation and one-off commands."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    async def submit(self, item: Item) -> Any:
        """See `Writer`."""
        return self.submit_now(item)

    def submit_now(self, item: Item) -> Any:
        """See `Writer`."""
        return _answer(apply(self._db, [item])[0])

    def close(self) -> None:
        """Nothing waits."""


class ThreadWriter:
    """A thread with a queue, bounded by items and bytes. Safe to use from any thread and event loop."""

    def __init__(
        self,
        db: sqlite3.Connection,
        *,
        max_items: int = 20_000,
        max_bytes: int = 256 * 1024 * 1024,
        on_broken: Callable[[JournalError], None] | None = None,
        checkpoint_every: float = 0.5,
    ) -> None:
        self._db, self._on_broken, self._checkpoint_every = db, on_broken, checkpoint_every
        self._max_items, self._max_bytes = max_items, max_bytes
        self._queue: deque[tuple[Item, Callable[[Any], None]]] = deque()
        self._bytes = 0
        self._wake = threading.Condition()
        self._closing = False
        self._broken: JournalError | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def submit(self, item: Item) -> Any:
        """See `Writer`. Raises `JournalBusy` at once when the queue is full."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Any] = loop.create_future()

        def answer(result: Any) -> None:
            with suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(_resolve, waiter, result)

        self._put(item, answer)
        return _answer(await waiter)

    def submit_now(self, item: Item) -> Any:
        """See `Writer`."""
        done = threading.Event()
        box: list[Any] = []

        def answer(result: Any) -> None:
            box.append(result)
            done.set()

        self._put(item, answer)
        done.wait()
        return _answer(box[0])

    def load(self) -> float:
        """How full the queue is, 0 to 1 and more."""
        return max(len(self._queue) / self._max_items, self._bytes / self._max_bytes)

    def close(self) -> None:
        """See `Writer`."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _put(self, item: Item, answer: Callable[[Any], None]) -> None:
        with self._wake:
            if self._broken:
                raise self._broken
            if self._closing:
                raise JournalBusy("the journal is closing")
            if self.load() >= 1:
                raise JournalBusy("more is waiting to be written than may: try again in a moment")
            self._queue.append((item, answer))
            self._bytes += item.size
            self._wake.notify()

    def _take(self) -> list[tuple[Item, Callable[[Any], None]]] | None:
        with self._wake:
            if not self._queue and not self._closing:
                self._wake.wait(self._checkpoint_every)
            batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
            self._bytes -= sum(item.size for item, _ in batch)
            return None if self._closing and not batch else batch

    def _run(self) -> None:
        idle = 0
        while (batch := self._take()) is not None:
            if not batch:
                idle += 1
                if idle == 1:
                    self._checkpoint()
                continue
            idle = 0
            try:
                results = apply(self._db, [item for item, _ in batch])
            except JournalError as error:
                results = [error] * len(batch)
                if isinstance(error, JournalBroken):
                    self._fail(error, batch)
                    return
            for (_, answer), result in zip(batch, results, strict=True):
                answer(result)
            self._between()
        self._checkpoint()

    def _between(self) -> None:
        self._pages = getattr(self, "_pages", 0) + 1
        if self._pages >= 64:
            self._checkpoint()

    def _checkpoint(self) -> None:
        self._pages = 0
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _fail(self, error: JournalError, batch: list[tuple[Item, Callable[[Any], None]]]) -> None:
        with self._wake:
            self._broken = error
            waiting = batch + list(self._queue)
            self._queue.clear()
        if self._on_broken:
            self._on_broken(error)
        for _, answer in waiting:
            answer(error)


def _resolve(waiter: asyncio.Future[Any], result: Any) -> None:
    if not waiter.done():
        waiter.set_result(result)


def _answer(result: Any) -> Any:
    if isinstance(result, Exception):
        raise result
    return result
