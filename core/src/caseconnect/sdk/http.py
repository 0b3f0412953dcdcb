"""HTTP for plugins. The one file that imports httpx and aiohttp, so that a successor can replace them in one edit.

Requests and answers are httpx's, which tests and the simulation speak; the network is aiohttp's, whose connections
cost a fifth of the processor time of httpx's own. It repeats nothing by itself: the only retry loop is the journal's.
It follows no redirect, keeps no cookie, reads no proxy setting from the environment, talks to one origin only, and
ends every request at a total deadline.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from caseconnect.sdk.addresses import is_address, is_public
from caseconnect.sdk.errors import (
    ConfigError,
    ConnectError,
    PermanentError,
    PluginError,
    TransientError,
    UnknownOutcome,
)
from caseconnect.sdk.messages import Part as Part
from caseconnect.sdk.messages import Response as Response
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.texts import without_credentials
from caseconnect.sdk.usage import Usage

# None: importing it fails at once. httpx would load its command line with rich and pygments, a fifth of our start-up.
# httpcore asks for sniffio at every lock and event, some fifty times a request; that it is absent was found out by a
# walk over the whole path each time, a third of all the pipeline's time.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None is what makes an import fail
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment] # as above

import httpx  # noqa: E402, TID251 - this is the place, and the lines above have to come first

if TYPE_CHECKING:
    import aiohttp  # noqa: TID251 - as above

Transport = httpx.AsyncBaseTransport
"""What actually sends: tests and the simulation hand in their own."""

asgi_transport = httpx.ASGITransport
"""A transport that calls an ASGI application in this process."""

ConnectionRefused = httpx.ConnectError
"""What a transport raises when nobody listens: surely nothing was sent."""


def unix_transport(path: str) -> Transport:
    """A transport to a server on a unix socket of this machine."""
    limits = httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_IDLE_SECONDS)
    return httpx.AsyncHTTPTransport(uds=path, trust_env=False, limits=limits)


_BREAK = re.compile(r"[\r\n\x00]")
_CONNECTIONS = 8
_LONGEST_FIELD = 64 * 1024
# Compressed bytes that are unpacked at a time: they may become a thousand times as many.
_PIECE = 4 * 1024
# Without a connection in this time nothing was sent: surely no effect, where our deadline would leave a doubt.
_CONNECT_SECONDS = 10.0
_ALWAYS = {"accept": "*/*", "accept-encoding": "gzip, deflate", "connection": "keep-alive", "user-agent": "caseconnect"}
# Servers close an idle connection after 5 s (uvicorn) or more. A request sent just then is lost without an answer,
# and a lost write waits for minutes: we close first.
_IDLE_SECONDS = 2.0
_tls = cache(partial(httpx.create_ssl_context, trust_env=False))  # to read all authorities takes 20 ms and 0.7 MB


class _Network(Transport):
    """HTTP/1.1 over kept connections. What aiohttp does by itself is off: retries, cookies, redirects, decoding."""

    def __init__(self, *, public: bool = False) -> None:
        # Here and not above: a command that talks to no platform starts a sixth quicker without it.
        import aiohttp  # noqa: TID251 - as above
        from yarl import URL

        self._lib, self._url, self._public = aiohttp, URL, public
        self._tls = _tls()
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, one attempt. `ConnectionRefused` when surely nothing was sent."""
        body = await request.aread()
        try:
            answer = await self._open().request(
                request.method,
                self._url(str(request.url), encoded=True),
                headers=request.headers,
                data=body or None,
                allow_redirects=False,
            )
        except (self._lib.ClientConnectorError, self._lib.ConnectionTimeoutError) as error:
            raise ConnectionRefused(type(error).__name__) from error
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Stream(answer))

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        lib = self._lib
        if self._session is None:
            self._session = lib.ClientSession(
                connector=lib.TCPConnector(
                    limit=_CONNECTIONS,
                    keepalive_timeout=_IDLE_SECONDS,
                    ssl=self._tls,
                    resolver=_public(lib.ThreadedResolver()) if self._public else None,
                ),
                cookie_jar=lib.DummyCookieJar(),
                timeout=lib.ClientTimeout(total=None, connect=_CONNECT_SECONDS),
                skip_auto_headers=("User-Agent", "Content-Type"),
                auto_decompress=False,
                max_line_size=_LONGEST_FIELD,
                max_field_size=_LONGEST_FIELD,
            )
            # Else a GET, PUT or DELETE that is lost on a kept connection would be sent twice. There is no option.
            self._session._retry_connection = False
        return self._session


def _public(resolver: aiohttp.ThreadedResolver) -> aiohttp.ThreadedResolver:
    """For a host that strangers may name. What it answers is what is connected to: nobody is asked a second time."""
    ask = resolver.resolve

    async def resolve(host: str, port: int = 0, family: Any = socket.AF_INET) -> list[aiohttp.abc.ResolveResult]:
        found = await ask(host, port, family)
        if not all(is_public(one["host"]) for one in found):
            raise PermanentError(f"{host} is in a network of our own: nothing is fetched from there")
        return found

    resolver.resolve = resolve  # type: ignore[method-assign] # a class of its own would need aiohttp at import
    return resolver


class _Stream(httpx.AsyncByteStream):
    """The body of an answer. Closing it before its end closes its connection."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._answer.content.iter_chunked(_PIECE):
            yield chunk

    async def aclose(self) -> None:
        self._answer.release()


def network() -> Transport:
    """What sends where no transport is given: for one that is wrapped around it."""
    return _Network()


class _TooLongError(Exception): ...


class Http:
    """A client of one origin. Made by `Resources.http`; safe to share between tasks of one event loop.

    `public`: the origin was named by a stranger, and has to be on the internet, else `PermanentError`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        pace: Pace,
        deadline: float = 30.0,
        max_body: int = 32 * 1024 * 1024,
        transport: Transport | None = None,
        gate: Callable[[], None] = lambda: None,
        public: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        usage: Usage | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.username or parts.password:
            shown = base_url if "@" not in base_url else f"***@{base_url.rpartition('@')[2]}"
            raise ConfigError(f"{shown!r} is no base URL: write https://host[:port][/path], without credentials")
        self.origin, self.prefix = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        self.pace, self.deadline, self.max_body, self._now = pace, deadline, max_body, now
        if public and is_address(parts.hostname) and not is_public(str(parts.hostname)):
            raise PermanentError(f"{parts.hostname} is in a network of our own: nothing is fetched from there")
        self._transport, self._gate = transport or _Network(public=public), gate
        self.usage = usage or Usage()

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        parts: Sequence[Part] | None = None,
        basic: tuple[str, str] | None = None,
        cost: float = 1.0,
        safe: bool | None = None,
        shown: str | None = None,
    ) -> Response:
        """One request, one attempt. `path` is below the base URL. `cost` is taken from the account's pace first.
        What refuses it (400 and above) may quote the credentials that we sent: they are masked in the body.

        `content` is a body as it is, for what has to be signed; its content type is among `headers`. `shown` stands in
        errors instead of `path`, when the path may hold a secret.

        Raises `TransientError` when surely nothing happened there (no connection), or when the request is
        `safe` (default: GET and HEAD); else `UnknownOutcome` when no whole answer came. After a 429 the account's pace
        rests as long as the server asks, and is slower for a while.
        """
        shown = path.split("?")[0] if shown is None else shown
        place = f"{method} {self.origin}{self.prefix}{shown}"
        if path and not path.startswith("/"):
            # Else `@other.example/` or `.example/` would take our credentials to another host.
            raise PluginError(f"the path {shown!r} of a request is below the base URL: it begins with '/'")
        if any(_BREAK.search(text) for pair in (headers or {}).items() for text in pair):
            raise PluginError(f"a header of {place} holds a line break")
        safe = method in {"GET", "HEAD"} if safe is None else safe
        await self.pace.take(cost)
        self._gate()
        sent = {**_ALWAYS, **{name.lower(): value for name, value in (headers or {}).items()}}
        if json is not None:
            content, sent["content-type"] = orjson.dumps(json), "application/json"
        if basic:
            sent["authorization"] = f"Basic {b64encode(':'.join(basic).encode()).decode()}"
        try:
            async with asyncio.timeout(self.deadline):
                request = httpx.Request(
                    method,
                    _parsed(self.origin + self.prefix + path),
                    params=query,
                    headers=sent,
                    content=content,
                    data=form,
                    files=[(p.name, (p.filename, p.content, p.media_type)) for p in parts] if parts else None,
                    extensions={"safe": safe},
                )
                response, body = await self._exchange(request)
        except ConnectError:
            raise
        except ConnectionRefused as error:
            raise TransientError(f"{place}: no connection ({error})") from error
        except _TooLongError as error:
            raise self._lost(safe, f"{place}: an answer longer than {self.max_body} bytes") from error
        except TimeoutError as error:
            raise self._lost(safe, f"{place}: no answer within {self.deadline:g} s") from error
        except Exception as error:
            raise self._lost(safe, f"{place}: answer lost ({type(error).__name__})") from error
        if response.status_code >= 400:
            body = without_credentials(body, (sent, form, json, {"password": basic[1] if basic else ""}))
        answer = Response(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)
        if answer.status == 429:
            self.pace.refused(answer.retry_after(self._now()) or 1.0)
        return answer

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        await self._transport.aclose()

    async def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        with self.usage.request() as answered:
            response = await self._transport.handle_async_request(request)
            chunks, size = [], 0
            try:
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    if size > self.max_body:
                        raise _TooLongError
                    chunks.append(chunk)
            finally:
                await response.aclose()
            answered(response.status_code)
        return response, b"".join(chunks)

    @staticmethod
    def _lost(safe: bool, text: str) -> ConnectError:
        return TransientError(text) if safe else UnknownOutcome(text)


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """Parsing is half of what a request costs here, and most are sent to few addresses."""
    return httpx.URL(url)
