"""Building: a connection that could not be built at the start is tried again, while all others are at work."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from caseconnect.host.pipeline.context import Context, backoff
from caseconnect.host.pipeline.live import LiveConnection
from caseconnect.sdk.errors import ConnectError

_FIRST, _LONGEST = timedelta(seconds=10), timedelta(minutes=10)


class Builder:
    """Tries the connections that are `Unbuilt` again, each by itself, until they are at work."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._trying: set[asyncio.Task[None]] = set()

    async def take_up(self) -> None:
        """Open an alert for each connection that is not built, and begin to try again."""
        for tenant in self._context.tenants.values():
            for connection in tenant.connections.values():
                if connection.unbuilt:
                    await self._context.failed(tenant.name, connection.spec.name, connection.unbuilt, at_once=True)
                    task = asyncio.create_task(self._try(tenant.name, connection))
                    self._trying.add(task)
                    task.add_done_callback(self._trying.discard)

    def stop(self) -> None:
        """Try no more."""
        for task in self._trying:
            task.cancel()

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
