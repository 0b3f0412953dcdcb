"""Faults on order: which requests they hit, how often, and what the caller then sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from .world.refusals import SpecError

TRANSPORT = "caseconnect_sfcc.transport"
"""Key of the ASGI scope under which the app puts the server's transport, when there is one."""

KINDS = (
    *("status", "throttle", "shed", "html", "drop_before", "drop_after", "delay", "truncate", "endless", "slow"),
    "redirect",
)

Sleep = Callable[[float], Awaitable[None]]
"""How waiting is done; tests inject virtual time."""

Carry = Callable[[], Awaitable[Response]]
"""Carries a request out and answers it."""

_HTML = "<!DOCTYPE html><html><head><title>Service Unavailable</title></head><body><h1>Be right back</h1></body></html>"


class ConnectionDropped(ConnectionError):
    """The connection closed without an answer; raised out of the app when it runs inside the caller's process."""


@dataclass(slots=True)
class Fault:
    """A fault for requests whose `operation`, `path`, `method` and `instance` match (shell patterns).

    It lets `skip` matching requests pass, then hits `count` of them (0: all). `effect` says whether the request is
    carried out although the answer is bad; with `drop_after`, `truncate`, `endless`, `slow` and `delay` it always is.
    `endless` sends `megabytes` (an answer that never ends, as far as a caller can tell); `seconds` is for `delay` and,
    between the pieces, for `slow`.
    """

    kind: str
    operation: str = "*"
    path: str = "*"
    method: str = "*"
    instance: str = "*"
    count: int = 1
    skip: int = 0
    status: int | None = None
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: str | None = None
    seconds: float = 1.0
    megabytes: int = 64
    effect: bool = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fault:
        """A fault from a control request, or a `SpecError`."""
        known = [each.name for each in fields(cls)]
        unknown = [str(name) for name in data if name not in known]
        if unknown or data.get("kind") not in KINDS:
            said = f"unknown {', '.join(unknown)}" if unknown else f"no kind {data.get('kind')!r}"
            raise SpecError(f"fault: {said}. Kinds: {', '.join(KINDS)}. Allowed: {', '.join(known)}.")
        return cls(**data)

    def matches(self, operation: str, method: str, path: str, instance: str) -> bool:
        """Whether a request is one of those meant."""
        pairs = ((operation, self.operation), (method, self.method), (path, self.path), (instance, self.instance))
        return all(fnmatchcase(text, pattern) for text, pattern in pairs)


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

    def pending(self) -> list[dict[str, Any]]:
        """The faults still to come, as JSON."""
        return [asdict(fault) for fault in self._faults]

    def take(self, operation: str, method: str, path: str, instance: str) -> Fault | None:
        """The fault that hits this request, counted down, or `None`."""
        for fault in self._faults:
            if not fault.matches(operation, method, path, instance):
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


async def answer_with(fault: Fault, request: Request, carry: Carry, sleep: Sleep) -> Response:
    """The request's answer as the fault distorts it."""
    if fault.kind == "drop_before":
        return await drop(request)
    if fault.kind == "drop_after":
        await carry()
        return await drop(request)
    if fault.kind == "delay":
        await sleep(fault.seconds)
        return await carry()
    if fault.kind in {"truncate", "endless", "slow"}:
        return _distorted(fault, await carry(), sleep)
    if fault.effect:
        await carry()
    return _bad_answer(fault)


def _distorted(fault: Fault, whole: Response, sleep: Sleep) -> Response:
    body = bytes(whole.body)
    media_type = whole.media_type or "application/json"
    if fault.kind == "truncate":
        return Response(body[: len(body) // 2], whole.status_code, media_type=media_type)
    pieces = _endless(fault.megabytes) if fault.kind == "endless" else _slow(body, fault.seconds, sleep)
    return StreamingResponse(pieces, whole.status_code, media_type=media_type)


async def _endless(megabytes: int) -> AsyncIterator[bytes]:
    yield b'{"data":["'
    for _ in range(megabytes * 16):
        yield b"x" * 65_536
        await asyncio.sleep(0)


async def _slow(body: bytes, seconds: float, sleep: Sleep) -> AsyncIterator[bytes]:
    for index in range(0, len(body), 16):
        await sleep(seconds)
        yield body[index : index + 16]


def shed() -> Response:
    """Load shedding: 503 with `sfdc_load_status`, without `sfdc_load`."""
    return HTMLResponse(_HTML, 503, headers={"sfdc_load_status": "THROTTLE"})


def _bad_answer(fault: Fault) -> Response:
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = fault.retry_after
    if fault.kind == "shed":
        answer = shed()
        answer.headers.update(headers)
        return answer
    if fault.kind == "redirect":
        return Response(status_code=fault.status or 302, headers={"Location": "https://elsewhere.example/", **headers})
    if fault.kind == "html":
        return HTMLResponse(fault.body or _HTML, fault.status or 503, headers=headers)
    code = fault.status or (429 if fault.kind == "throttle" else 500)
    if fault.body is not None:
        return Response(fault.body, code, headers=headers, media_type="application/json")
    title = "Too Many Requests" if code == 429 else "Simulated Failure"
    return JSONResponse({"title": title, "type": "about:blank", "detail": f"Simulated {code}."}, code, headers=headers)


async def drop(request: Request) -> Response:
    """Lose the connection: close it under a server, raise `ConnectionDropped` in-process."""
    transport = request.scope.get(TRANSPORT)
    if transport is None:
        raise ConnectionDropped(f"{request.method} {request.url.path}: simulated loss of the connection")
    transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        continue
    return Response(status_code=500)
