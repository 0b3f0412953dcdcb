"""What a connection may take of us: time to come about, header fields, memory."""

from __future__ import annotations

import asyncio
import gzip
import math
import socket
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest

from caseconnect.sdk.errors import TransientError
from caseconnect.sdk.http import Http
from caseconnect.sdk.pace import Pace


async def refused(answer: bytes, why: str) -> None:
    """A server answers with these bytes, and our client has none of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        with suppress(ConnectionError):  # who asked may have had enough
            writer.write(answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        http = Http(f"http://127.0.0.1:{port}", pace=Pace(math.inf, 1), max_body=1024 * 1024)
        with pytest.raises(TransientError, match=why):
            await http.request("GET", "/")
        await http.close()


@pytest.mark.parametrize("stalls", ["connect", "TLS"])
def test_a_connection_that_does_not_come_about_in_time_had_surely_no_effect(stalls: str, monkeypatch: Any) -> None:
    """A full backlog lets a connection hang; a server that does not speak TLS lets its handshake hang."""
    monkeypatch.setattr("caseconnect.sdk.http._CONNECT_SECONDS", 0.05)

    async def story() -> None:
        with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0 if stalls == "connect" else 5)
            for one in (first, second) if stalls == "connect" else ():
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
            scheme = "https" if stalls == "TLS" else "http"
            http = Http(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", pace=Pace(math.inf, 1))
            with pytest.raises(TransientError, match="no connection"):
                await http.request("POST", "/")
            await http.close()

    asyncio.run(story())


def test_a_connection_that_the_server_ends_with_its_answer_is_not_used_again() -> None:
    async def story() -> None:
        heads: list[bytes] = []
        left = asyncio.Semaphore(0)

        async def serve(reader: Any, writer: Any) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                heads.append(await reader.readuntil(b"\r\n\r\n"))  # what comes now is lost
            writer.close()
            await writer.wait_closed()
            left.release()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            http = Http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pace=Pace(math.inf, 1))
            for path in ("/first", "/second"):
                assert (await http.request("POST", path)).status == 200
                await left.acquire()
            await http.close()
        assert [head.split(b" ")[1] for head in heads] == [b"/first", b"/second"]

    asyncio.run(story())


def test_an_answer_with_a_hundred_thousand_fields_is_not_read() -> None:
    fields = b"".join(b"x-%d: 1\r\n" % n for n in range(100_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
    asyncio.run(refused(head + fields + b"\r\n{}", "answer lost"))


def test_a_small_answer_that_unpacks_to_a_huge_one_takes_no_memory() -> None:
    packed = gzip.compress(bytes(48 * 1024 * 1024), 1)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

    tracemalloc.start()
    asyncio.run(refused(head + packed, "longer than"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 24 * 1024 * 1024
