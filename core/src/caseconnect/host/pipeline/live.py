"""A tenant at work: its connections built, its remote accounts paced, its plugins called under guard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from caseconnect.host.faults import kind_and_place
from caseconnect.host.journal import Journal
from caseconnect.host.tenants.file_models import SinkTiming
from caseconnect.host.tenants.tenant import Connection, Flow, Tenant
from caseconnect.sdk.components import Repeat, Sink, Source
from caseconnect.sdk.errors import AuthError, ConfigError, ConnectError, PluginError, TransientError
from caseconnect.sdk.http import Transport
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.resources import Log, Resources
from caseconnect.sdk.secrets import Secrets

T = TypeVar("T")

PATIENCE = 600.0
"""Seconds for one call of a plugin. Long: its requests end at deadlines of their own, but they queue for the
account's pace first, and after a burst of orders that takes minutes."""

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


@dataclass
class LiveConnection:
    """A connection with its working objects. `account` is the remote account's name; findings count from `go_live`."""

    spec: Connection
    resources: Resources
    source: Source | None
    sink: Sink | None
    timing: SinkTiming | None
    account: str
    go_live: datetime

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
    _stack: AsyncExitStack

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self.tenant.name

    def flow(self, use: str) -> Flow | None:
        """The flow of a use case."""
        return next((f for f in self.tenant.flows if f.use == use), None)

    async def close(self) -> None:
        """Leave the working objects and close their connections. May be called twice."""
        await self._stack.aclose()


async def first_starts(journal: Journal, tenant: Tenant, now: datetime) -> tuple[datetime, dict[str, datetime]]:
    """When the tenant, and each of its connections, was first started; this start counts if there was none."""
    starts = {name: await journal.first(tenant.name, f"start:{name}", now) for name in tenant.connections}
    return await journal.first(tenant.name, "start", now), starts


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
) -> LiveTenant:
    """Build all of a tenant's connections. Raises what a plugin's `build` raises, as `PluginError`.

    Without `go_live` in the tenant's file, `go_live` (the tenant's first start) and `starts` (each connection's)
    count, whichever is later.
    """
    stack = AsyncExitStack()
    live: dict[str, LiveConnection] = {}
    for name, connection in tenant.connections.items():
        try:
            resources = Resources(
                tenant=tenant.name,
                environment=tenant.environment,
                connection=name,
                now=now,
                secrets=secrets,
                log=log,
                pace=accounts.pace(connection),
                transport=transport(tenant.name, name) if transport else None,
            )
            stack.push_async_callback(resources.close)
            account = connection.source.account(connection.settings) if connection.source else name
            timing = tenant.timing.for_sink(connection.sink) if connection.sink else None
            source = connection.source.build(connection.settings, resources) if connection.source else None
            sink = connection.sink.build(connection.settings, resources) if connection.sink else None
            components: tuple[object, ...] = (source, sink)
            for component in components:
                if isinstance(component, AbstractAsyncContextManager):
                    await stack.enter_async_context(component)
        except ConnectError:
            await stack.aclose()
            raise
        except Exception as error:
            await stack.aclose()
            why = f"{connection.platform}: {name} could not be built: {kind_and_place(error)}"
            raise PluginError(why, plugin=connection.platform) from error
        since = tenant.go_live or max(go_live, (starts or {}).get(name, go_live))
        live[name] = LiveConnection(connection, resources, source, sink, timing, account, since)
    return LiveTenant(tenant, live, tenant.go_live or go_live, stack)


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
