"""The wire between a plugin and its simulated platform: it keeps every request and can be told to fail.

Faults happen here and not in the simulator, so that every platform is failed in the same ways.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from caseconnect.sdk.http import ConnectionRefused, Transport, asgi_transport


@dataclass(frozen=True)
class Sent:
    """One request as it went out. `url` is whole, with its query."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The path alone."""
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        """The query as names and values, decoded."""
        return dict(parse_qsl(urlsplit(self.url).query))


@dataclass(frozen=True)
class Fault:
    """What befalls one request. `reaches`: the platform is asked first, so its effect happens all the same."""

    name: str
    kind: Literal["refused", "lost", "silent", "answer", "cut"]
    reaches: bool = False
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


REFUSED = Fault("refused connection", "refused")
LOST_BEFORE = Fault("connection lost before the platform read the request", "lost")
LOST_AFTER = Fault("answer lost after the effect", "lost", reaches=True)
SILENT = Fault("no answer at all", "silent")
CUT_AFTER = Fault("answer cut off in the middle after the effect", "cut", reaches=True)
UNAUTHORIZED = Fault("401", "answer", status=401, body=b'{"error":"invalid_token"}')


def too_many(seconds: int) -> Fault:
    """429 with `Retry-After`."""
    return Fault("429", "answer", status=429, headers={"retry-after": str(seconds)}, body=b'{"error":"slow down"}')


def answers(status: int, body: bytes, media_type: str = "application/json", *, reaches: bool = False) -> Fault:
    """Another answer in place of the platform's; with `reaches` after the platform has acted on the request."""
    when = " after the effect" if reaches else ""
    return Fault(f"{status} {body[:20]!r}{when}", "answer", reaches, status, body, {"content-type": media_type})


Plan = Callable[[int, Sent], Fault | None]
"""plan(number, request): the fault of that request, counted from 1; None lets it through."""


class Wire(Transport):
    """A transport to an ASGI application. `fault_at` fails one request, `plan` decides for all of them."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.sent: list[Sent] = []
        self.plan: Plan | None = None

    def fault_at(self, number: int, fault: Fault) -> None:
        """Fail the request with this number, counted from 1 from now on."""
        first = len(self.sent)
        self.plan = lambda n, _: fault if n - first == number else None

    def fault_all(self, fault: Fault) -> None:
        """Fail every request from now on."""
        self.plan = lambda _, __: fault

    def mend(self) -> None:
        """Let everything through again."""
        self.plan = None

    async def handle_async_request(self, request: Any) -> Any:
        """Keep the request; then what the plan says, else what the application answers."""
        headers = {k.lower(): v for k, v in request.headers.items()}
        sent = Sent(request.method, str(request.url), headers, await request.aread())
        self.sent.append(sent)
        fault = self.plan(len(self.sent), sent) if self.plan else None
        if fault is None:
            return await self._ask(self._app, request)
        return await self._fail(fault, request)

    async def _fail(self, fault: Fault, request: Any) -> Any:
        answer = await self._ask(self._app, request) if fault.reaches else None
        if fault.kind == "refused":
            raise ConnectionRefused("refused by the test")
        if fault.kind == "lost":
            raise ConnectionResetError("reset by the test")
        if fault.kind == "silent":
            await asyncio.sleep(10_000_000)
        if fault.kind == "cut" and answer is not None:
            body = await answer.aread()
            return await self._ask(_canned(answer.status_code, dict(answer.headers), body[: len(body) // 2]), request)
        return await self._ask(_canned(fault.status, fault.headers, fault.body), request)

    @staticmethod
    async def _ask(app: Any, request: Any) -> Any:
        return await asgi_transport(app=app).handle_async_request(request)


def _canned(status: int, headers: Mapping[str, str], body: bytes) -> Any:
    fields = [(k.encode(), v.encode()) for k, v in headers.items() if k.lower() != "content-length"]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    return app
