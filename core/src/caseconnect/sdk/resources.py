"""What the host gives a component: nothing is global."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from caseconnect.sdk.errors import TransientError
from caseconnect.sdk.http import Http, Transport
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.secrets import Secrets
from caseconnect.sdk.usage import Usage

T = TypeVar("T")


LOG_FIELDS = frozenset(
    {
        *("tenant", "connection", "lane", "use", "delivery", "key", "case", "topic", "topics", "stream", "part"),
        *("action", "receipt", "cause", "title", "link", "count", "since", "why", "error", "note", "where"),
        *("host", "port", "tenants", "data", "changed", "by", "channel", "severity", "runbook"),
        *("kind", "state", "attempt", "asked", "seconds", "at"),
    }
)
"""Names of values in logs: ids, counts, places and reasons. A value of another name is not shown."""


class Log(Protocol):
    """A structured logger bound to tenant and connection. Values must hold no personal data and no secret.

    Only values named in `LOG_FIELDS` are shown, on one line, without e-mail addresses and card numbers.
    """

    def debug(self, event: str, **values: Any) -> Any:
        """For developers."""

    def info(self, event: str, **values: Any) -> Any:
        """Normal life."""

    def warning(self, event: str, **values: Any) -> Any:
        """Something to look at."""

    def error(self, event: str, **values: Any) -> Any:
        """Something to do."""


@dataclass
class Gate:
    """Whether a connection may be asked anything. `why` tells why not, in words; empty: it may."""

    why: Callable[[], str] = lambda: ""

    def check(self) -> None:
        """Raise `TransientError` while a person has cut the connection off. `Http` does so before every request."""
        if why := self.why():
            raise TransientError(why)


@dataclass
class Resources:
    """One connection's means. Source, sink and trigger of the connection are given the same object."""

    tenant: str
    environment: str
    connection: str
    now: Callable[[], datetime]
    secrets: Secrets
    log: Log
    pace: Pace
    transport: Transport | None = None
    gate: Gate = field(default_factory=Gate)
    usage: Usage = field(default_factory=Usage)
    _shared: dict[Any, Any] = field(default_factory=dict, repr=False)
    _opened: list[Http] = field(default_factory=list, repr=False)

    def http(
        self, base_url: str, *, deadline: float = 30.0, max_body: int = 32 * 1024 * 1024, public: bool = False
    ) -> Http:
        """An HTTP client bound to one origin, paced with the remote account. The host closes it.

        `deadline` is seconds for a whole request; a longer answer than `max_body` bytes is cut off as an error.
        `public`: a stranger named the origin, so it must not be in a network of our own (`PermanentError`).
        """
        client = Http(
            base_url,
            pace=self.pace,
            deadline=deadline,
            max_body=max_body,
            transport=self.transport,
            now=self.now,
            gate=self.gate.check,
            public=public,
            usage=self.usage,
        )
        self._opened.append(client)
        return client

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """The connection's one object for `key`, made at first use: a client that source and sink share."""
        if key not in self._shared:
            self._shared[key] = make()
        value: T = self._shared[key]
        return value

    async def close(self) -> None:
        """Close all HTTP clients of the connection. Called by the host; may be called twice."""
        while self._opened:
            await self._opened.pop().close()
