"""Pacing of one remote account, shared by everything that talks to it, also across tenants."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from contextlib import suppress
from contextvars import ContextVar

PROTECTIVE, NORMAL, BACKGROUND = 0, 1, 2

priority: ContextVar[int] = ContextVar("priority", default=NORMAL)
"""Who goes first when an account is short: the host sets it around protective and background work."""

_YIELDS = 5.0
"""Seconds for which background work lets the others go first. Else a busy day would never read what agents decided."""

_SLOWER, _SLOWEST, _RECOVERY = 0.8, 0.2, 300.0
"""Each refusal takes a fifth of the speed, down to a fifth of it; all of it is back after so many seconds."""


class Pace:
    """A token bucket: `rate` tokens a second, at most `burst` saved up. `rate` may be infinite (pacing off).

    Protective work goes first, so that a flood never delays a hold; the rest in order of arrival, with background work
    5 seconds behind. `reserve` is the share of the bucket that background work leaves alone while it yields.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.reserve = rate, burst, 0.0
        self._tokens, self._at = burst, -1.0
        self._speed, self._rest = 1.0, -1.0
        self._waiting: list[tuple[float, int, int, float, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._server: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def take(self, cost: float = 1.0) -> None:
        """Return when `cost` tokens could be taken; more than `burst` is taken when the bucket is full."""
        if math.isinf(self.rate):
            return
        self._refill()
        level = priority.get()
        if not self._waiting and self._tokens >= self._needed(level, cost):
            self._tokens -= min(cost, self.burst)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = 0.0 if level == PROTECTIVE else self._at + (_YIELDS if level >= BACKGROUND else 0.0)
        heapq.heappush(self._waiting, (place, next(self._order), level, cost, turn))
        if self._server is None or self._server.done():
            self._news = asyncio.Event()
            self._server = asyncio.create_task(self._serve())
        self._news.set()
        await turn

    def observe(self, available: float, *, rate: float | None = None, burst: float | None = None) -> None:
        """The platform says what is left (cost-based limits): believe it where it is less than ours."""
        if math.isinf(self.rate):
            return
        self._refill()
        self.rate, self.burst = rate or self.rate, burst or self.burst
        self._tokens = min(self._tokens, available)
        self._news.set()

    def refused(self, seconds: float) -> None:
        """The platform had enough (HTTP 429) and asks for so long a rest: all wait, and go slower for a while after.

        A request may arrive later than it was sent, and so more of them in one second than were sent in one.
        """
        if math.isinf(self.rate):
            return
        self._refill()
        self._tokens, self._rest = min(self._tokens, 0.0), max(self._rest, self._at + seconds)
        self._speed = max(self._speed * _SLOWER, _SLOWEST)
        self._news.set()

    def waiting(self) -> int:
        """How many requests wait for their turn. From any thread."""
        return len(self._waiting)

    def used(self, at: float) -> float:
        """The share of the bucket that is in use at `at` (the event loop's time), 0 to 1. From any thread."""
        if math.isinf(self.rate) or self._at < 0:
            return 0.0
        working = max(at - max(self._at, self._rest), 0.0)
        return 1.0 - max(min(self._tokens + working * self.rate * self._speed, self.burst), 0.0) / self.burst

    def seen(self) -> tuple[float, float, int]:
        """(how much of the burst is there, the share of the rate in force, how many wait). In its own event loop."""
        if not math.isinf(self.rate):
            self._refill()
        return max(self._tokens, 0.0), self._speed, len(self._waiting)

    def _needed(self, level: int, cost: float) -> float:
        """How full the bucket must be for this cost; what is more than fits is taken when it is full."""
        kept = self.reserve * self.burst if level >= BACKGROUND else 0.0
        return min(cost + kept, self.burst)

    def _refill(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._at >= 0:
            working = max(now - max(self._at, self._rest), 0.0)
            self._tokens = min(self.burst, self._tokens + working * self.rate * self._speed)
            self._speed = min(1.0, self._speed + (now - self._at) / _RECOVERY)
        self._at = now

    async def _serve(self) -> None:
        while self._waiting:
            self._refill()
            place, _, level, cost, turn = self._waiting[0]
            needed = self._needed(level if self._at < place else NORMAL, cost)
            if turn.done():
                heapq.heappop(self._waiting)
            elif self._tokens >= needed - 1e-9:
                heapq.heappop(self._waiting)
                self._tokens -= min(cost, self.burst)
                turn.set_result(None)
            else:
                # Who comes meanwhile may go first and need less, or the rate may be another.
                self._news.clear()
                with suppress(TimeoutError):
                    rest = max(self._rest - self._at, 0.0)
                    async with asyncio.timeout(rest + (needed - self._tokens) / (self.rate * self._speed) + 1e-6):
                        await self._news.wait()
