"""`connect plan`: what a tenant file would have done with the events that the journal has, without a single write."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from caseconnect.host.journal import Journal
from caseconnect.host.journal.past import KeptFact, PastTurn
from caseconnect.host.pipeline.live import PATIENCE, Accounts, LiveConnection, LiveTenant, TransportFor, build, guarded
from caseconnect.host.plugin_rules import FACTS
from caseconnect.host.rehearsal.stage import QUIET, Stage
from caseconnect.host.rehearsal.tally import Tally
from caseconnect.host.rehearsal.transport import ReadingOnly
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.models.base import Record
from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.decisions import Missing, Need
from caseconnect.sdk.errors import ConnectError, PermanentError, TransientError
from caseconnect.sdk.pace import BACKGROUND, priority
from caseconnect.sdk.secrets import Secrets
from caseconnect.sdk.subjects import Subject

_TRIES = 4
_WAIT = 2.0

Progress = Callable[[int], None]
"""Told how many turns were played."""


@dataclass
class Sources:
    """Where facts come from that were not kept: the platforms, read only; None of `transport`: the network.

    `offline`: nowhere. What was read once is used for both files.
    """

    offline: bool = False
    secrets: Secrets | None = None
    transport: TransportFor | None = None
    read: dict[tuple[str, Subject], Record | ConnectError] = field(default_factory=dict)

    async def live(self, tenant: Tenant, since: datetime, starts: Mapping[str, datetime]) -> LiveTenant:
        """The tenant with its connections built, each on a transport that lets only reads out."""

        def reading(name: str, connection: str) -> ReadingOnly:
            return ReadingOnly(self.transport(name, connection) if self.transport else None)

        def now() -> datetime:
            return datetime.now(since.tzinfo)

        return await build(
            tenant,
            accounts=Accounts(),
            secrets=self.secrets or tenant.secrets(),
            now=now,
            log=QUIET,
            go_live=starts.get("start", since),
            starts={n: starts[f"start:{n}"] for n in tenant.connections if f"start:{n}" in starts},
            transport=reading,
            whole=False,
            start=not self.offline,
        )


def as_record(tenant: Tenant, kept: KeptFact) -> Record | None:
    """The record that was kept; None if it was erased, or kept by a version that knew it otherwise."""
    if set(kept.data) == set(Missing.model_fields):
        return Missing.model_validate(kept.data)
    connection = tenant.connections.get(kept.subject.connection)
    source = connection.source if connection else None
    model = (source.facts.get(kept.fact) if source else None) or FACTS.get(kept.fact)
    try:
        return model.model_validate(kept.data) if model else None
    except ValidationError:
        return None


@dataclass
class Past:
    """The facts of one rehearsal: as kept with the decisions of that time, else read now."""

    journal: Journal
    sources: Sources
    live: LiveTenant
    kept: dict[tuple[str, Subject], KeptFact] = field(default_factory=dict)
    latest: dict[tuple[str, Subject], KeptFact] = field(default_factory=dict)
    fetched: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    preparing: bool = True
    _cases: int = 0

    def turn(self, turn: PastTurn, *, preparing: bool) -> None:
        """From now on these facts are what was known. `preparing`: the turn is not counted, and nothing read for it."""
        self.preparing = preparing
        self.kept = {(fact.fact, fact.subject): fact for fact in turn.facts}
        self.latest |= self.kept

    async def supply(self, need: Need, own: bool) -> Record:
        """See `Supply`. What the host asked by itself is answered by what was known last."""
        key = (need.fact, need.subject)
        kept = (self.latest if own else self.kept).get(key)
        if kept is not None and (record := as_record(self.live.tenant, kept)) is not None:
            return record
        if self.preparing or (own and need.fact == "case"):
            raise PermanentError(f"nothing was kept of {need.subject}")
        if self.sources.offline:
            self.missing[need.fact] += 1
            raise PermanentError(f"the {need.fact} was not kept, and --offline reads nothing")
        if key not in self.sources.read:
            self.sources.read[key] = await self._read(need)
            self.fetched[need.fact] += 1
        found = self.sources.read[key]
        if isinstance(found, ConnectError):
            self.missing[need.fact] += 1
            raise found
        return found

    def case_of(self, command: OpenCase, connection: str) -> Mapping[str, str]:
        """The case that was opened then, so that what became of it is decided on; else one that there is not."""
        row = self.journal.matter_of_reference(self.live.name, command.reference)
        if row is not None and row.case is not None and row.case.connection == connection:
            return {"id": row.case.id, "number": row.case_number or ""}
        self._cases += 1
        return {"id": f"rehearsed-{self._cases}"}

    async def _read(self, need: Need) -> Record | ConnectError:
        connection = self.live.connections.get(need.subject.connection)
        if connection is None or connection.source is None or need.fact not in connection.spec.facts:
            return PermanentError(f"no connection supplies the {need.fact} of {need.subject}")
        whole = need.model_copy(update={"fields": ()})
        for tries in range(_TRIES):
            try:
                return await self._fetched(connection, whole)
            except TransientError as error:
                if tries == _TRIES - 1 or connection.unbuilt:
                    return error
                await asyncio.sleep(error.retry_after or _WAIT * 2**tries)
            except ConnectError as error:
                return error
        raise AssertionError  # the last try has returned

    async def _fetched(self, connection: LiveConnection, need: Need) -> Record:
        if connection.source is None:
            raise PermanentError(f"{connection.spec.name} reads nothing")
        given = priority.set(BACKGROUND)
        try:
            doing = connection.source.fetch(need)
            return await guarded(
                doing, plugin=connection.spec.platform, doing=f"fetch of {need.fact}", deadline=PATIENCE
            )
        finally:
            priority.reset(given)


@dataclass(frozen=True)
class Played:
    """What came of one file: the tally, and by kind of fact how many were read now and how many could not be had."""

    tally: Tally
    turns: int
    fetched: Counter[str]
    missing: Counter[str]


async def play(
    tenant: Tenant,
    journal: Journal,
    since: datetime,
    now: datetime,
    sources: Sources,
    progress: Progress = lambda turns: None,
) -> Played:
    """Play all that came since with this tenant's file. `journal` is only read."""
    async with AsyncExitStack() as stack:
        live = await sources.live(tenant, since, journal.starts(tenant.name))
        stack.push_async_callback(live.close)
        folder = stack.enter_context(TemporaryDirectory(prefix="connect-plan-"))
        past = Past(journal, sources, live)
        tally, turns = Tally(since), 0
        stage: Stage | None = None
        for turn in journal.past(tenant.name, since):
            if stage is None:
                stage = stack.enter_context(Stage(live, Path(folder), turn.at, past.supply, past.case_of, tally))
            await stage.until(turn.at)
            past.turn(turn, preparing=turn.at < since)
            await stage.play(turn.at, turn.lane, turn.events, seen=turn.seen)
            turns += turn.at >= since and bool(turn.events)
            progress(turns)
        if stage is not None:
            await stage.until(now)
        return Played(tally, turns, past.fetched, past.missing)
