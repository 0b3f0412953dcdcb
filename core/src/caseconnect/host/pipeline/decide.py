"""Decide: one lane's turn at a time. Facts are fetched here; the rules are pure and see only data."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from caseconnect.host.crash import crashpoint
from caseconnect.host.faults import kind_and_place, told
from caseconnect.host.journal.errors import Conflict, JournalError
from caseconnect.host.journal.records import Ask, DecidedBy, Observation, Resolved, StoredEvent, Verdict
from caseconnect.host.pipeline.apply import Applied, apply_decision, keep_money, park_conflicts
from caseconnect.host.pipeline.context import Context, backoff
from caseconnect.host.pipeline.drafts import Draft, Drafts
from caseconnect.host.pipeline.facts import Fetcher, supplied
from caseconnect.host.pipeline.live import LiveTenant
from caseconnect.host.pipeline.offering import nobody, offers
from caseconnect.host.pipeline.seen import only_remembered, whole_past
from caseconnect.host.tenants.tenant import Flow
from caseconnect.models.base import Record
from caseconnect.models.case import Case
from caseconnect.models.order import Order
from caseconnect.models.product import Product
from caseconnect.sdk.commands import HELD, HOLD, RELEASED, SUPPRESSED
from caseconnect.sdk.decisions import CaseRef, Decision, Facts, Missing, Needs
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, PluginError, TransientError
from caseconnect.sdk.events import CaseChanged, Event, OrderChanged
from caseconnect.sdk.subjects import Subject

_WINDOW = 512
_LANES = 16  # per tenant: one whose platform hangs takes no lane from the others
_RACES = 3  # conflicts of one event after which it is no race any more
_ROUNDS = 3
_PATIENT = 2  # turns for which an optional fact that may come in a moment is waited for
_TRIES = 12

Read = dict[tuple[str, Subject], tuple[Record, datetime]]


class Decider:
    """Decides what is ready, lane by lane, up to a number of lanes at once."""

    def __init__(self, context: Context, fetcher: Fetcher) -> None:
        self._context, self._fetcher = context, fetcher
        self._lanes: dict[tuple[str, Subject], asyncio.Task[None]] = {}
        self._room: dict[str, asyncio.Semaphore] = {}
        self._conflicts: dict[tuple[str, Subject], tuple[int, int]] = {}

    async def turn(self) -> bool:
        """Queue the turn of every lane that has one; False when none had. It waits for no lane."""
        started = False
        for tenant in list(self._context.tenants.values()):
            busy = [lane for name, lane in self._lanes if name == tenant.name]
            if len(busy) > _LANES:
                continue  # enough are queued: the end of each wakes this room
            lanes: dict[Subject, list[StoredEvent]] = {}
            for event in self._context.journal.ready_events(tenant.name, self._context.now(), _WINDOW, busy):
                lanes.setdefault(event.lane, []).append(event)
            for lane, events in lanes.items():
                started = True
                task = asyncio.create_task(self._lane(tenant.name, lane, events))
                self._lanes[tenant.name, lane] = task
                task.add_done_callback(partial(self._over, (tenant.name, lane)))
        return started

    def on(self) -> Collection[asyncio.Task[None]]:
        """Turns that are on, or queued."""
        return self._lanes.values()

    async def idle(self) -> None:
        """Wait for the turns that are on."""
        if self._lanes:
            await asyncio.wait(self._lanes.values())

    def _over(self, key: tuple[str, Subject], task: asyncio.Task[None]) -> None:
        self._lanes.pop(key, None)
        if not task.cancelled() and (error := task.exception()):
            # Not at once again: the journal could not take it (a full disk).
            self._context.log.error("lane failed", tenant=key[0], lane=str(key[1]), error=told(error))
            self._context.unwritten(error)
            return
        self._context.wake.ring()

    async def _lane(self, name: str, lane: Subject, events: Sequence[StoredEvent]) -> None:
        async with self._room.setdefault(name, asyncio.Semaphore(_LANES)):
            # As the tenant is when the turn begins, to its end: a reload may have come while it waited for room.
            tenant = self._context.tenants.get(name)
            if tenant is not None:
                await self._turn(tenant, lane, events)

    async def _turn(self, tenant: LiveTenant, lane: Subject, events: Sequence[StoredEvent]) -> None:
        """All ready events of a lane in order; order events that follow each other are one look."""
        for _, run in groupby(enumerate(events), key=lambda e: -1 if isinstance(e[1].event, OrderChanged) else e[0]):
            batch = [event for _, event in run]
            try:
                if not await self._decide(tenant, lane, batch):
                    return
                self._conflicts.pop((tenant.name, lane), None)
            except Conflict as error:
                if self._races(tenant, lane, batch):
                    self._context.log.info("decided again", tenant=tenant.name, lane=str(lane), why=str(error))
                    return
                self._context.log.warning("conflict stays", tenant=tenant.name, lane=str(lane), why=str(error))
                if not await self._wait(tenant, lane, batch, PluginError(_stays(error))):
                    return
                self._conflicts.pop((tenant.name, lane), None)
            except JournalError:
                raise
            except Exception as error:  # noqa: BLE001 - one lane's fault must neither spin nor stop the others
                fault = PluginError(f"its turn failed: {kind_and_place(error)}")
                self._context.log.error("turn failed", tenant=tenant.name, lane=str(lane), error=told(error))
                if not await self._wait(tenant, lane, batch, fault):
                    return

    def _races(self, tenant: LiveTenant, lane: Subject, batch: Sequence[StoredEvent]) -> bool:
        """The conflict may be a race, which the next try does not meet again; the same one thrice is none."""
        head, times = self._conflicts.get((tenant.name, lane), (batch[0].seq, 0))
        times = times + 1 if head == batch[0].seq else 1
        self._conflicts[tenant.name, lane] = batch[0].seq, times
        return times < _RACES

    async def _decide(self, tenant: LiveTenant, lane: Subject, batch: Sequence[StoredEvent]) -> bool:
        """Decide on the newest of `batch`; False when the lane has to wait."""
        seqs = [stored.seq for stored in batch]
        event = batch[-1].event
        journal, now = self._context.journal, self._context.now
        if event is None:
            why = f"event type {batch[-1].kind!r} is unknown to this version"
            await journal.put_off(seqs, "parked", why, now())
            await self._context.alert(tenant.name, "parked:event", why, str(lane))
            return True
        # A case event's subject is the case; any other's the lane, also when that was learned after it came.
        event = event if isinstance(event, CaseChanged) else event.model_copy(update={"subject": lane})
        seen = all(stored.seen for stored in batch)
        tenant = whole_past(tenant) if seen else tenant
        drafts = Drafts(journal)
        read: Read = {}
        answers: list[DecidedBy] = []
        asks: list[Ask] = []
        revokes: list[str] = []
        kept_back: dict[str, str] = {}
        belongs: list[Subject] = []
        patient = max(stored.tries for stored in batch) < _PATIENT
        try:
            for flow, draft in offers(tenant, lane, event, drafts):
                applied = await self._ask(tenant, flow, draft, event, read, patient=patient)
                answers.append(applied.answer)
                asks.extend(applied.asks)
                revokes.extend(applied.revokes)
                if applied.belongs_to and flow.transform.begins_at_case:
                    belongs.append(applied.belongs_to)
                if applied.kept_back:
                    kept_back[flow.use] = applied.kept_back
        except (TransientError, AuthError, PermanentError, PluginError) as error:
            return await self._wait(tenant, lane, batch, error)
        if not answers:
            answers.append(DecidedBy("connect", nobody(event)))
        if all(stored.replayed for stored in batch):
            asks = keep_money(asks)
        verdict = Verdict(
            tenant=tenant.name,
            lane=lane,
            events=tuple(seqs),
            at=now(),
            answers=tuple(answers),
            matters=drafts.changed(),
            asks=tuple(park_conflicts(asks)),
            revokes=tuple(revokes),
            facts=tuple((fact, subject, record) for (fact, subject), (record, _) in read.items()),
            observed=tuple(_observations(lane, read)),
            labels=tuple(r.number for (_, s), (r, _) in read.items() if s == lane and isinstance(r, Order)),
            slot_limit=tenant.tenant.limits.state_changes_per_hour,
            passed_on=_passed_on(batch[-1], lane, belongs, drafts),
        )
        verdict = only_remembered(verdict, drafts) if seen else verdict
        for use, title in kept_back.items():
            await self._context.alert(tenant.name, f"mode:{use}", title, str(lane))
        crashpoint("decide")
        await journal.decided(verdict)
        return True

    async def _wait(self, tenant: LiveTenant, lane: Subject, batch: Sequence[StoredEvent], error: ConnectError) -> bool:
        """A required fact is missing: the lane waits and tries again; what will never come parks the event."""
        journal, now = self._context.journal, self._context.now()
        seqs = [stored.seq for stored in batch]
        tries = max(stored.tries for stored in batch)
        lasting = isinstance(error, PermanentError | PluginError)
        if lasting and (isinstance(error, PermanentError) or tries >= _TRIES):
            await journal.put_off(seqs, "parked", str(error), now)
            await self._context.alert(tenant.name, "parked:event", f"an event was parked: {error}", str(lane))
            return True
        timing = tenant.tenant.timing
        wait = backoff(timing.backoff_first, min(timing.backoff_max, timedelta(minutes=5)), tries, str(lane))
        if isinstance(error, TransientError) and error.retry_after:
            wait = max(wait, timedelta(seconds=error.retry_after))
        await journal.put_off(seqs, "waiting", str(error), now + wait)
        return False

    async def _ask(
        self, tenant: LiveTenant, flow: Flow, draft: Draft, event: Event, read: Read, *, patient: bool
    ) -> Applied:
        """One use case's answer. One that raises is guarded: it is shown, and the others count."""
        for _ in range(_ROUNDS + 1):
            facts = Facts({key: record for key, (record, _) in read.items()})
            try:
                matter = draft.view(flow.mode)
                decision: object = flow.transform.decide(event, matter, facts, flow.settings, self._context.now())
            except Exception as error:  # noqa: BLE001 - a plugin's fault must not stop the others
                why = f"{flow.use} broke on {event.type}: {kind_and_place(error)}"
                self._context.log.error(
                    "use case broke",
                    tenant=tenant.name,
                    lane=str(draft.key.subject),
                    use=flow.use,
                    error=kind_and_place(error),
                )
                return Applied(DecidedBy(flow.use, why, alert=why))
            if isinstance(decision, Decision):
                return self._apply(tenant, flow, draft, decision, event, read)
            if not isinstance(decision, Needs):
                why = f"{flow.use} answered {type(decision).__name__}: allowed are Decision and Needs"
                return Applied(DecidedBy(flow.use, why, alert=why))
            lacking = facts.lacking(decision.needs)
            undeclared = sorted({n.fact for n in lacking} - flow.transform.needs - flow.transform.optional)
            if undeclared:
                why = (
                    f"{flow.use} asks for {', '.join(undeclared)}, which it did not declare: its answer does not count"
                )
                return Applied(DecidedBy(flow.use, why, alert=why))
            if not lacking:
                break
            absent = [n for n in lacking if n.fact in flow.transform.optional and not supplied(tenant, n)]
            for need in absent:
                missing = Missing(why=f"no connection supplies the {need.fact} of {need.subject}")
                read[need.fact, need.subject] = missing, self._context.now()
            lacking = tuple(need for need in lacking if need not in absent)
            for need, result in (await self._fetcher.fetch_all(tenant, lacking, patient=patient)).items():
                read[need.fact, need.subject] = result
        why = f"{flow.use} asks for facts again and again"
        return Applied(DecidedBy(flow.use, why, alert=why))

    def _apply(
        self, tenant: LiveTenant, flow: Flow, draft: Draft, decision: Decision, event: Event, read: Read
    ) -> Applied:
        connection = tenant.connections.get(draft.key.subject.connection)
        shop = connection.account if connection else draft.key.subject.connection
        since = connection.go_live if connection else tenant.go_live
        parts = [tenant.tenant.environment, shop, draft.key.subject.kind, draft.key.subject.id, draft.key.topic]
        parts += [draft.key.item] if draft.key.item else []
        parts += ["observe"] if draft.key.observe else []
        case = _case(draft.key.subject, event, read)
        return apply_decision(tenant.tenant, flow, draft, decision, "/".join(parts), since, self._context.now(), case)


def _case(lane: Subject, event: Event, read: Read) -> CaseRef | None:
    """The case that the event is about, with what was read of it."""
    subject = next((s for s in (event.subject, lane) if s.kind == "case"), None)
    if subject is None:
        return None
    record, _ = read.get(("case", subject), (None, None))
    return CaseRef(subject, record.number, record.url) if isinstance(record, Case) else CaseRef(subject)


def _passed_on(stored: StoredEvent, lane: Subject, belongs: Sequence[Subject], drafts: Drafts) -> tuple[Resolved, ...]:
    """The case's event in the lane that it belongs to, unless something is open about the case here."""
    event = stored.event
    if event is None or not belongs or belongs[0] == lane or any(row.state == "open" for row in drafts.changed()):
        return ()
    case = next((s for s in (event.subject, lane) if s.kind == "case"), None)
    if case is None:
        return ()
    there = CaseChanged(id=f"belongs-{stored.seq}", source="connect", subject=case, time=event.time)
    return (Resolved(there, belongs[0], aliases=(case,)),)


def _stays(error: Conflict) -> str:
    """What a conflict that is no race means, and what to do about it."""
    why = f"it cannot be written, again and again: {error}"
    if "matters.reference" not in str(error):
        return why
    return (
        "another connection has worked this subject already, under the same reference: the connection was renamed, or "
        "two have one account. Give it its former name in the tenant file, then `connect replay events --yes`"
    )


def _observations(lane: Subject, read: Read) -> list[Observation]:
    """What records show of our slots: a hold of ours that is gone, a suppressed product that is on sale again."""
    found = []
    for (_, subject), (record, at) in read.items():
        if isinstance(record, Order) and subject == lane:
            held = any(hold.ours for part in record.fulfillment_orders for hold in part.holds)
            found.append(Observation(lane.connection, lane, HOLD, HELD if held else RELEASED, at))
        elif isinstance(record, Product) and any(record.on_sale.values()):
            found.append(Observation(subject.connection, subject, SUPPRESSED, RELEASED, at))
    return found
