"""Deliver: carry commands out, one attempt at a time, and never guess what became of one."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

from caseconnect.host.crash import crashpoint
from caseconnect.host.journal import states
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.records import Settlement, StoredCommand
from caseconnect.host.pipeline.context import Context, backoff
from caseconnect.host.pipeline.facts import Fetcher
from caseconnect.host.pipeline.live import LiveConnection, LiveTenant, guarded
from caseconnect.sdk.commands import Command, OpenCase
from caseconnect.sdk.components import Outcome, Repeat, Sighting, Sink
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import AuthError, ConfigError, ConnectError, PermanentError, TransientError
from caseconnect.sdk.pace import NORMAL, PROTECTIVE, priority

_WINDOW = 128
_AT_ONCE = 6  # per connection: few enough that a pause holds within two seconds at 5 requests a second
_FOLLOW = timedelta(seconds=5)
_FOLLOW_MAX = timedelta(minutes=1)


class Deliverer:
    """Sends what is due, looks after what is unknown, and follows what was accepted."""

    def __init__(self, context: Context, fetcher: Fetcher) -> None:
        self._context, self._fetcher = context, fetcher
        self._running: dict[str, asyncio.Task[None]] = {}
        self._room: dict[tuple[str, str, bool], asyncio.Semaphore] = {}

    async def turn(self) -> bool:
        """Start work on every command that is due; False when none was."""
        started = False
        for tenant in list(self._context.tenants.values()):
            for stored in self._context.journal.due_commands(tenant.name, self._context.now(), _WINDOW):
                if stored.key in self._running:
                    continue
                started = True
                task = asyncio.create_task(self._work(tenant, stored))
                self._running[stored.key] = task
                task.add_done_callback(partial(self._over, stored.key))
        return started

    async def idle(self) -> None:
        """Wait for the work that is on."""
        if self._running:
            await asyncio.wait(self._running.values())

    def _over(self, key: str, task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (error := task.exception()):
            self._context.log.error("delivery failed", key=key, error=repr(error))
        self._context.wake.ring()

    async def _work(self, tenant: LiveTenant, stored: StoredCommand) -> None:
        priority.set(PROTECTIVE if stored.command.protective else NORMAL)
        connection = tenant.connections.get(stored.connection)
        if connection is None or connection.sink is None or type(stored.command) not in connection.spec.commands:
            note = (
                f"connection {stored.connection!r} does not carry out {stored.kind}: mend the tenant file, then retry"
            )
            await self._settle(stored, states.PARKED, note=note)
            return
        key = (tenant.name, stored.connection, stored.command.protective)
        async with self._room.setdefault(key, asyncio.Semaphore(_AT_ONCE)):
            fresh = self._context.journal.command(stored.key)
            if fresh is None or fresh.state != stored.state or self._paused(fresh):
                return
            try:
                if fresh.state == states.PLANNED:
                    await self._send(tenant, connection, fresh)
                elif fresh.state == states.UNKNOWN:
                    await self._look(tenant, connection, fresh)
                else:
                    await self._follow(tenant, connection, fresh)
            except Conflict as error:
                self._context.log.info("left alone", key=stored.key, why=str(error))

    def _paused(self, stored: StoredCommand) -> bool:
        names = {"tenant": stored.tenant, "flow": stored.use, "connection": stored.connection, "command": stored.kind}
        return any(
            b.tenant == stored.tenant and (b.scope == "tenant" or names[b.scope] == b.name)
            for b in self._context.journal.brakes()
        )

    async def _send(self, tenant: LiveTenant, connection: LiveConnection, stored: StoredCommand) -> None:
        """One attempt, after the last look. `sending` is committed before the first byte goes out."""
        sink, now = _sink(connection), self._context.now
        command = _whole(stored)
        try:
            if not await self._still_expected(tenant, stored, command):
                return
            if stored.attempt and connection.repeat(type(command)) is Repeat.READ:
                sighting = await self._verify(connection, sink, command, stored)
                if sighting.seen:
                    await self._settle(stored, states.DONE, note="found done", sighting=sighting)
                    return
        except ConnectError as error:
            await self._later(tenant, stored, error)
            return
        timing = connection.timing
        deadline = timing.deadline if timing else timedelta(seconds=30)
        await self._context.journal.began(stored.key, stored.state, now(), now() + deadline)
        crashpoint("sending")
        try:
            outcome = await guarded(
                sink.execute(command, stored.key),
                plugin=connection.spec.platform,
                doing=stored.kind,
                deadline=deadline.total_seconds() + 60,
            )
        except (TransientError, AuthError) as error:
            if isinstance(error, AuthError):
                await self._context.credentials_refused(tenant.name, connection.spec.name, str(error))
            wait = self._backoff(tenant, stored, error)
            await self._settle(stored, states.PLANNED, was=states.SENDING, note=str(error), wait=wait)
        except (PermanentError, ConfigError) as error:
            await self._settle(stored, states.REFUSED, was=states.SENDING, note=str(error))
        except ConnectError as error:
            wait = self._first_look(connection, stored)
            await self._settle(stored, states.UNKNOWN, was=states.SENDING, note=str(error), wait=wait)
        else:
            crashpoint("answered")
            await self._context.credentials_work(tenant.name, connection.spec.name)
            await self._answered(connection, stored, outcome)

    async def _answered(self, connection: LiveConnection, stored: StoredCommand, outcome: Outcome) -> None:
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
                **{**vars(change), "due": now + _FOLLOW, "deadline_at": now + connection.timing.settle_within}
            )
        await self._context.journal.settled(change)

    async def _still_expected(self, tenant: LiveTenant, stored: StoredCommand, command: Command) -> bool:
        """Compare what the command expects with what is so now. False: it was refused, and decide runs again."""
        for expect in command.expects:
            need = Need(fact=expect.fact, subject=expect.subject)
            record, _ = await self._fetcher.fetch(tenant.name, need)
            found = record.model_dump(mode="json").get(expect.field)
            if found != expect.value:
                note = f"changed: {expect.fact} {expect.field} is {found!r} now, the command expects {expect.value!r}"
                await self._settle(stored, states.REFUSED, note=note)
                return False
        return True

    async def _look(self, tenant: LiveTenant, connection: LiveConnection, stored: StoredCommand) -> None:
        """An unknown one: look whether it happened, as the class of its repeat allows (DESIGN §3)."""
        command, now = _whole(stored), self._context.now()
        repeat, timing = connection.repeat(type(command)), connection.timing
        if repeat is Repeat.PERSON or timing is None:
            await self._settle(stored, states.PARKED, note=f"{stored.note}; nobody can look it up: a person decides")
            return
        if repeat is Repeat.KEY and stored.sent_at and now - stored.sent_at < timing.key_window:
            await self._send(tenant, connection, stored)
            return
        earliest = (stored.deadline_at or now) + timing.quiet - timing.deadline
        if not command.protective and now < earliest:
            await self._postpone(stored, earliest, stored.looked, stored.note)
            return
        try:
            sighting = await self._verify(connection, _sink(connection), command, stored)
        except ConnectError as error:
            await self._later(tenant, stored, error)
            return
        if sighting.seen:
            await self._settle(stored, states.DONE, note=sighting.note or "seen done", sighting=sighting)
        elif sighting.seen is None:
            await self._settle(stored, states.PARKED, note=f"it cannot be told whether it happened: {sighting.note}")
        elif stored.looked == 0 and not command.protective:
            await self._postpone(stored, now + timing.look_again, 1, "not there at the first look")
        elif repeat is Repeat.KEY or stored.attempt >= self._attempts(tenant, repeat):
            await self._settle(stored, states.PARKED, note=f"not there after {stored.attempt} attempts")
        else:
            await self._settle(stored, states.PLANNED, note="not there: once more")

    async def _follow(self, tenant: LiveTenant, connection: LiveConnection, stored: StoredCommand) -> None:
        """An accepted one: until its effect is seen, it failed, or its deadline has passed."""
        try:
            sighting = await self._verify(connection, _sink(connection), _whole(stored), stored)
        except ConnectError as error:
            await self._later(tenant, stored, error)
            return
        now = self._context.now()
        if sighting.seen:
            await self._settle(stored, states.DONE, note=sighting.note, sighting=sighting)
        elif sighting.failed:
            await self._settle(stored, states.REFUSED, note=sighting.note or "it was taken and then came to nothing")
        elif stored.deadline_at and now >= stored.deadline_at:
            await self._settle(stored, states.PARKED, note="it was taken, but its effect was not seen in time")
        else:
            wait = min(_FOLLOW * (2 ** min(stored.looked, 8)), _FOLLOW_MAX)
            await self._postpone(stored, now + wait, stored.looked + 1, stored.note)

    async def _verify(
        self, connection: LiveConnection, sink: Sink, command: Command, stored: StoredCommand
    ) -> Sighting:
        return await guarded(
            sink.verify(command, stored.key),
            plugin=connection.spec.platform,
            doing=f"look after {stored.kind}",
            deadline=60.0,
        )

    async def _later(self, tenant: LiveTenant, stored: StoredCommand, error: ConnectError) -> None:
        """A look could not be taken: nothing was sent, so the state stays."""
        if isinstance(error, AuthError):
            await self._context.credentials_refused(tenant.name, stored.connection, str(error))
        if isinstance(error, PermanentError):
            becomes = states.REFUSED if stored.state == states.PLANNED else states.PARKED
            await self._settle(stored, becomes, note=str(error))
            return
        wait = self._backoff(tenant, stored, error)
        await self._postpone(stored, self._context.now() + wait, stored.looked, str(error))

    def _backoff(self, tenant: LiveTenant, stored: StoredCommand, error: ConnectError) -> timedelta:
        timing = tenant.tenant.timing
        age = self._context.now() - stored.created_at
        tries = max(0, int(age / timing.backoff_first)).bit_length()
        wait = backoff(timing.backoff_first, min(timing.backoff_max, timedelta(minutes=5)), tries, stored.key)
        if isinstance(error, TransientError) and error.retry_after:
            wait = max(wait, timedelta(seconds=error.retry_after))
        return wait

    @staticmethod
    def _attempts(tenant: LiveTenant, repeat: Repeat) -> int:
        return tenant.tenant.limits.attempts if repeat is Repeat.STATE else 2

    def _first_look(self, connection: LiveConnection, stored: StoredCommand) -> timedelta:
        if stored.command.protective or connection.timing is None:
            return timedelta(seconds=1)
        return connection.timing.quiet

    async def _postpone(self, stored: StoredCommand, due: Any, looked: int, note: str) -> None:
        await self._context.journal.postpone(stored.key, stored.state, due, looked, note)

    async def _settle(
        self,
        stored: StoredCommand,
        becomes: str,
        *,
        was: str | None = None,
        note: str = "",
        wait: timedelta | None = None,
        sighting: Sighting | None = None,
    ) -> None:
        now = self._context.now()
        await self._context.journal.settled(
            Settlement(
                stored.key,
                was or stored.state,
                becomes,
                now,
                note=note,
                data=sighting.data if sighting else {},
                aliases=sighting.aliases if sighting else (),
                due=now + wait if wait else None,
            )
        )


def _sink(connection: LiveConnection) -> Sink:
    if connection.sink is None:
        raise ConfigError(f"connection {connection.spec.name!r} has no sink")
    return connection.sink


def _whole(stored: StoredCommand) -> Command:
    """The command with what is known only now: the case, and our own reference."""
    known: dict[str, Any] = {"receipt": stored.data}
    if isinstance(stored.command, OpenCase):
        known["reference"] = stored.reference
    elif stored.command.side == "case" and stored.command.target is None:
        known["target"] = stored.case
    return stored.command.model_copy(update=known)
