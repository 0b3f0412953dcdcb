"""One Connect after another over one journal: started, killed at a crash point, frozen, stopped, started again.

All that `connect serve` has is here but its threads, sockets and the web server's own code: `Hooks`, the rooms of the
`Runner` side by side, the SQLite journal with its one writer, and every plugin.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - webhooks are posted as any client would
from journal_desk import opened
from reaping import Killed

from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.batch import Item
from caseconnect.host.journal.errors import JournalBroken, JournalBusy, JournalFull
from caseconnect.host.journal.records import NewDelivery, Receipt
from caseconnect.host.pipeline.live import Accounts, LiveTenant, build, first_starts
from caseconnect.host.pipeline.runner import Runner
from caseconnect.host.plugins import Installed, load
from caseconnect.host.tenants import load_tenants
from caseconnect.host.web.hooks import Hooks
from caseconnect.host.web.registry import hooks_of
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog
from simulation.breaking import BreakingWriter
from simulation.loop import OWNER, Owner, SeededLoop
from simulation.swarm import COMMIT
from simulation.town import Town

_ENDING = 5.0
"""Seconds from a failed commit to the end of the process."""

_SWEEP = 30.0
"""Seconds between two looks of the clock, as in `host/clock.py`."""


@cache
def installed() -> Installed:
    """All plugins of the workspace."""
    return load()


@dataclass
class Reaper:
    """Sees every crash point that is passed; at some it kills the process, which then does nothing more."""

    seen: Counter[str]
    kills: set[int] = field(default_factory=set)
    wanted: list[tuple[str, int]] = field(default_factory=list)
    owner: Owner | None = None
    dead: bool = False
    passed: int = 0
    trace: Any = None

    def __call__(self, name: str) -> None:
        """A crash point is passed."""
        if self.dead:
            raise Killed(name)
        if self.owner is None:
            return
        self.passed += 1
        self.seen[f"passed {name}"] += 1
        if self.trace is not None:
            self.trace("crash point", name)
        if not (self.passed in self.kills or self._struck(name)):
            return
        self.dead = True
        self.seen["crash"] += 1
        self.seen[f"killed at {name}"] += 1
        self.owner.kill()
        raise Killed(name)

    def _struck(self, name: str) -> bool:
        for place, (point, left) in enumerate(self.wanted):
            if point == name:
                self.wanted[place] = (point, left - 1)
                if left <= 1:
                    del self.wanted[place]
                    return True
        return False


class Daemon:
    """The process of now. `skew` is how far its clock is off.

    `breaking`: the next commit of such a write (empty: of any) fails, and whether it landed all the same.
    """

    def __init__(self, town: Town, folder: Path, reaper: Reaper) -> None:
        self.town, self.folder, self.reaper = town, folder, reaper
        self.log = RecordingLog()
        self.skew = timedelta()
        self.high, self.poll = "1000", "4m"
        self.owner: Owner | None = None
        self.journal: SqliteJournal
        self.runner: Runner
        self.hooks: Hooks | None = None
        self.failed: list[str] = []
        self.breaking: tuple[str, bool] | None = None
        self._writer: BreakingWriter | None = None
        self._unsure: set[asyncio.Task[Any] | None] = set()
        self._main: asyncio.Task[None] | None = None
        self._context = Context()

    def now(self) -> datetime:
        """The time as the process believes it."""
        return self.town.now() + self.skew

    @property
    def up(self) -> bool:
        """It answers."""
        return self.hooks is not None and not self.reaper.dead

    async def start(self, *, rooms: bool = True) -> None:
        """Begin a process. With `rooms` it works by itself; else it is stepped through by `step`."""
        self.owner = self.reaper.owner = Owner()
        self._context = Context()
        self._context.run(OWNER.set, self.owner)
        self.reaper.dead = False
        started = asyncio.Event()
        work = self._work(started, rooms=rooms)
        self._main = asyncio.get_running_loop().create_task(work, context=self._context)
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait({waiting, self._main}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def ended(self) -> None:
        """Wait until the process has ended, by whatever."""
        if self._main:
            await asyncio.wait({self._main})

    async def stop(self) -> None:
        """SIGTERM: the turns that are on end, nothing new begins. It may be killed meanwhile."""
        if not self.reaper.dead:
            self._context.run(self.runner.stop)
            await self.ended()
        await self.bury()

    async def bury(self) -> None:
        """Nothing of the process goes on, and its files are let go as the kernel would."""
        if self.owner is None:
            return
        loop: Any = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        loop.thaw(self.owner)
        self.reaper.dead, self.hooks = True, None
        while living := self.owner.living():
            for task in living:
                task.cancel()
            await asyncio.gather(*living, return_exceptions=True)
        self.journal.close()
        if left := _open_files(self.folder):
            self.failed.append(f"I11: the process has ended and left files open: {left}")
        error = self._main.exception() if self._main and not self._main.cancelled() else None
        if error and not _is_death(error, broken=self._writer is not None and self._writer.broken):
            self.failed.append(f"the process ended by itself: {_said(error)}")
        self.reaper.owner = self._main = self.owner = None
        self.reaper.dead = False

    async def post(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """What a webhook's sender gets: a status, or no answer."""
        if self.hooks is None or self.owner is None or self.reaper.dead:
            raise ConnectionRefusedError
        loop = asyncio.get_running_loop()
        answering = loop.create_task(self._answer(path, headers, body), context=self._context)
        await asyncio.wait({answering})
        if answering.cancelled() or answering.exception():
            raise ConnectionResetError
        return answering.result()

    async def do(self, verb: Callable[[SqliteJournal], Awaitable[object]]) -> bool:
        """What a person asks of the running process; False when it is not up, or dies over it."""
        if not self.up or self.owner is None or self.owner.frozen:
            return False
        doing = asyncio.get_running_loop().create_task(_awaited(verb(self.journal)), context=self._context)
        await asyncio.wait({doing})
        return not doing.cancelled() and doing.exception() is None

    async def step(self, until: datetime) -> None:
        """Let time pass until then, working off what comes due on the way."""
        assert self.owner is not None
        loop = asyncio.get_running_loop()
        before = len(self.owner.living())
        stepping = loop.create_task(self._step(until), context=self._context)
        await asyncio.wait({stepping})
        stepping.result()
        if (left := len(self.owner.living()) - before) > 0:
            self.failed.append(f"I11: all is at rest, and {left} more tasks are on than when it began")

    async def _step(self, until: datetime) -> None:
        shop = self.town.shop
        while True:
            await shop.run_due()
            await self.runner.settle()
            now = self.town.now()
            if now >= until:
                return
            due = [at for at in (self.runner.next_due(), shop.next_due()) if at]
            wait = min([(at - now).total_seconds() for at in due], default=3600.0)
            await asyncio.sleep(min((until - now).total_seconds(), max(wait, 0.001)))

    async def _answer(self, path: str, headers: dict[str, str], body: bytes) -> int:
        assert self.hooks is not None
        transport = httpx.ASGITransport(app=self.hooks)
        async with httpx.AsyncClient(transport=transport, base_url="https://connect.test") as client:
            status = (await client.post(path, headers=headers, content=body)).status_code
        if asyncio.current_task() in self._unsure and status < 300:
            self.failed.append(f"I12: {path} was answered {status}, and its commit had failed")
        return status

    def _strikes(self, item: Item) -> bool | None:
        """Whether a commit fails now, and landed all the same."""
        if self.breaking is None or self.breaking[0] not in ("", item.name):
            return None
        (_, landed), self.breaking = self.breaking, None
        return landed

    def _broken(self) -> None:
        """The process has heard that its journal is broken, and ends: what it is at meanwhile must do no harm."""
        self.reaper.seen[COMMIT] += 1
        asyncio.get_running_loop().call_later(_ENDING, self._end, self.owner)

    def _end(self, owner: Owner | None) -> None:
        if owner is not None and owner is self.owner and not self.reaper.dead:
            self.reaper.dead = True
            owner.kill()

    async def _work(self, started: asyncio.Event, *, rooms: bool) -> None:
        tenants = self._tenants()
        self.journal = journal = opened(self.folder / "journal.db")
        assert journal._writer is not None
        journal._writer = self._writer = BreakingWriter(journal._writer, self._strikes, self._broken)
        self.runner = runner = Runner(journal, self.now, self.log)
        accounts, live = Accounts(), dict[str, LiveTenant]()
        for name, tenant in tenants.items():
            began, starts = await first_starts(journal, tenant, self.now())
            live[name] = await build(
                tenant, accounts=accounts, secrets=MemorySecrets(self.town.secrets), now=self.now, log=self.log,
                go_live=began, starts=starts, whole=False,
                transport=lambda t, c: self.town.tenants[t].wires.get(c),
            )  # fmt: skip
        await runner.start(live)

        async def store(new: NewDelivery) -> Receipt:
            try:
                return (await journal.receive([new], None, new.received_at))[0]
            except JournalBroken:
                self._unsure.add(asyncio.current_task())
                raise

        self.hooks = Hooks(store, self.now, stored=runner.context.wake.ring)
        self.hooks.registry = {
            place: type(hook)(hook.tenant, hook.connection, hook.webhook, self._revealer(hook))
            for place, hook in hooks_of(tenants).items()
        }
        started.set()
        if not rooms:
            await asyncio.Event().wait()
        ticking = asyncio.create_task(self._tick())
        try:
            await runner.run(20.0)
        finally:
            ticking.cancel()
            for tenant_ in live.values():
                await tenant_.close()

    def _tenants(self) -> dict[str, Any]:
        folder = self.folder / "tenants"
        folder.mkdir(exist_ok=True)
        for name, tenant in self.town.tenants.items():
            (folder / f"{name}.yaml").write_text(tenant.file(self.high, self.poll))
        found = load_tenants(folder, installed())
        assert not found.problems, [str(p) for p in found.problems]
        return dict(found.tenants)

    def _revealer(self, hook: Any) -> Any:
        named = {"shop": f"{hook.tenant.upper()}_SHOP", "desk": f"{hook.tenant.upper()}_DESK"}
        return lambda: [self.town.secrets[named[hook.connection]]]

    async def _tick(self) -> None:
        """As `host/clock.py` does: at what is due next, and at least every half minute."""
        woken = self.runner.context.wake.listen()
        while True:
            woken.clear()
            try:
                await self.runner.tick(self.now())
            except (JournalFull, JournalBusy) as error:
                self.log.error("clock", error=str(error))
            due = self.runner.next_due()
            wait = min((due - self.now()).total_seconds(), _SWEEP) if due else _SWEEP
            await asyncio.sleep(max(wait, 0.1))


def _open_files(folder: Path) -> list[str]:
    """What this process has open there."""
    found = []
    for name in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the listing itself
            found.append(str(name.readlink()))
    return [path for path in found if path.startswith(f"{folder.resolve()}/")]


async def _awaited(work: Awaitable[object]) -> None:
    await work


def _is_death(error: BaseException, *, broken: bool = False) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_death(inner, broken=broken) for inner in error.exceptions)
    return isinstance(error, Killed | asyncio.CancelledError) or (broken and isinstance(error, JournalBroken))


def _said(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_said(inner) for inner in error.exceptions if not _is_death(inner))
    return f"{type(error).__name__}: {error}"
