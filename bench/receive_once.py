"""Store deliveries in a process of its own: `python -m bench.receive_once FOLDER DELIVERIES SEALED [NUMBERS]`.

It prints JSON.
The journal is the daemon's (thread, group commit, FULL); 64 wait at a time, as with so many connections.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import structlog
import uvloop

from bench import tenant
from bench.body import template
from bench.orders import FIRST_ORDER, Bodies
from bench.platforms import utc_now
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import NewDelivery
from caseconnect.host.numbers.numbers import Numbers

_AT_ONCE = 64


async def receive(folder: Path, deliveries: int, *, sealed: bool, counted: bool) -> dict[str, Any]:
    """Store them all; how fast."""
    bodies = Bodies(template())
    watch = Numbers(utc_now, structlog.get_logger()).committed if counted else None
    journal = SqliteJournal.open(folder / "journal.db", threaded=True, sealed=sealed, watch=watch)
    left = iter(range(deliveries))
    began, cpu = time.perf_counter(), time.process_time()

    async def client() -> None:
        for number in left:
            body = bodies.body(FIRST_ORDER + number)
            new = NewDelivery(tenant.NAME, "shop", "orders/create", f"receive-{number}", utc_now(), body, {})
            await journal.receive([new], None, utc_now())

    await asyncio.gather(*(client() for _ in range(_AT_ONCE)))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    journal.close()
    size = (folder / "journal.db").stat().st_size
    return {"per_second": deliveries / took, "cpu_us": 1e6 * cpu / deliveries, "mb": size / 1e6}


def main() -> None:
    """The command line."""
    result = uvloop.run(
        receive(Path(sys.argv[1]), int(sys.argv[2]), sealed=sys.argv[3] == "1", counted=sys.argv[4:5] != ["0"])
    )
    sys.stdout.buffer.write(orjson.dumps(result) + b"\n")


if __name__ == "__main__":
    main()
