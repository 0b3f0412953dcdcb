"""A neighbour: webhook to open case of a quiet tenant, alone and beside one that floods the same daemon."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.body import template
from bench.orders import FIRST_ORDER, QUIET, SECRET, SHOP, Bodies, request, spec
from bench.processes import serve, simulator
from bench.sizes import Size
from bench.through import opened_cases, post, times_of

_FIRST_QUIET = FIRST_ORDER + 500_000_000
_FIRST_NOISY = FIRST_ORDER
_RATE = 2.0
_NOISE = 10
"""The noisy one sends so many exceptions for each of the quiet one."""


def measure(size: Size) -> dict[str, Any]:
    """Milliseconds of the quiet tenant's cases, both ways."""
    return {
        "orders": size.noisy_orders,
        "per_second": _RATE,
        "noise_per_second": _RATE * _NOISE,
        "alone": _run(size.noisy_orders, noise=False),
        "beside": _run(size.noisy_orders, noise=True),
    }


def _run(orders: int, *, noise: bool) -> dict[str, Any]:
    quiet = [spec(_FIRST_QUIET + n, risky=True) for n in range(orders)]
    loud = [spec(_FIRST_NOISY + n, risky=True) for n in range(orders * _NOISE)]
    shops = [
        {"domain": SHOP, "client_secret": SECRET, "restore_rate": 1e9, "orders": loud},
        {"domain": QUIET.shop, "client_secret": QUIET.secret, "restore_rate": 1e9, "orders": quiet},
    ]
    with (
        tempfile.TemporaryDirectory() as name,
        simulator("shopify", {"shops": shops}, Path(name)) as shop,
        simulator("opentext_case", {"tenants": [{"rate_limit": 0.0}]}, Path(name)) as cases,
        serve(
            Path(name),
            shop_url=f"http://127.0.0.1:{shop.port}/shops/$shop",
            case_url=f"http://127.0.0.1:{cases.port}",
            quiet=True,
        ) as daemon,
    ):
        posted = asyncio.run(_post_all(daemon.port, orders, noise=noise))
        return times_of(posted, opened_cases(cases.port, set(posted)))


async def _post_all(port: int, orders: int, *, noise: bool) -> dict[str, float]:
    """Order number of the quiet tenant -> when its delivery was begun, as Unix time."""
    bodies, posted = Bodies(template()), {}
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for n in range(orders * _NOISE):
            await asyncio.sleep(max(0.0, began + n / (_RATE * _NOISE) - time.perf_counter()))
            if noise:
                body = bodies.body(_FIRST_NOISY + n)
                group.create_task(post(port, request(port, "orders/create", f"loud-{n}", body)))
            if n % _NOISE == 0:
                number = _FIRST_QUIET + n // _NOISE
                whole = request(port, "orders/create", f"quiet-{n}", bodies.body(number), QUIET)
                posted[str(number)] = time.time()
                group.create_task(post(port, whole))
    return posted
