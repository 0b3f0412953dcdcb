"""`/metrics`: the numbers for a Prometheus, and who may read them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from hmac import compare_digest
from ipaddress import ip_address

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from caseconnect.sdk.errors import ConfigError

_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})


def metrics_app(
    page: Callable[[], Awaitable[bytes]],
    token: Callable[[], str | None] = lambda: None,
    proxied: Callable[[], bool] = lambda: False,
) -> ASGIApp:
    """An ASGI application for one path. `page` gives the numbers, `token` what a reader has to show (None: nothing, and
    only this machine is answered). `proxied`: a proxy on this machine may pass others on, without a word of it; then
    nobody is answered without a token.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if request.method not in {"GET", "HEAD"}:
            answer = Response(status_code=405, headers={"allow": "GET, HEAD"})
        elif _may(request, token, proxied):
            headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
            answer = Response(await page(), media_type=CONTENT_TYPE_LATEST, headers=headers)
        else:
            answer = Response(status_code=401, headers={"www-authenticate": 'Bearer realm="metrics"'})
        await answer(scope, receive, send)

    return app


def beside(path: str, page: ASGIApp, rest: ASGIApp) -> ASGIApp:
    """An application that has `page` at one path and `rest` at all others."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (page if scope["type"] == "http" and scope["path"] == path else rest)(scope, receive, send)

    return app


def _may(request: Request, token: Callable[[], str | None], proxied: Callable[[], bool]) -> bool:
    try:
        wanted = token()
    except ConfigError:  # it cannot be had now: nobody is let in for that
        return False
    if wanted is not None:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and compare_digest(shown.strip().encode(), wanted.encode())
    if proxied() or any(name in request.headers for name in _PASSED_ON):
        return False
    host = request.headers.get("host", "")
    named = host if host.endswith("]") else host.rpartition(":")[0] or host
    with suppress(ValueError):  # no address: a socket of another kind
        return named in _HERE and request.client is not None and ip_address(request.client.host).is_loopback
    return False
