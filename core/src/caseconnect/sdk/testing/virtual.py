"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it.

`asyncio.sleep`, `asyncio.timeout` and `caseconnect.sdk.pace` work on it unchanged, so a test of a wait of four
hours takes no time. It is for code without sockets of its own: HTTP goes through a transport in this process.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When virtual time begins, unless a test says otherwise."""

_PATIENCE = 10.0  # real seconds for a thread of the default executor to answer


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits for a timer: says nothing is ready and has the loop's clock moved on by that much."""

    def __init__(self, moved: Callable[[float], None], threads_at_work: Callable[[], bool]) -> None:
        super().__init__()
        self._moved, self._threads_at_work = moved, threads_at_work

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self._threads_at_work():
            ready = super().select(_PATIENCE)
            if ready:
                return ready
        if timeout is None:
            raise RuntimeError(
                "deadlock in virtual time: every task waits, no timer is set and nothing is ready, "
                "so nothing can ever happen; look for a future, queue or lock that nobody serves"
            )
        self._moved(max(timeout, 0.0))
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time. `time()` is seconds since `start`; `now()` is the same as a UTC time."""

    def __init__(self, start: datetime = START) -> None:
        self.start = start.astimezone(UTC)
        self._elapsed = 0.0
        self._at_work = 0
        super().__init__(_JumpingSelector(self._move, self._threads_at_work))

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._elapsed

    def now(self) -> datetime:
        """The virtual time as an aware UTC datetime."""
        return self.start + timedelta(seconds=self._elapsed)

    # asyncio's stub types the arguments as a TypeVarTuple.
    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """As usual; virtual time stands still until the thread has answered."""
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._at_work += 1
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, *timeout: Any) -> None:
        """As usual; waits for threads in real time."""
        self._at_work += 1
        try:
            await super().shutdown_default_executor(*timeout)
        finally:
            self._at_work -= 1

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self._at_work -= 1

    def _threads_at_work(self) -> bool:
        return self._at_work > 0

    def _move(self, seconds: float) -> None:
        self._elapsed += seconds


class LoopClock:
    """The time of the virtual loop that is running; outside of one, the last time seen (at first `start`)."""

    def __init__(self, start: datetime = START) -> None:
        self._seen = start

    def now(self) -> datetime:
        """Aware UTC time."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._seen
        if not isinstance(loop, VirtualTimeLoop):
            raise RuntimeError("LoopClock works in a VirtualTimeLoop: start the test with caseconnect.sdk.testing.run")
        self._seen = loop.now()
        return self._seen


def run(coro: Coroutine[Any, Any, T], *, start: datetime = START) -> T:
    """Run `coro` to its end on a new virtual loop, as `asyncio.run` does on a real one. `start` is an aware time."""
    if start.tzinfo is None:
        coro.close()
        raise ValueError("start must be an aware time, such as datetime(2026, 1, 1, tzinfo=UTC)")
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(start)) as runner:
        return runner.run(coro)
