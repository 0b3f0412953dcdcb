"""Count and compare: what the platforms have against what the journal knows, every half hour for the last two days.

What no webhook told and no poll saw is found here, taken up as if it had been polled, and told in one alert. The cases
of open matters are read once a day each, money that is done is looked for once on its platform.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from caseconnect.host.faults import told
from caseconnect.host.journal.auditing import Compared, Comparison
from caseconnect.host.pipeline.context import BY, Context
from caseconnect.host.pipeline.facts import Fetcher
from caseconnect.host.pipeline.live import PATIENCE, LiveConnection, LiveTenant, guarded
from caseconnect.host.pipeline.looking import whole
from caseconnect.host.pipeline.poll import check_page, delivery_of
from caseconnect.host.pipeline.recurring import Recurring
from caseconnect.models import Case, Money, Order
from caseconnect.sdk.commands import RefundPayment
from caseconnect.sdk.components import History
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Parsed, Polled
from caseconnect.sdk.errors import ConnectError, PermanentError
from caseconnect.sdk.events import CaseChanged, Event
from caseconnect.sdk.pace import BACKGROUND, priority
from caseconnect.sdk.subjects import Subject

FIRST, EVERY = timedelta(minutes=10), timedelta(minutes=30)
BACK = timedelta(hours=48)
"""How far back is compared."""

GRACE = timedelta(minutes=15)
"""What is younger may still be on its way. Where nothing is told at once, it counts from when the last poll began."""

_WAIT = 5.0
_ROUNDS = int(timedelta(days=1) / EVERY)
_NAMED = 20
_FIELDS = ("status", "stage", "outcome", "revision", "closed", "updated_at")


@dataclass
class _Found:
    """What a comparison has seen so far."""

    found: int = 0
    wrong: list[str] = field(default_factory=list)


class Comparing:
    """Compares every tenant when its time has come. `stop` loses nothing: what was taken up is in the journal."""

    def __init__(self, context: Context, fetcher: Fetcher, started: datetime) -> None:
        self._context, self._fetcher, self._started = context, fetcher, started
        self._work = Recurring[str](EVERY, self._failed)
        self.on, self.idle, self.stop = self._work.on, self._work.idle, self._work.stop

    def tick(self, now: datetime) -> None:
        """Begin every comparison that is due and not on."""
        for name, tenant in self._context.tenants.items():
            spread = timedelta(seconds=zlib.crc32(name.encode()) % FIRST.seconds)
            self._work.begin(name, self._started + FIRST + spread, now, partial(self._compare, tenant, now))

    async def at_once(self, tenants: Collection[str], *, begin: bool) -> list[str]:
        """Compare these tenants now, if they are to `begin`; those of them whose comparison is on."""
        if begin:
            now = self._context.now()
            self._work.due_at(tenants, now)
            self.tick(now)
        return sorted(set(tenants) & set(self._work.running()))

    def _failed(self, tenant: str, error: BaseException) -> None:
        self._context.log.error("comparison failed", tenant=tenant, error=told(error))

    async def _compare(self, tenant: LiveTenant, now: datetime) -> None:
        priority.set(BACKGROUND)
        starts = self._context.journal.starts(tenant.name)
        for name, connection in tenant.connections.items():
            began = starts.get(f"start:{name}") or starts.get("start") or now  # what is older comes by backfill alone
            since = max(now - BACK, began)
            source = connection.spec.source
            try:
                until = self._come_by(tenant, connection, now)
                if source and source.history and since < until:
                    await self._changes(tenant, connection, source.history, since, until)
                await self._cases(tenant, connection, now, until)
                await self._money(tenant, connection, now)
                await self._by_hand(tenant, connection, now)
            except ConnectError as error:
                # That it does not answer is told by what works on it; it is compared again in half an hour.
                self._context.log.warning("not compared", tenant=tenant.name, connection=name, why=str(error))

    def _come_by(self, tenant: LiveTenant, connection: LiveConnection, now: datetime) -> datetime:
        """What changed before this has come by now: it is told at once, or the last poll has begun since."""
        spec = connection.spec
        told_at_once = spec.webhook is not None or spec.listeners or spec.schedule is None
        _, polled = self._context.journal.schedules().get((tenant.name, spec.name), (now, None))
        return (now if told_at_once or polled is None else polled) - GRACE

    async def _changes(
        self, tenant: LiveTenant, connection: LiveConnection, history: History, since: datetime, until: datetime
    ) -> None:
        seen, name = _Found(), connection.spec.name
        async for items in _pages(connection, history, since):
            missed = self._unheard(tenant, connection, items, until)
            seen.found += len(items)
            seen.wrong += [named for _, named in missed]
            now = self._context.now()
            news = [delivery_of(tenant.name, name, item, now) for item, _ in missed]
            if news:
                await self._context.journal.receive(news, None, now)
                self._context.wake.ring()
        title = (
            f"{name}: {len(seen.wrong)} changes since {since:%Y-%m-%d %H:%M} UTC had come by no webhook and no poll;"
            " they are taken up now. Look whether its subscriptions are there: `connect check --live`"
        )
        await self._keep(tenant, connection, "changes", since, until, seen, title)

    def _unheard(
        self, tenant: LiveTenant, connection: LiveConnection, items: Sequence[Polled], until: datetime
    ) -> list[tuple[Polled, str]]:
        """Items that the journal knows nothing of, each with the name of what it is about."""
        journal, name = self._context.journal, connection.spec.name
        known = journal.known(tenant.name, name, [(item.kind, item.delivery_id) for item in items])
        unheard = []
        for item, stored in zip(items, known, strict=True):
            events = () if stored else _events(connection, item, self._context.now())
            new = [e for e in events if e.time <= until and not journal.heard(tenant.name, e)]
            if new:
                unheard.append((item, str(new[0].subject)))
        return unheard

    async def _cases(self, tenant: LiveTenant, connection: LiveConnection, now: datetime, until: datetime) -> None:
        """Cases of open matters, a share of them each time. A change that was not heard of is looked at now."""
        if "case" not in connection.spec.facts:
            return
        turn = int(now.timestamp() / EVERY.total_seconds()) % _ROUNDS
        ids = self._context.journal.open_cases(tenant.name, connection.spec.name)
        ids = [id_ for id_ in ids if zlib.crc32(id_.encode()) % _ROUNDS == turn]
        seen = _Found(found=len(ids))
        for id_ in ids:
            case = Subject(connection.spec.name, "case", id_)
            if not await self._case_is_known(tenant, case, until):
                seen.wrong.append(str(case))
        title = f"{connection.spec.name}: {len(seen.wrong)} cases of open matters had changed unheard, or are gone"
        if ids:
            await self._keep(tenant, connection, "cases", now - EVERY, now, seen, title)

    async def _case_is_known(self, live: LiveTenant, case: Subject, until: datetime) -> bool:
        journal, tenant = self._context.journal, live.name
        matter = journal.matter_of_case(tenant, case)
        try:
            found, _ = await self._fetcher.fetch(live, Need(fact="case", subject=case, fields=_FIELDS))
        except PermanentError:
            return False
        if not isinstance(found, Case) or matter is None or found.updated_at is None:
            return True  # a platform that does not tell when a case changed cannot be compared
        name = f"{BY}/{case}/{found.revision}"
        event = CaseChanged(id=name, source=BY, subject=case, time=found.updated_at, reference=matter.reference)
        if found.updated_at > until or found.updated_by_us or journal.heard(tenant, event):
            return True
        await journal.hear(tenant, event, self._context.now())
        self._context.wake.ring()
        return False

    async def _money(self, tenant: LiveTenant, connection: LiveConnection, now: datetime) -> None:
        """Money that became done since the last comparison is looked for on its platform."""
        journal, name = self._context.journal, connection.spec.name
        if connection.sink is None:
            return
        last = [c for c in journal.comparisons(now) if (c.tenant, c.connection, c.what) == (tenant.name, name, "money")]
        since, until = max([now - BACK, *(c.until for c in last)]), now - GRACE
        if since >= until:
            return
        done = [c for _, c in journal.moved(tenant.name, since, until) if c.connection == name]
        seen = _Found(found=len(done))
        for stored in done:
            looking = connection.sink.verify(whole(stored), stored.key)
            sighting = await guarded(looking, plugin=connection.spec.platform, doing="look", deadline=PATIENCE)
            if sighting.seen is False:
                seen.wrong.append(stored.key)
        title = f"{name}: {len(seen.wrong)} commands that gave value away are done here and not to be seen there"
        if done:
            await self._keep(tenant, connection, "money", since, until, seen, title)

    async def _by_hand(self, tenant: LiveTenant, connection: LiveConnection, now: datetime) -> None:
        """What people gave back beside us, of orders that we gave money back of: theirs by order and day, no error."""
        journal, name, since = self._context.journal, connection.spec.name, now - BACK
        if "order" not in connection.spec.facts:
            return
        ours = [c for _, c in journal.moved(tenant.name, since, now) if c.kind == RefundPayment.kind]
        orders = dict.fromkeys(c.target for c in ours if c.target and c.target.connection == name)
        sums: dict[tuple[str, str], Money] = {}
        for subject in orders:
            try:
                order, _ = await self._fetcher.fetch(tenant, Need(fact="order", subject=subject, fields=("refunds",)))
            except PermanentError:
                continue  # it is gone there; what we did to it is told by the comparison of our money
            for refund in order.refunds if isinstance(order, Order) else ():
                if not refund.ours and refund.created_at >= since:
                    day = (str(subject), f"{refund.created_at:%Y-%m-%d} {refund.total.currency}")
                    sums[day] = sums[day] + refund.total if day in sums else refund.total
        named = [f"{about} on {day[:10]}: {total}" for (about, day), total in sorted(sums.items())]
        if orders:
            shown = tuple(named[:_NAMED])
            await journal.compared(Comparison(tenant.name, name, "by hand", now, since, now, len(sums), 0, shown))

    async def _keep(
        self,
        tenant: LiveTenant,
        connection: LiveConnection,
        what: Compared,
        since: datetime,
        until: datetime,
        seen: _Found,
        title: str,
    ) -> None:
        """Keep the comparison; alert if something was wrong. What mended itself closes with the next that is right."""
        name, journal, now = connection.spec.name, self._context.journal, self._context.now()
        named = tuple(seen.wrong[:_NAMED])
        one = Comparison(tenant.name, name, what, now, since, until, seen.found, len(seen.wrong), named)
        await journal.compared(one)
        cause = f"compared:{name}:{what}"
        if seen.wrong:
            await self._context.alert(tenant.name, cause, title, named[0])
        elif what != "money":
            await journal.close_alert(tenant.name, cause, now)


def _events(connection: LiveConnection, item: Polled, now: datetime) -> Sequence[Event]:
    """What the item would become. One that cannot be read is stored by the poll, and parks there."""
    if connection.source is None:
        return ()
    delivery = Delivery(connection.spec.name, item.kind, item.delivery_id, now, item.body, polled=True)
    try:
        parsed = connection.source.parse(delivery)
    except Exception:  # noqa: BLE001 - a plugin's fault must not stop the comparison
        return ()
    return parsed.events if isinstance(parsed, Parsed) else ()


async def _pages(connection: LiveConnection, history: History, since: datetime) -> AsyncIterator[Sequence[Polled]]:
    """The pages of what changed since; a platform that is still at work on them is waited for."""
    cursor: str | None = None
    more = True
    while more:
        doing = history(connection.source, since, cursor)
        page = await guarded(doing, plugin=connection.spec.platform, doing="compare", deadline=PATIENCE)
        check_page(page, connection.spec.platform)
        cursor, more = page.cursor, page.more
        if page.items:
            yield page.items
        elif more:
            await asyncio.sleep(_WAIT)
