"""Poll: the net under the webhooks, and the only way where a platform pushes nothing.

Each page is stored with the cursor that covers it in one commit. Two polls of one connection never overlap.
A run that was missed is made up once, at once: due times are rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

from caseconnect.host.faults import told
from caseconnect.host.journal.errors import JournalError
from caseconnect.host.journal.records import CursorMove, NewDelivery
from caseconnect.host.pipeline.context import Context, backoff
from caseconnect.host.pipeline.live import PATIENCE, LiveConnection, LiveTenant, guarded
from caseconnect.host.tenants.schedule import Schedule
from caseconnect.sdk.deliveries import Page, Polled
from caseconnect.sdk.errors import AuthError, ConnectError, PluginError, TransientError
from caseconnect.sdk.pace import BACKGROUND, priority


class Poller:
    """Reads the sources that are due."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._failures: dict[tuple[str, str], int] = {}
        self._unwritten: dict[tuple[str, str], tuple[int, datetime]] = {}

    async def prepare(self, tenant: LiveTenant) -> None:
        """Give every polled connection a due time. A row keeps its own, unless the schedule is shorter now."""
        rows = self._context.journal.schedules()
        now = self._context.now()
        for connection in _polled(tenant):
            schedule, row = connection.spec.schedule, rows.get((tenant.name, connection.spec.name))
            if schedule is None:
                continue
            due = schedule.next_after(now if row else None, now)
            if row is None or due < row[0]:
                await self._context.journal.schedule(tenant.name, connection.spec.name, due)

    def due(self) -> dict[tuple[str, str], datetime]:
        """When each connection that is polled, and is not being polled, is polled next."""
        rows = self._context.journal.schedules()
        keys = [(t.name, c.spec.name) for t in self._context.tenants.values() for c in _polled(t)]
        return {key: rows[key][0] for key in keys if key in rows and key not in self._running}

    def tick(self, now: datetime) -> bool:
        """Start every poll that is due and not on; False when none was."""
        started = False
        for key, due in self.due().items():
            again = self._unwritten.get(key, (0, now))[1]
            if due <= now and again <= now:
                started = True
                tenant = self._context.tenants[key[0]]
                task = asyncio.create_task(self._poll(tenant, tenant.connections[key[1]]))
                self._running[key] = task
                task.add_done_callback(partial(self._over, key))
        return started

    def on(self) -> Collection[asyncio.Task[None]]:
        """Polls that are on."""
        return self._running.values()

    async def idle(self) -> None:
        """Wait for the polls that are on."""
        if self._running:
            await asyncio.wait(self._running.values())

    def _over(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (error := task.exception()):
            # Its due time could not be written (a full disk), so the row says it is due: not before this.
            times = self._unwritten.get(key, (0, None))[0] + 1
            self._unwritten[key] = times, self._context.now() + _wait(key, times)
            self._context.log.error("poll failed", tenant=key[0], connection=key[1], error=told(error))
            return
        self._unwritten.pop(key, None)
        self._context.wake.ring()

    async def _poll(self, tenant: LiveTenant, connection: LiveConnection) -> None:
        priority.set(BACKGROUND)
        began = self._context.now()
        key = (tenant.name, connection.spec.name)
        try:
            stored = await self._pages(tenant, connection)
        except JournalError:
            raise
        except ConnectError as error:
            await self._failed(tenant, connection, error)
            return
        self._failures.pop(key, None)
        await self._context.worked(*key)
        schedule = self._schedule(*key)
        if schedule is not None:
            due = max(schedule.next_after(began, self._context.now()), self._context.now() + _SHORTEST)
            await self._context.journal.schedule(*key, due, began, f"{stored} new")
        if stored:
            self._context.wake.ring()

    def _schedule(self, tenant: str, connection: str) -> Schedule | None:
        """The schedule as it is now: a reload may have come during the poll."""
        live = self._context.tenants.get(tenant)
        found = live.connections.get(connection) if live else None
        return found.spec.schedule if found else None

    async def _pages(self, tenant: LiveTenant, connection: LiveConnection) -> int:
        journal, name = self._context.journal, connection.spec.name
        source = connection.source
        stored, more = 0, source is not None
        while more and source is not None:
            connection.resources.gate.check()
            cursor = journal.cursor(tenant.name, name)
            watch = journal.open_cases(tenant.name, name)
            page = await guarded(
                source.read(cursor, watch), plugin=connection.spec.platform, doing="poll", deadline=PATIENCE
            )
            check_page(page, connection.spec.platform)
            now = self._context.now()
            items = [delivery_of(tenant.name, name, item, now) for item in page.items]
            receipts = await journal.receive(items, CursorMove(tenant.name, name, page.cursor), now)
            stored += sum(receipt.status != "duplicate" for receipt in receipts)
            more = page.more and page.cursor != cursor
        return stored

    async def _failed(self, tenant: LiveTenant, connection: LiveConnection, error: ConnectError) -> None:
        key = (tenant.name, connection.spec.name)
        self._failures[key] = failures = self._failures.get(key, 0) + 1
        if isinstance(error, AuthError):
            await self._context.credentials_refused(*key, str(error))
        else:
            await self._context.failed(*key, f"it cannot be polled: {error}")
        wait = _wait(key, failures)
        if isinstance(error, TransientError) and error.retry_after:
            asked = timedelta(seconds=error.retry_after)
            wait = asked if failures <= _SOON else max(wait, asked)
        self._context.log.warning("poll failed", tenant=key[0], connection=key[1], why=str(error))
        await self._context.journal.schedule(*key, self._context.now() + wait, None, str(error)[:200])


_SHORTEST = timedelta(milliseconds=100)
_SOON = 3
"""So many failures in a row that said when to come back are believed without waiting longer."""


def _wait(key: tuple[str, str], failures: int) -> timedelta:
    return backoff(timedelta(seconds=10), timedelta(minutes=10), failures - 1, "/".join(key))


def _polled(tenant: LiveTenant) -> list[LiveConnection]:
    return [c for c in tenant.connections.values() if c.source is not None and c.spec.schedule is not None]


def delivery_of(tenant: str, connection: str, item: Polled, now: datetime) -> NewDelivery:
    """A polled item as it is stored."""
    return NewDelivery(tenant, connection, item.kind, item.delivery_id, now, item.body, polled=True)


def check_page(page: object, platform: str) -> None:
    """A page that is none is the plugin's fault, told as such; it says what, never the page's content."""
    if not isinstance(page, Page):
        raise PluginError(f"{platform}: a poll answered {type(page).__name__}, not a Page", plugin=platform)
    wanted = {"items": list | tuple, "cursor": str, "more": bool}
    wrong = [name for name, kind in wanted.items() if not isinstance(getattr(page, name), kind)]
    if not wrong and any(not _is_item(item) for item in page.items):
        wrong = ["items"]
    if wrong:
        raise PluginError(f"{platform}: a polled page has wrong {', '.join(wrong)}", plugin=platform)


def _is_item(item: object) -> bool:
    if not isinstance(item, Polled) or not isinstance(item.body, bytes):
        return False
    return all(isinstance(text, str) for text in (item.kind, item.id, item.version))
