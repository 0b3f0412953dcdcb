"""An access token, fetched once, shared, and renewed before it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from caseconnect.sdk.errors import AuthError
from caseconnect.sdk.usage import Usage

_REFUSED_FOR = timedelta(seconds=30)


@dataclass(frozen=True)
class Token:
    """A bearer token and when it ends."""

    value: str = field(repr=False)
    expires_at: datetime


class TokenCache:
    """Keeps one token. Two callers at once make one request; it is renewed at nine tenths of its life.

    `fetch` asks the platform for a new one and raises `AuthError` or `TransientError`. Who waited for a request that
    failed is told the same. An `AuthError` is told for 30 s without another request: every lane asks, and an account
    may be locked after too many wrong attempts. `usage` (`Http.usage`) is told when the token ends.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Token]], now: Callable[[], datetime], usage: Usage | None = None
    ) -> None:
        self._fetch, self._now, self._usage = fetch, now, usage
        self._token: Token | None = None
        self._renew_at: datetime | None = None
        self._lock = asyncio.Lock()
        self._failures = 0
        self._failure: Exception | None = None
        self._refused_at: datetime | None = None

    async def get(self) -> str:
        """A token that is good for a while."""
        failures = self._failures
        async with self._lock:
            if self._token is None or self._renew_at is None or self._now() >= self._renew_at:
                if self._failure is not None and (self._failures != failures or self._still_refused()):
                    raise self._failure.with_traceback(None)
                self._token = await self._fetched()
            return self._token.value

    def drop(self, value: str) -> None:
        """The platform refused this one (401): the next `get` asks for another. A newer one stays."""
        if self._token is not None and self._token.value == value:
            self._token = self._refused_at = None

    async def _fetched(self) -> Token:
        began = self._now()
        try:
            token = await self._fetch()
        except Exception as error:
            self._failures, self._failure = self._failures + 1, error
            self._refused_at = self._now() if isinstance(error, AuthError) else None
            raise
        self._failure = self._refused_at = None
        if self._usage:
            self._usage.token_ends = token.expires_at
        life = token.expires_at - began
        self._renew_at = began + max(life * 0.9, life - timedelta(minutes=5))
        return token

    def _still_refused(self) -> bool:
        # A clock that was set back must not make it last.
        return self._refused_at is not None and abs(self._now() - self._refused_at) < _REFUSED_FOR
