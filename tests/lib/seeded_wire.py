"""A wire to a simulated platform that fails as a seed draws: refused, busy, lost, late, spoilt."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated
from typing import Any, TypeVar

from caseconnect.sdk.http import ConnectionRefused, Transport, asgi_transport
from caseconnect.sdk.testing.wire import UNAUTHORIZED, Fault, Sent, answers, too_many

T = TypeVar("T")

LATENESS = 120.0
"""How long after we gave up a request may still land: as sinks declare it by default."""


@dataclass(frozen=True)
class Chances:
    """How likely a request that moves something is hit, and how much each fault weighs; reads are hit less."""

    hit: float
    weights: dict[str, float]

    @classmethod
    def of(cls, weather: str) -> Chances:
        """Those of one of `money_seeds.WEATHERS`."""
        calm = {"no connection": 1.0, "busy": 1.0, "503": 1.0}
        lost = {"lost before": 2.0, "lost after": 2.0, "error after": 1.0, "silent": 1.0}
        if weather == "late":
            return cls(0.6, {"late": 6.0, **lost})
        return cls({"answers": 0.6, "crash": 0.2, "revoked": 0.3}[weather], {**calm, **lost, "late": 1.0})


_LOGIN = answers(200, b"<!doctype html><title>Log in</title>", "text/html")
_INSTEAD = {"503": answers(503, b"{}"), "html": _LOGIN, "expired": UNAUTHORIZED}
"""Answers in the place of the platform's, which never reads the request."""


def _by_the_world(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """What the platform does goes on whatever becomes of who asked."""
    return asyncio.get_running_loop().create_task(work, context=Context())


class SeededWire(Transport):
    """A transport to an ASGI application. `moving`: when each request that moves something went out, and its body."""

    def __init__(
        self, app: Any, moves: Callable[[Sent], bool], rng: Random, seen: Counter[str], chances: Chances
    ) -> None:
        self._app, self._moves, self._rng, self._seen, self._chances = app, moves, rng, seen, chances
        self._landing: list[asyncio.Task[None]] = []
        self.calm_at = 0.0
        self.moving: list[tuple[float, bytes]] = []

    def sees(self, sent: Sent, *, moves: bool) -> None:
        """For a judge: this request goes out."""

    async def landed(self) -> None:
        """Wait for what is still under way."""
        await asyncio.gather(*self._landing)

    async def handle_async_request(self, request: Any) -> Any:
        """The platform's answer, or what the seed has drawn for this request."""
        headers = {k.lower(): v for k, v in request.headers.items()}
        sent = Sent(request.method, str(request.url), headers, await request.aread())
        moves = self._moves(sent)
        if moves:
            self.moving.append((asyncio.get_running_loop().time(), sent.url.encode() + sent.body))
        fault = self._draw(moves=moves)
        if fault == "no connection":
            raise ConnectionRefused("refused by the seed")
        self.sees(sent, moves=moves)
        try:
            await asyncio.sleep(self._rng.uniform(0.02, 1.5))
            if fault == "late":
                await asyncio.sleep(10_000_000)
            if fault == "silent":
                fault = "gone"
                await asyncio.sleep(10_000_000)
        except asyncio.CancelledError:
            # Whoever waited has given up, or is dead; the bytes may be under way all the same.
            if fault == "late" or (fault != "gone" and self._rng.random() < 0.5):
                delay = self._rng.uniform(0, LATENESS)
                self._landing.append(_by_the_world(self._land(request, delay)))
            raise
        return await self._answer(fault, request)

    def _draw(self, *, moves: bool) -> str:
        if asyncio.get_running_loop().time() >= self.calm_at:
            return ""
        if self._rng.random() >= self._chances.hit * (1.0 if moves else 0.25):
            return ""
        names = list(self._chances.weights)
        fault = self._rng.choices(names, [self._chances.weights[name] for name in names])[0]
        self._seen[fault] += moves
        return fault

    async def _answer(self, fault: str, request: Any) -> Any:
        if fault == "lost before":
            raise ConnectionResetError("reset by the seed")
        if fault == "busy":
            return await self._instead(too_many(self._rng.choice((1, 7, 60))), request)
        if fault in _INSTEAD:
            return await self._instead(_INSTEAD[fault], request)
        answer = await asyncio.shield(_by_the_world(self._ask(request)))
        await asyncio.sleep(self._rng.uniform(5, 50) if fault == "slow" else self._rng.uniform(0.02, 1.5))
        if fault == "lost after":
            raise ConnectionResetError("reset by the seed")
        if fault == "error after":
            return await self._instead(answers(502, b"<html>", "text/html"), request)
        if fault == "html after":
            return await self._instead(_LOGIN, request)
        if fault == "cut after":
            half = answer.content[: len(answer.content) // 2]
            return await self._instead(answers(answer.status_code, half), request)
        return answer

    async def _land(self, request: Any, delay: float) -> None:
        await asyncio.sleep(delay)
        self._seen["landed late"] += 1
        await self._ask(request)

    async def _ask(self, request: Any) -> Any:
        answer = await asgi_transport(app=self._app).handle_async_request(request)
        await answer.aread()
        return answer

    async def _instead(self, fault: Fault, request: Any) -> Any:
        fields = [(name.encode(), value.encode()) for name, value in fault.headers.items()]

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": fault.status, "headers": fields})
            await send({"type": "http.response.body", "body": fault.body})

        return await asgi_transport(app=app).handle_async_request(request)
