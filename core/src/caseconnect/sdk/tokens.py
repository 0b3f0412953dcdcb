"""An access token, fetched once, shared, and renewed before it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Token:
    """A bearer token and when it ends."""

    value: str = field(repr=False)
    expires_at: datetime


class TokenCache:
    """Keeps one token. Two callers at once make one request; it is renewed at nine tenths of its life.

    `fetch` asks the platform for a new one and raises `AuthError` or `TransientError`.
    """

    def __init__(self, fetch: Callable[[], Awaitable[Token]], now: Callable[[], datetime]) -> None:
        self._fetch, self._now = fetch, now
        self._token: Token | None = None
        self._renew_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> str:
        """A token that is good for a while."""
        async with self._lock:
            if self._token is None or self._renew_at is None or self._now() >= self._renew_at:
                began = self._now()
                self._token = await self._fetch()
                life = self._token.expires_at - began
                self._renew_at = began + max(life * 0.9, life - timedelta(minutes=5))
            return self._token.value

    def drop(self, value: str) -> None:
        """The platform refused this one (401): the next `get` asks for another. A newer one stays."""
        if self._token is not None and self._token.value == value:
            self._token = None
