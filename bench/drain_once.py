"""Drain one journal in a process of its own: `python -m bench.drain_once FOLDER ORDERS [SEALED] [NUMBERS]`.

It prints one JSON line.
The folder may hold a journal already. The pipeline is the daemon's (runner, clock, thread of the journal, FULL) on real
time, with pacing off and both platforms in the process (bench/platforms.py).
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import structlog
import uvloop

from bench import tenant
from bench.body import template
from bench.dlt_once import peak_mb
from bench.orders import FIRST_ORDER, Bodies
from bench.platforms import Platforms, utc_now
from caseconnect.host.clock import Clock
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.logs import configure
from caseconnect.host.numbers.numbers import Numbers
from caseconnect.host.pipeline.live import Accounts, build
from caseconnect.host.pipeline.runner import Runner
from caseconnect.host.plugins import load
from caseconnect.host.tenants import load_tenants

_STALL = 180.0
_LEFT = """
SELECT (SELECT count(*) FROM deliveries WHERE state IN ('new', 'waiting'))
     + (SELECT count(*) FROM events WHERE state = 'ready') + (SELECT count(*) FROM events WHERE state = 'waiting')
     + (SELECT count(*) FROM commands WHERE waits = 0 AND state IN ('planned', 'unknown', 'accepted'))
     + (SELECT count(*) FROM commands WHERE state = 'sending')
"""


async def drain(folder: Path, orders: int, *, sealed: bool, counted: bool) -> dict[str, Any]:
    """Journal the orders, then work until nothing is left."""
    platforms = Platforms(orders)
    numbers = Numbers(utc_now, structlog.get_logger())
    watch = numbers.committed if counted else None
    journal = SqliteJournal.open(folder / "journal.db", threaded=True, sealed=sealed, watch=watch)
    await _journal_orders(journal, orders)
    configure(json=True, level="error")
    tenants = load_tenants(tenant.write(folder / "tenants"), load()).tenants
    runner = Runner(journal, utc_now, structlog.get_logger())
    live = {
        name: await build(
            found,
            accounts=Accounts(off=True),
            secrets=found.secrets(),
            now=utc_now,
            log=structlog.get_logger(),
            go_live=utc_now(),
            transport=platforms.transport,
        )
        for name, found in tenants.items()
    }
    await runner.start(live)
    numbers.begin(journal, lambda: live)
    counting = asyncio.create_task(numbers.run()) if counted else None
    before = journal.counts()["events"].get("done", 0)
    began, cpu = time.perf_counter(), time.process_time()
    clock = Clock(runner, utc_now)
    clock.start()
    running = asyncio.create_task(runner.run(20))
    await _until_drained(folder / "journal.db", running)
    if counting:
        await numbers.page()
        counting.cancel()
    numbers.close()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    await clock.stop()
    runner.stop()
    await running
    for found in live.values():
        await found.close()
    counts = journal.counts()
    journal.close()
    return {
        "orders": orders,
        "seconds": took,
        "cpu_seconds": cpu,
        "orders_per_second": orders / took,
        "events": counts["events"].get("done", 0) - before,
        "events_per_second": (counts["events"].get("done", 0) - before) / took,
        "cases": len(platforms.cases.cases),
        "commands": counts["commands"],
        "parked": sum(counts[kind].get("parked", 0) for kind in ("deliveries", "events", "commands")),
        "memory_peak_mb": peak_mb(),
    }


async def _journal_orders(journal: SqliteJournal, orders: int) -> None:
    bodies, page = Bodies(template()), 256
    for first in range(0, orders, page):
        items = [
            NewDelivery(
                tenant.NAME,
                "shop",
                "orders/create",
                f"drain-{number}",
                utc_now(),
                bodies.body(FIRST_ORDER + number),
                {"X-Shopify-Triggered-At": "2026-11-01T00:00:00.000000000Z"},
            )
            for number in range(first, min(first + page, orders))
        ]
        await journal.receive(items, None, utc_now())


async def _until_drained(path: Path, running: asyncio.Task[None]) -> None:
    """Return when nothing is left. `RuntimeError` when nothing became less for `_STALL` seconds."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    least, since = sys.maxsize, time.monotonic()
    while not running.done() and (left := db.execute(_LEFT).fetchone()[0]):
        if left < least:
            least, since = left, time.monotonic()
        elif time.monotonic() - since > _STALL:
            raise RuntimeError(f"the pipeline stands still with {left} deliveries, events and commands open")
        await asyncio.sleep(min(max(left / 20_000, 0.01), 0.5))
    db.close()


def main() -> None:
    """The command line."""
    result = uvloop.run(
        drain(Path(sys.argv[1]), int(sys.argv[2]), sealed=sys.argv[3:4] != ["0"], counted=sys.argv[4:5] != ["0"])
    )
    sys.stdout.buffer.write(orjson.dumps(result) + b"\n")


if __name__ == "__main__":
    main()
