"""Looking: before a command is sent, after its answer was lost, and until what was accepted is seen done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from caseconnect.host.journal import states
from caseconnect.host.journal.records import Settlement, StoredCommand
from caseconnect.host.pipeline import expecting
from caseconnect.host.pipeline.context import Context, backoff
from caseconnect.host.pipeline.facts import Fetcher
from caseconnect.host.pipeline.live import PATIENCE, LiveConnection, LiveTenant, guarded
from caseconnect.sdk.commands import UNDOING, Command, NotifyCustomer, OpenCase
from caseconnect.sdk.components import Repeat, Sighting, Sink
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import AuthError, ConfigError, ConnectError, PermanentError, TransientError
from caseconnect.sdk.events import CHANGED

FOLLOW = timedelta(seconds=5)
"""When an accepted command is first looked after."""

_FOLLOW_MAX = timedelta(minutes=1)
_LONGEST = timedelta(minutes=5)


class Looker:
    """Reads what is so, and settles a command by it. Sends nothing."""

    def __init__(self, context: Context, fetcher: Fetcher) -> None:
        self._context, self._fetcher = context, fetcher

    async def ready(
        self, tenant: LiveTenant, connection: LiveConnection, stored: StoredCommand, command: Command
    ) -> bool:
        """A further attempt has first looked for the effect of the former, and what it expects is still so.

        The first one has, too, if the journal is a former state of one that may have sent it.
        In this order, because our own effect changes what is expected: so much is refundable no more.
        """
        in_doubt = False
        if (stored.attempt or stored.doubted) and (command.money or connection.repeat(type(command)) is Repeat.READ):
            sighting = await self.sighting(connection, sink_of(connection), command, stored)
            if sighting.seen:
                await self.settle(stored, states.DONE, note="found done", sighting=sighting)
                return False
            under_way = sighting.seen is None or (bool(sighting.data) and not sighting.failed)
            in_doubt = command.money and stored.may_have_happened and under_way
        return await self._still_expected(tenant, connection, stored, command, in_doubt=in_doubt)

    async def before(self, connection: LiveConnection, command: Command) -> Mapping[str, Any]:
        """What is there before the command sets its slot, from a sink whose platform would forget it."""
        read: Callable[[Command], Awaitable[Mapping[str, Any]]] | None = getattr(connection.sink, "before", None)
        if command.slot() is None or _undoes(command) or read is None:
            return {}
        return await guarded(
            read(command),
            plugin=connection.spec.platform,
            doing=f"look before {command.kind}",
            deadline=PATIENCE,
        )

    async def _still_expected(
        self, tenant: LiveTenant, connection: LiveConnection, stored: StoredCommand, command: Command, *, in_doubt: bool
    ) -> bool:
        """Compare what the command expects with what is so now. False: it was refused, and decide runs again.

        An unknown one may have happened before the change: then it is looked at, else it is a person's. `in_doubt`:
        money of ours may be on its way. That is never refused, and what has a key finds its own effect: so an amount
        that is there no more, which may be ours, does not stop it.
        """
        finds_itself = in_doubt and connection.repeat(type(command)) is Repeat.KEY
        for expect in command.expects:
            if finds_itself and expect.test == "at_least":
                continue
            need = Need(fact=expect.fact, subject=expect.subject, fields=(expect.field.partition(".")[0],))
            record, _ = await self._fetcher.fetch(tenant, need)
            changed = expecting.changed(expect, record)
            if changed is None:
                continue
            note = f"changed: {changed}"
            if in_doubt:
                await self.settle(stored, states.PARKED, note=f"it may have happened, and {note}")
                return False
            if stored.state != states.UNKNOWN:
                await self.settle(stored, states.REFUSED, note=note, data={CHANGED: f"{expect.fact}.{expect.field}"})
                return False
            sighting = await self.sighting(connection, sink_of(connection), command, stored)
            if sighting.seen:
                await self.settle(stored, states.DONE, note=f"seen done; {note}", sighting=sighting)
            else:
                await self.settle(stored, states.PARKED, note=f"its answer was lost, and {note}")
            return False
        return True

    async def look(self, tenant: LiveTenant, connection: LiveConnection, stored: StoredCommand) -> bool:
        """An unknown one: look whether it happened, as the class of its repeat allows (DESIGN §3).

        True: the platform still honours its key, so it is to be sent again.
        """
        command, now = whole(stored), self._context.now()
        repeat, timing = connection.repeat(type(command)), connection.timing
        if repeat is Repeat.PERSON or timing is None:
            await self.settle(stored, states.PARKED, note=f"{stored.note}; nobody can look it up: a person decides")
            return False
        # The platform counts its window from the first use of the key, not from our last resend.
        if repeat is Repeat.KEY and stored.first_sent_at and now - stored.first_sent_at < timing.key_window:
            return True
        earliest = (stored.deadline_at or now) + timing.quiet - timing.deadline
        if not command.protective and now < earliest:
            await self.postpone(stored, earliest, stored.looked, stored.note)
            return False
        try:
            sighting = await self.sighting(connection, sink_of(connection), command, stored)
        except ConnectError as error:
            await self.later(tenant, stored, error)
            return False
        if sighting.seen is False and stored.looked == 0 and not command.protective:
            await self.postpone(stored, now + timing.look_again, 1, "not there at the first look")
        else:
            await self._seen_or_not(tenant, repeat, stored, sighting)
        return False

    async def _seen_or_not(self, tenant: LiveTenant, repeat: Repeat, stored: StoredCommand, sighting: Sighting) -> None:
        if sighting.seen:
            await self.settle(stored, states.DONE, note=sighting.note or "seen done", sighting=sighting)
        elif sighting.seen is None:
            await self.settle(stored, states.PARKED, note=f"it cannot be told whether it happened: {sighting.note}")
        elif repeat is Repeat.KEY or stored.lost >= self._repeats(tenant, repeat, stored):
            note = f"not there after {stored.lost} attempt(s) whose answers were lost"
            await self.settle(stored, states.PARKED, note=note)
        else:
            # The first repeat at once; a platform that goes on losing requests gets more and more time.
            wait = _backoff(tenant, stored.lost - 2, stored.key) if stored.lost > 1 else None
            await self.settle(stored, states.PLANNED, note="not there: once more", wait=wait)

    @staticmethod
    def _repeats(tenant: LiveTenant, repeat: Repeat, stored: StoredCommand) -> int:
        """How many lost answers are enough. What gives value away is never sent again on a look alone."""
        if stored.command.money:
            return 1
        return tenant.tenant.limits.attempts if repeat is Repeat.STATE else 2

    async def refused_in_doubt(self, connection: LiveConnection, stored: StoredCommand, note: str) -> None:
        """A repeat was refused, perhaps because the attempt before it had its effect: look, else a person decides."""
        note = f"its answer was lost, and the repeat was refused: {note}"
        await self.settle(stored, states.UNKNOWN, was=states.SENDING, note=note, wait=FOLLOW)
        try:
            sighting = await self.sighting(connection, sink_of(connection), whole(stored), stored)
        except ConnectError:
            return  # it stays unknown, and is looked at as such
        becomes = states.DONE if sighting.seen else states.PARKED
        await self.settle(stored, becomes, was=states.UNKNOWN, note=note, sighting=sighting if sighting.seen else None)

    async def follow(self, tenant: LiveTenant, connection: LiveConnection, stored: StoredCommand) -> None:
        """An accepted one: until its effect is seen, it failed, or its deadline has passed."""
        try:
            sighting = await self.sighting(connection, sink_of(connection), whole(stored), stored)
        except ConnectError as error:
            await self.later(tenant, stored, error)
            return
        now = self._context.now()
        if sighting.seen:
            await self.settle(stored, states.DONE, note=sighting.note, sighting=sighting)
        elif sighting.failed:
            await self.settle(stored, states.REFUSED, note=sighting.note or "it was taken and then came to nothing")
        elif stored.deadline_at and now >= stored.deadline_at:
            await self.settle(stored, states.PARKED, note="it was taken, but its effect was not seen in time")
        else:
            wait = min(FOLLOW * (2 ** min(stored.looked, 8)), _FOLLOW_MAX)
            await self.postpone(stored, now + wait, stored.looked + 1, stored.note)

    async def sighting(
        self, connection: LiveConnection, sink: Sink, command: Command, stored: StoredCommand
    ) -> Sighting:
        """What the platform shows of a command's effect."""
        sighting = await guarded(
            sink.verify(command, stored.key),
            plugin=connection.spec.platform,
            doing=f"look after {stored.kind}",
            deadline=PATIENCE,
        )
        await self._context.worked(stored.tenant, connection.spec.name)
        return sighting

    async def later(self, tenant: LiveTenant, stored: StoredCommand, error: ConnectError) -> None:
        """A look could not be taken: nothing was sent, so the state stays."""
        if isinstance(error, AuthError):
            await self._context.credentials_refused(tenant.name, stored.connection, str(error))
        if isinstance(error, PermanentError):
            becomes = states.REFUSED if stored.state == states.PLANNED else states.PARKED
            await self.settle(stored, becomes, note=str(error))
            return
        wait = self.wait(tenant, stored, error)
        await self.postpone(stored, self._context.now() + wait, stored.looked, str(error))

    def wait(self, tenant: LiveTenant, stored: StoredCommand, error: ConnectError) -> timedelta:
        """How long until the next try: longer the older the command is, and as the platform asks."""
        age = self._context.now() - stored.created_at
        tries = max(0, int(age / tenant.tenant.timing.backoff_first)).bit_length()
        wait = _backoff(tenant, tries, stored.key)
        if isinstance(error, TransientError) and error.retry_after:
            wait = max(wait, timedelta(seconds=error.retry_after))
        return wait

    def first_look(self, connection: LiveConnection, stored: StoredCommand) -> timedelta:
        """How long after a lost answer to look: at once for what protects, else when nothing can land any more."""
        if stored.command.protective or connection.timing is None:
            return timedelta(seconds=1)
        return connection.timing.quiet

    async def postpone(self, stored: StoredCommand, due: datetime, looked: int, note: str) -> None:
        """Come back to it at `due`; its state stays."""
        await self._context.journal.postpone(stored.key, stored.state, due, looked, note)

    async def settle(
        self,
        stored: StoredCommand,
        becomes: str,
        *,
        was: str | None = None,
        note: str = "",
        wait: timedelta | None = None,
        sighting: Sighting | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Change its state, with what was seen as the evidence."""
        now = self._context.now()
        if becomes == states.DONE and sighting is not None and not is_named(stored, sighting.data):
            becomes, note = states.PARKED, "it is there, but nobody can say which case it is"
        await self._context.journal.settled(
            Settlement(
                stored.key,
                was or stored.state,
                becomes,
                now,
                note=note,
                data=sighting.data if sighting else data or {},
                aliases=sighting.aliases if sighting else (),
                due=now + wait if wait else None,
            )
        )


def _backoff(tenant: LiveTenant, tries: int, seed: str) -> timedelta:
    timing = tenant.tenant.timing
    return backoff(timing.backoff_first, min(timing.backoff_max, _LONGEST), tries, seed)


def sink_of(connection: LiveConnection) -> Sink:
    """The connection's sink."""
    if connection.sink is None:
        raise ConfigError(f"connection {connection.spec.name!r} has no sink")
    return connection.sink


def _undoes(command: Command) -> bool:
    slot = command.slot()
    return slot is not None and slot[1] in UNDOING


def is_named(stored: StoredCommand, data: dict[str, Any]) -> bool:
    """A case is opened only when it is known which one it is."""
    return stored.kind != OpenCase.kind or bool(data.get("id"))


def whole(stored: StoredCommand) -> Command:
    """The command with what is known only now: the case, and our own reference."""
    known: dict[str, Any] = {"receipt": stored.data}
    if stored.before and _undoes(stored.command):
        known["receipt"] = {**stored.data, "before": stored.before}
    if isinstance(stored.command, OpenCase | NotifyCustomer):
        known["reference"] = stored.reference
    if not isinstance(stored.command, OpenCase) and stored.command.side == "case" and stored.command.target is None:
        known["target"] = stored.case
    return stored.command.model_copy(update=known)
