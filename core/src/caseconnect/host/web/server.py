"""uvicorn, with the deadlines and the limit of request heads that it lacks, and without its signal handlers."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from caseconnect.sdk.errors import ConfigError, ConnectError

_BACKLOG = 2048
_OVERRIDDEN = {
    "HttpToolsProtocol": {
        "connection_made": ["transport"],
        "data_received": ["data"],
        "on_message_begin": [],
        "on_headers_complete": [],
        "on_message_complete": [],
        "connection_lost": ["exc"],
    },
    "Server": {"serve": ["sockets"], "capture_signals": []},
}
"""What is overridden here, with its arguments, as in uvicorn 0.54. It is not uvicorn's public interface: a version
that renames one of these would run on without our deadlines."""


@dataclass(frozen=True)
class Waits:
    """How long a client may take, in seconds, and how long its request heads may be, in bytes.

    `head` runs from the connection, or from the first byte of a further request; `message` from the end of the
    head to the end of the body, whether or not it was answered before; `idle` between two requests.
    """

    head: float = 5.0
    message: float = 15.0
    idle: float = 20.0
    max_head: int = 64 * 1024


class TimedProtocol(HttpToolsProtocol):
    """Ends a connection whose client is slow or silent, and one whose request head does not end."""

    def __init__(self, waits: Waits, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waits = waits
        self._clock: asyncio.TimerHandle | None = None
        self._place = "head"
        self._head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """The first head's time runs: a client that connects and says nothing goes too."""
        super().connection_made(transport)
        self._begin("head", self._waits.head)

    def data_received(self, data: bytes) -> None:
        """Anything after a whole request begins the next head, also the empty lines that a parser skips."""
        if self._place == "idle":
            self._begin("head", self._waits.head)
        if self._place == "head":
            self._head_size += len(data)
        super().data_received(data)
        if self._place == "head" and self._head_size > self._waits.max_head:
            self._too_large()

    def on_message_begin(self) -> None:
        """A further head may begin in the same bytes as the last body ended."""
        super().on_message_begin()
        if self._place != "head":
            self._begin("head", self._waits.head)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._begin("message", self._waits.message)
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # The parser takes what follows for another protocol, not for the body: none of it may become a request.
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is there, whole."""
        self._begin("idle", self._waits.idle)
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to end any more."""
        self._stop()
        super().connection_lost(exc)

    def _begin(self, place: str, seconds: float) -> None:
        self._stop()
        self._place, self._head_size = place, 0
        self._clock = self.loop.call_later(seconds, self._late)

    def _stop(self) -> None:
        if self._clock:
            self._clock.cancel()
            self._clock = None

    def _late(self) -> None:
        self._clock = None
        if self._place == "idle" and self._answering():
            self._begin("idle", self._waits.idle)  # we are the slow one
        else:
            self.transport.abort()

    def _answering(self) -> bool:
        return not getattr(self.cycle, "response_complete", True)

    def _too_large(self) -> None:
        if self._answering() or self.transport.is_closing():
            self.transport.abort()
            return
        self.transport.write(STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


class Server(uvicorn.Server):
    """A server on a socket that is bound already; the daemon starts and stops it."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self.listening = listening

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `should_exit`."""
        await super().serve(sockets or [self.listening])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's."""
        yield


def check_uvicorn(*classes: type) -> None:
    """Raise `ConnectError` unless the classes still have the methods, and the arguments, that are overridden here."""
    for found in classes or (HttpToolsProtocol, uvicorn.Server):
        for name, wanted in _OVERRIDDEN[found.__name__].items():
            method = getattr(found, name, None)
            has = list(inspect.signature(method).parameters)[1:] if inspect.isfunction(method) else None
            if has != wanted:
                what = f"{found.__name__}.{name}({', '.join(wanted)})"
                instead = "it is gone" if has is None else f"it takes ({', '.join(has)})"
                raise ConnectError(
                    f"the installed uvicorn {uvicorn.__version__} is not the one that this Connect was made for:"
                    f" {what} is overridden, and {instead}. Install the uvicorn that requirements.lock names, or a"
                    " newer caseconnect"
                )


def make_server(
    app: Any,
    *,
    host: str = "",
    port: int = 0,
    uds: str | None = None,
    waits: Waits | None = None,
    tls: tuple[str, str] | None = None,
) -> Server:
    """A server for `app` on `host` and `port` (0: any free one) or on the unix socket `uds`, which is ours alone.

    `tls`: files of a certificate and its key.

    `ConfigError` when the address cannot be had, `ConnectError` when uvicorn is not as it is relied on.
    """
    check_uvicorn()
    protocol: Callable[..., Any] = partial(TimedProtocol, waits or Waits())
    config = uvicorn.Config(
        app,
        http=protocol,  # type: ignore[arg-type] # uvicorn only calls it
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # a line for each malformed request would let strangers fill the disk
        access_log=False,
        proxy_headers=False,  # nobody asks who the client is: one call less, and no header to believe
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=10,
        backlog=_BACKLOG,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    return Server(config, _unix(uds) if uds else _tcp(host, port))


def _tcp(host: str, port: int) -> socket.socket:
    try:
        if not 0 <= port <= 65_535:
            raise OverflowError("ports are 0 to 65535")
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen on {host} port {port} ({why}): choose another --host or --port, or end what listens there"
        ) from None


def _unix(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listening.fileno(), 0o600)  # on Linux the file gets it at once, so that nobody is ever let in
        listening.bind(path)
        Path(path).chmod(0o600)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigError(f"cannot listen on {path} ({error.strerror}): is the data folder yours?") from None
    return listening


async def until_started(server: Server, serving: list[asyncio.Task[None]]) -> None:
    """Wait until it listens. `ConnectError` when it cannot; what another of `serving` raises."""
    while not server.started:
        for task in serving:
            if task.done():
                await task
                raise ConnectError("the server could not be started: is the port in use?")
        await asyncio.sleep(0.01)
