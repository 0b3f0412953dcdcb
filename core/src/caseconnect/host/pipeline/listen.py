"""Listeners: code of plugins that takes messages from a queue. Each message is stored before it is acknowledged.

A listener that ends or raises is started again after a while; what its queue holds waits there meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from caseconnect.host.faults import kind_and_place
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.pipeline.context import Context, backoff
from caseconnect.host.pipeline.live import LiveConnection, LiveTenant
from caseconnect.sdk.components import Listener, Pushed
from caseconnect.sdk.errors import ConnectError, PluginError, TransientError
from caseconnect.sdk.resources import Resources

_WELL = timedelta(minutes=15)
"""A listener that has listened for so long works, also if nothing came."""

_LOOK = 5.0  # seconds between two looks whether the connection was cut off
_FIRST, _LONGEST = timedelta(seconds=5), timedelta(minutes=10)


class Listeners:
    """Runs the listeners of tenants in the pipeline's event loop. `start`, then `stop`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._running: dict[str, list[asyncio.Task[None]]] = {}

    def start(self, tenant: LiveTenant) -> None:
        """Begin to listen."""
        self._running[tenant.name] = [
            asyncio.create_task(_Listening(self._context, tenant, connection, listener).run())
            for connection in tenant.connections.values()
            for listener in connection.spec.listeners
        ]

    def leave(self, tenant: str) -> asyncio.Future[list[BaseException | None]]:
        """Take no more messages for a tenant as it was until now; to be waited for.

        What was stored and not acknowledged comes again, and is known then.
        """
        tasks = self._running.pop(tenant, [])
        for task in tasks:
            task.cancel()
        return asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Take no more messages for any tenant."""
        await asyncio.gather(*map(self.leave, list(self._running)))


class _Listening:
    """One listener of one connection."""

    def __init__(self, context: Context, tenant: LiveTenant, connection: LiveConnection, listener: Listener) -> None:
        self._context, self._listener, self._connection = context, listener, connection
        self._tenant, self._name = tenant.name, connection.spec.name
        self._cause = f"listen:{self._name}"
        self._failures = 0
        self._alerted = any(
            a["cause"] == self._cause and a["tenant"] == tenant.name for a in context.journal.stuck()["alerts"]
        )

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            resources = replace(self._connection.resources, _shared={}, _opened=[])
            try:
                await self._listen(resources)
                error: Exception = PluginError(f"{self._connection.spec.platform}: its listener ended by itself")
            except Exception as caught:  # noqa: BLE001 - whatever a plugin's listener does, it is started again
                error = caught
            finally:
                await resources.close()
            self._failures += 1
            why = str(error) if isinstance(error, ConnectError) else kind_and_place(error)
            self._context.log.warning("listener failed", tenant=self._tenant, connection=self._name, why=why)
            await self._tell(f"{self._name}: its queue cannot be listened to: {why}")
            await asyncio.sleep(self._wait(error).total_seconds())

    async def _listen(self, resources: Resources) -> None:
        """Until the listener ends, or the connection is cut off."""
        resources.gate.check()
        listening = asyncio.ensure_future(self._listener.run(self._connection.spec.settings, resources, self._deliver))
        began = self._context.now()
        try:
            while not (await asyncio.wait([listening], timeout=_LOOK))[0]:
                resources.gate.check()
                if self._context.now() - began > _WELL:
                    await self._works()
            await listening
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    def _wait(self, error: Exception) -> timedelta:
        wait = backoff(_FIRST, _LONGEST, self._failures - 1, f"{self._tenant}/{self._cause}")
        asked = error.retry_after if isinstance(error, TransientError) else None
        return max(wait, timedelta(seconds=asked or 0))

    async def _tell(self, title: str) -> None:
        """One failure may be a hiccup; from the second on it is an alert."""
        if self._failures < 2:
            return
        try:
            await self._context.alert(self._tenant, self._cause, title, self._name)
            self._alerted = True
        except JournalError as error:
            self._context.log.error("the journal takes nothing", why=str(error))

    async def _deliver(self, pushed: Pushed) -> None:
        """Store one message; returns when it is durable."""
        if not _is_pushed(pushed):
            raise PluginError(f"{self._connection.spec.platform}: its listener delivers what is no Pushed")
        now = self._context.now()
        headers = dict(pushed.headers)
        new = NewDelivery(self._tenant, self._name, pushed.topic, pushed.delivery_id, now, pushed.body, headers=headers)
        await self._context.journal.receive([new], None, now)
        await self._works()
        self._context.wake.ring()

    async def _works(self) -> None:
        self._failures = 0
        if self._alerted:
            self._alerted = False
            await self._context.journal.close_alert(self._tenant, self._cause, self._context.now())


def _is_pushed(pushed: object) -> bool:
    if not isinstance(pushed, Pushed) or not isinstance(pushed.body, bytes):
        return False
    texts = (pushed.topic, pushed.delivery_id, *pushed.headers, *pushed.headers.values())
    return all(isinstance(text, str) for text in texts) and bool(pushed.delivery_id)
