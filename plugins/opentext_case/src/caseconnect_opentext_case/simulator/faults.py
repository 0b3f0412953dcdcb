"""Faults on order: which requests they hit, how often, and what the caller then sees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from .auth import too_many
from .errors import ConnectionDropped, answer_for
from .loading import load
from .model import JsonObject

TRANSPORT = "core_case.transport"
"""Key of the ASGI scope under which the app puts the server's transport, when there is one."""

Sleep = Callable[[float], Awaitable[None]]
"""How a `delay` waits; tests inject virtual time."""

Answer = Callable[[], Awaitable[Response]]
"""Carries a request out and answers it."""

_HTML = "<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(slots=True)
class Fault:
    """A fault for requests that match `operation`, `path` and `tenant` (shell patterns).

    It lets `skip` matching requests pass, then hits `count` of them (0: all). `effect` says whether the request is
    carried out although the answer is bad (`status`, `throttle`, `html`); `drop_after` and `truncate` always are.
    """

    kind: Literal["status", "throttle", "html", "drop_before", "drop_after", "delay", "truncate"]
    operation: str = "*"
    path: str = "*"
    tenant: str = "*"
    count: int = 1
    skip: int = 0
    code: int | None = None
    body: str | None = None
    retry_after: float | None = None
    seconds: float = 1.0
    effect: bool = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fault:
        """A fault from JSON, or a `SettingsError`."""
        return load(cls, data, "fault")

    def matches(self, operation: str, path: str, tenant: str) -> bool:
        """Whether a request is one of those meant."""
        return (
            fnmatchcase(operation, self.operation) and fnmatchcase(path, self.path) and fnmatchcase(tenant, self.tenant)
        )


class FaultPlan:
    """The faults still to come, first scheduled first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def schedule(self, fault: Fault) -> None:
        """Add a fault."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def pending(self) -> list[JsonObject]:
        """The faults still to come, as JSON."""
        return [asdict(fault) for fault in self._faults]

    def take(self, operation: str, path: str, tenant: str) -> Fault | None:
        """The fault that hits this request, counted down, or `None`."""
        for fault in self._faults:
            if not fault.matches(operation, path, tenant):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.count == 1:
                self._faults.remove(fault)
            elif fault.count > 1:
                fault.count -= 1
            return fault
        return None


async def answer_with(fault: Fault, request: Request, answer: Answer, sleep: Sleep = asyncio.sleep) -> Response:
    """The request's answer as the fault distorts it."""
    if fault.kind == "drop_before":
        return await drop(request)
    if fault.kind == "delay":
        await sleep(fault.seconds)
        return await answer()
    if fault.kind == "drop_after":
        await answer()
        return await drop(request)
    if fault.kind == "truncate":
        whole = await answer()
        body = bytes(whole.body)
        return Response(body[: len(body) // 2], whole.status_code, media_type=whole.media_type or "application/json")
    if fault.effect:
        await answer()
    return _bad_answer(fault)


def _bad_answer(fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    if fault.kind == "throttle":
        return answer_for(too_many(fault.retry_after))
    if fault.kind == "html":
        return HTMLResponse(fault.body or _HTML, fault.code or 502, headers=headers)
    code = fault.code or 500
    if fault.body is None:
        return JSONResponse({"exception": f"Simulated failure {code}."}, code, headers=headers)
    return Response(fault.body, code, headers=headers, media_type="application/json")


async def drop(request: Request) -> Response:
    """Lose the connection: close it under a server, raise `ConnectionDropped` in-process."""
    transport = request.scope.get(TRANSPORT)
    if transport is None:
        raise ConnectionDropped(f"{request.method} {request.url.path}: simulated loss of the connection")
    transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        continue
    return Response(status_code=500)
