"""kill -9 at every commit point of one scenario (hold, case, decision, release), restarted: the same ledgers.

A first run writes down which crash points `connect serve` passes. Then, for a point and its n-th passing, the scenario
is played again with a daemon that dies there and one that takes over. Platforms are simulators on sockets; the daemon
is a process that is really killed. A spread of points is walked by default, all of them with CONNECT_ALL_CRASHPOINTS=1.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from serving import PATIENCE, SECRET, SHOP, bound_port, environment, log_lines, write_tenant

from caseconnect_opentext_case.simulator import CoreCaseSimulatorSettings
from caseconnect_opentext_case.simulator import create_app as create_case_app
from caseconnect_shopify.simulator import Shop, create_order
from caseconnect_shopify.simulator import create_app as create_shop_app
from caseconnect_shopify.simulator.webhooks.transport import post

ALL = os.environ.get("CONNECT_ALL_CRASHPOINTS") == "1"
AT_ONCE = 4
SPREAD = 10
TOPICS = (
    "orders/create orders/updated orders/risk_assessment_changed fulfillment_holds/added fulfillment_holds/released"
)
RISKY: dict[str, Any] = {
    "lines": [{"title": "Camera", "sku": "CAM-1", "price": "1200.00", "quantity": 1}],
    "customer": {"first_name": "Ann", "last_name": "Lee", "email": "ann@shop.test"},
    "payment": {"kind": "authorization", "status": "success"},
    "risk": {"level": "HIGH"},
}
ANNOTATIONS = frozenset({"tags_add", "tags_remove", "metafields_set"})
WARM = Path(__file__).resolve().parents[1] / "lib" / "warm_connect.py"


def clock() -> datetime:
    return datetime.now(UTC)


class Warm:
    """Starts daemons quickly: see `warm_connect`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._reading = asyncio.create_task(self._read())

    async def serve(self, folder: Path, log: Path, **more: str) -> int:
        """Start `connect serve`; its process id."""
        arguments = ["serve", "--tenants", str(folder / "tenants"), "--data", str(folder / "data")]
        arguments += ["--port", "0", "--no-pacing", "--log", "json"]
        order = {"arguments": arguments, "environment": environment(**more), "log": str(log)}
        async with self._turn:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            await self._process.stdin.drain()
            return await self._started.get()

    def end(self, pid: int) -> asyncio.Future[int]:
        """The exit code of a daemon, when it has ended."""
        return self._ends.setdefault(pid, asyncio.get_running_loop().create_future())

    async def close(self) -> None:
        """No more daemons."""
        self._process.kill()
        await self._process.wait()
        self._reading.cancel()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            if "started" in told:
                self._started.put_nowait(told["started"])
            elif "ended" in told:
                self.end(told["ended"]).set_result(told["code"])


@asynccontextmanager
async def warm() -> AsyncIterator[Warm]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WARM), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        await process.stdout.readline()
    made = Warm(process)
    try:
        yield made
    finally:
        await made.close()


class QuietServer(uvicorn.Server):
    """A server of this process: signals are pytest's."""

    def install_signal_handlers(self) -> None:
        """None."""


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = QuietServer(
            uvicorn.Config(app, log_config=None, log_level="critical", access_log=False, lifespan="on")
        )
        serving = asyncio.create_task(server.serve([bound]))
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


@dataclass
class World:
    """One scenario: platforms, a folder, and the daemon of the moment."""

    folder: Path
    warm: Warm
    shop: Shop
    cases: Any
    port: int = 0
    pid: int = 0
    deaths: int = 0
    logs: list[Path] = field(default_factory=list)
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self, **more: str) -> None:
        """Start a daemon and wait until it serves or has ended."""
        log = self.folder / f"serve-{len(self.logs)}.log"
        self.logs.append(log)
        self.port = 0
        self.pid = await self.warm.serve(self.folder, log, **more)
        end = self.warm.end(self.pid)
        async with asyncio.timeout(PATIENCE):
            while not end.done() and not self.port:
                await asyncio.wait([end], timeout=0.02)
                self.port = bound_port(log) or 0

    async def keep_alive(self) -> None:
        """Start the daemon again whenever it was killed. A daemon that ends otherwise fails the test."""
        while True:
            code = await asyncio.shield(self.warm.end(self.pid))
            self.port = 0
            assert code == -9, f"the daemon ended with {code}:\n{self.logs[-1].read_text()[-3000:]}"
            self.deaths += 1
            async with self.starting:
                await self.start()

    async def stop(self) -> int:
        """Tell the daemon to end, and wait; its exit code."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, 15)
        async with asyncio.timeout(PATIENCE):
            return await asyncio.shield(self.warm.end(self.pid))

    async def deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """Send a webhook, and again until it is acknowledged: Shopify does so too, only less often."""
        while True:
            try:
                if await post(f"http://127.0.0.1:{self.port}/hooks/acme/shop", headers, body) == 200:
                    return 200
            except (OSError, ValueError, IndexError):
                pass
            await asyncio.sleep(0.05)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the journal."""
        with suppress(sqlite3.OperationalError):
            db = sqlite3.connect(f"file:{self.folder / 'data' / 'journal.db'}?mode=ro", uri=True)
            try:
                return db.execute(sql).fetchall()
            finally:
                db.close()
        return []

    def told(self) -> str:
        """What there is to know about a run that went wrong."""
        commands = self.rows("SELECT kind, name, state, attempt, note FROM commands ORDER BY seq")
        return json.dumps({"shop": self.shop_effects(), "cases": self.case_effects(), "commands": commands}, indent=1)

    async def until(self, what: Any, why: str) -> None:
        """Wait for something to become true."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not what():
            assert asyncio.get_running_loop().time() < end, f"{why}: not in time\n{self.told()}"
            await asyncio.sleep(0.03)

    def shop_effects(self) -> list[str]:
        """What was done at the shop, in order."""
        return [e.what for e in self.shop.ledger]

    def case_effects(self) -> list[tuple[str, str]]:
        """What we did at the case desk, in order, with the text of comments."""
        return [(e.operation, str(e.detail.get("text", ""))) for e in self.cases.ledger if e.via == "api"]

    def at_rest(self) -> bool:
        """The matter is closed and nothing waits to be done."""
        closed = self.rows("SELECT state FROM matters") == [("closed",)]
        open_work = self.rows(
            "SELECT 1 FROM commands WHERE state IN ('planned', 'sending', 'unknown', 'accepted')"
            " UNION ALL SELECT 1 FROM events WHERE state IN ('ready', 'waiting')"
            " UNION ALL SELECT 1 FROM deliveries WHERE state IN ('new', 'waiting')"
        )
        return closed and not open_work and not len(self.shop.outbox)


@dataclass(frozen=True)
class Ending:
    """What a scenario leaves behind, the same in every run: ids and times are taken out."""

    shop: tuple[str, ...]
    tags: tuple[str, ...]
    metafields: tuple[str, ...]
    desk: tuple[str, ...]
    comments: tuple[str, ...]
    documents: int
    outcome: str
    commands: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, world: World) -> Ending:
        """Read the ledgers and the journal. Of what sets tags and attributes only the result counts."""
        (order,), (case,) = world.shop.orders.values(), world.cases.cases.values()

        def plain(text: object) -> str:
            known = str(text).replace(str(order.id), "ORDER").replace(case.id, "CASE")
            # A command that was seen done, not answered, may say more about how it was seen.
            known = re.sub(r" \d of (\d parts held|our holds are left)", "", known)
            return re.sub(r"\b[0-9a-f]{8,64}\b|\d{4}-\d\d-\d\d[T ][\d:.]+Z?", "...", known)

        commands = world.rows("SELECT kind, name, state FROM commands WHERE kind != 'AnnotateOrder'")
        done = [e.operation for e in world.cases.ledger if e.via == "api"]
        return cls(
            shop=tuple(e.what for e in world.shop.ledger if e.what not in ANNOTATIONS),
            tags=tuple(sorted(order.tags)),
            metafields=tuple(sorted(plain((name, field.value)) for name, field in order.metafields.items())),
            desk=tuple(sorted(o for o in done if o != "edit_case_data")),
            comments=tuple(sorted(plain(c.text) for c in case.comments)),
            documents=len(case.attachments),
            outcome=str(case.fields.outcome),
            commands=tuple(sorted((kind, plain(name), state) for kind, name, state in commands)),
        )


async def play(folder: Path, warm: Warm, **more: str) -> tuple[Ending, int]:
    """The scenario from the order to the release, with a daemon that `more` may have killed on the way."""
    shop = Shop(domain=SHOP, client_id="sim-client", client_secret=SECRET, now=clock, first_id=None)
    case_app = create_case_app(CoreCaseSimulatorSettings.from_dict({"tenants": [{"id": "demo", "rate_limit": 0}]}))
    world = World(folder, warm, shop, next(iter(case_app.stores.values())))
    async with listening(create_shop_app([shop], deliver=world.deliver)) as shop_port, listening(case_app) as case_port:
        write_tenant(
            folder,
            shop_port=shop_port,
            case_port=case_port,
            case_poll="400ms",
            backoff="200ms",
            quiet="600ms",
            look_again="200ms",
            deadline="5s",
        )
        await world.start(**more)
        keeping = asyncio.create_task(world.keep_alive())
        scenario = asyncio.create_task(_scenario(world))
        try:
            await asyncio.wait([keeping, scenario], return_when=asyncio.FIRST_COMPLETED)
            if not scenario.done():
                await keeping
            await scenario
        finally:
            async with world.starting:
                for task in (keeping, scenario):
                    task.cancel()
                await asyncio.gather(keeping, scenario, return_exceptions=True)
            code = await world.stop()
        while code == -9:  # killed while it drained
            world.deaths += 1
            await world.start()
            await world.until(world.at_rest, "all comes to rest again")
            code = await world.stop()
        assert code == 0, world.logs[-1].read_text()[-3000:]
    for log in world.logs:
        assert not [line for line in log_lines(log) if line["level"] == "error"], log.read_text()
    return Ending.of(world), world.deaths


async def _scenario(world: World) -> None:
    for topic in TOPICS.split():
        world.shop.subscribe(topic, "http://connect.test/hooks/acme/shop")
    create_order(world.shop, RISKY)
    await world.until(lambda: "hold" in world.shop_effects(), "the order is held")
    await world.until(lambda: world.cases.cases, "a case is open")
    (case,) = world.cases.cases.values()
    world.cases.decide(case.id, "approved", by="agent.one@core-case.example")
    await world.until(lambda: "release" in world.shop_effects(), "the order is released")
    await world.until(world.at_rest, "all comes to rest")


def points(log: Path) -> list[tuple[str, int]]:
    """(name, passing) of every crash point, in the order in which they were passed."""
    seen: Counter[str] = Counter()
    found = []
    for name in log.read_text().splitlines():
        seen[name] += 1
        found.append((name, seen[name]))
    return found


def spread(every: list[tuple[str, int]], wanted: int) -> list[tuple[str, int]]:
    """The first passing of every name, then passings all over the run, `wanted` in all at least."""
    first = [point for point in every if point[1] == 1]
    rest = [point for point in every if point[1] > 1]
    step = max(1, len(rest) // max(1, wanted - len(first)))
    return sorted(first + rest[step - 1 :: step][: max(0, wanted - len(first))], key=every.index)


def test_a_kill_at_any_commit_changes_no_ledger(tmp_path: Path) -> None:
    async def story() -> None:
        async with warm() as ready:
            passed = tmp_path / "passed.txt"
            plain, _ = await play(tmp_path / "plain", ready, CONNECT_CRASH_LOG=str(passed))
            assert plain.shop == ("hold", "release")
            assert plain.desk.count("create_case") == 1
            assert len(plain.comments) == len(set(plain.comments)) > 0
            assert plain.outcome == "approved"
            assert {state for _, _, state in plain.commands} == {"done"}
            every = points(passed)
            walked = every if ALL else spread(every, SPREAD)
            names = {name for name, _ in every}
            assert {"receive:before", "decided:after", "began:after", "sending", "answered", "settled:before"} <= names
            room = asyncio.Semaphore(AT_ONCE)

            async def one(number: int, name: str, passing: int) -> int:
                async with room:
                    end, deaths = await play(tmp_path / str(number), ready, CONNECT_CRASH=f"{name}:{passing}")
                    assert end == plain, f"{end}\nis not\n{plain}"
                    return deaths

            ends = await asyncio.gather(*(one(n, *point) for n, point in enumerate(walked)), return_exceptions=True)
            wrong = [f"killed at {p}: {e}" for p, e in zip(walked, ends, strict=True) if isinstance(e, BaseException)]
            assert not wrong, f"{len(wrong)} of {len(walked)} went wrong:\n" + "\n".join(wrong)
            died = sum(end for end in ends if isinstance(end, int))
            # The number of polls differs from run to run, so that a late passing may not come; the others do.
            assert died > len(walked) * 0.7, f"only {died} of {len(walked)} daemons were killed"

    asyncio.run(story())
