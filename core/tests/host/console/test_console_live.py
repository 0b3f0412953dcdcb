"""Live updates: one look for all that listen, at most one word in two seconds, and an end with the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from caseconnect.host.web.console.guard import Asked
from caseconnect.host.web.console.live_updates import EVERY, LiveUpdates
from caseconnect.sdk.testing import run


class Journal:
    """Counts how often it is looked at."""

    def __init__(self) -> None:
        self.number = self.looks = 0

    async def version(self) -> int:
        self.looks += 1
        return self.number


async def listened(updates: LiveUpdates, still: Callable[[Asked], bool]) -> Any:
    """What somebody hears."""
    asked = Asked(Request({"type": "http", "headers": [], "path": "/live", "query_string": b""}), None)
    answer = await updates.door(still)(asked)
    if isinstance(answer, StreamingResponse):
        return aiter(answer.body_iterator)
    return answer


def test_a_change_is_told_once_to_each_however_many_commits_it_was() -> None:
    async def story() -> None:
        journal = Journal()
        updates = LiveUpdates(journal.version)
        streams = [await listened(updates, lambda _: True) for _ in range(3)]
        assert [await anext(stream) for stream in streams] == [b"retry: 5000\n\n"] * 3
        hearing = [asyncio.create_task(anext(stream)) for stream in streams]
        await asyncio.sleep(EVERY * 1.5)
        assert not any(task.done() for task in hearing)
        looks = journal.looks
        journal.number += 7
        heard = await asyncio.gather(*hearing)
        assert heard == [b"event: changed\ndata: \n\n"] * 3
        assert journal.looks == looks + 1
        for stream in streams:
            await stream.aclose()
        await asyncio.sleep(EVERY * 3)
        looks = journal.looks
        await asyncio.sleep(EVERY * 10)
        assert journal.looks == looks, "nobody listens, so nobody looks"

    run(story())


def test_it_ends_with_the_session_and_says_that_it_lives() -> None:
    async def story() -> None:
        good = True
        stream = await listened(LiveUpdates(Journal().version), lambda _: good)
        assert [await anext(stream), await anext(stream)] == [b"retry: 5000\n\n", b": still here\n\n"]
        good = False
        assert [word async for word in stream] == []

    run(story())


def test_no_more_than_forty_listen() -> None:
    async def story() -> None:
        updates = LiveUpdates(Journal().version)
        streams = [await listened(updates, lambda _: True) for _ in range(40)]
        for stream in streams:
            await anext(stream)
        assert (await listened(updates, lambda _: True)).status_code == 503
        for stream in streams:
            await stream.aclose()
        await asyncio.sleep(EVERY * 2)

    run(story())
