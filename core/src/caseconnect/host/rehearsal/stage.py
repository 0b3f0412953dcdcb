"""The stage: the real decide on a fresh journal and a clock that only the events move.

Each command that would go out is taken as done at once, so that what follows it is decided too. What people did to an
order meanwhile is not looked at: a hold of the rehearsal is on no order.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import structlog

from caseconnect.host.journal import SqliteJournal, states
from caseconnect.host.journal.errors import Conflict, JournalError
from caseconnect.host.journal.records import (
    DeliveryResult,
    NewDelivery,
    Resolved,
    Settlement,
    StoredCommand,
    Verdict,
)
from caseconnect.host.journal.storms import HOST, INCIDENT
from caseconnect.host.pipeline.context import Context
from caseconnect.host.pipeline.decide import Decider
from caseconnect.host.pipeline.facts import Fetcher
from caseconnect.host.pipeline.live import LiveTenant
from caseconnect.host.rehearsal.tally import Born, Tally
from caseconnect.models import Case
from caseconnect.models.base import Record
from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import ConnectError, PermanentError
from caseconnect.sdk.events import Event
from caseconnect.sdk.resources import Log
from caseconnect.sdk.subjects import Subject

QUIET: Log = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
"""Logs nothing: what a rehearsal finds is its answer."""

_MANY = 1_000

Supply = Callable[[Need, bool], Awaitable[Record]]
"""supply(need, own): the fact; `own`: for an event of the host's own. `ConnectError` when it cannot be had."""

CaseOf = Callable[[OpenCase, str], Mapping[str, str]]
"""(command, connection) -> what the platform would have answered: `id`, perhaps `number` and `url`."""


class Watching(SqliteJournal):
    """A journal that tells of every verdict, with the keys of its commands, and of what could not be decided."""

    on_verdict: Callable[[Verdict, list[Born]], None]
    on_undecided: Callable[[datetime, str], None]

    async def decided(self, verdict: Verdict) -> list[str]:
        """See `port.Journal`. What orders show of our slots is left out: the rehearsal sets none."""
        keys = await super().decided(replace(verdict, observed=()))
        self.on_verdict(verdict, [self._born(key) for key in keys])
        return keys

    def _born(self, key: str) -> Born:
        command = self.command(key)
        row = self.matter(command.matter) if command else None
        if command is None or row is None:
            raise JournalError(f"{key} was written and cannot be read")
        return command, row

    async def put_off(self, seqs: Iterable[int], state: str, reason: str, due: datetime) -> None:
        """See `port.Journal`."""
        if state == "parked":
            self.on_undecided(due, reason)
        await super().put_off(seqs, state, reason, due)


class _Supplied(Fetcher):
    """Fetches from the rehearsal's supply. What cannot be had now will not be had later either."""

    def __init__(self, context: Context, stage: Stage) -> None:
        super().__init__(context)
        self._stage, self._context = stage, context

    async def fetch(self, tenant: LiveTenant, need: Need) -> tuple[Record, datetime]:
        """See `Fetcher`."""
        if need.fact == INCIDENT:
            return await super().fetch(tenant, need)
        try:
            return await self._stage.fact(need), self._context.now()
        except ConnectError as error:
            raise PermanentError(str(error)) from error


class Stage:
    """One rehearsal of one tenant. Use as a context manager; `folder` is for its journal, and can go with it."""

    def __init__(
        self, tenant: LiveTenant, folder: Path, begin: datetime, supply: Supply, case_of: CaseOf, tally: Tally
    ) -> None:
        self.tenant, self.now = tenant, begin
        self._supply, self._case_of, self._tally = supply, case_of, tally
        self._own, self._turns = False, 0
        self._opened: dict[Subject, str] = {}
        self.journal = Watching.open(folder / "journal.db", synchronous="OFF")
        self.journal.on_verdict, self.journal.on_undecided = tally.add, tally.undecided_at
        context = Context(self.journal, lambda: self.now, QUIET, {tenant.name: tenant})
        self._decider = Decider(context, _Supplied(context, self))

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    async def play(self, at: datetime, lane: Subject, events: Iterable[Event], *, seen: bool = False) -> None:
        """Let time come to `at`, with all timers on the way; then decide on these events, as if they came together."""
        await self.until(at)
        resolved = tuple(Resolved(event, lane) for event in events)
        if not resolved:
            return
        name, self._turns = self.tenant.name, self._turns + 1
        new = NewDelivery(name, lane.connection, "rehearsal", f"{self._turns}", self.now, b"", seen=seen)
        (receipt,) = await self.journal.receive([new], None, self.now)
        await self.journal.parsed([(name, DeliveryResult(receipt.seq, "events", events=resolved))], self.now)
        await self._work()

    async def until(self, at: datetime) -> None:
        """Let time go by, firing each timer at its due time."""
        while (due := self.journal.next_due(self.now)) is not None and due <= at:
            self.now = due
            await self._work(own=True)
        self.now = max(self.now, at)

    async def fact(self, need: Need) -> Record:
        """A fact: what an event told, else from the supply; a case that nothing is known of yet is as it was opened."""
        connection = self.tenant.connections.get(need.subject.connection)
        if connection and connection.spec.source and need.fact in connection.spec.source.tells:
            told = self.journal.told(self.tenant.name, need.fact, need.subject)
            if told is not None:
                return told
        try:
            return await self._supply(need, self._own)
        except ConnectError:
            reference = self._opened.get(need.subject)
            if need.fact != "case" or reference is None:
                raise
            return Case(id=need.subject.id, reference=reference)

    async def _work(self, *, own: bool = False) -> None:
        """Decide what is ready and take what goes out as done, until nothing follows."""
        self._own = own
        for _ in range(_MANY):
            busy = await self.journal.fire(self.now, _MANY) > 0
            busy = await self._decider.turn() or busy
            await self._decider.idle()
            self._own = True  # whatever follows now is the host's
            if not await self._done() and not busy:
                return
        raise PermanentError(f"{self.tenant.name}: what is decided at {self.now} does not come to rest")

    async def _done(self) -> bool:
        """Take every command that would go out now as done; False when there was none."""
        due = self.journal.due_commands(self.tenant.name, self.now, _MANY)
        for stored in due:
            data: Mapping[str, str] = {}
            if isinstance(stored.command, OpenCase):
                self._count_incident(stored)
                data = self._case_of(stored.command, stored.connection)
                self._opened[Subject(stored.connection, "case", data["id"])] = stored.command.reference
            with suppress(Conflict):
                await self.journal.settled(Settlement(stored.key, stored.state, states.DONE, self.now, data={**data}))
        return bool(due)

    def _count_incident(self, stored: StoredCommand) -> None:
        """Its case is asked for by the journal, beside the verdict of whoever began the storm."""
        row = self.journal.matter(stored.matter)
        if row is not None and row.key.subject.connection == HOST:
            self._tally.add_incident(stored, row)
