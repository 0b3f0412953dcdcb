"""Who we talk to is proven by a certificate, by TLS 1.2 or newer; anything else is no connection."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from caseconnect.sdk import http as http_module
from caseconnect.sdk.errors import TransientError
from caseconnect.sdk.http import Http
from caseconnect.sdk.pace import Pace

LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture(scope="module")
def ours() -> trustme.CA:
    return trustme.CA()


async def asked(server: ssl.SSLContext) -> int:
    """The status that a request to this server gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's side of a refused handshake
    http = Http(f"https://localhost:{listening.sockets[0].getsockname()[1]}", pace=Pace(math.inf, 1))
    try:
        async with listening:
            return (await http.request("POST", "/", content=b"x")).status
    finally:
        await http.close()


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def trusting(monkeypatch: pytest.MonkeyPatch, ca: trustme.CA) -> None:
    """As if `ca` were among those that the system trusts."""
    context = http_module._tls.__wrapped__()
    ca.configure_trust(context)
    monkeypatch.setattr(http_module, "_tls", lambda: context)


def test_a_good_certificate_is_taken(monkeypatch: pytest.MonkeyPatch, ours: trustme.CA) -> None:
    trusting(monkeypatch, ours)
    assert asyncio.run(asked(serving(ours.issue_cert("localhost")))) == 200


@pytest.mark.parametrize("wrong", ["expired", "another host", "self-signed", "another authority", "TLS 1.1"])
def test_any_other_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, ours: trustme.CA, wrong: str
) -> None:
    trusting(monkeypatch, ours)
    certificates: dict[str, Callable[[], trustme.LeafCert]] = {
        "expired": lambda: ours.issue_cert("localhost", not_before=LONG_AGO, not_after=LONG_AGO + timedelta(days=90)),
        "another host": lambda: ours.issue_cert("other.example"),
        "another authority": lambda: trustme.CA().issue_cert("localhost"),
        "TLS 1.1": lambda: ours.issue_cert("localhost"),
    }
    server = serving(certificates.get(wrong, lambda: trustme.CA().issue_cert("localhost"))())
    if wrong == "TLS 1.1":
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            server.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(TransientError, match="no connection"):
        asyncio.run(asked(server))


def test_the_settings_of_tls_are_the_strict_ones() -> None:
    context = http_module._Network()._tls
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
