"""The bench posts as a platform does: again after a 503 or a lost connection, never after a refusal."""

from __future__ import annotations

import asyncio

import pytest
from bench import through

ANSWERS = {
    "taken": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "busy": b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
    "refused": b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
    "lost": b"",
}


def posted(*answers: str) -> int:
    """How often a delivery is posted to a server that answers so, one after another."""
    left = [ANSWERS[answer] for answer in answers]
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0))
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            await through.post(server.sockets[0].getsockname()[1], b"POST /hooks/a/b HTTP/1.1\r\n\r\n")

    asyncio.run(story())
    return asked


def test_a_delivery_is_posted_until_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(through, "_AGAIN", 0.0)
    assert posted("taken") == 1
    assert posted("busy", "lost", "busy", "taken") == 4


def test_a_delivery_that_is_refused_ends_the_bench() -> None:
    with pytest.raises(RuntimeError, match="401"):
        posted("refused")
