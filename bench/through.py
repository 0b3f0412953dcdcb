"""Part 3, webhook to open case: the daemon and both simulators as processes, a steady rate of exceptions.

From the moment at which a delivery is begun to be posted to the moment at which the case is in Core Case's ledger;
all on one machine and one clock.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.body import template
from bench.orders import FIRST_ORDER, SECRET, SHOP, Bodies, request, spec
from bench.processes import get_json, serve, simulator
from bench.sizes import Size

_WAIT = 60.0
_AGAIN = 1.0


def measure(size: Size) -> dict[str, Any]:
    """Post every order once, at the size's rate, and look up when its case was opened."""
    orders = [spec(FIRST_ORDER + n, risky=True) for n in range(size.through_orders)]
    shop_options = {
        "shops": [{"domain": SHOP, "client_secret": SECRET, "restore_rate": 1e9, "orders": orders}],
    }
    case_options = {"tenants": [{"rate_limit": 0.0}]}
    with (
        tempfile.TemporaryDirectory() as name,
        simulator("shopify", shop_options, Path(name)) as shop,
        simulator("opentext_case", case_options, Path(name)) as cases,
        serve(
            Path(name),
            shop_url=f"http://127.0.0.1:{shop.port}",
            case_url=f"http://127.0.0.1:{cases.port}",
        ) as daemon,
    ):
        idle, cpu = daemon.memory_mb(), daemon.cpu_seconds()
        posted = asyncio.run(_post_all(daemon.port, size))
        opened = opened_cases(cases.port, set(posted))
        memory, cpu = daemon.memory_mb(), daemon.cpu_seconds() - cpu
    return {
        "orders": len(posted),
        "per_second": size.through_rate,
        **times_of(posted, opened),
        "cpu_ms_per_order": 1000 * cpu / max(len(posted), 1),
        "memory_idle_mb": idle,
        "memory_after_mb": memory,
    }


def times_of(posted: dict[str, float], opened: dict[str, float]) -> dict[str, Any]:
    """How many of the posted orders have a case, and after how many milliseconds."""
    times = sorted(1000 * (opened[number] - at) for number, at in posted.items() if number in opened)
    return {
        "cases": len(times),
        "p50_ms": times[len(times) // 2] if times else None,
        "p99_ms": times[len(times) * 99 // 100] if times else None,
        "max_ms": times[-1] if times else None,
    }


async def _post_all(port: int, size: Size) -> dict[str, float]:
    """Order number -> when its delivery was begun, as Unix time."""
    bodies, posted = Bodies(template()), {}
    ready = []
    for n in range(size.through_orders):
        body = bodies.body(FIRST_ORDER + n)
        ready.append((str(FIRST_ORDER + n), request(port, "orders/create", f"through-{n}", body)))
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for n, (number, whole) in enumerate(ready):
            await asyncio.sleep(max(0.0, began + n / size.through_rate - time.perf_counter()))
            posted[number] = time.time()
            group.create_task(post(port, whole))
    return posted


async def post(port: int, whole: bytes) -> None:
    """Post until it is taken, as a platform does: a daemon that has too much to do says so and is asked again."""
    while b" 200" not in (status := await _status(port, whole)):
        if b" 4" in status:
            raise RuntimeError(f"a delivery was answered {status!r}")
        await asyncio.sleep(_AGAIN)


async def _status(port: int, whole: bytes) -> bytes:
    """The status line; empty when the connection ended without one."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(whole)
        status = await reader.readline()
        writer.close()
        await writer.wait_closed()
    except OSError:
        return b""
    return status


def opened_cases(port: int, wanted: Collection[str]) -> dict[str, float]:
    """Order number -> when its case was opened, by the case simulator's ledger, as Unix time."""
    until = time.monotonic() + _WAIT
    while True:
        found = _opened(port)
        if found.keys() >= set(wanted) or time.monotonic() > until:
            return found
        time.sleep(0.5)


def _opened(port: int) -> dict[str, float]:
    opened = {e["case_id"]: e["at"] for e in get_json(port, "/_sim/ledger")["ledger"] if _opens(e)}
    found: dict[str, float] = {}
    for case in get_json(port, "/_sim/state")["tenants"]["demo"]["cases"]:
        number = next((str(v).split("/")[3] for v in _values(case["custom"]) if str(v).count("/") >= 4), None)
        if number and case["id"] in opened:
            found[number] = datetime.fromisoformat(opened[case["id"]]).timestamp()
    return found


def _opens(entry: dict[str, Any]) -> bool:
    return str(entry["operation"]).startswith("create") and entry["via"] == "api"


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [inner for part in value.values() for inner in _values(part)]
    return [value]
