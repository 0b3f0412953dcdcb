"""The daemon's public application: webhooks before everything else, then upload pages and health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from caseconnect.host.web.hooks import Hooks, Receive, Scope, Send
from caseconnect.host.web.uploads import Uploads

Ready = Callable[[], str | None]
"""None when all is well, else why not, in words without names of tenants."""


def make_app(
    hooks: Hooks, ready: Ready, uploads: Uploads | None = None
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """An ASGI application: `/hooks/...`, `/in/...`, `/up/...`, `/healthz` (the process answers), `/readyz` (it can
    take deliveries).
    """

    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> JSONResponse:
        why = ready()
        if why is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "why": why}, 503, {"Retry-After": "5"})

    rest = Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz)])
    rest.router.redirect_slashes = False  # a redirect would repeat whatever Host the client claims

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(("/hooks/", "/in/")):
            await hooks(scope, receive, send)
        elif uploads and scope["type"] == "http" and scope["path"].startswith("/up/"):
            await uploads(scope, receive, send)
        else:
            await rest(scope, receive, send)

    return app
