"""Intake behind the journal: deliveries are parsed by their source and resolved to a lane."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from functools import partial

from caseconnect.host.faults import kind_and_place, told
from caseconnect.host.journal.records import DeliveryResult, Resolved, StoredDelivery
from caseconnect.host.pipeline.context import Context, backoff
from caseconnect.host.pipeline.live import PATIENCE, LiveConnection, LiveTenant, guarded
from caseconnect.host.pipeline.masking import masked_body
from caseconnect.host.pipeline.requests import attend, is_for_host
from caseconnect.sdk.components import Source
from caseconnect.sdk.deliveries import Delivery, Ignored, Parsed
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError
from caseconnect.sdk.events import CaseChanged, CustomerReplied, Event, ItemEvent, PrivacyRequested
from caseconnect.sdk.order_names import NAMED
from caseconnect.sdk.subjects import Subject

_BATCH = 256
_TRIES = 12
_AT_ONCE = 16  # per tenant
_NAMED_TRIES = 5
"""So often, for about a minute, an order that somebody named is asked for before the thing stands alone: a platform's
search shows a new order late, and who stands alone never comes to its order."""


class Intake:
    """Parses what waits in the journal. What is known is resolved at once; only an unknown alias costs a request.

    Requests are made beside the batch, so that a platform that is slow or down delays nobody else's events.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._asking: dict[int, asyncio.Task[None]] = {}
        self._room: dict[str, asyncio.Semaphore] = {}

    async def turn(self) -> bool:
        """One batch per tenant; False when nothing was there."""
        busy = False
        for tenant in list(self._context.tenants.values()):
            found = self._context.journal.unparsed(tenant.name, self._context.now(), _BATCH + len(self._asking))
            waiting = [stored for stored in found if stored.seq not in self._asking]
            if not waiting:
                continue
            busy = True
            ends = [(stored, result) for stored in waiting if (result := self._parse(tenant, stored)) is not None]
            await self._end(tenant.name, ends)
        return busy

    def on(self) -> Collection[asyncio.Task[None]]:
        """Requests that are out."""
        return self._asking.values()

    async def idle(self) -> None:
        """Wait for the requests that are out."""
        if self._asking:
            await asyncio.wait(self._asking.values())

    async def _end(self, tenant: str, ends: list[tuple[StoredDelivery, DeliveryResult]]) -> None:
        if not ends:
            return
        results = [_with_masked_body(stored, result) for stored, result in ends]
        await self._context.journal.parsed([(tenant, result) for result in results], self._context.now())
        for result in results:
            if result.state == "parked":
                await self._context.alert(
                    tenant, "parked:delivery", f"a delivery was parked: {result.reason}", f"delivery {result.seq}"
                )

    def _parse(self, tenant: LiveTenant, stored: StoredDelivery) -> DeliveryResult | None:
        """How the delivery ends; None when a platform is asked first."""
        delivery = stored.delivery
        connection = tenant.connections.get(delivery.connection)
        if connection is None or connection.source is None:
            why = f"the tenant file has no source {delivery.connection!r} any more"
            return DeliveryResult(stored.seq, "parked", why)
        if connection.unbuilt:
            return self._later(stored, connection.unbuilt, surely_later=True)
        parsed = self._read(connection, connection.source, delivery)
        if isinstance(parsed, str):
            return DeliveryResult(stored.seq, "parked", parsed)
        if isinstance(parsed, Ignored):
            return DeliveryResult(stored.seq, "ignored", parsed.reason)
        events = [self._whole(stored, event, number) for number, event in enumerate(parsed.events)]
        known = [self._known(tenant, connection, event) for event in events]
        if all(known) and not any(map(is_for_host, events)):
            return DeliveryResult(stored.seq, "events", events=tuple(r for r in known if r))
        task = asyncio.create_task(self._ask(tenant, stored, connection, events))
        self._asking[stored.seq] = task
        task.add_done_callback(partial(self._over, stored.seq))
        return None

    @staticmethod
    def _read(connection: LiveConnection, source: Source, delivery: Delivery) -> Parsed | Ignored | str:
        """What the plugin makes of a delivery, or why it cannot."""
        platform = connection.spec.platform
        try:
            parsed: object = source.parse(delivery)
        except PermanentError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a plugin's fault must not stop intake
            return f"{platform} could not read it: {kind_and_place(error)}"
        if not isinstance(parsed, Parsed | Ignored):
            return f"{platform} answered {type(parsed).__name__} for it"
        return parsed

    @staticmethod
    def _whole(stored: StoredDelivery, event: Event, number: int) -> Event:
        """The event with its source and an id: unique per source (CloudEvents), in the journal per tenant."""
        source = stored.delivery.connection
        name = f"{source}/{event.id}" if event.id else f"{source}-{stored.seq}-{number}"
        return event.model_copy(update={"source": source, "id": name})

    def _over(self, seq: int, task: asyncio.Task[None]) -> None:
        self._asking.pop(seq, None)
        if not task.cancelled() and (error := task.exception()):
            self._context.log.error("resolving failed", delivery=seq, error=told(error))
            self._context.unwritten(error)
            return
        self._context.wake.ring()

    async def _ask(
        self, tenant: LiveTenant, stored: StoredDelivery, connection: LiveConnection, events: list[Event]
    ) -> None:
        async with self._room.setdefault(stored.tenant, asyncio.Semaphore(_AT_ONCE)):
            result = await self._lanes(tenant, stored, connection, events)
            attended = [await self._attended(stored, connection, one) for one in result.events]
            await self._end(stored.tenant, [(stored, replace(result, events=tuple(attended)))])
            if any(isinstance(event, PrivacyRequested) for event in events):
                await self._context.journal.forget([stored.seq])

    async def _attended(self, stored: StoredDelivery, connection: LiveConnection, found: Resolved) -> Resolved:
        """What the host itself has to do about an event is done."""
        event = await attend(self._context, stored.tenant, connection.spec.name, found.event)
        return replace(found, event=event)

    async def _lanes(
        self, tenant: LiveTenant, stored: StoredDelivery, connection: LiveConnection, events: list[Event]
    ) -> DeliveryResult:
        """Find the lane of every event; one that is not known yet lets the whole delivery wait."""
        resolved: list[Resolved] = []
        for event in events:
            try:
                found = await self._resolve(tenant, stored, connection, event)
            except PermanentError as error:
                return DeliveryResult(stored.seq, "parked", f"{event.subject}: {error}")
            except ConnectError as error:
                reason = f"{event.subject} cannot be resolved now: {error}"
                return self._later(stored, reason, surely_later=isinstance(error, TransientError))
            if found is None:
                return self._later(stored, f"what {event.subject} belongs to is not known yet")
            resolved.append(found)
        return DeliveryResult(stored.seq, "events", events=tuple(resolved))

    def _later(self, stored: StoredDelivery, reason: str, *, surely_later: bool = False) -> DeliveryResult:
        """Wait and try again. A platform that is down is waited for however long it takes."""
        if stored.tries >= _TRIES and not surely_later:
            return DeliveryResult(stored.seq, "parked", f"{reason} (tried {stored.tries + 1} times)")
        wait = backoff(timedelta(seconds=2), timedelta(minutes=15), stored.tries, f"delivery {stored.seq}")
        return DeliveryResult(stored.seq, "waiting", reason, due=self._context.now() + wait)

    def _known(self, live: LiveTenant, connection: LiveConnection, event: Event) -> Resolved | None:
        """The lane as the journal knows it: by our own reference, as a root, or as a learned alias."""
        journal, tenant = self._context.journal, live.name
        if isinstance(event, CaseChanged | CustomerReplied) and event.reference:
            matter = journal.matter_of_reference(tenant, event.reference)
            if matter:
                return Resolved(event, matter.key.subject, _others(_names(event), matter.key.subject))
        for name in (event.subject, *event.refs):
            known = journal.subject_of(tenant, name)
            source = _keeper(live, connection, name).spec.source
            if known != name or (source is not None and name.kind in source.roots):
                return Resolved(event, known, _others(_names(event), known))
            if name.kind == NAMED:
                return None  # the platform that has the order is asked before the thing stands alone
        return None

    async def _resolve(
        self, live: LiveTenant, stored: StoredDelivery, connection: LiveConnection, event: Event
    ) -> Resolved | None:
        """What the journal knows, else what the source says."""
        tenant = live.name
        found = self._known(live, connection, event)
        if found is not None:
            return found
        for name in (event.subject, *event.refs):
            keeper = _keeper(live, connection, name)
            if keeper.source is None:
                continue
            try:
                root = await guarded(
                    keeper.source.root(name), plugin=keeper.spec.platform, doing="resolving", deadline=PATIENCE
                )
            except AuthError as error:
                await self._context.credentials_refused(tenant, keeper.spec.name, str(error))
                raise TransientError(str(error)) from error
            if root is not None:
                lane = self._context.journal.subject_of(tenant, root)
                return Resolved(event, lane, (*_others((*_names(event), root), lane), *_meant(name, root)))
            if name.kind == NAMED and stored.tries < _NAMED_TRIES:
                return None
        return None


def _keeper(tenant: LiveTenant, connection: LiveConnection, name: Subject) -> LiveConnection:
    """The connection that `name` is of: an event may name an order that another one keeps."""
    return tenant.connections.get(name.connection, connection)


def _with_masked_body(stored: StoredDelivery, result: DeliveryResult) -> DeliveryResult:
    """A delivery that was parsed is not read again; one that was not keeps its body."""
    if result.state in ("events", "ignored"):
        return replace(result, masked=masked_body(stored.delivery.body))
    return result


def _names(event: Event) -> tuple[Subject, ...]:
    """All names of what the event is about: an item that lived as its own subject moves to its order's lane."""
    item = (event.item,) if isinstance(event, ItemEvent) else ()
    return (event.subject, *event.refs, *item)


def _others(names: tuple[Subject, ...], lane: Subject) -> tuple[Subject, ...]:
    """What is learned to mean `lane`. Not what a stranger called an order that was not found: it may come yet."""
    return tuple(dict.fromkeys(n for n in names if n != lane and n.kind != NAMED))


def _meant(name: Subject, root: Subject) -> tuple[Subject, ...]:
    return (name,) if name.kind == NAMED and name != root else ()
