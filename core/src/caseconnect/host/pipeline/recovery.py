"""After the journal was found in doubt: the platforms are asked about open and recent money, and nothing is sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection

from caseconnect.host.faults import told
from caseconnect.host.journal import states
from caseconnect.host.journal.errors import Conflict, JournalError
from caseconnect.host.journal.records import StoredCommand
from caseconnect.host.pipeline.context import Context
from caseconnect.host.pipeline.facts import Fetcher
from caseconnect.host.pipeline.live import LiveTenant
from caseconnect.host.pipeline.looking import Looker, sink_of, whole
from caseconnect.sdk.errors import ConnectError

_SEEN, _ABSENT, _UNCLEAR, _UNASKED = "done", "not there", "unclear", "could not be asked about"


class Recovery:
    """Verifies money with the platforms. `begin` when the journal is taken up, `take_up` each tenant, then `stop`."""

    def __init__(self, context: Context, fetcher: Fetcher) -> None:
        self._context, self._looker = context, Looker(context, fetcher)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self) -> None:
        """If the journal is in doubt: pause everything."""
        journal, now = self._context.journal, self._context.now()
        if why := journal.in_doubt():
            tenants = await journal.doubt(why, now)
            self._context.log.error("the journal is in doubt: all is paused", why=why, tenants=tenants)

    def take_up(self, tenant: LiveTenant) -> None:
        """Ask about a tenant's money, if that is in doubt and not being asked about."""
        keys = self._context.journal.unverified(tenant.name, self._context.now())
        if keys is not None and tenant.name not in self._tasks:
            self._tasks[tenant.name] = task = asyncio.create_task(self._verify(tenant, keys))
            task.add_done_callback(lambda _: self._tasks.pop(tenant.name, None))

    def on(self) -> Collection[asyncio.Task[None]]:
        """Tenants whose money is being asked about."""
        return self._tasks.values()

    def stop(self) -> None:
        """Ask no more; the next start asks all of it again."""
        for task in self._tasks.values():
            task.cancel()

    async def idle(self) -> None:
        """Wait until all was asked."""
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _verify(self, tenant: LiveTenant, keys: list[str]) -> None:
        found: Counter[str] = Counter()
        for key in keys:
            stored = self._context.journal.command(key)
            if stored is not None:
                found[await self._one(tenant, stored)] += 1
        summary = ", ".join(f"{found[what]} {what}" for what in (_SEEN, _ABSENT, _UNCLEAR, _UNASKED) if found[what])
        words = f"the platforms were asked about {len(keys)} money commands" + (f": {summary}" if summary else "")
        await self._context.journal.verified(tenant.name, words, self._context.now())
        self._context.log.warning("money verified", tenant=tenant.name, count=len(keys), note=summary)

    async def _one(self, tenant: LiveTenant, stored: StoredCommand) -> str:
        connection = tenant.connections.get(stored.connection)
        if connection is None or connection.sink is None:
            return _UNASKED
        try:
            sighting = await self._looker.sighting(connection, sink_of(connection), whole(stored), stored)
            if stored.state == states.DONE:
                if sighting.seen is False:
                    title = f"{stored.kind} is done in the journal, and the platform does not show it"
                    await self._context.alert(stored.tenant, f"doubt:{stored.kind}", title, stored.key)
            elif sighting.seen:
                note = "the journal was in doubt; the platform shows it done"
                await self._looker.settle(stored, states.DONE, note=note, sighting=sighting)
            elif sighting.seen is None and stored.state != states.PARKED:
                note = f"the journal was in doubt, and it cannot be told whether it happened: {sighting.note}"
                await self._looker.settle(stored, states.PARKED, note=note)
        except Conflict:
            return _UNCLEAR
        except JournalError:
            raise
        except ConnectError as error:
            self._context.log.warning("not verified", tenant=stored.tenant, key=stored.key, error=told(error))
            return _UNASKED
        return {True: _SEEN, False: _ABSENT, None: _UNCLEAR}[sighting.seen]
