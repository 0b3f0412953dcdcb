"""An SMTP server that nobody of ours wrote, in a thread, on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Post:
    """An SMTP server that nobody of ours wrote (aiosmtpd). `answers` are given instead of its own, by command."""

    port: int = 0
    mails: list[Any] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    drop_after_data: bool = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - the library's name
        if answer := self.answers.get("RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        if answer := self.answers.get("DATA"):
            return answer
        self.mails.append(envelope)
        if self.drop_after_data:
            server.transport.abort()
        return "250 taken"


@contextmanager
def serving(password: str) -> Iterator[Post]:
    """Who signs in has this password; nobody has to."""
    handler = Post()

    def sign_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == password.encode(), handled=False)

    handler.port = free_port()
    server = Controller(handler, hostname="127.0.0.1", port=handler.port, authenticator=sign_in, auth_require_tls=False)
    server.start()
    try:
        yield handler
    finally:
        server.stop()
