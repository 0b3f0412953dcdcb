"""The pipeline's own thread and event loop: a plugin that blocks or raises here does not stop intake."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from traceback import walk_stack
from typing import TypeVar

import uvloop

from caseconnect.host.alerting.settings import USUAL, WatchPart
from caseconnect.host.clock import Clock
from caseconnect.host.faults import kind_and_place, places, told
from caseconnect.host.journal import Journal
from caseconnect.host.journal.errors import JournalBusy, JournalError, JournalFull
from caseconnect.host.pipeline.live import Accounts, LiveTenant, build, first_starts, known_starts
from caseconnect.host.pipeline.runner import BREATH, Runner
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.console.asking import Account, Live
from caseconnect.models.base import Record
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import TransientError
from caseconnect.sdk.resources import Log

_BEAT = 0.5
_DRAIN = 20.0
_FULL_WAIT = 1.0
_LIVE_WITHIN = 1.0
T = TypeVar("T")

Starts = Mapping[str, tuple[datetime, Mapping[str, datetime]]]
"""By tenant: when it was first started, and each of its connections."""


class PipelineThread:
    """Runs a `Runner` with its clock in a thread. `start`, then `ring` from anywhere, then `stop`."""

    def __init__(
        self,
        journal: Journal,
        tenants: Mapping[str, Tenant],
        now: Callable[[], datetime],
        log: Log,
        *,
        pacing: bool = True,
        watch: WatchPart = USUAL,
    ) -> None:
        self._journal, self._tenants, self._now, self._log = journal, tenants, now, log
        self._accounts, self._watch = Accounts(off=not pacing), watch
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runner: Runner | None = None
        self._ready = threading.Event()
        self._started = asyncio.Event()
        self._ringing = self._news = False
        self.beat = time.monotonic()
        self.failed: BaseException | None = None
        self.refused: dict[str, str] = {}
        self._thread = threading.Thread(target=self._main, name="pipeline", daemon=True)

    def start(self) -> None:
        """Start; wait for no plugin. Raises what kept the thread from its work with the journal."""
        self._thread.start()
        self._ready.wait()
        if self.failed:
            raise self.failed

    def ring(self) -> None:
        """Something was stored: wake the rooms, once in a breath. Safe from any thread, cheap when called often."""
        self._news = True
        if self._loop and not self._ringing:
            self._ringing = True
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._rung)

    def tenants(self) -> Mapping[str, LiveTenant]:
        """The tenants at work. From any thread."""
        return self._runner.context.tenants if self._runner else {}

    async def fetch(self, tenant: str, need: Need) -> Record:
        """A fact as it is now, read by the pipeline's connections. From any event loop."""
        live = self._runner.context.tenants.get(tenant) if self._runner else None
        if self._loop is None or self._runner is None or live is None:
            raise TransientError(f"the connections of {tenant} are not at work")
        fetching = asyncio.run_coroutine_threadsafe(self._runner.fetcher.fetch(live, need), self._loop)
        record, _ = await asyncio.wrap_future(fetching)
        return record

    async def replace(self, name: str, tenant: Tenant | None) -> str:
        """Let a tenant be as `tenant` says from now on (None: end it); why not, or an empty text. From any event loop.

        All of it or nothing: a tenant whose connections cannot be built stays as it was. See `Runner.replace`.
        """
        if self._loop is None:
            raise TransientError("the pipeline is not at work yet")
        doing = asyncio.run_coroutine_threadsafe(self._replace(name, tenant), self._loop)
        return await asyncio.wrap_future(doing)

    async def compare(self, tenants: Collection[str], *, begin: bool) -> list[str]:
        """Compare these tenants with their platforms now; which of them are being compared. From any event loop."""
        if self._loop is None or self._runner is None:
            raise TransientError("the connections are not at work yet")
        doing = self._runner.comparing.at_once(tenants, begin=begin)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(doing, self._loop))

    async def live(self) -> Live:
        """What only the running pipeline knows. From any event loop; a blocked one is not waited for."""
        if self._loop is None or self._runner is None:
            return Live(refused=dict(self.refused))
        asking = asyncio.run_coroutine_threadsafe(_live(self._runner, self.refused), self._loop)
        try:
            async with asyncio.timeout(_LIVE_WITHIN):
                return await asyncio.wrap_future(asking)
        except TimeoutError:
            return Live(refused=dict(self.refused))

    def stop(self) -> None:
        """Let the turns that are on end; a send in flight past the drain time stays `sending`."""
        if self._loop and self._runner:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._runner.stop)
        self._thread.join(_DRAIN + 5)
        if self.alive():
            why = "a plugin blocks: a send in flight stays `sending`"
            self._log.warning("drain ended", why=why, where=self.where())

    def alive(self) -> bool:
        """The thread runs."""
        return self._thread.is_alive()

    def silent_for(self) -> float:
        """Seconds since the loop last gave a sign."""
        return time.monotonic() - self.beat

    def why(self) -> str:
        """What ended the thread: kinds of error with the places, without their texts, which may quote records."""
        return "; ".join(_kinds(self.failed)) if self.failed else ""

    def where(self) -> str:
        """What the thread is doing right now: the innermost places outside the standard library."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return places(walk_stack(frame)) if frame else "unknown"

    def _rung(self) -> None:
        self._ringing = False
        if self._news and self._runner and self._loop:
            self._news, self._ringing = False, True
            self._runner.context.wake.ring()
            self._loop.call_later(BREATH, self._rung)

    def _main(self) -> None:
        try:
            uvloop.run(self._work())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits in start()
            self.failed = error
            self._log.error("pipeline ended", error=self.why())
        finally:
            self._ready.set()

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._runner = runner = Runner(self._journal, self._now, self._log, self._watch)
        beating = asyncio.create_task(self._beats())
        starts = await self._with_room(self._starts)
        self._ready.set()
        live = await self._build(starts)
        try:
            await self._run(runner, live)
        finally:
            beating.cancel()
            for tenant in {**live, **runner.context.tenants}.values():
                await tenant.close()

    async def _run(self, runner: Runner, live: dict[str, LiveTenant]) -> None:
        for key in await self._with_room(lambda: runner.start(live)):
            self._log.warning("outcome unknown", key=key, why="the last process ended while the request was out")
        self._started.set()
        clock = Clock(runner, self._now)
        clock.start()
        try:
            await runner.run(_DRAIN)
        finally:
            await clock.stop()

    async def _replace(self, name: str, tenant: Tenant | None) -> str:
        await self._started.wait()
        if self._runner is None:
            return "the pipeline has ended"
        before, live, now = self._runner.context.tenants.get(name), None, self._now()
        if tenant is not None:
            try:
                live = await self._built(tenant, *known_starts(self._journal, tenant, now))
            except Exception as error:  # noqa: BLE001 - told to whoever asked for it; the tenant stays as it was
                self._log.error("tenant refused", tenant=name, why=told(error))
                return told(error)
            if why := _worse(before, live):
                await live.close()
                return why
        try:
            if tenant is not None:
                await first_starts(self._journal, tenant, now)
            await self._runner.replace(name, live)
        except JournalError as error:
            if live is not None:
                await live.close()
            return str(error)
        self.refused.pop(name, None)
        return ""

    async def _with_room(self, step: Callable[[], Awaitable[T]]) -> T:
        """A step that is to be done at the start, done again while the disk is full: intake tells it meanwhile."""
        while True:
            try:
                return await step()
            except (JournalFull, JournalBusy) as error:
                self._ready.set()
                self._log.error("the journal takes nothing", why=str(error))
                await asyncio.sleep(_FULL_WAIT)

    async def _starts(self) -> Starts:
        return {name: await first_starts(self._journal, t, self._now()) for name, t in self._tenants.items()}

    async def _build(self, starts: Starts) -> dict[str, LiveTenant]:
        """Build the tenants that can be, all at once; the others are shown and the rest goes on."""
        made = await asyncio.gather(*(self._live(self._tenants[name], *starts[name]) for name in starts))
        return {tenant.name: tenant for tenant in made if tenant}

    async def _live(self, tenant: Tenant, began: datetime, starts: Mapping[str, datetime]) -> LiveTenant | None:
        try:
            return await self._built(tenant, began, starts)
        except Exception as error:  # noqa: BLE001 - one tenant's fault must not stop the others
            self.refused[tenant.name] = told(error)
            self._log.error("tenant refused", tenant=tenant.name, why=told(error))
            return None

    async def _built(self, tenant: Tenant, began: datetime, starts: Mapping[str, datetime]) -> LiveTenant:
        return await build(
            tenant,
            accounts=self._accounts,
            secrets=tenant.secrets(),
            now=self._now,
            log=self._log,
            go_live=began,
            starts=starts,
            whole=False,
        )

    async def _beats(self) -> None:
        while True:
            self.beat = time.monotonic()
            await asyncio.sleep(_BEAT)


def _worse(before: LiveTenant | None, after: LiveTenant) -> str:
    """Why a connection that was at work, or was not there, would not be at work now; empty when each would."""
    broken = {name for name, each in before.connections.items() if each.unbuilt} if before else set()
    return "; ".join(c.unbuilt for name, c in after.connections.items() if c.unbuilt and name not in broken)


async def _live(runner: Runner, refused: Mapping[str, str]) -> Live:
    unbuilt: dict[tuple[str, str], str] = {}
    accounts: dict[tuple[str, str], Account] = {}
    for tenant in runner.context.tenants.values():
        for name, connection in tenant.connections.items():
            pace, token_ends = connection.resources.pace, connection.resources.usage.token_ends
            accounts[tenant.name, name] = Account(connection.account, pace.rate, pace.burst, *pace.seen(), token_ends)
            if connection.unbuilt:
                unbuilt[tenant.name, name] = connection.unbuilt
    return Live(dict(refused), unbuilt, accounts)


def _kinds(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [kind for inner in error.exceptions for kind in _kinds(inner)]
    return [kind_and_place(error)]
