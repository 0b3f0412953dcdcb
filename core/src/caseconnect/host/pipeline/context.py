"""What the rooms share: the journal, the tenants at work, the time, and who has to be woken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from caseconnect.host.journal import Journal
from caseconnect.host.journal.records import Brake, NewAlert
from caseconnect.host.pipeline.live import LiveTenant
from caseconnect.sdk.resources import Log

BY = "connect"
"""Who the host is in the journal."""


class Wake:
    """A broadcast: everybody who waits is woken, and a wake-up between two waits is not lost."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()

    def listen(self) -> asyncio.Event:
        """An event that every `ring` sets; its owner clears it."""
        event = asyncio.Event()
        self._events.add(event)
        return event

    def ring(self) -> None:
        """Wake everybody. Only from the pipeline's own event loop."""
        for event in self._events:
            event.set()


@dataclass
class Context:
    """Shared by intake, decide, deliver and poll of one pipeline."""

    journal: Journal
    now: Callable[[], datetime]
    log: Log
    tenants: dict[str, LiveTenant] = field(default_factory=dict)
    wake: Wake = field(default_factory=Wake)
    refused: set[tuple[str, str]] = field(default_factory=set)

    async def alert(self, tenant: str, cause: str, title: str, link: str = "") -> None:
        """Open or count an alert, and log it."""
        await self.journal.alert(NewAlert(tenant, cause, title, link), self.now())
        self.log.warning("alert", tenant=tenant, cause=cause, title=title, link=link)

    async def credentials_refused(self, tenant: str, connection: str, why: str) -> None:
        """Pause a connection as a whole, once, until something works on it again."""
        if (tenant, connection) in self.refused:
            return
        self.refused.add((tenant, connection))
        await self.journal.pause(Brake(tenant, "connection", connection, why, BY, self.now()))
        await self.alert(tenant, f"auth:{connection}", f"{connection}: credentials refused: {why}", connection)

    async def credentials_work(self, tenant: str, connection: str) -> None:
        """Something worked on the connection: end our own pause."""
        if (tenant, connection) not in self.refused:
            return
        self.refused.discard((tenant, connection))
        await self.journal.resume(tenant, "connection", connection, "credentials work again", BY, self.now())
        self.wake.ring()


def backoff(first: timedelta, longest: timedelta, tries: int, seed: str) -> timedelta:
    """Exponential with up to a quarter of jitter, the same for the same seed, so that runs can be repeated."""
    wait = min(first * float(2 ** min(tries, 20)), longest)
    drawn = int.from_bytes(sha256(f"{seed}|{tries}".encode()).digest()[:4], "big") / 2**32
    return wait * (1 + drawn / 4)
