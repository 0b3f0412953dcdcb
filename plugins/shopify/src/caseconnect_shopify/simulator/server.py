"""The simulator under uvicorn, on 127.0.0.1, with connections that it can drop."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from .app import TRANSPORT


class DroppableProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type] # chosen at run time by uvicorn
    """Hands each request its connection, so that a fault can close it without an answer."""

    app: Any

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wraps the app for this connection."""
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope[TRANSPORT] = transport
            await app(scope, receive, send)

        self.app = with_transport


class SimulatorServer(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts listening."""
        await super().startup(sockets)
        self._listening.set()

    async def ready(self, task: asyncio.Task[None]) -> int:
        """Waits until the server listens (or `task`, which serves, has ended) and returns its port, 0 if it failed."""
        waiting = asyncio.create_task(self._listening.wait())
        await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return next((int(s.sockets[0].getsockname()[1]) for s in getattr(self, "servers", ())), 0)


def server(app: Starlette, port: int = 0, log_level: str = "warning") -> SimulatorServer:
    """A server on 127.0.0.1; `await server.serve()` runs it. Port 0 takes any free one."""
    config = uvicorn.Config(app, "127.0.0.1", port, http=DroppableProtocol, log_level=log_level, lifespan="on")
    return SimulatorServer(config)
