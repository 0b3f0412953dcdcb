"""A tenant at work: its connections built, its remote accounts paced, its plugins called under guard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from caseconnect.host.faults import told
from caseconnect.host.journal import Journal
from caseconnect.host.tenants.file_models import SinkTiming
from caseconnect.host.tenants.tenant import Connection, Flow, Tenant
from caseconnect.sdk.components import Repeat, Sink, Source
from caseconnect.sdk.deliveries import Delivery, Ignored, Parsed
from caseconnect.sdk.errors import AuthError, ConfigError, ConnectError, PluginError, TransientError
from caseconnect.sdk.http import Transport
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.resources import Log, Resources
from caseconnect.sdk.secrets import Secrets

T = TypeVar("T")

PATIENCE = 600.0
"""Seconds for one call of a plugin. Long: its requests end at deadlines of their own, but they queue for the
account's pace first, and after a burst of orders that takes minutes."""

START = 15.0
"""Seconds for a plugin to build the parts of one connection and to enter them."""

TransportFor = Callable[[str, str], Transport | None]
"""(tenant, connection) -> what sends; None: the network. Tests and the simulation hand in their own."""


class Accounts:
    """One pace per remote account, shared by everything that talks to it, also across tenants."""

    def __init__(self, *, off: bool = False) -> None:
        self._off = off
        self._paces: dict[tuple[str, str], Pace] = {}

    def pace(self, connection: Connection) -> Pace:
        """The pace of the connection's account; unlimited where the platform's plugin has no source to say."""
        spec = connection.source
        if spec is None or self._off:
            return Pace(float("inf"), 1)
        key = (spec.name, spec.account(connection.settings))
        return self._paces.setdefault(key, Pace(spec.pacing.rate, spec.pacing.burst))


class Unbuilt:
    """Stands for a connection's source and sink while they cannot be built: all that is asked of it may work later."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def _later(self, *_: Any) -> Any:
        raise TransientError(self.why)

    check = read = root = fetch = execute = verify = _later

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        """Not now either."""
        raise TransientError(self.why)


@dataclass
class LiveConnection:
    """A connection with its working objects. `account` is the remote account's name; findings count from `go_live`.

    `identified`: the platform has said itself that it is this account.
    """

    spec: Connection
    resources: Resources
    timing: SinkTiming | None
    account: str
    go_live: datetime
    source: Source | None = None
    sink: Sink | None = None
    identified: bool = False
    _keeper: asyncio.Task[None] | None = field(default=None, repr=False)
    _leave: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def unbuilt(self) -> str | None:
        """Why it could not be built the last time; None when it is at work."""
        return next((part.why for part in (self.source, self.sink) if isinstance(part, Unbuilt)), None)

    async def start(self) -> None:
        """Build its source and sink and enter them. After a `PluginError` they are `Unbuilt`; may be tried again."""
        tried, self._leave = asyncio.Event(), asyncio.Event()
        self._keeper = keeper = asyncio.create_task(self._keep(tried, self._leave))
        try:
            await tried.wait()
        except asyncio.CancelledError:
            keeper.cancel()
            raise
        if self.unbuilt:
            raise PluginError(self.unbuilt, plugin=self.spec.platform)

    async def _keep(self, tried: asyncio.Event, leave: asyncio.Event) -> None:
        """Enter and leave in one task, as context managers may demand."""
        spec, clock = self.spec, asyncio.timeout(START)
        async with AsyncExitStack() as stack:
            try:
                async with clock:
                    self.source, self.sink = await self._entered(stack)
            except Exception as error:  # noqa: BLE001 - a plugin's fault must not stop the other connections
                why = f"it took longer than {START:g} s" if clock.expired() else told(error)
                stand_in = Unbuilt(f"{spec.platform}: {spec.name} could not be built: {why}")
                self.source = stand_in if spec.source else None
                self.sink = stand_in if spec.sink else None
                tried.set()
            else:
                tried.set()
                await leave.wait()

    async def _entered(self, stack: AsyncExitStack) -> tuple[Source | None, Sink | None]:
        spec, resources = self.spec, replace(self.resources, _shared={}, _opened=[])
        stack.push_async_callback(resources.close)
        source = spec.source.build(spec.settings, resources) if spec.source else None
        sink = spec.sink.build(spec.settings, resources) if spec.sink else None
        components: tuple[object, ...] = (source, sink)
        for component in components:
            if isinstance(component, AbstractAsyncContextManager):
                await stack.enter_async_context(component)
        return source, sink

    async def close(self) -> None:
        """Leave its working objects and close what they opened. May be called twice."""
        self._leave.set()
        if self._keeper:
            await asyncio.wait([self._keeper])
            if not self._keeper.cancelled() and (error := self._keeper.exception()):
                raise error

    def repeat(self, command: type[Any]) -> Repeat:
        """How a repeat of `command` is safe here; a person's matter when the sink does not know it."""
        sink = self.spec.sink
        return sink.commands.get(command, Repeat.PERSON) if sink else Repeat.PERSON


@dataclass
class LiveTenant:
    """A tenant with its working objects. Made by `build`, ended by `close`."""

    tenant: Tenant
    connections: dict[str, LiveConnection]
    go_live: datetime

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self.tenant.name

    def flow(self, use: str) -> Flow | None:
        """The flow of a use case."""
        return next((f for f in self.tenant.flows if f.use == use), None)

    async def close(self) -> None:
        """Leave the working objects and close their connections. May be called twice."""
        async with AsyncExitStack() as stack:
            for connection in self.connections.values():
                stack.push_async_callback(connection.close)


async def first_starts(journal: Journal, tenant: Tenant, now: datetime) -> tuple[datetime, dict[str, datetime]]:
    """When the tenant, and each of its connections, was first started; this start counts if there was none."""
    starts = {name: await journal.first(tenant.name, f"start:{name}", now) for name in tenant.connections}
    return await journal.first(tenant.name, "start", now), starts


def known_starts(journal: Journal, tenant: Tenant, now: datetime) -> tuple[datetime, dict[str, datetime]]:
    """As `first_starts` will say, and nothing is written: for a tenant that may yet be refused."""
    known = journal.starts(tenant.name)
    return known.get("start", now), {name: known.get(f"start:{name}", now) for name in tenant.connections}


async def build(
    tenant: Tenant,
    *,
    accounts: Accounts,
    secrets: Secrets,
    now: Callable[[], datetime],
    log: Log,
    go_live: datetime,
    starts: Mapping[str, datetime] | None = None,
    transport: TransportFor | None = None,
    whole: bool = True,
    start: bool = True,
) -> LiveTenant:
    """Build a tenant's connections. Raises `PluginError` when a plugin cannot name the account.

    One that cannot be built raises as well if it is to be `whole`; else it is `Unbuilt`, beside those that are at work.
    Without `go_live` in the tenant's file, `go_live` (the tenant's first start) and `starts` (each connection's)
    count, whichever is later. Without `start` nothing is entered: it can decide, and talk to nobody.
    """
    live: dict[str, LiveConnection] = {}
    for name, connection in tenant.connections.items():
        resources = Resources(
            tenant=tenant.name,
            environment=tenant.environment,
            connection=name,
            now=now,
            secrets=secrets,
            log=log,
            pace=Pace(float("inf"), 1),
            transport=transport(tenant.name, name) if transport else None,
        )
        timing = tenant.timing.for_sink(connection.sink) if connection.sink else None
        since = tenant.go_live or max(go_live, (starts or {}).get(name, go_live))
        try:
            resources.pace = accounts.pace(connection)
            account = connection.source.account(connection.settings) if connection.source else name
        except Exception as error:
            why = f"{connection.platform}: {name} could not be built: {told(error)}"
            raise PluginError(why, plugin=connection.platform) from error
        live[name] = LiveConnection(connection, resources, timing, account, since)
    made = LiveTenant(tenant, live, tenant.go_live or go_live)
    if not start:
        return made
    failures = await asyncio.gather(*(c.start() for c in live.values()), return_exceptions=True)
    for failure in failures:
        if isinstance(failure, BaseException) and (whole or not isinstance(failure, ConnectError)):
            await made.close()
            raise failure
    return made


async def guarded(
    call: Awaitable[T], *, plugin: str, doing: str, deadline: float, late: type[ConnectError] = TransientError
) -> T:
    """Await a plugin's work: its own error classes pass, a late one raises `late`, anything else is its fault.

    A `ConfigError` at work is a secret that went missing, mostly: as refused credentials it pauses the connection.
    """
    try:
        async with asyncio.timeout(deadline):
            return await call
    except ConfigError as error:
        raise AuthError(str(error)) from error
    except ConnectError:
        raise
    except TimeoutError as error:
        raise late(f"{plugin}: {doing} took longer than {deadline:g} s") from error
    except Exception as error:
        raise PluginError(f"{plugin}: {doing} failed: {type(error).__name__}", plugin=plugin) from error
