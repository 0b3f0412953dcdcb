"""Records in order of time, and an index of them that shows a write only some seconds later."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

Values = Mapping[str, Sequence[Any]]
"""A document's values by search field; an absent field is null."""


@dataclass(frozen=True, slots=True)
class Document:
    """What the index knows of a record: flat values, and the parts that a nested query looks at one by one."""

    values: Values
    nested: Mapping[str, Sequence[Values]] = field(default_factory=dict)


def _time(entry: tuple[datetime, str]) -> datetime:
    return entry[0]


class Timeline:
    """Keys sorted by a time, then by themselves."""

    def __init__(self) -> None:
        self._entries: list[tuple[datetime, str]] = []
        self._times: dict[str, datetime] = {}

    def put(self, key: str, at: datetime) -> None:
        """Add a key, or move it."""
        before = self._times.get(key)
        if before == at:
            return
        if before is not None:
            del self._entries[bisect_left(self._entries, (before, key))]
        self._times[key] = at
        insort(self._entries, (at, key))

    def between(self, start: datetime | None, end: datetime | None, *, closed: bool = False) -> list[str]:
        """The keys from `start` up to `end`, oldest first; `closed` includes `end` itself."""
        low = 0 if start is None else bisect_left(self._entries, start, key=_time)
        high = len(self._entries)
        if end is not None:
            high = (bisect_right if closed else bisect_left)(self._entries, end, key=_time)
        return [key for _, key in self._entries[low:high]]


class LaggingIndex:
    """Documents by key, visible `lag` seconds after they were put."""

    def __init__(self, now: Callable[[], datetime], lag: float, timed_by: str) -> None:
        self.lag = lag
        self.documents: dict[str, Document] = {}
        self.timeline = Timeline()
        self._now = now
        self._timed_by = timed_by
        self._pending: list[tuple[datetime, int, str, Document]] = []
        self._applied: dict[str, int] = {}
        self._order = count()

    def put(self, key: str, document: Document) -> None:
        """Take a new state of a record in."""
        due = self._now() + timedelta(seconds=self.lag)
        heapq.heappush(self._pending, (due, next(self._order), key, document))

    def settle(self) -> None:
        """Show what is due."""
        now = self._now()
        while self._pending and self._pending[0][0] <= now:
            _, order, key, document = heapq.heappop(self._pending)
            if self._applied.get(key, -1) < order:
                self._applied[key] = order
                self.documents[key] = document
                self.timeline.put(key, document.values[self._timed_by][0])

    @property
    def waiting(self) -> int:
        """How many writes are not visible yet."""
        return len(self._pending)
