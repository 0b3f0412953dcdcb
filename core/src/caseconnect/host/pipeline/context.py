"""What the rooms share: the journal, the tenants at work, the time, and who has to be woken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from caseconnect.host.journal import Journal
from caseconnect.host.journal.errors import JournalBusy, JournalFull
from caseconnect.host.journal.records import Brake, NewAlert
from caseconnect.host.pipeline.live import LiveTenant
from caseconnect.sdk.resources import Log

BY = "connect"
"""Who the host is in the journal."""

DOWN = "down:"
"""Begins the cause of an outage's alert; the connection's name follows."""

_DOWN_AFTER = timedelta(minutes=5)
_REST = 5.0
_APART = timedelta(minutes=15)  # longer than any backoff: failures further apart are not one outage


class Wake:
    """A broadcast: everybody who waits is woken, and a wake-up between two waits is not lost."""

    def __init__(self) -> None:
        self._events: list[asyncio.Event] = []  # in an order, so that a simulated run can be repeated

    def listen(self) -> asyncio.Event:
        """An event that every `ring` sets; its owner clears it."""
        event = asyncio.Event()
        self._events.append(event)
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
    failing: dict[tuple[str, str], tuple[datetime, datetime]] = field(default_factory=dict)
    down: set[tuple[str, str]] = field(default_factory=set)
    _rest_until: float = field(default=float("-inf"), repr=False)

    async def alert(self, tenant: str, cause: str, title: str, link: str = "") -> None:
        """Open an alert, or count one more. The runner logs it, like those that the journal opens itself."""
        await self.journal.alert(NewAlert(tenant, cause, title, link), self.now())

    def unwritten(self, error: BaseException) -> None:
        """Some work could not be written down. If the journal takes nothing, the rooms rest for a few seconds.

        Else those that read platforms would wake each other, and read the same again and again until there is room.
        """
        if isinstance(error, JournalFull | JournalBusy):
            self._rest_until = asyncio.get_running_loop().time() + _REST

    def rests(self) -> bool:
        """The journal took nothing a few seconds ago."""
        return asyncio.get_running_loop().time() < self._rest_until

    async def credentials_refused(self, tenant: str, connection: str, why: str) -> None:
        """Pause a connection as a whole, once, until something works on it again."""
        if (tenant, connection) in self.refused and self._braked(tenant, connection):
            return
        self.refused.add((tenant, connection))
        await self.journal.pause(Brake(tenant, "connection", connection, why, BY, self.now()))
        await self.alert(
            tenant, f"auth:{connection}", f"{connection} is paused until it works again: {why}", connection
        )

    async def _credentials_work(self, tenant: str, connection: str) -> None:
        """Something worked on the connection: end our own pause. One that a person set stays."""
        if (tenant, connection) not in self.refused:
            return
        self.refused.discard((tenant, connection))
        if BY in self._braked(tenant, connection):
            await self.journal.resume(tenant, "connection", connection, "credentials work again", BY, self.now())
        else:
            await self.journal.close_alert(tenant, f"auth:{connection}", self.now())
        self.wake.ring()

    async def failed(self, tenant: str, connection: str, why: str, *, at_once: bool = False) -> None:
        """Something did not work on the connection. Nothing else for five minutes: one alert, whoever saw it."""
        key, now = (tenant, connection), self.now()
        since, last = self.failing.get(key, (now, now))
        since = since if now - last <= _APART else now
        self.failing[key] = since, now
        if key not in self.down and (at_once or now - since >= _DOWN_AFTER):
            self.down.add(key)
            await self.alert(tenant, f"{DOWN}{connection}", f"{connection} does not work: {why}", connection)

    async def worked(self, tenant: str, connection: str) -> None:
        """Something worked on the connection: the alert of its outage closes, and our own pause ends."""
        key = (tenant, connection)
        self.failing.pop(key, None)
        if key in self.down:
            self.down.discard(key)
            await self.journal.close_alert(tenant, f"{DOWN}{connection}", self.now())
        await self._credentials_work(tenant, connection)

    def cut_off(self, tenant: str, connection: str) -> str:
        """Why nothing may be asked of the connection; empty if it may."""
        mine = (tenant, "access", connection)
        brake = next((b for b in self.journal.brakes() if (b.tenant, b.scope, b.name) == mine), None)
        return f"{brake.by} has cut {connection} off: {brake.reason}" if brake else ""

    def _braked(self, tenant: str, connection: str) -> list[str]:
        """Who paused the connection."""
        mine = (tenant, "connection", connection)
        return [b.by for b in self.journal.brakes() if (b.tenant, b.scope, b.name) == mine]


def backoff(first: timedelta, longest: timedelta, tries: int, seed: str) -> timedelta:
    """Exponential with up to a quarter of jitter, the same for the same seed, so that runs can be repeated."""
    wait = min(first * float(2 ** min(tries, 20)), longest)
    drawn = int.from_bytes(sha256(f"{seed}|{tries}".encode()).digest()[:4], "big") / 2**32
    return wait * (1 + drawn / 4)
