"""The simulator as an ASGI app: the platform's own endpoints, the control API under `/_sim/`, and the pages.

A shop is found by the `Host` header or by the path prefix `/shops/{domain}`; a lone shop also answers under any other
host, because on loopback every shop shares 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from . import oauth
from .api.engine import Engine, prepare
from .api.errors import Refused
from .control import ControlApi
from .faults import ConnectionDropped, Fault
from .pages import Pages
from .settings import ShopifySimulatorSettings
from .storage import Storage
from .webhooks.transport import Deliver
from .world.shop import VERSIONS, Shop

VERSION = re.compile(r"^\d{4}-(01|04|07|10)$")
BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"  # noqa: S105 - a message
BAD_BODY = {"errors": {"query": "Required parameter missing or invalid"}}
PAUSE_SECONDS = 0.25
ERROR_PAGE = "<!DOCTYPE html><html><head><title>Something went wrong</title></head><body><h1>503</h1></body></html>"
Sleep = Callable[[float], Awaitable[None]]


class Truncated(Response):
    """Announces a whole body, sends half of it, and closes the connection (in-process: just ends)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the half."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        transport = _connection(receive)
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": transport is not None})
        if transport is not None:
            transport.close()
            await asyncio.sleep(0)


class Simulator:
    """The endpoints. One for all shops of a process."""

    def __init__(self, shops: Iterable[Shop], deliver: Deliver | None, sleep: Sleep) -> None:
        self.shops = {s.domain: s for s in shops}
        self.engines = {s.domain: Engine(s) for s in self.shops.values()}
        self.sleep = sleep
        if deliver is not None:
            for shop in self.shops.values():
                shop.outbox.deliver = deliver

    def find(self, request: Request) -> Shop | None:
        """The shop that a request is for."""
        domain = request.path_params.get("domain")
        if domain is not None:
            return self.shops.get(domain)
        host = request.headers.get("host", "").partition(":")[0]
        return self.shops.get(host) or (next(iter(self.shops.values())) if len(self.shops) == 1 else None)

    async def token(self, request: Request) -> Response:
        """`POST /admin/oauth/access_token`."""
        shop = self.find(request)
        if shop is None:
            return _not_found()
        fields = oauth.read_form(await request.body(), request.headers.get("content-type", ""))

        def answer() -> Response:
            status, body = oauth.grant(shop, fields)
            return JSONResponse(body, status)

        return await self._with_fault(request, shop.faults.take(request.url.path, ("access_token",)), shop, answer)

    async def graphql(self, request: Request) -> Response:
        """`POST /admin/api/{version}/graphql.json`."""
        shop = self.find(request)
        served = _served(request.path_params["version"])
        if shop is None or served is None:
            return _not_found()
        shop.settle()
        who = oauth.holder(shop, request.headers.get("x-shopify-access-token"))
        body = _document(await request.body())
        fault = shop.faults.take(request.url.path, _operations(body, served))
        headers = {"X-Shopify-API-Version": served, "X-Request-Id": shop.next_uuid()}

        def answer(*, resumes: bool = False) -> Response:
            if who is None:
                return JSONResponse({"errors": BAD_TOKEN}, 401, headers)
            if body is None:
                return JSONResponse(BAD_BODY, 400, headers)
            engine = self.engines[shop.domain]
            asked = (body["query"], body.get("variables"), body.get("operationName"), who, served)
            if fault is not None and fault.kind == "late" and not resumes:
                engine.take_on(*asked)
                shop.after(fault.seconds, lambda: answer(resumes=True))
                return Response()
            base = str(request.base_url).rstrip("/")
            found = engine.handle(*asked, base=base, resumes=resumes)
            return Response(_dump(found), 200, headers, "application/json")

        return await self._with_fault(request, fault, shop, answer)

    async def _with_fault(
        self, request: Request, fault: Fault | None, shop: Shop, answer: Callable[[], Response]
    ) -> Response:
        if fault is None:
            return answer()
        if fault.kind == "delay":
            await self.sleep(fault.seconds)
            return answer()
        if fault.kind in {"drop_before", "drop_after", "late"}:
            after_effect = fault.kind == "drop_after"
            if fault.kind != "drop_before":
                answer()
            return await _drop(request, after_effect=after_effect)
        if fault.kind == "truncate":
            whole = answer()
            return Truncated(bytes(whole.body), whole.status_code, media_type="application/json")
        if fault.kind == "throttle":
            # The bucket is emptied too, so that the answer's own numbers say how long to wait.
            engine = self.engines[shop.domain]
            engine.bucket.empty()
            return JSONResponse(engine.throttled())
        return HTMLResponse(ERROR_PAGE, 503) if fault.kind == "html" else _plain_status(fault)

    async def pump(self) -> None:
        """Settles work and sends deliveries on the real clock until cancelled: what a process of its own does."""
        wakeup = asyncio.Event()
        for shop in self.shops.values():
            shop.outbox.wakeup = wakeup
        async with asyncio.TaskGroup() as running:
            while True:
                wakeup.clear()
                for shop in self.shops.values():
                    due = shop.next_due()
                    if due is not None and due <= shop.now():
                        # A task of its own, so that a slow receiver does not hold up what is emitted meanwhile.
                        running.create_task(shop.run_due())
                with suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE_SECONDS):
                        await wakeup.wait()


def create_app(
    shops: Iterable[Shop] | ShopifySimulatorSettings,
    deliver: Deliver | None = None,
    *,
    sleep: Sleep = asyncio.sleep,
) -> Starlette:
    """The app of these shops. `deliver` sends webhooks (default: plain HTTP to loopback), `sleep` makes "delay" faults.

    Under a server the app's lifespan runs a pump on the real clock. Without one (in a test) nothing is sent or done
    later until `await shop.run_due()`.
    """
    made = shops.build() if isinstance(shops, ShopifySimulatorSettings) else list(shops)
    simulator = Simulator(made, deliver, sleep)
    control, pages = ControlApi(simulator.find), Pages(simulator.find, simulator.shops)
    storage = Storage(simulator.find)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(simulator.pump())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def routes() -> list[Route]:
        return [
            Route("/admin/oauth/access_token", simulator.token, methods=["POST"]),
            Route("/admin/api/{version}/graphql.json", simulator.graphql, methods=["POST"]),
            *control.routes(),
            *storage.routes(),
            *pages.routes(),
        ]

    return Starlette(routes=[Mount("/shops/{domain}", routes=routes()), *routes()], lifespan=lifespan)


def _connection(receive: Receive) -> asyncio.Transport | None:
    """The connection below a request when uvicorn serves it (ASGI has no way to say "close"); None in one process."""
    return getattr(getattr(receive, "__self__", None), "transport", None)


async def _drop(request: Request, *, after_effect: bool) -> Response:
    transport = _connection(request.receive)
    if transport is None:
        raise ConnectionDropped(after_effect)
    transport.abort()
    # The server hears of the end in its next turn; only then does it take no answer for a fault of ours.
    await asyncio.sleep(0)
    return Response()


def _plain_status(fault: Fault) -> Response:
    headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
    if isinstance(fault.body, str):
        return Response(fault.body, fault.status, headers, "text/plain")
    return JSONResponse(fault.body if fault.body is not None else {"errors": "Simulated fault"}, fault.status, headers)


def _served(asked: str) -> str | None:
    """The version served for the one asked: an expired one falls forward to the oldest; None for no version at all."""
    if asked in VERSIONS or asked == "unstable":
        return asked
    return VERSIONS[0] if VERSION.match(asked) and asked < VERSIONS[0] else None


def _document(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    usable = isinstance(body, dict) and isinstance(body.get("query"), str) and bool(body["query"].strip())
    return body if usable else None


def _operations(body: dict[str, Any] | None, version: str) -> set[str]:
    """The names by which a fault may match: of the operation, and of its root fields."""
    if body is None:
        return set()
    try:
        prepared = prepare(body["query"], version)
    except Refused:
        return set()
    chosen = prepared.operations.get(body.get("operationName") or next(iter(prepared.operations)))
    if chosen is None:
        return set()
    names = {s.name.value for s in chosen.selection_set.selections if hasattr(s, "name") and s.name}
    return names | ({chosen.name.value} if chosen.name else set())


def _dump(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def _not_found() -> Response:
    return JSONResponse({"errors": "Not Found"}, 404)
