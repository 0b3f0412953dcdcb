"""Who waits for a write, and how each is answered in its own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from caseconnect.host.journal.batch import Item


@dataclass(frozen=True)
class Waiting:
    """An item in the queue, who waits for it, and since when (monotonic seconds)."""

    item: Item
    since: float
    answer: Callable[[Any], None]
    loop: asyncio.AbstractEventLoop | None = None


def tell(batch: Sequence[Waiting], results: Sequence[Any]) -> None:
    """Answer everybody in order; an event loop is woken once for all that wait in it."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[Callable[[Any], None], Any]]] = {}
    for waiting, result in zip(batch, results, strict=True):
        if waiting.loop is None:
            waiting.answer(result)
        else:
            loops.setdefault(waiting.loop, []).append((waiting.answer, result))
    for loop, answers in loops.items():
        with suppress(RuntimeError):  # the loop is gone: nobody waits any more
            loop.call_soon_threadsafe(_here, answers)


def _here(answers: Sequence[tuple[Callable[[Any], None], Any]]) -> None:
    for answer, result in answers:
        answer(result)


def resolve(waiter: asyncio.Future[Any], result: Any) -> None:
    """Answer one who awaits; who has gone meanwhile is not."""
    if not waiter.done():
        waiter.set_result(result)


def answer_of(result: Any) -> Any:
    """The result, or the error that it is, raised."""
    if isinstance(result, Exception):
        raise result
    return result
