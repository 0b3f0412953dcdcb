"""`/live`: server-sent events that say `changed`, at most once in two seconds, when the journal has something new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import Response, StreamingResponse

from caseconnect.host.web.console.guard import Answer, Asked

EVERY = 2.0
"""Seconds between two looks."""

_LISTENERS = 40
_QUIET = 8
_LONGEST = 900


class LiveUpdates:
    """Looks once for all listeners. `version` is another number after each commit; `still` whether somebody may listen
    on, asked at each sign of life.
    """

    def __init__(self, version: Callable[[], Awaitable[int]], *, every: float = EVERY) -> None:
        self._version, self._every = version, every
        self._listening = 0
        self._news = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._seen = 0

    def door(self, still: Callable[[Asked], bool]) -> Answer:
        """What answers `/live`."""

        async def answer(asked: Asked) -> Response:
            if self._listening >= _LISTENERS:
                return Response("too many listen", 503, {"retry-after": "60"})
            stream = self._stream(lambda: still(asked))
            return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

        return answer

    async def _stream(self, still: Callable[[], bool]) -> AsyncIterator[bytes]:
        self._listening += 1
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            yield b"retry: 5000\n\n"
            for _ in range(_LONGEST):
                if not still():
                    return
                seen = self._seen
                try:
                    async with asyncio.timeout(self._every * _QUIET):
                        while self._seen == seen:
                            await self._news.wait()
                except TimeoutError:
                    yield b": still here\n\n"
                else:
                    yield b"event: changed\ndata: \n\n"
        finally:
            self._listening -= 1

    async def _watch(self) -> None:
        last = await self._version()
        while self._listening:
            await asyncio.sleep(self._every)
            now = await self._version()
            if now != last:
                last, self._seen = now, self._seen + 1
                self._news.set()
                self._news = asyncio.Event()
