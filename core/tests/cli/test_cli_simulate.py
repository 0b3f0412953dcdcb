"""`connect simulate`: the socket that it listens on."""

import asyncio
import socket

import pytest

from caseconnect.cli.simulate import _listening
from caseconnect.sdk.errors import ConfigError


def test_answers_are_sent_at_once_and_do_not_wait_for_an_acknowledgement() -> None:
    async def accepted() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        class Answering(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                told.set_result(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        listening = _listening(0)
        server = await asyncio.get_running_loop().create_server(Answering, sock=listening)
        async with server:
            _, writer = await asyncio.open_connection(*listening.getsockname())
            found = await told
            writer.close()
            await writer.wait_closed()
        return found

    assert asyncio.run(accepted()) != 0


def test_a_port_that_is_taken_is_told() -> None:
    with _listening(0) as first, pytest.raises(ConfigError, match="choose another --port"):
        _listening(first.getsockname()[1])
