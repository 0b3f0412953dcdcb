"""Work that comes again by itself, one at a time for each key. A restart puts the next off: due times are in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Hashable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Recurring(Generic[K]):
    """Begins what is due `every` so often. `failed` is told what ended with an error."""

    def __init__(self, every: timedelta, failed: Callable[[K, BaseException], None]) -> None:
        self._every, self._failed = every, failed
        self._due: dict[K, datetime] = {}
        self._running: dict[K, asyncio.Task[None]] = {}

    def begin(self, key: K, first: datetime, now: datetime, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin the work of `key` if it is due, at `first` for the first time, and not on."""
        if key in self._running or now < self._due.setdefault(key, first):
            return
        self._due[key] = now + self._every
        task = asyncio.create_task(work())
        self._running[key] = task
        task.add_done_callback(partial(self._over, key))

    def due_at(self, keys: Collection[K], now: datetime) -> None:
        """These are due then, whenever they were."""
        self._due |= dict.fromkeys(keys, now)

    def running(self) -> Collection[K]:
        """Whose work is on."""
        return self._running.keys()

    def on(self) -> Collection[asyncio.Task[None]]:
        """The work that is on."""
        return self._running.values()

    async def idle(self) -> None:
        """Wait for what is on."""
        if self._running:
            await asyncio.wait(self._running.values())

    def stop(self) -> None:
        """End what is on."""
        for task in self._running.values():
            task.cancel()

    def _over(self, key: K, task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (error := task.exception()):
            self._failed(key, error)
