"""Looks every minute at what lasts too long: opens an alert for each cause that holds, and closes it when it does not.

One cause has one alert: what follows from an outage, from refused credentials or from a pause is not told again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from caseconnect.host.alerting import watching as rules
from caseconnect.host.alerting.settings import WatchPart
from caseconnect.host.alerting.watching import Holds
from caseconnect.host.faults import told
from caseconnect.host.pipeline.context import Context
from caseconnect.host.pipeline.live import LiveConnection, LiveTenant
from caseconnect.host.pipeline.recurring import Recurring
from caseconnect.host.tenants.problems import show_path
from caseconnect.host.tenants.secrets import secrets_in

EVERY = timedelta(minutes=1)
HOST = ""
"""The tenant of what concerns the daemon itself."""

_WATCHED = ("late:", "old:", "unknown:", "expires:", "disk:")
_QUIET = ("silent:", "pushes:")
_OF_CONNECTIONS = (*_WATCHED[:2], _WATCHED[3], *_QUIET, "auth:", "down:", "listen:", "check:", "changed:", "ends:")


class Watching:
    """Watches every tenant, and the disk."""

    def __init__(self, context: Context, started: datetime, settings: WatchPart) -> None:
        self._context, self._started, self._settings = context, started, settings
        self._work = Recurring[str](EVERY, self._failed)
        self._counted = False
        self.idle, self.stop = self._work.idle, self._work.stop

    def tick(self, now: datetime) -> None:
        """Begin every look that is due and not on."""
        first = self._started + EVERY
        self._work.begin(HOST, first, now, self._host)
        for name, tenant in self._context.tenants.items():
            self._work.begin(name, first, now, partial(self._tenant, tenant))

    def _failed(self, tenant: str, error: BaseException) -> None:
        self._context.log.error("watching failed", tenant=tenant, error=told(error))

    async def _host(self) -> None:
        """The disk; and what came is counted here, so that each tenant can be looked at."""
        journal = self._context.journal
        await self._tell(HOST, rules.room(journal.room(), self._settings), _WATCHED)
        self._counted = not await journal.count_arrived(self._context.now())

    async def _tenant(self, tenant: LiveTenant) -> None:
        now, journal, watch = self._context.now(), self._context.journal, self._settings
        # What is not told of by its own alert: a platform that is down, that refuses us, or is kept back by a person.
        braked = {(b.scope, b.name) for b in journal.brakes() if b.tenant == tenant.name}
        well = [c for c in tenant.connections.values() if self._is_well(tenant.name, c.spec.name)]
        held = [self._late(tenant, connection, now) for connection in well]
        names = {c.spec.name for c in well if not braked & {("connection", c.spec.name), ("access", c.spec.name)}}
        if not any(scope == "tenant" for scope, _ in braked):
            open_ = journal.open_since(tenant.name, now - watch.oldest_command)
            free = [o for o in open_ if o.connection in names and not braked & {("flow", o.use), ("command", o.kind)}]
            held.append(rules.overdue(free, watch))
        held.append(rules.unknown(journal.unknown_since(tenant.name, now - watch.unknown_money)))
        held += [self._ending(connection, now) for connection in tenant.connections.values()]
        await self._tell(tenant.name, chain.from_iterable(held), _WATCHED)
        if watch.silence and self._counted:
            await self._silence(tenant, now)
        await self._gone(tenant)

    def _is_well(self, tenant: str, connection: str) -> bool:
        key = (tenant, connection)
        return not (key in self._context.refused or key in self._context.down or self._context.cut_off(*key))

    def _late(self, tenant: LiveTenant, connection: LiveConnection, now: datetime) -> Iterator[Holds]:
        schedule, name = connection.spec.schedule, connection.spec.name
        row = self._context.journal.schedules().get((tenant.name, name))
        if schedule is None or connection.source is None or row is None:
            return iter(())
        last = max(row[1] or self._started, self._started)  # while we are down nobody polls
        return rules.late(name, schedule, last, self._settings, now)

    def _ending(self, connection: LiveConnection, now: datetime) -> Iterator[Holds]:
        for path, secret in secrets_in(connection.spec.settings):
            if secret.expires is not None:
                yield from rules.ending(connection.spec.name, show_path(path), secret.expires, self._settings, now)

    async def _silence(self, tenant: LiveTenant, now: datetime) -> None:
        """What is silent, or brings something by polls alone. It closes when something came, not when it is night."""
        journal = self._context.journal
        open_ = journal.open_alerts(tenant.name)
        for name, connection in tenant.connections.items():
            if connection.source is None or not self._is_well(tenant.name, name):
                continue
            hours = journal.hours(tenant.name, name)
            silent = rules.quiet_since(hours, rules.total, self._started, now)
            unpushed = rules.quiet_since(hours, rules.pushed, self._started, now)
            for cause, count in ((f"silent:{name}", rules.total), (f"pushes:{name}", rules.pushed)):
                if cause in open_ and rules.came(hours, count, now):
                    await journal.close_alert(tenant.name, cause, now)
            if silent is not None and f"silent:{name}" not in open_:
                title = f"{name}: nothing came since {silent:%Y-%m-%d %H:%M} UTC, and at this time it usually does"
                await self._context.alert(tenant.name, f"silent:{name}", title, name)
            elif silent is None and unpushed is not None and not open_.keys() & {f"pushes:{name}", f"silent:{name}"}:
                title = (
                    f"{name}: no webhook came since {unpushed:%Y-%m-%d %H:%M} UTC, and at this time they usually do;"
                    " look whether its subscriptions are there"
                )
                await self._context.alert(tenant.name, f"pushes:{name}", title, name)

    async def _tell(self, tenant: str, held: Iterator[Holds], watched: tuple[str, ...]) -> None:
        """Open what holds and is not open, or is told in other words now; close what does not hold."""
        open_, holds = self._context.journal.open_alerts(tenant), {one.cause: one for one in held}
        for cause, one in holds.items():
            if open_.get(cause) != one.title:
                await self._context.alert(tenant, cause, one.title, one.link)
        for cause in open_.keys() - holds.keys():
            if cause.startswith(watched):
                await self._context.journal.close_alert(tenant, cause, self._context.now())

    async def _gone(self, tenant: LiveTenant) -> None:
        """Close what is told of a connection that the tenant's file has no more."""
        for cause in self._context.journal.open_alerts(tenant.name):
            if cause.startswith(_OF_CONNECTIONS) and cause.split(":")[1] not in tenant.connections:
                await self._context.journal.close_alert(tenant.name, cause, self._context.now())
