"""uvicorn, with the deadline for request heads that it lacks, and without its signal handlers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_DEADLINE = 5.0


class HeadDeadline(HttpToolsProtocol):
    """Closes a connection whose request head is not there within `HEAD_DEADLINE` seconds of its first byte.

    The first request's clock starts with the connection: a client that connects and says nothing goes too.
    """

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Start the clock."""
        super().connection_made(transport)
        self._start_head()

    def on_message_begin(self) -> None:
        """Start the clock of a further request on the same connection."""
        super().on_message_begin()
        if self._head is None:
            self._start_head()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._stop_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to close any more."""
        self._stop_head()
        super().connection_lost(exc)

    def _start_head(self) -> None:
        self._head = asyncio.get_running_loop().call_later(HEAD_DEADLINE, self._too_slow)

    def _stop_head(self) -> None:
        if self._head:
            self._head.cancel()
            self._head = None

    def _too_slow(self) -> None:
        self._head = None
        self.transport.abort()


class Server(uvicorn.Server):
    """A server that the daemon starts and stops itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's."""
        yield


def make_server(app: Any, **where: Any) -> Server:
    """A server for `app`. `where`: host and port, or uds."""
    config = uvicorn.Config(
        app,
        http=HeadDeadline,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=64 * 1024,
        backlog=2048,
        **where,
    )
    return Server(config)
