"""The simulator under uvicorn, on 127.0.0.1, on a port that it tells."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette


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
    config = uvicorn.Config(app, "127.0.0.1", port, log_level=log_level, lifespan="on")
    return SimulatorServer(config)
