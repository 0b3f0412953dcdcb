"""What comes to pass later on a shop's clock: gateways that settle, files that get ready, exports, late effects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from heapq import heappop, heappush


class Later:
    """Actions in the order of their time; equal times keep the order in which they were planned."""

    def __init__(self) -> None:
        self._waiting: list[tuple[datetime, int, Callable[[], object]]] = []
        self._seq = 0

    def add(self, due: datetime, action: Callable[[], object]) -> None:
        """Plans an action."""
        self._seq += 1
        heappush(self._waiting, (due, self._seq, action))

    def run(self, now: datetime) -> int:
        """Does everything whose time has come and says how much that was."""
        done = 0
        while self._waiting and self._waiting[0][0] <= now:
            heappop(self._waiting)[2]()
            done += 1
        return done

    def next_due(self) -> datetime | None:
        """When the next action is due; None when nothing waits."""
        return self._waiting[0][0] if self._waiting else None
