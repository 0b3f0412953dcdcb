"""Looks every minute at what lasts too long: opens an alert for each cause that holds, and closes it when it does not.

One cause has one alert: what follows from an outage, from refused credentials or from a pause is not told again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from caseconnect.host.alerting import watching as rules
from caseconnect.host.alerting.settings import WatchPart
from caseconnect.host.alerting.watching import Holds
from caseconnect.host.faults import told
from caseconnect.host.journal.overdue import Overdue
from caseconnect.host.journal.rates import Hours
from caseconnect.host.pipeline.context import Context
from caseconnect.host.pipeline.live import LiveConnection, LiveTenant
from caseconnect.host.pipeline.recurring import Recurring
from caseconnect.sdk.commands import COMMANDS

EVERY = timedelta(minutes=1)
_CASES_WELL = timedelta(minutes=10)  # so long after an outage there, what it left is being worked off
_PIECES = 20  # of some thousand deliveries each, between which others may write
HOST = ""
"""The tenant of what concerns the daemon itself."""

_WATCHED = ("late:", "old:", "unknown:", "expires:", "disk:")
_QUIET = ("silent:", "pushes:")
_OF_CONNECTIONS = (
    *(*_WATCHED[:2], _WATCHED[3], *_QUIET),
    *("auth:", "down:", "listen:", "check:", "changed:", "ends:", "account:"),
)


@dataclass
class _Kept:
    """When a connection was last seen to be kept back, or not to work, and when so the time before that."""

    last: datetime
    earlier: datetime | None = None
    now: bool = True


class Watching:
    """Watches every tenant, and the disk."""

    def __init__(self, context: Context, started: datetime, settings: WatchPart) -> None:
        self._context, self._started, self._settings = context, started, settings
        self._work = Recurring[str](EVERY, self._failed)
        self._counted = False
        self._ill: dict[tuple[str, str], datetime] = {}  # when it was last seen not to work
        self._kept: dict[tuple[str, str], _Kept] = {}
        self.idle, self.stop = self._work.idle, self._work.stop

    def tick(self, now: datetime) -> None:
        """Begin every look that is due and not on."""
        first = self._started + EVERY
        self._work.begin(HOST, first, now, self._host)
        for name, tenant in self._context.tenants.items():
            self._work.begin(name, first, now, partial(self._tenant, tenant))

    def follow(self, settings: WatchPart) -> None:
        """From the next look on these hold."""
        self._settings = settings

    def _failed(self, tenant: str, error: BaseException) -> None:
        self._context.log.error("watching failed", tenant=tenant, error=told(error))

    async def _host(self) -> None:
        """The disk and proposals; and what came is counted here, so that each tenant can be looked at."""
        journal = self._context.journal
        await self._tell(HOST, rules.room(journal.room(), self._settings), _WATCHED)
        await self._proposed()
        more, pieces = True, 0
        while more and pieces < _PIECES:
            more, pieces = await journal.count_arrived(self._context.now()), pieces + 1
        self._counted = not more
        for tenant in {alert.tenant for alert in journal.tellable()[0] if not alert.closed_at} - {HOST}:
            if tenant not in self._context.tenants:
                await self._gone(tenant, ())

    async def _proposed(self) -> None:
        """Also those of tenants that are not at work: their commands wait for an answer all the same."""
        journal, now = self._context.journal, self._context.now()
        waiting = journal.proposals(now)
        told = {a.tenant for a in journal.tellable()[0] if a.cause.startswith(rules.PROPOSAL) and not a.closed_at}
        for tenant in sorted(told | {one.tenant for one in waiting}):
            of_it = [one for one in waiting if one.tenant == tenant]
            await self._tell(tenant, rules.proposed(of_it, self._settings, now), (rules.PROPOSAL,))

    async def _tenant(self, tenant: LiveTenant) -> None:
        now, journal, watch = self._context.now(), self._context.journal, self._settings
        braked = {(b.scope, b.name) for b in journal.brakes() if b.tenant == tenant.name}
        stopped = any(scope == "tenant" for scope, _ in braked)
        polled = journal.schedules()
        held: list[Iterable[Holds]] = []
        for name, connection in tenant.connections.items():
            held.append(self._ending(connection, now))
            well = self._well(tenant.name, name, now)
            if well is not None and connection.source is not None:
                held.append(self._late(connection, polled.get((tenant.name, name)), well, now))
            self._keep((tenant.name, name), well is None or stopped or ("connection", name) in braked, now)
        before = now - watch.oldest_command
        old = (
            one
            for one in journal.open_since(tenant.name, before)
            if self._free_since(tenant.name, one.connection) < before
            and not self._case_keeps(tenant, one, now)
            and not braked & {("flow", one.use), ("command", one.kind)}
            and not _kept_back(tenant, one)
        )
        held.append(rules.overdue([*old], watch))
        held.append(rules.unknown(journal.unknown_since(tenant.name, now - watch.unknown_money)))
        await self._tell(tenant.name, chain.from_iterable(held), _WATCHED)
        if watch.silence and self._counted:
            await self._silence(tenant, now)
        elif not watch.silence:
            await self._tell(tenant.name, iter(()), _QUIET)
        await self._gone(tenant.name, tenant.connections)

    def _keep(self, key: tuple[str, str], kept_back: bool, now: datetime) -> None:
        before = self._kept.get(key)
        if kept_back:
            self._kept[key] = _Kept(now, (before.earlier if before.now else before.last) if before else None)
        elif before is not None:
            before.now = False

    def _free_since(self, tenant: str, connection: str) -> datetime:
        """Since when nothing keeps it back where it goes."""
        kept = self._kept.get((tenant, connection))
        return kept.last if kept else self._started

    def _case_keeps(self, tenant: LiveTenant, one: Overdue, now: datetime) -> bool:
        """It waits for where its case is, which it may have to read; not for long if that comes and goes."""
        flow = tenant.flow(one.use)
        kept = self._kept.get((tenant.name, flow.cases or "")) if flow and flow.cases != one.connection else None
        if kept is None or (kept.earlier and now - kept.earlier < rules.HOUR):
            return False
        return now - kept.last < _CASES_WELL

    def _well(self, tenant: str, connection: str, now: datetime) -> datetime | None:
        """Since when it works, as far as is known; None: it does not, which its own alert, or a person, tells."""
        key = (tenant, connection)
        if key in self._context.refused or key in self._context.down or self._context.cut_off(*key):
            self._ill[key] = now
            return None
        return self._ill.get(key, self._started)

    def _late(
        self, connection: LiveConnection, row: tuple[datetime, datetime | None] | None, well: datetime, now: datetime
    ) -> Iterator[Holds]:
        schedule = connection.spec.schedule
        if schedule is not None and row is not None:
            yield from rules.late(connection.spec.name, schedule, max(row[1] or well, well), self._settings, now)

    def _ending(self, connection: LiveConnection, now: datetime) -> Iterator[Holds]:
        for place, expires in connection.spec.endings:
            yield from rules.ending(connection.spec.name, place, expires, self._settings, now)

    async def _silence(self, tenant: LiveTenant, now: datetime) -> None:
        """What is silent, or brings something by polls alone. It closes when something came, not when it is night."""
        journal = self._context.journal
        open_ = journal.open_alerts(tenant.name)
        for name, connection in tenant.connections.items():
            well = self._well(tenant.name, name, now)
            if connection.source is None or well is None:
                continue
            hours = journal.hours(tenant.name, name)
            silent = rules.quiet_since(hours, rules.total, well, now)
            unpushed = rules.quiet_since(hours, rules.pushed, well, now)
            known = {*open_, *self._dismissed(tenant.name, name, hours)} if silent or unpushed else {*open_}
            for cause, count in ((f"silent:{name}", rules.total), (f"pushes:{name}", rules.pushed)):
                if cause in open_ and rules.came(hours, count, now):
                    await journal.close_alert(tenant.name, cause, now)
            if silent is not None and f"silent:{name}" not in known:
                title = f"{name}: nothing came since {silent:%Y-%m-%d %H:%M} UTC, and at this time it usually does"
                await self._context.alert(tenant.name, f"silent:{name}", title, name)
            elif silent is None and unpushed is not None and not known & {f"pushes:{name}", f"silent:{name}"}:
                title = (
                    f"{name}: no webhook came since {unpushed:%Y-%m-%d %H:%M} UTC, and at this time they usually do;"
                    " look whether its subscriptions are there"
                )
                await self._context.alert(tenant.name, f"pushes:{name}", title, name)

    def _dismissed(self, tenant: str, connection: str, hours: Hours) -> Iterator[str]:
        """Causes that a person has dismissed, and nothing came since."""
        for cause, count in ((f"silent:{connection}", rules.total), (f"pushes:{connection}", rules.pushed)):
            at = self._context.journal.dismissed(tenant, cause)
            if at is not None and not rules.came_since(hours, count, at):
                yield cause

    async def _tell(self, tenant: str, held: Iterator[Holds], watched: tuple[str, ...]) -> None:
        """Open what holds and is not open, or is told in other words now; close what does not hold."""
        open_, holds = self._context.journal.open_alerts(tenant), {one.cause: one for one in held}
        for cause, one in holds.items():
            if open_.get(cause) != one.title:
                await self._context.alert(tenant, cause, one.title, one.link)
        for cause in open_.keys() - holds.keys():
            if cause.startswith(watched):
                await self._context.journal.close_alert(tenant, cause, self._context.now())

    async def _gone(self, tenant: str, connections: Collection[str]) -> None:
        """Close what is told of a connection that the tenant's file has no more, or of any if the tenant has ended."""
        for cause in self._context.journal.open_alerts(tenant):
            if cause.startswith(_OF_CONNECTIONS) and cause.split(":")[1] not in connections:
                await self._context.journal.close_alert(tenant, cause, self._context.now())


def _kept_back(tenant: LiveTenant, one: Overdue) -> bool:
    """The flow's mode is another one than when it was planned: it waits for that."""
    flow, kind = tenant.flow(one.use), COMMANDS.get(one.kind)
    if flow is None or flow.mode == "live":
        return False
    return flow.mode == "observe" or kind is None or kind.side == "order"
