from __future__ import annotations

import asyncio
import gzip
import math
import socket
import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from email.policy import HTTP
from email.utils import format_datetime
from typing import Any

import aiohttp  # noqa: TID251 - tests may
import httpx  # noqa: TID251 - tests may
import orjson
import pytest
import uvicorn

from caseconnect.sdk.errors import ConfigError, ConnectError, PluginError, TransientError, UnknownOutcome
from caseconnect.sdk.http import Http, Part, Response, unix_transport
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.testing import Wire, run
from caseconnect.sdk.testing.resources import make_resources
from caseconnect.sdk.testing.wire import CUT_AFTER, LOST_AFTER, LOST_BEFORE, REFUSED, SILENT

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the request as JSON; `/slow` drips for ever, `/big` is a megabyte, `/away` redirects."""
    message = await receive()
    path = scope["path"]
    status = 302 if path == "/away" else 200
    headers = [(b"Location", b"https://elsewhere.example/"), (b"X-Mixed-Case", b"Yes")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if path == "/slow":
        for _ in range(1000):
            await asyncio.sleep(1)
            await send({"type": "http.response.body", "body": b".", "more_body": True})
    body = {
        "method": scope["method"],
        "path": path,
        "query": scope["query_string"].decode(),
        "headers": {k.decode(): v.decode() for k, v in scope["headers"]},
        "body": message.get("body", b"").decode("latin-1"),
    }
    await send({"type": "http.response.body", "body": b"x" * 1_000_000 if path == "/big" else orjson.dumps(body)})


def client(wire: Any, base: Any = "https://shop.example/base", **options: Any) -> Any:
    return Http(base, pace=Pace(math.inf, 1), transport=wire, **options)


def ask(
    method: Any,
    path: Any,
    *,
    fault: Any = None,
    base: Any = "https://shop.example/base",
    options: Any = None,
    **more: Any,
) -> Any:
    """One request over a wire; the answer and the wire."""

    async def story() -> Any:
        wire = Wire(echo)
        if fault:
            wire.fault_all(fault)
        http = client(wire, base, **(options or {}))
        try:
            return await http.request(method, path, **more), wire
        finally:
            await http.close()
            await http.close()

    return run(story())


def test_request_goes_below_the_base_url_with_what_was_given() -> None:
    response, wire = ask("POST", "/v1/orders", query={"q": "a b&c"}, headers={"X-Own": "1"}, json={"total": "1.00"})
    seen = response.json()
    assert wire.sent[0].url == "https://shop.example/base/v1/orders?q=a+b%26c"
    assert (seen["method"], seen["path"]) == ("POST", "/base/v1/orders")
    assert (seen["headers"]["x-own"], seen["headers"]["content-type"]) == ("1", "application/json")
    assert seen["body"] == '{"total":"1.00"}'
    assert response.headers["x-mixed-case"] == "Yes"


def test_form_and_basic_credentials() -> None:
    response, wire = ask("POST", "/token", form={"grant_type": "x", "scope": "a b"}, basic=("id", "se:cret"))
    assert response.json()["body"] == "grant_type=x&scope=a+b"
    assert wire.sent[0].headers["authorization"] == "Basic aWQ6c2U6Y3JldA=="


def test_multipart_keeps_names_types_bytes_and_order() -> None:
    parts = [
        Part("caseInstance", b'{"a":1}', "case.json", "application/json"),
        Part("files", bytes(range(256)), "blob.bin"),
        Part("note", "grüße".encode(), media_type="text/plain; charset=utf-8"),
    ]
    _, wire = ask("POST", "/cases", parts=parts)
    head = f"Content-Type: {wire.sent[0].headers['content-type']}\r\n\r\n".encode()
    got = list(BytesParser(policy=HTTP).parsebytes(head + wire.sent[0].body).iter_parts())
    assert [p.get_param("name", header="content-disposition") for p in got] == ["caseInstance", "files", "note"]
    assert [p.get_filename() for p in got] == ["case.json", "blob.bin", None]
    assert [p.get_content_type() for p in got] == ["application/json", "application/octet-stream", "text/plain"]
    assert [p.get_payload(decode=True) for p in got] == [p.content for p in parts]


@pytest.mark.parametrize(
    "base", ["shop.example", "ftp://shop.example", "https://", "https://user:pass-word@shop.example"]
)
def test_base_url_is_checked_and_credentials_are_not_shown(base: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        client(Wire(echo), base)
    assert "pass-word" not in str(caught.value)
    assert "https://host[:port]" in str(caught.value)


@pytest.mark.parametrize("path", ["@evil.example/", ".evil.example/", ":81/", "https://evil.example/", "orders"])
def test_no_path_leads_to_another_origin(path: Any) -> None:
    async def story() -> None:
        wire = Wire(echo)
        http = client(wire, "https://shop.example")
        with pytest.raises(PluginError, match="begins with '/'"):
            await http.request("GET", path)
        await http.close()
        assert wire.sent == []

    run(story())


@pytest.mark.parametrize("path", ["//evil.example/", "/@evil.example", "/..//evil.example", "/\\evil.example"])
def test_odd_paths_stay_on_the_origin(path: Any) -> None:
    _, wire = ask("GET", path, base="https://shop.example")
    assert wire.sent[0].url.startswith("https://shop.example/")


def test_no_redirect_is_followed() -> None:
    response, wire = ask("GET", "/away", base="https://shop.example")
    assert (response.status, len(wire.sent)) == (302, 1)


def test_deadline_is_for_the_whole_request() -> None:
    async def story() -> Any:
        http = client(Wire(echo), "https://shop.example", deadline=30.0)
        with pytest.raises(TransientError, match="no answer within 30 s"):
            await http.request("GET", "/slow")
        await http.close()
        return asyncio.get_running_loop().time()

    assert run(story()) == pytest.approx(30, abs=0.1)


def test_waiting_for_the_pace_is_not_counted_against_the_deadline() -> None:
    async def story() -> Any:
        http = Http("https://shop.example", pace=Pace(0.01, 1), transport=Wire(echo), deadline=5.0)
        await http.request("GET", "/")
        answer = await http.request("GET", "/")
        await http.close()
        return answer.status, asyncio.get_running_loop().time()

    assert run(story()) == (200, pytest.approx(100, abs=1))


@pytest.mark.parametrize(
    ("fault", "get", "post"),
    [
        (REFUSED, TransientError, TransientError),
        (LOST_BEFORE, TransientError, UnknownOutcome),
        (LOST_AFTER, TransientError, UnknownOutcome),
        (SILENT, TransientError, UnknownOutcome),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_errors_say_whether_it_may_have_happened(fault: Any, get: Any, post: Any) -> None:
    for method, safe, kind in (
        ("GET", None, get),
        ("HEAD", None, get),
        ("POST", None, post),
        ("PUT", None, post),
        ("DELETE", None, post),
        ("POST", True, get),
        ("GET", False, post),
    ):
        with pytest.raises(ConnectError) as caught:
            ask(method, "/orders?id=jane@example.com", fault=fault, safe=safe, headers={"Authorization": "Bearer tok"})
        assert type(caught.value) is kind, (method, safe)
        assert "https://shop.example/base/orders" in str(caught.value)
        assert "jane@" not in str(caught.value)
        assert "tok" not in str(caught.value)


def test_it_repeats_nothing() -> None:
    async def story() -> Any:
        wire = Wire(echo)
        wire.fault_all(LOST_BEFORE)
        http = client(wire)
        with pytest.raises(TransientError):
            await http.request("GET", "/")
        await http.close()
        return len(wire.sent)

    assert run(story()) == 1


def test_answer_that_is_too_long_is_cut_off() -> None:
    with pytest.raises(ConnectError, match="longer than 1000 bytes"):
        ask("GET", "/big", base="https://shop.example", options={"max_body": 1000})
    response, _ = ask("GET", "/big", base="https://shop.example", options={"max_body": 1_000_000})
    assert len(response.body) == 1_000_000


def test_half_an_answer_is_no_json() -> None:
    response, _ = ask("POST", "/orders", fault=CUT_AFTER)
    with pytest.raises(UnknownOutcome, match="expected JSON"):
        response.json()


def test_answer_shows_neither_headers_nor_body() -> None:
    assert repr(Response(200, {"set-cookie": "sid"}, b"jane")) == "Response(status=200)"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7),
        (" 2.5 ", 2.5),
        ("0", 0),
        ("-4", 0),
        ("1e9", 3600),
        ("inf", 3600),
        ("nan", None),
        ("soon", None),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 20 Nov 2026 13:00:10 +0100", 10),
        ("Fri, 20 Nov 2026 12:00:05 -0000", 5),
        ("Fri, 20 Nov 2099 12:00:00 GMT", 3600),
    ],
)
def test_retry_after(text: Any, seconds: Any) -> None:
    headers = {} if text is None else {"retry-after": text}
    assert Response(429, headers, b"").retry_after(NOW) == seconds
    if seconds and text and not text.strip()[0].isdigit() and seconds < 3600:
        assert Response(429, headers, b"").retry_after(NOW + timedelta(seconds=3)) == seconds - 3


def test_a_date_to_wait_for_is_read_by_the_clock_that_was_handed_in() -> None:
    async def busy(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"retry-after", format_datetime(NOW + timedelta(seconds=7), usegmt=True).encode())]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def story() -> float:
        loop = asyncio.get_running_loop()
        resources = make_resources(busy, now=lambda: NOW, pace=Pace(100, 1))
        http = resources.http("https://shop.example")
        await http.request("GET", "/")
        began = loop.time()
        await http.pace.take(1.0)
        await resources.close()
        return loop.time() - began

    assert 7.0 <= run(story()) < 8.0


class Loopback:
    """A server on a real socket that answers each connection with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.seen: list[bytes] = []

    async def __aenter__(self) -> Any:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, reader: Any, writer: Any) -> None:
        self.seen.append(await reader.readuntil(b"\r\n\r\n"))
        with suppress(ConnectionError):  # who asked may have had enough
            writer.write(self.answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


def test_no_proxy_of_the_environment_is_used(monkeypatch: Any) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    async def story() -> Any:
        async with Loopback(OK) as server:
            http = Http(f"http://127.0.0.1:{server.port}", pace=Pace(math.inf, 1))
            response = await http.request("GET", "/direct")
            await http.close()
            return response.status, server.seen[0].split(b"\r\n")[0]

    assert asyncio.run(story()) == (200, b"GET /direct HTTP/1.1")


def test_no_credentials_of_a_netrc_file_are_used(monkeypatch: Any, tmp_path: Any) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login jane password not-for-you\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    async def story() -> Any:
        async with Loopback(OK) as server:
            http = Http(f"http://127.0.0.1:{server.port}", pace=Pace(math.inf, 1))
            await http.request("GET", "/")
            await http.close()
            return server.seen[0].lower()

    assert b"authorization" not in asyncio.run(story())


@pytest.mark.parametrize(("method", "kind"), [("GET", TransientError), ("POST", UnknownOutcome)])
def test_real_connection_that_breaks_in_the_middle(method: Any, kind: Any) -> None:
    async def story() -> Any:
        async with Loopback(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") as server:
            http = Http(f"http://127.0.0.1:{server.port}", pace=Pace(math.inf, 1))
            with pytest.raises(kind):
                await http.request(method, "/")
            await http.close()
            return len(server.seen)

    assert asyncio.run(story()) == 1


def test_real_refused_connection() -> None:
    async def story() -> None:
        async with Loopback(OK) as server:
            port = server.port
        http = Http(f"http://127.0.0.1:{port}", pace=Pace(math.inf, 1))
        with pytest.raises(TransientError, match="no connection"):
            await http.request("POST", "/")
        await http.close()

    asyncio.run(story())


def test_an_idle_connection_is_closed_before_the_server_does_so(monkeypatch: Any) -> None:
    kept: list[float] = []
    connector, transport = aiohttp.TCPConnector, httpx.AsyncHTTPTransport

    def tcp(**options: Any) -> Any:
        kept.append(options["keepalive_timeout"])
        return connector(**options)

    def unix(**options: Any) -> Any:
        kept.append(options["limits"].keepalive_expiry)
        return transport(**options)

    monkeypatch.setattr(aiohttp, "TCPConnector", tcp)
    monkeypatch.setattr(httpx, "AsyncHTTPTransport", unix)
    unix_transport("/run/none.sock")
    assert asyncio.run(over_the_network(OK)).status == 200
    servers = uvicorn.Config(echo).timeout_keep_alive
    assert [seconds <= servers - 3 for seconds in kept] == [True, True]


async def over_the_network(answer: bytes, times: int = 1, seen: list[bytes] | None = None) -> Response:
    """The last of some requests to a server that answers each connection with the same bytes."""
    async with Loopback(answer) as server:
        http = Http(f"http://127.0.0.1:{server.port}", pace=Pace(math.inf, 1))
        answers = [await http.request("GET", "/", headers={"Accept": "text/plain", "X-Own": "1"}) for _ in range(times)]
        await http.close()
        if seen is not None:
            seen.extend(server.seen)
        return answers[-1]


def test_a_header_that_is_given_takes_the_place_of_ours() -> None:
    seen: list[bytes] = []
    asyncio.run(over_the_network(OK, seen=seen))
    names = [line.split(b":")[0].lower() for line in seen[0].split(b"\r\n")[1:-2]]
    assert sorted(names) == [b"accept", b"accept-encoding", b"connection", b"host", b"user-agent", b"x-own"]
    assert b"accept: text/plain" in seen[0].lower()


def test_no_cookie_is_kept_and_no_redirect_followed_on_the_network() -> None:
    seen: list[bytes] = []
    answer = OK.replace(b"200 OK", b"302 Found\r\nSet-Cookie: sid=1; Path=/\r\nLocation: /elsewhere")
    response = asyncio.run(over_the_network(answer, 2, seen))
    assert response.status == 302
    assert [head.split(b" ")[1] for head in seen] == [b"/", b"/"]
    assert b"sid" not in seen[1]


def test_a_compressed_answer_is_read() -> None:
    body = gzip.compress(b'{"a":1}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    assert asyncio.run(over_the_network(head + body)).json() == {"a": 1}


KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Leaving:
    """A server on a real socket that answers once on each kept connection, and then leaves it.

    `when`: at once, or when the next request has come; `reset`: with an error instead of an end.
    """

    def __init__(self, when: str, *, reset: bool) -> None:
        self.when, self.reset = when, reset
        self.heads: list[bytes] = []
        self.connections = 0
        self.left = asyncio.Event()

    async def serve(self, reader: Any, writer: Any) -> None:
        self.connections += 1
        await self._read(reader)
        writer.write(KEPT)
        await writer.drain()
        if self.when == "asked":
            await self._read(reader)
        if self.reset:
            writer.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.left.set()

    async def _read(self, reader: Any) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"content-length: 7" in head.lower():
            await reader.readexactly(7)
        self.heads.append(head)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
def test_what_is_lost_on_a_kept_connection_is_not_sent_again(method: str, reset: bool) -> None:
    async def story() -> None:
        leaving = Leaving("asked", reset=reset)
        async with await asyncio.start_server(leaving.serve, "127.0.0.1", 0) as server:
            http = Http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pace=Pace(math.inf, 1))
            await http.request("GET", "/first")
            with pytest.raises(ConnectError) as caught:
                await http.request(method, "/second", json={"a": 1} if method in {"PUT", "POST"} else None)
            assert type(caught.value) is (TransientError if method in {"GET", "HEAD"} else UnknownOutcome)
            await http.close()
        assert [head.split(b" ")[1] for head in leaving.heads] == [b"/first", b"/second"]
        assert leaving.connections == 1

    asyncio.run(story())


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kept_connection_that_the_server_has_left_is_not_used(method: str, reset: bool) -> None:
    async def story() -> None:
        leaving = Leaving("at once", reset=reset)
        async with await asyncio.start_server(leaving.serve, "127.0.0.1", 0) as server:
            http = Http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pace=Pace(math.inf, 1))
            await http.request("GET", "/first")
            await leaving.left.wait()
            for _ in range(5):  # until the end has come through the loopback
                await asyncio.sleep(0.001)
            assert (await http.request(method, "/second")).status == 200
            await http.close()
        assert [head.split(b" ")[1] for head in leaving.heads] == [b"/first", b"/second"]

    asyncio.run(story())


@pytest.mark.parametrize("text", ["a\r\nx-more: 1", "a\nx-more: 1", "a\rb", "a\x00b"])
@pytest.mark.parametrize("name", [False, True])
def test_no_header_can_be_put_into_another(text: str, name: bool) -> None:
    wire = Wire(echo)
    with pytest.raises(PluginError, match="line break"):
        run(client(wire).request("GET", "/", headers={text: "1"} if name else {"x-note": text}))
