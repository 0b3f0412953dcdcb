"""The server over real sockets: slow and silent clients, wrong framing, keep-alive. Deadlines are short here."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import stat
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.web.app import make_app
from caseconnect.host.web.hooks import Hook, Hooks
from caseconnect.host.web.server import Waits, make_server
from caseconnect.sdk.components import Webhook
from caseconnect.sdk.errors import ConfigError

SECRET = "shop-secret-0123456789"
WEBHOOK = Webhook(signature_header="X-Signature", secrets=("s",), topic_header="X-Topic", id_header="X-Delivery")
WAITS = Waits(head=0.3, message=0.6, idle=0.5, max_head=16 * 1024)
PATIENCE = 5.0
"""Seconds after which a test gives up; nothing here takes so long unless it is broken."""


@dataclass
class Place:
    """A server under test."""

    port: int
    stored: list[NewDelivery] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def say(self, raw: bytes) -> bytes:
        """Send bytes on a new connection; everything that comes until the server ends it."""
        reader, writer = await self.open()
        writer.write(raw)
        return await rest(reader, writer)


async def rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    found = b""
    try:
        async with asyncio.timeout(PATIENCE):
            while chunk := await reader.read(65_536):
                found += chunk
    except ConnectionError:
        pass
    finally:
        writer.close()
    return found


@asynccontextmanager
async def place(waits: Waits = WAITS, **options: Any) -> AsyncIterator[Place]:
    stored: list[NewDelivery] = []
    gate = asyncio.Event()
    gate.set()

    async def store(new: NewDelivery) -> Receipt:
        await gate.wait()
        stored.append(new)
        return Receipt(len(stored), "stored")

    hooks = Hooks(store, lambda: datetime.now(UTC), body_deadline=0.3, max_body=100_000, **options)
    hooks.registry = {("hooks", "acme", "shop"): Hook("acme", "shop", WEBHOOK, lambda: [SECRET])}
    server = make_server(make_app(hooks, lambda: None), host="127.0.0.1", waits=waits)
    serving = asyncio.create_task(server.serve())
    try:
        yield Place(server.listening.getsockname()[1], stored, gate)
    finally:
        server.should_exit = True
        await serving


def run(story: Callable[[Place], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def main() -> None:
        async with place(**options) as here:
            await story(here)

    asyncio.run(main())


def request(body: bytes = b"{}", *more: str, path: str = "/hooks/acme/shop", length: str | None = None) -> bytes:
    mac = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    lines = [f"POST {path} HTTP/1.1", "Host: connect.test", f"X-Signature: {mac}", *more]
    if length != "":
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


async def answer_of(reader: asyncio.StreamReader) -> int:
    """The status of the next answer; its body has to be empty."""
    async with asyncio.timeout(PATIENCE):
        head = await reader.readuntil(b"\r\n\r\n")
    assert b"content-length: 0" in head
    return status(head)


async def good_clients(here: Place, until: asyncio.Task[Any]) -> list[tuple[int, float]]:
    """Post one delivery after the other until `until` has ended: status and seconds of each."""
    loop, told = asyncio.get_running_loop(), []
    while not until.done():
        began = loop.time()
        answer = await here.say(request(b"{}", "Connection: close"))
        told.append((status(answer), loop.time() - began))
    return told


async def drip(
    here: Place, parts: list[bytes], every: float, before: bytes = b"", answers: int = 0
) -> tuple[bytes, float]:
    """Say `before` at once and wait for `answers`, then `parts` one at a time: what came back, and after how long."""
    loop = asyncio.get_running_loop()
    reader, writer = await here.open()
    writer.write(before)
    for _ in range(answers):
        await answer_of(reader)
    began = loop.time()
    listening = asyncio.create_task(rest(reader, writer))
    for part in parts:
        if listening.done():
            break
        writer.write(part)
        await asyncio.sleep(every)
    return await listening, loop.time() - began


def one_by_one(data: bytes) -> list[bytes]:
    return [data[n : n + 1] for n in range(len(data))]


HEAD = request(b"")[:-4]
SLOW: dict[str, tuple[list[bytes], bytes, int]] = {
    "silent": ([], b"", 0),
    "a head byte by byte": (one_by_one(HEAD), b"", 0),
    "a head that stops": ([HEAD], b"", 0),
    "one header after the other": ([HEAD] + [b"\r\nX-More: 1"] * 100, b"", 0),
    "a second head byte by byte": (one_by_one(HEAD), request(), 1),
    "a second head that stops": ([HEAD], request(), 1),
    "empty lines before a head": ([b"\r\n"] * 100, b"", 0),
    "empty lines between requests": ([b"\r\n"] * 100, request(), 1),
    "nothing after an answer": ([], request(), 1),
    "a body that nobody waits for": ([b"x"] * 100, request(path="/healthz", length="100000"), 0),
    "a body after its answer": ([b"x"] * 100, request(length="100000").replace(b"POST", b"GET"), 0),
}


@pytest.mark.parametrize("name", SLOW)
def test_slow_clients_are_ended_and_others_served(name: str) -> None:
    parts, before, answers = SLOW[name]

    async def story(here: Place) -> None:
        slow = asyncio.create_task(drip(here, parts, 0.04, before, answers))
        told = await good_clients(here, slow)
        _, seconds = await slow
        assert 0.2 < seconds < 2
        assert {s for s, _ in told} == {200}
        assert max(seconds for _, seconds in told) < 1
        assert len(here.stored) == len(told) + answers

    run(story)


def test_many_slow_clients_at_once_hurt_nobody() -> None:
    async def story(here: Place) -> None:
        slow = asyncio.gather(*(drip(here, one_by_one(HEAD), 0.1) for _ in range(200)))
        told = await good_clients(here, asyncio.ensure_future(slow))
        assert {s for s, _ in told} == {200}
        assert len(told) > 3
        assert all(not said for said, _ in await slow)

    # Long enough for a good head also on a starved machine; a slow one takes ten times that.
    run(story, waits=replace(WAITS, head=1.5))


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_slow_body_is_answered_408_and_ended(framing: str) -> None:
    head = request(b"", framing, length="")
    part = b"1\r\nx\r\n" if "chunked" in framing else b"x"

    async def story(here: Place) -> None:
        slow = asyncio.create_task(drip(here, [part] * 100, 0.04, head))
        told = await good_clients(here, slow)
        said, seconds = await slow
        assert status(said) == 408
        assert b"connection: close" in said
        assert seconds < 2
        assert {s for s, _ in told} == {200}
        assert len(here.stored) == len(told)

    run(story)


def test_a_slow_journal_is_not_the_clients_fault() -> None:
    async def story(here: Place) -> None:
        here.gate.clear()
        reader, writer = await here.open()
        writer.write(request())
        await asyncio.sleep(WAITS.idle * 1.5)
        here.gate.set()
        assert await answer_of(reader) == 200
        assert await rest(reader, writer) == b""

    run(story)


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"\r\nX-Long: " + b"a" * 1_048_576,
        b"POST /" + b"a" * 1_048_576,
        HEAD + b"\r\nX-Many: 1" * 100_000,
        b"\r\n" * 600_000,
    ],
    ids=["one header of a MiB", "a path of a MiB", "many headers", "empty lines"],
)
def test_a_head_without_end_is_refused(head: bytes) -> None:
    async def story(here: Place) -> None:
        assert status(await here.say(head)) in {431, 0}
        assert status(await here.say(request(b"{}", "X-Long: " + "a" * 10_000, "Connection: close"))) == 200
        assert len(here.stored) == 1

    run(story)


def test_a_long_head_is_told() -> None:
    async def story(here: Place) -> None:
        reader, writer = await here.open()
        for _ in range(4):
            writer.write(b"POST / HTTP/1.1\r\nX-Long: " + b"a" * 5_000 if not _ else b"a" * 5_000)
            await writer.drain()
            await asyncio.sleep(0.02)
        said = await rest(reader, writer)
        assert said.startswith(b"HTTP/1.1 431 ")
        assert b"connection: close" in said

    run(story)


def post(*lines: str, after: bytes = b"") -> bytes:
    return "\r\n".join(["POST /hooks/acme/shop HTTP/1.1", "Host: x", *lines, "", ""]).encode("latin-1") + after


SMUGGLED = b"0\r\n\r\n" + request()
FRAMING: dict[str, bytes] = {
    "length and chunks": post("Content-Length: 4", "Transfer-Encoding: chunked", after=SMUGGLED),
    "chunks and length": post("Transfer-Encoding: chunked", "Content-Length: 4", after=SMUGGLED),
    "two lengths": post("Content-Length: 0", "Content-Length: 40", after=request()),
    "two equal lengths": post("Content-Length: 2", "Content-Length: 2", after=b"{}"),
    "a list of lengths": post("Content-Length: 2, 2", after=b"{}"),
    "a negative length": post("Content-Length: -1"),
    "a signed length": post("Content-Length: +2", after=b"{}"),
    "a length in hex": post("Content-Length: 0x2", after=b"{}"),
    "a length with letters": post("Content-Length: 2a", after=b"{}"),
    "an endless length": post("Content-Length: " + "9" * 40),
    "no length": post("Content-Length: ", after=b"{}"),
    "an unknown coding": post("Transfer-Encoding: gzip", after=b"{}"),
    "a coding after chunks": post("Transfer-Encoding: chunked, gzip", after=SMUGGLED),
    "identity and length": post("Transfer-Encoding: identity", "Content-Length: 2", after=b"{}"),
    "a coding almost of that name": post("Transfer-Encoding: xchunked", after=SMUGGLED),
    "a chunk size without a number": post("Transfer-Encoding: chunked", after=b"zz\r\n{}\r\n0\r\n\r\n"),
    "a negative chunk": post("Transfer-Encoding: chunked", after=b"-2\r\n{}\r\n0\r\n\r\n"),
    "an endless chunk": post("Transfer-Encoding: chunked", after=b"f" * 40 + b"\r\n{}"),
    "a chunk longer than told": post("Transfer-Encoding: chunked", after=b"1\r\n{}\r\n0\r\n\r\n"),
    "a space before the colon": post("Content-Length : 2", after=b"{}"),
    "a folded header": post("X-Topic: a", " b", "Content-Length: 2", after=b"{}"),
    "a header without a name": post(": x", "Content-Length: 2", after=b"{}"),
    "a header without a colon": post("nonsense", "Content-Length: 2", after=b"{}"),
    "a zero byte in a header": post("X-Topic: a\0b", "Content-Length: 2", after=b"{}"),
    "a bare return in a header": post("X-Topic: a\rX-Other: b", "Content-Length: 2", after=b"{}"),
    "a request line of words": b"hello there, is this a shop?\r\n\r\n",
    "HTTP/2 by force": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9": b"POST /hooks/acme/shop HTTP/9.9\r\n\r\n",
    "TLS on a plain port": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a space in the path": b"POST /hooks/acme shop HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("name", FRAMING)
def test_a_request_that_can_be_read_in_two_ways_ends_the_connection(name: str) -> None:
    async def story(here: Place) -> None:
        said = await here.say(FRAMING[name])
        assert status(said) in {400, 404, 405, 413, 501}
        assert said.count(b"HTTP/1.1 ") == 1, "the bytes after it were read as a request of their own"
        assert here.stored == []
        assert status(await here.say(request(b"{}", "Connection: close"))) == 200

    run(story)


def test_a_body_that_is_not_whole_is_not_stored() -> None:
    async def story(here: Place) -> None:
        reader, writer = await here.open()
        writer.write(request(b'{"id": 1', length="9"))
        writer.write_eof()
        await rest(reader, writer)
        assert here.stored == []

    run(story)


def test_the_declared_length_is_all_that_is_read() -> None:
    async def story(here: Place) -> None:
        said = await here.say(request(b"{}") + b"and more that is no request\r\n\r\n")
        assert b"HTTP/1.1 400 " in said
        assert [new.body for new in here.stored] in ([], [b"{}"])

    run(story)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_answered_413_and_ended(chunked: bool) -> None:
    body = b"x" * 150_000
    if chunked:
        raw = request(b"", "Transfer-Encoding: chunked", length="") + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    else:
        raw = request(b"", length=str(len(body)))

    async def story(here: Place) -> None:
        said = await here.say(raw)
        assert status(said) == 413
        assert b"connection: close" in said
        assert here.stored == []

    run(story)


def test_chunks_are_put_together() -> None:
    body = b'{"id": 820982911946154508}'
    signed = request(body, "Transfer-Encoding: chunked", "Connection: close", length="")[: -len(body)]
    chunks = b"".join(b"%x;name=value\r\n%s\r\n" % (len(p), p) for p in (body[:1], body[1:9], body[9:]))

    async def story(here: Place) -> None:
        assert status(await here.say(signed + chunks + b"0\r\nX-Trailer: 1\r\n\r\n")) == 200
        assert [new.body for new in here.stored] == [body]

    run(story)


@pytest.mark.parametrize(("length", "first", "last"), [(None, b"100 Continue", 200), ("999999999", b"413", 413)])
def test_a_client_that_asks_first_is_told_at_once(length: str | None, first: bytes, last: int) -> None:
    body = b"{}"

    async def story(here: Place) -> None:
        reader, writer = await here.open()
        writer.write(request(body, "Expect: 100-continue", "Connection: close", length=length)[: -len(body)])
        async with asyncio.timeout(PATIENCE):
            line = await reader.readline()
        assert first in line
        if last == 200:
            writer.write(body)
            assert b"HTTP/1.1 200 OK" in await rest(reader, writer)
        else:
            await rest(reader, writer)
        assert len(here.stored) == (last == 200)

    run(story)


def test_one_connection_serves_many_requests_good_and_bad() -> None:
    async def story(here: Place) -> None:
        reader, writer = await here.open()
        told = []
        for raw in (request(), request(path="/hooks/nobody/shop"), request(), request(path="/nothing")):
            writer.write(raw)
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
                await reader.readexactly(size)
            told.append(status(head))
        writer.close()
        assert told == [200, 401, 200, 404]
        assert len(here.stored) == 2

    run(story)


def test_requests_sent_at_once_are_answered_in_order() -> None:
    async def story(here: Place) -> None:
        raw = b"".join(request(b'{"n": %d}' % n) for n in range(20)) + request(b"{}", "Connection: close")
        said = await here.say(raw)
        assert said.count(b"HTTP/1.1 200 OK") == 21
        assert [new.body for new in here.stored] == [b'{"n": %d}' % n for n in range(20)] + [b"{}"]

    run(story)


@pytest.mark.parametrize("kind", ["websocket", "h2c", "TLS/1.0"])
def test_an_offer_to_change_the_protocol_ends_the_connection(kind: str) -> None:
    body = request(b"{}")

    async def story(here: Place) -> None:
        reader, writer = await here.open()
        writer.write(request(body, "Connection: Upgrade", f"Upgrade: {kind}")[: -len(body)])
        await asyncio.sleep(0.05)
        writer.write(body)
        said = await rest(reader, writer)
        assert said.count(b"HTTP/1.1 ") <= 1
        assert status(said) in {0, 401}
        assert here.stored == []

    run(story)


def test_unknown_tenant_and_bad_signature_are_one_answer_on_the_wire() -> None:
    async def story(here: Place) -> None:
        bad = request(b"{}", "Connection: close").replace(b"X-Signature: ", b"X-Signature: x")
        answers = set()
        for path in (b"/hooks/acme/shop", b"/hooks/acme/none", b"/hooks/none/shop", b"/hooks/none", b"/hooks/"):
            said = await here.say(bad.replace(b"/hooks/acme/shop", path))
            answers.add(b"\r\n".join(line for line in said.split(b"\r\n") if not line.startswith(b"date: ")))
        assert answers == {b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"}

    run(story)


def test_malformed_requests_write_no_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Place) -> None:
        for raw in (FRAMING["a request line of words"], FRAMING["TLS on a plain port"], FRAMING["a tunnel"]):
            await here.say(raw)
        await here.say(request(b"{}", "Connection: Upgrade, close", "Upgrade: h2c"))

    run(story)
    assert caplog.records == []


def test_a_port_in_use_is_told_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1 port {port} \(.+\): choose another"):
            make_server(None, host="127.0.0.1", port=port)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("no.such.host.invalid", 0), ("192.0.2.1", 0)])
def test_an_address_that_is_not_ours_is_told(host: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if host.endswith(".invalid"):
        nowhere = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        monkeypatch.setattr(socket, "getaddrinfo", mock.Mock(side_effect=nowhere))
    with pytest.raises(ConfigError, match="cannot listen on"):
        make_server(None, host=host, port=port)


def test_the_local_socket_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    server = make_server(None, uds=str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    server.listening.close()
    with pytest.raises(ConfigError, match="is the data folder yours"):
        make_server(None, uds=str(tmp_path / "no" / "folder.sock"))
