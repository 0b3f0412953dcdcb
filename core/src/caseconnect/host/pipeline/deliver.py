"""Deliver: carry commands out, one attempt at a time, and never guess what became of one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from caseconnect.host.crash import crashpoint
from caseconnect.host.faults import kind_and_place, told
from caseconnect.host.journal import states
from caseconnect.host.journal.errors import Conflict, JournalError
from caseconnect.host.journal.records import Settlement, StoredCommand
from caseconnect.host.pipeline.apply import withholds
from caseconnect.host.pipeline.capping import caps_of
from caseconnect.host.pipeline.context import Context
from caseconnect.host.pipeline.facts import Fetcher
from caseconnect.host.pipeline.identity import Identities
from caseconnect.host.pipeline.live import PATIENCE, LiveConnection, LiveTenant, guarded
from caseconnect.host.pipeline.looking import FOLLOW, Looker, is_named, sink_of, whole
from caseconnect.sdk.commands import Command
from caseconnect.sdk.components import Outcome
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.pace import NORMAL, PROTECTIVE, priority

_WINDOW = 128
_AGAIN = timedelta(minutes=1)
_AT_ONCE = 6  # per connection: few enough that a pause holds within two seconds at 5 requests a second


class Deliverer:
    """Sends what is due, looks after what is unknown, and follows what was accepted."""

    def __init__(self, context: Context, fetcher: Fetcher, identities: Identities) -> None:
        self._context, self._looker, self._identities = context, Looker(context, fetcher), identities
        self._running: dict[str, asyncio.Task[None]] = {}
        self._room: dict[tuple[str, str, bool], asyncio.Semaphore] = {}
        self._starting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._unwritten: set[str] = set()

    async def turn(self) -> bool:
        """Start work on every command that is due; False when none was."""
        started = await self._take_up()
        for tenant in list(self._context.tenants.values()):
            due = self._context.journal.due_commands(tenant.name, self._context.now(), _WINDOW, self._running)
            for stored in due:
                started = True
                task = asyncio.create_task(self._work(tenant.name, stored))
                self._running[stored.key] = task
                task.add_done_callback(partial(self._over, stored.key))
        return started

    def on(self) -> Collection[asyncio.Task[None]]:
        """Work that is on, or queued."""
        return self._running.values()

    async def idle(self) -> None:
        """Wait for the work that is on."""
        if self._running:
            await asyncio.wait(self._running.values())

    def abandon(self) -> None:
        """Wait for no answer any more: what was sent stays `sending`, and the next start looks after it."""
        for task in self._running.values():
            task.cancel()

    def _over(self, key: str, task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (error := task.exception()):
            # Not at once again: the journal could not take it (a full disk), and the sweep comes by.
            self._context.log.error("delivery failed", key=key, error=told(error))
            self._unwritten.add(key)
            return
        self._context.wake.ring()

    async def _take_up(self) -> bool:
        """What went out while its end could not be written down is unknown, as after a crash."""
        for key in sorted(self._unwritten):
            stored = self._context.journal.command(key)
            if stored is not None and stored.state == states.SENDING:
                note = "what became of it could not be written down"
                wait = timedelta(seconds=1) if stored.command.protective else timedelta(minutes=1)
                await self._looker.settle(stored, states.UNKNOWN, note=note, wait=wait)
            self._unwritten.discard(key)
        return False

    async def _work(self, name: str, stored: StoredCommand) -> None:
        priority.set(PROTECTIVE if stored.command.protective else NORMAL)
        key = (name, stored.connection, stored.command.protective)
        async with self._room.setdefault(key, asyncio.Semaphore(_AT_ONCE)):
            tenant = self._context.tenants.get(name)  # as it is now: a reload may have come while it waited for room
            fresh = self._context.journal.command(stored.key)
            if tenant is None or fresh is None or fresh.state != stored.state:
                return
            connection = tenant.connections.get(stored.connection)
            if connection is None or connection.sink is None or type(stored.command) not in connection.spec.commands:
                why = f"connection {stored.connection!r} does not carry out {stored.kind}"
                await self._looker.settle(stored, states.PARKED, note=f"{why}: mend the tenant file, then retry")
                return
            if self._paused(fresh):
                return
            try:
                if fresh.state == states.PLANNED:
                    await self._send(tenant, connection, fresh)
                elif fresh.state == states.ACCEPTED:
                    await self._looker.follow(tenant, connection, fresh)
                elif await self._looker.look(tenant, connection, fresh):
                    await self._send(tenant, connection, fresh)
            except Conflict as error:
                self._context.log.info("left alone", tenant=stored.tenant, key=stored.key, why=str(error))
            except JournalError:
                raise
            except Exception as error:  # noqa: BLE001 - one command's fault must neither spin nor stop the others
                await self._fault(connection, stored, error)

    async def _fault(self, connection: LiveConnection, stored: StoredCommand, error: Exception) -> None:
        """Something of ours or of a plugin broke: what may have gone out is unknown, the rest waits a while."""
        why = f"{stored.kind} broke on its way: {kind_and_place(error)}"
        self._context.log.error("delivery broke", tenant=stored.tenant, key=stored.key, error=told(error))
        await self._context.alert(stored.tenant, f"broke:{stored.kind}", why, stored.key)
        fresh = self._context.journal.command(stored.key)
        if fresh is not None and fresh.state == states.SENDING:
            await self._looker.settle(fresh, states.UNKNOWN, note=why, wait=self._looker.first_look(connection, stored))
        elif fresh is not None and fresh.state in states.OPEN:
            await self._looker.postpone(fresh, self._context.now() + timedelta(minutes=1), fresh.looked, why)

    def _turn(self, stored: StoredCommand, command: Command) -> AbstractAsyncContextManager[Any]:
        """The target's turn: its commands start in order, whatever they have to look at first. Holds do not queue."""
        if command.protective:
            return nullcontext()
        name = f"{stored.tenant}|{command.target or stored.matter}"
        return self._starting.setdefault(name, asyncio.Lock())

    def _paused(self, stored: StoredCommand) -> bool:
        names = {"tenant": stored.tenant, "flow": stored.use, "connection": stored.connection, "command": stored.kind}
        names["access"] = stored.connection
        return any(
            b.tenant == stored.tenant and (b.scope == "tenant" or names[b.scope] == b.name)
            for b in self._context.journal.brakes()
        )

    async def _kept_back(self, tenant: LiveTenant, stored: StoredCommand) -> bool:
        """The flow's mode is another one than when this was planned: it stays as it is, and is looked at again.

        So does money of a flow that the tenant's file has no more: nothing would say how much of it may go out.
        """
        flow = tenant.flow(stored.use)
        if flow is None and stored.command.money:
            note = f"the tenant file has no flow {stored.use} any more: it waits until it is there again"
        elif flow is not None and withholds(flow.mode, stored.command):
            note = f"mode {flow.mode}: it waits until {stored.use} is live again"
        else:
            return False
        await self._looker.postpone(stored, self._context.now() + _AGAIN, stored.looked, note)
        return True

    async def _ready(
        self, tenant: LiveTenant, connection: LiveConnection, stored: StoredCommand, command: Command
    ) -> bool:
        """The last look: at whose accounts they are, and at what the command expects."""
        if why := await self._identities.sure(tenant, stored):
            await self._looker.postpone(stored, self._context.now() + _AGAIN, stored.looked, f"it waits: {why}")
            return False
        return await self._looker.ready(tenant, connection, stored, command)

    async def _send(self, tenant: LiveTenant, connection: LiveConnection, stored: StoredCommand) -> None:
        """One attempt, after the last look. `sending` is committed before the first byte goes out."""
        sink, now = sink_of(connection), self._context.now
        command = whole(stored)
        if await self._kept_back(tenant, stored):
            return
        timing = connection.timing
        deadline = timing.deadline if timing else timedelta(seconds=30)
        async with self._turn(stored, command):
            try:
                if not await self._ready(tenant, connection, stored, command):
                    return
                before = await self._looker.before(connection, command)
            except ConnectError as error:
                if isinstance(error, JournalError):
                    raise
                await self._looker.later(tenant, stored, error)
                return
            if self._paused(stored) or self._context.tenants.get(tenant.name) is not tenant:
                return  # after a reload it is taken up again, under the settings of then
            flow = tenant.flow(stored.use)
            caps = caps_of(tenant.tenant, flow, command) if flow else ()
            if not await self._context.journal.began(stored.key, stored.state, now(), now() + deadline, before, caps):
                return
        crashpoint("sending")
        try:
            outcome = await guarded(
                sink.execute(command, stored.key),
                plugin=connection.spec.platform,
                doing=stored.kind,
                deadline=deadline.total_seconds() + PATIENCE,
                late=UnknownOutcome,
            )
        except (TransientError, AuthError) as error:
            if isinstance(error, AuthError):
                await self._context.credentials_refused(tenant.name, connection.spec.name, str(error))
            else:
                await self._context.failed(tenant.name, connection.spec.name, f"{stored.kind}: {error}")
            wait = self._looker.wait(tenant, stored, error)
            # This attempt surely had no effect; one before it, whose answer was lost, may have had.
            back = states.UNKNOWN if stored.state == states.UNKNOWN else states.PLANNED
            await self._looker.settle(stored, back, was=states.SENDING, note=str(error), wait=wait)
        except PermanentError as error:
            await self._refused(connection, stored, str(error))
        except ConnectError as error:
            wait = self._looker.first_look(connection, stored)
            await self._looker.settle(stored, states.UNKNOWN, was=states.SENDING, note=str(error), wait=wait)
        else:
            crashpoint("answered")
            await self._context.worked(tenant.name, connection.spec.name)
            await self._answered(connection, stored, outcome)

    async def _refused(self, connection: LiveConnection, stored: StoredCommand, note: str) -> None:
        if stored.command.money and stored.may_have_happened:
            await self._looker.refused_in_doubt(connection, stored, note)
        else:
            await self._looker.settle(stored, states.REFUSED, was=states.SENDING, note=note)

    async def _answered(self, connection: LiveConnection, stored: StoredCommand, outcome: Outcome) -> None:
        if outcome.state == states.REFUSED and stored.command.money and stored.may_have_happened:
            await self._looker.refused_in_doubt(connection, stored, outcome.note)
            return
        if outcome.state == states.DONE and not is_named(stored, outcome.data):
            note = "it was opened, but the answer does not say which case it is"
            wait = self._looker.first_look(connection, stored)
            await self._looker.settle(stored, states.UNKNOWN, was=states.SENDING, note=note, wait=wait)
            return
        change = Settlement(
            stored.key,
            states.SENDING,
            outcome.state,
            self._context.now(),
            note=outcome.note,
            data=outcome.data,
            aliases=outcome.aliases,
        )
        if outcome.state == states.ACCEPTED and connection.timing:
            now = self._context.now()
            change = Settlement(
                **{**vars(change), "due": now + FOLLOW, "deadline_at": now + connection.timing.settle_within}
            )
        await self._context.journal.settled(change)
