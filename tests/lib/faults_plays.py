"""What can befall one request, played at the transport: nothing leaves this process, and time is virtual."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from functools import cache
from typing import Any

import httpx  # noqa: TID251 - a platform that answers as it likes

from caseconnect.sdk.http import ConnectionRefused
from caseconnect.sdk.testing.rig import Rig

CANARY = "canary.person@shopper.example"
"""Personal data in what the platform answers when it refuses; a telephone number stands beside it."""

PHONE = "+41 44 668 18 00"
LATE = 90.0
"""Seconds after we gave up until a late request has its effect: less than every sink's `lateness`."""

_CHUNK = b" " * 1024 * 1024
_ENDLESS = 10_000.0
_ELSEWHERE = "https://elsewhere.example/take"
_ROOT = re.compile(r"(?:mutation|query)[^{]*\{\s*(?:\w+\s*:\s*)?(\w+)")


@dataclass
class Struck:
    """The request that is struck: how to ask the platform itself, and what is still under way."""

    request: httpx.Request
    ask: Callable[[], Awaitable[httpx.Response]]
    rig: Rig[Any]
    landing: list[asyncio.Task[Any]]

    @property
    def credential(self) -> str:
        """What the request proves itself with: a platform may quote it."""
        headers = self.request.headers
        shown = headers.get("authorization", "").partition(" ")[2] or headers.get("x-shopify-access-token", "")
        told = f"{shown} {_plain(shown)} {self.request.content.decode(errors='replace')}"
        return " ".join([shown, *(word for word in self.rig.world.secrets.values() if word in told)])


def _plain(basic: str) -> str:
    try:
        return b64decode(basic, validate=True).decode()
    except ValueError:
        return ""


Play = Callable[[Struck], Awaitable[httpx.Response]]
"""What comes back instead of the platform's answer."""


def raises(error: Callable[[], BaseException], *, reached: bool = False) -> Play:
    """No answer but an error; with `reached` after the effect."""

    async def play(struck: Struck) -> httpx.Response:
        if reached:
            await struck.ask()
        raise error()

    return play


refused = raises(lambda: ConnectionRefused("ClientConnectorError"))
no_name = raises(lambda: ConnectionRefused("ClientConnectorDNSError"))
bad_certificate = raises(lambda: ConnectionRefused("ClientConnectorCertificateError"))
never_connected = raises(lambda: ConnectionRefused("ConnectionTimeoutError"))
cut_going = raises(lambda: ConnectionResetError("reset while the request went out"))
dropped = raises(lambda: EOFError("closed without an answer"), reached=True)
many_headers = raises(lambda: ValueError("BadHttpMessage"), reached=True)
reset = raises(lambda: ConnectionResetError("reset after the request"), reached=True)


async def silent(struck: Struck) -> httpx.Response:
    """Nothing comes, and nothing was done."""
    await asyncio.sleep(_ENDLESS)
    raise EOFError


async def half_open(struck: Struck) -> httpx.Response:
    """It was done, and the peer has vanished."""
    await struck.ask()
    return await silent(struck)


async def answered_late(struck: Struck) -> httpx.Response:
    """Done at once, and answered when nobody waits any more."""
    answer = await struck.ask()
    await asyncio.sleep(600)
    return answer


async def lands_late(struck: Struck) -> httpx.Response:
    """Under way for longer than we wait, and done then."""

    async def land() -> None:
        await asyncio.sleep(LATE)
        await struck.ask()

    try:
        return await silent(struck)
    except asyncio.CancelledError:
        struck.landing.append(asyncio.create_task(land()))
        raise


def status(code: int, *, reached: bool = False, media_type: str = "application/json", after: str | None = None) -> Play:
    """An answer of this status that quotes a person and our credential. `after`: its `Retry-After`; `date`: in 90 s."""

    async def play(struck: Struck) -> httpx.Response:
        if reached:
            await struck.ask()
        headers = {"content-type": media_type}
        if after is not None:
            date = struck.rig.now() + timedelta(seconds=90)
            headers["retry-after"] = format_datetime(date, usegmt=True) if after == "date" else after
        text = f"no: {CANARY} {PHONE} {struck.credential}"
        said = {"message": text, "faultstring": text}
        body = {"error": text, "message": text, "detail": text, "errors": text, "fault": said}
        page = f"<!doctype html><title>Sign in</title><p>{text}"
        return httpx.Response(code, headers=headers, text=page if "html" in media_type else json.dumps(body))

    return play


async def redirected(struck: Struck) -> httpx.Response:
    """Sent to another host: our credentials must not go there."""
    return httpx.Response(307, headers={"location": _ELSEWHERE})


def edited(edit: Callable[[bytes], bytes]) -> Play:
    """The platform's own answer, damaged."""

    async def play(struck: Struck) -> httpx.Response:
        answer = await struck.ask()
        headers = {k: v for k, v in answer.headers.items() if k.lower() != "content-length"}
        return httpx.Response(answer.status_code, headers=headers, content=edit(await answer.aread()))

    return play


def doubled(body: bytes) -> bytes:
    """Every key of the answer twice; of two that are the same the last counts, as with everybody."""
    try:
        told = json.loads(body)
    except ValueError:
        return body
    if not isinstance(told, dict) or not told:
        return body
    return b"{" + ",".join(f"{json.dumps(key)}:null" for key in told).encode() + b"," + body.lstrip()[1:]


class _Bytes(httpx.AsyncByteStream):
    """Chunks without an end, or one after another second."""

    def __init__(self, chunk: bytes, times: int, every: float = 0.0) -> None:
        self._chunk, self._times, self._every = chunk, times, every

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._times):
            if self._every:
                await asyncio.sleep(self._every)
            yield self._chunk


def streamed(chunk: bytes, times: int, *, every: float = 0.0) -> Play:
    """After the effect 200, and a body of so many chunks."""

    async def play(struck: Struck) -> httpx.Response:
        await struck.ask()
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=_Bytes(chunk, times, every))

    return play


endless = streamed(b" " * 65536, 1_000_000)
trickle = streamed(b" ", 1_000_000, every=1.0)
gibibyte = streamed(_CHUNK, 1024)


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 33 * 1024 * 1024, 9)


async def bomb(struck: Struck) -> httpx.Response:
    """After the effect a body of 33 kB that becomes 33 MiB."""
    await struck.ask()
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return httpx.Response(200, headers=headers, stream=_Bytes(_bomb(), 1))


def _graphql(make: Callable[[str], dict[str, Any]], *, reached: bool = False) -> Play:
    async def play(struck: Struck) -> httpx.Response:
        if reached:
            await struck.ask()
        found = _ROOT.search(json.loads(struck.request.content)["query"])
        return httpx.Response(200, json=make(found[1] if found else "none"))

    return play


def _error(code: str, text: str, *path: str) -> dict[str, Any]:
    return {"message": f"{text} {CANARY} {PHONE}", "path": list(path), "extensions": {"code": code}}


graphql_errors = _graphql(lambda root: {"errors": [_error("INTERNAL_SERVER_ERROR", "went wrong")]}, reached=True)
graphql_partial = _graphql(
    lambda root: {"data": {root: None}, "errors": [_error("INTERNAL_SERVER_ERROR", "half", root)]}, reached=True
)
graphql_denied = _graphql(lambda root: {"data": {root: None}, "errors": [_error("ACCESS_DENIED", "denied", root)]})


def _user_errors(root: str) -> dict[str, Any]:
    told = [{"field": ["id"], "message": f"no: {CANARY} {PHONE}", "code": "INVALID"}]
    names = ("userErrors", "orderCancelUserErrors", "customerUserErrors")
    return {"data": {root: dict.fromkeys(names, told)}}


user_errors = _graphql(_user_errors)
_BUCKET = {"maximumAvailable": 2000.0, "currentlyAvailable": 100.0, "restoreRate": 100.0}
throttled = _graphql(
    lambda root: {
        "errors": [_error("THROTTLED", "Throttled")],
        "extensions": {"cost": {"requestedQueryCost": 800, "actualQueryCost": None, "throttleStatus": _BUCKET}},
    }
)


async def ended_token(struck: Struck) -> httpx.Response:
    """Our token ends just now; the platform itself answers."""
    struck.rig.world.end_tokens()
    return await struck.ask()
