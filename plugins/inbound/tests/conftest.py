"""Real mail servers on loopback: an IMAP server as a process, an SMTP server in a thread."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from imapclient import IMAPClient

USER, PASSWORD = "demouser", "demopass"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Mailbox:
    """An IMAP server that nobody of ours wrote (pymap), with one user."""

    port: int

    def put(self, *mails: bytes) -> None:
        with self.client() as client:
            for raw in mails:
                client.append("INBOX", raw)

    def client(self) -> IMAPClient:
        client = IMAPClient("127.0.0.1", port=self.port, ssl=False)
        client.login(USER, PASSWORD)
        return client


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    port = free_port()
    program = Path(sys.executable).parent / "pymap"
    command = [str(program), "--host", "127.0.0.1", "--port", str(port), "--no-tls", "dict"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _until_there(port)
            yield Mailbox(port)
        finally:
            server.terminate()


def _until_there(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)  # a real process starts: there is nothing to wait on but its port
        else:
            return
    raise TimeoutError("the IMAP server did not start")


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


@pytest.fixture
def post() -> Iterator[Post]:
    handler = Post()

    def sign_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    handler.port = free_port()
    server = Controller(handler, hostname="127.0.0.1", port=handler.port, authenticator=sign_in, auth_require_tls=False)
    server.start()
    yield handler
    server.stop()
