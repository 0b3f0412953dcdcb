"""A virtual event loop that a seed drives: it picks the order of what is ready, and knows whose each piece of work is.

It relies on two private parts of asyncio, the deque `_ready` and `Handle._context` (CPython 3.11 to 3.13);
`test_sim_loop.py` fails where they are otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated
from typing import Any

from caseconnect.sdk.testing.virtual import VirtualTimeLoop


class Owner:
    """A process of the simulation: all tasks that were begun on its behalf. While `frozen`, none of them goes on."""

    def __init__(self) -> None:
        self.begun: list[asyncio.Task[Any]] = []
        self.frozen = False
        self.stopped: list[asyncio.Handle] = []

    def kill(self) -> None:
        """None of its tasks goes on: each is cancelled at its next step."""
        for task in self.living():
            task.cancel()

    def living(self) -> list[asyncio.Task[Any]]:
        """Its tasks that have not ended, in the order in which they were begun."""
        self.begun = [task for task in self.begun if not task.done()]
        return self.begun


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)
"""Whose work the running code is; None: the world's."""


def on_its_own(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Begin `work` on behalf of the world: it outlives the process that caused it."""
    return asyncio.get_running_loop().create_task(work, context=Context())


class SeededLoop(VirtualTimeLoop):
    """Virtual time, and of all that is ready the seed picks what runs next."""

    def __init__(self, rng: Random, patience: int = 300_000) -> None:
        super().__init__()
        self._nothing = asyncio.Handle(_nothing, (), self)
        self._nothing.cancel()
        self._ready = self._pile = _Pile(rng, self._nothing, patience)
        self.set_task_factory(_begin)  # type: ignore[arg-type] # its protocol wants more keywords than it uses

    def _move(self, seconds: float) -> None:
        super()._move(seconds)
        self._pile.left = self._pile.patience

    def thaw(self, owner: Owner) -> None:
        """A frozen process goes on."""
        owner.frozen = False
        self._ready.extend(owner.stopped)
        owner.stopped.clear()


class _Pile(deque[asyncio.Handle]):
    """What is ready. The loop takes from its left end as many as there were when the turn began."""

    def __init__(self, rng: Random, nothing: asyncio.Handle, patience: int) -> None:
        super().__init__()
        self._rng, self._nothing = rng, nothing
        self.left = self.patience = patience

    def popleft(self) -> asyncio.Handle:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError(f"{self.patience} steps, and virtual time stands still: something spins")
        if len(self) > 1:
            self.rotate(-self._rng.randrange(len(self)))
        handle = super().popleft()
        owner = handle._context.get(OWNER)  # type: ignore[attr-defined] # private: see above
        if owner is not None and owner.frozen:
            owner.stopped.append(handle)
            return self._nothing
        return handle


def _begin(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Context | None = None
) -> asyncio.Task[Any]:
    owner = context.get(OWNER) if context is not None else OWNER.get()
    task = asyncio.Task(work, loop=loop, context=context)
    if owner is not None:
        owner.begun.append(task)
    return task


def _nothing() -> None:
    """Never called: it is cancelled."""
