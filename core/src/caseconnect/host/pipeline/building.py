"""Building: a connection that could not be built at the start is tried again, while all others are at work."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from caseconnect.host.pipeline.context import Context, backoff
from caseconnect.host.pipeline.live import LiveConnection, LiveTenant
from caseconnect.sdk.errors import ConnectError

_FIRST, _LONGEST = timedelta(seconds=10), timedelta(minutes=10)


class Builder:
    """Tries the connections that are `Unbuilt` again, each by itself, until they are at work."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._trying: dict[asyncio.Task[None], str] = {}

    async def take_up(self, tenant: LiveTenant) -> None:
        """Open an alert for each connection that is not built, and begin to try again."""
        for connection in tenant.connections.values():
            if connection.unbuilt:
                task = asyncio.create_task(self._try(tenant.name, connection))
                self._trying[task] = tenant.name
                task.add_done_callback(self._over)
                await self._context.failed(tenant.name, connection.spec.name, connection.unbuilt, at_once=True)

    def leave(self, tenant: str) -> None:
        """Try no more for a tenant as it was until now."""
        for task, whose in self._trying.items():
            if whose == tenant:
                task.cancel()

    def stop(self) -> None:
        """Try no more."""
        for task in self._trying:
            task.cancel()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._trying.pop(task, None)

    async def _try(self, tenant: str, connection: LiveConnection) -> None:
        name, tries = connection.spec.name, 0
        while connection.unbuilt:
            self._context.log.error("connection not built", tenant=tenant, connection=name, why=connection.unbuilt)
            wait = backoff(_FIRST, _LONGEST, tries, f"{tenant}/{name}")
            await asyncio.sleep(wait.total_seconds())
            tries += 1
            try:
                await connection.start()
            except ConnectError:
                continue
        await self._context.worked(tenant, name)
        self._context.log.info("connection built", tenant=tenant, connection=name)
        self._context.wake.ring()
