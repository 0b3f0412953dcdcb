"""Facts for decisions and for the last look before sending: fetched by the host, coalesced per need."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

from caseconnect.host.journal.storms import INCIDENT
from caseconnect.host.pipeline.context import Context
from caseconnect.host.pipeline.live import PATIENCE, LiveTenant, guarded
from caseconnect.models.base import Record, without_personal
from caseconnect.sdk.decisions import Missing, Need
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, PluginError, TransientError


class Fetcher:
    """Fetches needs. The same need asked for twice at once is one request."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._running: dict[tuple[object, ...], tuple[asyncio.Task[Record], datetime]] = {}

    def on(self) -> Iterable[asyncio.Task[Record]]:
        """Fetches that are under way."""
        return [task for task, _ in self._running.values()]

    async def fetch(self, tenant: LiveTenant, need: Need) -> tuple[Record, datetime]:
        """The fact as it is now, and when the reading began. Raises the errors of the SDK.

        It is read by the connections of `tenant` as given: after a reload two turns may have different ones.
        """
        keeper = tenant.connections.get(need.subject.connection)
        key = (tenant.name, id(keeper and keeper.source), need.fact, need.subject, need.fields)
        if key not in self._running:
            task = asyncio.create_task(self._fetch(tenant, need))
            self._running[key] = task, self._context.now()
            task.add_done_callback(lambda _: self._running.pop(key, None))
        running, began = self._running[key]
        return await asyncio.shield(running), began

    async def fetch_all(
        self, tenant: LiveTenant, needs: tuple[Need, ...], *, patient: bool = False
    ) -> dict[Need, tuple[Record, datetime]]:
        """All needs side by side. An optional one that cannot be had is `Missing`; a required one raises.

        `patient`: an optional one that may come in a moment (`TransientError`) raises too, so that it is tried again.
        """
        results = await asyncio.gather(*(self.fetch(tenant, need) for need in needs), return_exceptions=True)
        found: dict[Need, tuple[Record, datetime]] = {}
        for need, result in zip(needs, results, strict=True):
            if isinstance(result, tuple):
                found[need] = result
            elif patient and isinstance(result, TransientError):
                raise result
            elif isinstance(result, ConnectError) and not need.required:
                found[need] = (Missing(why=str(result)), self._context.now())
            else:
                raise result
        return found

    async def _fetch(self, live: LiveTenant, need: Need) -> Record:
        tenant = live.name
        if need.fact == INCIDENT:
            incident = self._context.journal.incident(tenant, need.subject)
            if incident is None:
                raise PermanentError(f"nothing joined {need.subject}")
            return incident
        connection = live.connections.get(need.subject.connection)
        if connection is None or connection.source is None or connection.spec.source is None:
            raise PermanentError(f"{need.subject}: there is no connection {need.subject.connection!r} to read from")
        if need.fact in connection.spec.source.tells:
            told = self._context.journal.told(tenant, need.fact, need.subject)
            if told is None:
                raise PermanentError(f"nobody told the {need.fact} {need.subject}")
            return told
        model = connection.spec.source.facts.get(need.fact)
        if model is None:
            raise PermanentError(f"{connection.spec.platform} does not supply the fact {need.fact!r}")
        platform = connection.spec.platform
        connection.resources.gate.check()
        try:
            fact = await guarded(
                connection.source.fetch(need), plugin=platform, doing=f"fetch of {need.fact}", deadline=PATIENCE
            )
        except AuthError as error:
            await self._context.credentials_refused(tenant, connection.spec.name, str(error))
            raise
        except (TransientError, PluginError) as error:
            await self._context.failed(tenant, connection.spec.name, f"{need.fact} cannot be had: {error}")
            raise
        if not isinstance(fact, model):
            raise PluginError(f"{platform}: {need.fact} came as {type(fact).__name__}, not {model.__name__}")
        await self._context.worked(tenant, connection.spec.name)
        return without_personal(fact) if self._context.journal.erased(tenant, need.subject) else fact


def supplied(tenant: LiveTenant, need: Need) -> bool:
    """The need's connection supplies facts of that kind."""
    connection = tenant.connections.get(need.subject.connection)
    return connection is not None and need.fact in connection.spec.facts
