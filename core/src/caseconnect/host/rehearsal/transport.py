"""A transport that lets only reads out: a rehearsal may look at a platform, and never change it."""

from __future__ import annotations

from typing import Any

from caseconnect.sdk.errors import PluginError
from caseconnect.sdk.http import Transport, network


class ReadingOnly(Transport):
    """Passes GET and HEAD on, and a POST that its plugin marks `safe` (a query, a token); refuses all else."""

    def __init__(self, inner: Transport | None = None) -> None:
        self._inner = inner or network()

    async def handle_async_request(self, request: Any) -> Any:
        """The answer; `PluginError` for what is no read, before a byte of it goes out."""
        safe = request.extensions.get("safe", request.method in {"GET", "HEAD"})
        if not safe or request.method not in {"GET", "HEAD", "POST"}:
            raise PluginError(f"{request.method} {request.url.path}: refused, a rehearsal only reads")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close what it passes on to."""
        await self._inner.aclose()
