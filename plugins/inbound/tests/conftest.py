"""Real mail servers on loopback: an IMAP server as a process, an SMTP server in a thread."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from imapclient import IMAPClient
from mail_post import Post, free_port, serving

USER, PASSWORD = "demouser", "demopass"


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


@pytest.fixture
def post() -> Iterator[Post]:
    with serving(PASSWORD) as handler:
        yield handler
