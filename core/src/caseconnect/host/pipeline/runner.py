"""The runner: the rooms side by side, woken by each other and by the clock.

It knows no thread and no signal. `serve` gives it an event loop of its own; a test runs it on virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from caseconnect.host.alerting.settings import USUAL, WatchPart
from caseconnect.host.faults import told
from caseconnect.host.journal import Journal
from caseconnect.host.journal.codec import unstamp
from caseconnect.host.journal.errors import JournalBusy, JournalError, JournalFull
from caseconnect.host.pipeline.building import Builder
from caseconnect.host.pipeline.comparing import Comparing
from caseconnect.host.pipeline.context import DOWN, Context
from caseconnect.host.pipeline.daily import DailyChecks
from caseconnect.host.pipeline.decide import Decider
from caseconnect.host.pipeline.deliver import Deliverer
from caseconnect.host.pipeline.expiry import Expiry
from caseconnect.host.pipeline.facts import Fetcher
from caseconnect.host.pipeline.identity import Identities
from caseconnect.host.pipeline.intake import Intake
from caseconnect.host.pipeline.listen import Listeners
from caseconnect.host.pipeline.live import LiveTenant
from caseconnect.host.pipeline.poll import Poller
from caseconnect.host.pipeline.recovery import Recovery
from caseconnect.host.pipeline.watching import Watching
from caseconnect.sdk.resources import Log

_LONGEST_SLEEP = timedelta(seconds=30)
_FULL_WAIT = 1.0
BREATH = 0.05
"""Seconds between two turns of intake while deliveries keep coming in: many small turns would take the interpreter's
lock from the web server all the time. It never starves: a turn reads up to 256 deliveries a tenant, 5,000 a second."""


NO_DISK = USUAL.model_copy(update={"disk_free": 0})
"""What a runner without a daemon watches: how much room its machine has is nobody's matter."""


class Runner:
    """One pipeline over one journal. Start with `start`, then `run` until `stop`; or `settle` step by step."""

    def __init__(self, journal: Journal, now: Callable[[], datetime], log: Log, watch: WatchPart = NO_DISK) -> None:
        self.context = Context(journal, now, log)
        self.fetcher = fetcher = Fetcher(self.context)
        self.intake = Intake(self.context)
        self.decider = Decider(self.context, fetcher)
        self.identities = Identities(self.context)
        self.deliverer = Deliverer(self.context, fetcher, self.identities)
        self.poller = Poller(self.context)
        self.listeners = Listeners(self.context)
        self.builder = Builder(self.context)
        self.recovery = Recovery(self.context, fetcher)
        self.daily = DailyChecks(self.context, now(), watch.before_end)
        self.expiry = Expiry(self.context, now())
        self.comparing = Comparing(self.context, fetcher, now())
        self._leaving: set[asyncio.Task[None]] = set()
        self._at_work = False
        self.watching = Watching(self.context, now(), watch)
        self._stopping = asyncio.Event()
        self._announced = now()

    def watch(self, watch: WatchPart) -> None:
        """From when on something that lasts is an alert, from the next look on."""
        self.watching.follow(watch)
        self.daily.before_end = watch.before_end

    async def start(self, tenants: dict[str, LiveTenant]) -> list[str]:
        """Take up the tenants, recover what was in flight, and give polls their due times.

        The keys of commands whose outcome is unknown because the last process ended while they were out.
        """
        self.context.tenants = dict(tenants)
        self.context.refused = {
            (b.tenant, b.name) for b in self.context.journal.brakes() if b.scope == "connection" and b.by == "connect"
        }
        self.context.down = {
            (a["tenant"], a["cause"].removeprefix(DOWN))
            for a in self.context.journal.stuck()["alerts"]
            if a["cause"].startswith(DOWN)
        }
        recovered = await self.context.journal.recover(self.context.now())
        await self.recovery.begin()
        for live in tenants.values():
            await self.identities.take_up(live)
            await self.poller.prepare(live)
            await self._take_up(live)
        return recovered

    async def replace(self, name: str, live: LiveTenant | None) -> None:
        """Let a tenant be another one from now on (None: none at all), between two turns and as a whole.

        What is on goes on as it began, with the connections that it began with, which are closed when it has ended.
        What begins after this is under `live`, also what was queued. Raises what the journal raises; then nothing
        has changed.
        """
        if live is not None:
            await self.identities.take_up(live)
            await self.poller.prepare(live)
        before, on = self.context.tenants.get(name), self._on()
        others = {each: tenant for each, tenant in self.context.tenants.items() if each != name}
        self.context.tenants = others if live is None else {**others, name: live}
        self.builder.leave(name)
        if before is not None:
            leaving = asyncio.create_task(self._leave(before, self.listeners.leave(name), on))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        if live is not None:
            if self._at_work:
                self.listeners.start(live)
            try:
                await self._take_up(live)
            except JournalError as error:  # it is at work; only the alert of what is not built could not be written
                self.context.log.error("the journal takes nothing", why=str(error))
        self.context.wake.ring()

    async def _take_up(self, live: LiveTenant) -> None:
        for connection in live.connections.values():
            connection.resources.gate.why = partial(self.context.cut_off, live.name, connection.spec.name)
        self.recovery.take_up(live)
        await self.builder.take_up(live)

    def _on(self) -> list[asyncio.Task[Any]]:
        """All work that is on, of whatever tenant."""
        rooms = (self.intake, self.decider, self.deliverer, self.poller, self.recovery, self.fetcher)
        return [task for room in (*rooms, self.daily, self.expiry, self.comparing) for task in room.on()]

    async def _leave(self, live: LiveTenant, listening: Awaitable[object], on: Collection[asyncio.Task[Any]]) -> None:
        """Close a tenant's connections when all that may use them has ended."""
        try:
            await listening
            if on:
                await asyncio.wait(on)
            await live.close()
        except Exception as error:  # noqa: BLE001 - a plugin's fault at its end must not stop the others
            self.context.log.error("connections not closed", tenant=live.name, error=told(error))

    async def tick(self, now: datetime) -> bool:
        """The clock says that something is due: fire timers, start polls, wake the rooms. Whether a poll began."""
        self.watching.tick(now)  # first: the disk may be full for all that follows
        while await self.context.journal.fire(now, 500):
            self.context.wake.ring()
        self.announce()
        polling = self.poller.tick(now)
        self.daily.tick(now)
        self.expiry.tick(now)
        self.comparing.tick(now)
        self.context.wake.ring()
        return polling

    def announce(self) -> None:
        """Log the alerts that are new, or came once more, since the last time."""
        for alert in self.context.journal.alerts(self._announced):
            self._announced = unstamp(alert["last_at"])
            self.context.log.warning(
                "alert", **{name: alert[name] for name in ("tenant", "cause", "title", "link", "count")}
            )

    def next_due(self) -> datetime | None:
        """When `tick` is wanted next."""
        return self.context.journal.next_due(self.context.now())

    async def run(self, drain: float | None = None) -> None:
        """Work until `stop` was called; then let the turns that are on end, for `drain` seconds at most."""
        rooms = ((self.intake.turn, BREATH), (self.decider.turn, 0.0), (self.deliverer.turn, 0.0))
        self._at_work = True
        for live in self.context.tenants.values():
            self.listeners.start(live)
        try:
            async with asyncio.TaskGroup() as group:
                for turn, rest in rooms:
                    group.create_task(self._room(turn, rest))
        finally:
            self._at_work = False
            await self.listeners.stop()
        try:
            async with asyncio.timeout(drain):
                await self.idle()
        except TimeoutError:
            self.context.log.warning("drain ended", why="work was still on: a send in flight stays `sending`")
            self.deliverer.abandon()
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=drain)

    def stop(self) -> None:
        """Begin nothing new. From the runner's own event loop."""
        self._stopping.set()
        self.builder.stop()
        self.recovery.stop()
        self.daily.stop()
        self.comparing.stop()
        self.watching.stop()
        self.context.wake.ring()

    async def idle(self) -> None:
        """Wait for all work that is on."""
        await self.recovery.idle()
        await self.intake.idle()
        await self.decider.idle()
        await self.deliverer.idle()
        await self.poller.idle()
        await self.daily.idle()
        await self.expiry.idle()
        await self.comparing.idle()
        await self.watching.idle()

    async def settle(self, rounds: int = 10_000) -> None:
        """Work until nothing is left that is due now. For tests and one-off commands."""
        for _ in range(rounds):
            began = self.context.now()
            busy = await self.tick(began)
            busy = await self.intake.turn() or busy
            busy = await self.decider.turn() or busy
            busy = await self.deliverer.turn() or busy
            await self.idle()
            due = self.context.journal.next_due(began)
            idle = not busy and (due is None or due > self.context.now())
            if idle or self.context.rests():
                return
        raise RuntimeError("the pipeline does not come to rest")

    async def _room(self, turn: Callable[[], Awaitable[bool]], rest: float) -> None:
        woken = self.context.wake.listen()
        while not self._stopping.is_set():
            woken.clear()
            if self.context.rests():
                await asyncio.sleep(_FULL_WAIT)
                continue
            try:
                busy = await turn()
            except (JournalFull, JournalBusy) as error:
                # Nothing was written and nothing new begins; it goes on by itself when there is room.
                self.context.log.error("the journal takes nothing", why=str(error))
                await asyncio.sleep(_FULL_WAIT)
                continue
            if busy:
                self.context.wake.ring()
                await asyncio.sleep(rest)
                continue
            due = self.next_due()
            sleep = min(due - self.context.now(), _LONGEST_SLEEP) if due else _LONGEST_SLEEP
            try:
                async with asyncio.timeout(max(sleep.total_seconds(), 0.001)):
                    await woken.wait()
            except TimeoutError:
                continue
