"""A host that a stranger named: what is connected to is what was looked at, and it is on the internet."""

from __future__ import annotations

import asyncio
import math
import socket
from typing import Any

import aiohttp  # noqa: TID251 - tests may
import pytest

from caseconnect.sdk import http as http_module
from caseconnect.sdk.errors import ConnectError, PermanentError
from caseconnect.sdk.http import Http
from caseconnect.sdk.pace import Pace

ROUNDS = 200
VETTED, CANARY = "127.0.0.2", "127.0.0.1"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "[fd00::1]", "100.64.0.1"]
)
def test_an_address_of_our_own_network_is_refused_at_once(host: str) -> None:
    with pytest.raises(PermanentError, match="network of our own"):
        Http(f"https://{host}", pace=Pace(math.inf, 1), public=True)


@pytest.mark.parametrize("name", ["127.1", "2130706433", "localhost", "0"])
def test_a_name_that_means_this_machine_is_refused_before_anything_is_connected(name: str) -> None:
    async def story() -> None:
        http = Http(f"http://{name}:9", pace=Pace(math.inf, 1), public=True)
        try:
            with pytest.raises(ConnectError, match=r"network of our own|InvalidUrl"):
                await http.request("GET", "/")
        finally:
            await http.close()

    asyncio.run(story())


def answer_of(host: str) -> Any:
    found = {"hostname": "files.example", "host": host, "port": 0, "family": socket.AF_INET, "proto": 0}
    return [{**found, "flags": socket.AI_NUMERICHOST}]


def test_a_name_whose_answer_changes_never_leads_to_ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.2 plays the internet: the name server says so every other time, and in between 127.0.0.1."""
    asked: list[str] = []
    heard: dict[str, int] = {VETTED: 0, CANARY: 0}

    async def resolve(self: Any, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
        asked.append(host)
        return [{**one, "port": port} for one in answer_of(VETTED if len(asked) % 2 else CANARY)]

    def server(host: str) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard[host] += 1
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        return serve

    async def story() -> int:
        vetted = await asyncio.start_server(server(VETTED), VETTED, 0)
        port = vetted.sockets[0].getsockname()[1]
        canary = await asyncio.start_server(server(CANARY), CANARY, port)
        refused = 0
        async with vetted, canary:
            for _ in range(ROUNDS // 10):
                http = Http(f"http://files.example:{port}", pace=Pace(math.inf, 1), public=True)
                try:
                    for _ in range(10):
                        try:
                            await http.request("GET", "/")
                        except ConnectError:
                            refused += 1
                finally:
                    await http.close()
        return refused

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)
    monkeypatch.setattr(http_module, "is_public", lambda address: address == VETTED)
    refused = asyncio.run(story())
    assert heard[CANARY] == 0
    assert heard[VETTED] + refused == ROUNDS
    assert heard[VETTED] > 0


def test_without_a_stranger_any_network_may_be_named() -> None:
    assert Http("https://10.0.0.1", pace=Pace(math.inf, 1)).origin == "https://10.0.0.1"
