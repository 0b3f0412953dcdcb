"""Intake behind the journal: deliveries are parsed by their source and resolved to a lane."""

from __future__ import annotations

from datetime import timedelta

from caseconnect.host.journal.records import DeliveryResult, Resolved, StoredDelivery
from caseconnect.host.pipeline.context import Context, backoff
from caseconnect.host.pipeline.live import LiveConnection, guarded
from caseconnect.sdk.deliveries import Ignored, Parsed
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError
from caseconnect.sdk.events import CaseChanged, Event
from caseconnect.sdk.subjects import Subject

_BATCH = 256
_TRIES = 12


class Intake:
    """Parses what waits in the journal. Pure parsing first; only an unknown alias costs a request."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def turn(self) -> bool:
        """One batch per tenant; False when nothing was there."""
        busy = False
        for tenant in list(self._context.tenants):
            waiting = self._context.journal.unparsed(tenant, self._context.now(), _BATCH)
            if not waiting:
                continue
            busy = True
            results = [(tenant, await self._parse(stored)) for stored in waiting]
            await self._context.journal.parsed(results, self._context.now())
            for _, result in results:
                if result.state == "parked":
                    await self._context.alert(
                        tenant, "parked:delivery", f"a delivery was parked: {result.reason}", f"delivery {result.seq}"
                    )
        return busy

    async def _parse(self, stored: StoredDelivery) -> DeliveryResult:
        delivery = stored.delivery
        connection = self._context.tenants[stored.tenant].connections.get(delivery.connection)
        if connection is None or connection.source is None:
            return DeliveryResult(
                stored.seq, "parked", f"the tenant file has no source {delivery.connection!r} any more"
            )
        platform = connection.spec.platform
        try:
            parsed = connection.source.parse(delivery)
        except PermanentError as error:
            return DeliveryResult(stored.seq, "parked", str(error))
        except Exception as error:  # noqa: BLE001 - a plugin's fault must not stop intake
            return DeliveryResult(stored.seq, "parked", f"{platform} could not read it: {type(error).__name__}")
        if isinstance(parsed, Ignored):
            return DeliveryResult(stored.seq, "ignored", parsed.reason)
        return await self._lanes(stored, connection, parsed)

    async def _lanes(self, stored: StoredDelivery, connection: LiveConnection, parsed: Parsed) -> DeliveryResult:
        """Find the lane of every event; one that is not known yet lets the whole delivery wait."""
        delivery = stored.delivery
        resolved: list[Resolved] = []
        for number, event in enumerate(parsed.events):
            # An id is unique per source (CloudEvents); in the journal it has to be so per tenant.
            own = f"{delivery.connection}-{stored.seq}-{number}"
            name = f"{delivery.connection}/{event.id}" if event.id else own
            whole = event.model_copy(update={"source": delivery.connection, "id": name})
            try:
                found = await self._resolve(stored.tenant, connection, whole)
            except PermanentError as error:
                return DeliveryResult(stored.seq, "parked", f"{whole.subject}: {error}")
            except ConnectError as error:
                reason = f"{whole.subject} cannot be resolved now: {error}"
                return self._later(stored, reason, surely_later=isinstance(error, TransientError))
            if found is None:
                return self._later(stored, f"what {whole.subject} belongs to is not known yet")
            resolved.append(found)
        return DeliveryResult(stored.seq, "events", events=tuple(resolved))

    def _later(self, stored: StoredDelivery, reason: str, *, surely_later: bool = False) -> DeliveryResult:
        """Wait and try again. A platform that is down is waited for however long it takes."""
        if stored.tries >= _TRIES and not surely_later:
            return DeliveryResult(stored.seq, "parked", f"{reason} (tried {stored.tries + 1} times)")
        wait = backoff(timedelta(seconds=2), timedelta(minutes=15), stored.tries, f"delivery {stored.seq}")
        return DeliveryResult(stored.seq, "waiting", reason, due=self._context.now() + wait)

    async def _resolve(self, tenant: str, connection: LiveConnection, event: Event) -> Resolved | None:
        """In this order: our own reference, a root or a learned alias, what the source says."""
        journal = self._context.journal
        if isinstance(event, CaseChanged) and event.reference:
            matter = journal.matter_of_reference(tenant, event.reference)
            if matter:
                return Resolved(event, matter.key.subject, (event.subject,))
        roots = connection.spec.source.roots if connection.spec.source else frozenset()
        names = (event.subject, *event.refs)
        for name in names:
            known = journal.subject_of(tenant, name)
            if known != name or name.kind in roots:
                return Resolved(event, known, _others(names, known))
        if connection.source is None:
            return None
        for name in names:
            try:
                root = await guarded(
                    connection.source.root(name), plugin=connection.spec.platform, doing="resolving", deadline=60.0
                )
            except AuthError as error:
                await self._context.credentials_refused(tenant, connection.spec.name, str(error))
                raise TransientError(str(error)) from error
            if root is not None:
                lane = journal.subject_of(tenant, root)
                return Resolved(event, lane, _others((*names, root), lane))
        return None


def _others(names: tuple[Subject, ...], lane: Subject) -> tuple[Subject, ...]:
    return tuple(dict.fromkeys(n for n in names if n != lane))
