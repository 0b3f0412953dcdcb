"""What safety costs: intake and draining with and without seals (a checksum of each row, the hash chain, the marker).

And how long a journal with a past takes to be sealed, opened, verified, and backed up.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench import history
from bench.processes import call
from bench.sizes import Size
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.backups import back_up, check

VARIANTS = {"sealed": "1", "plain": "0"}
_ROUNDS = 3
_DELIVERIES_OF_AN_ORDER = 10


def measure(size: Size) -> dict[str, Any]:
    """Rounds of both variants in turn, each in a process of its own; medians, and the ratio within each round."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    for number in range(min(size.rounds, _ROUNDS)):
        for variant in VARIANTS if number % 2 == 0 else reversed(VARIANTS):
            with tempfile.TemporaryDirectory() as name:
                found[variant].append(_round(Path(name), variant, size.drain_orders))
    shown = {variant: {key: median(r[key] for r in rounds) for key in rounds[0]} for variant, rounds in found.items()}
    pairs = list(zip(found["sealed"], found["plain"], strict=True))
    ratios = {
        f"ratio_{what}": float(median(a[f"{what}_per_second"] / b[f"{what}_per_second"] for a, b in pairs))
        for what in ("intake", "drain")
    }
    return {**shown, **ratios, "orders": size.drain_orders, "past": _past(size.history_events)}


def _round(folder: Path, variant: str, orders: int) -> dict[str, Any]:
    deliveries = str(orders * _DELIVERIES_OF_AN_ORDER)
    intake = call("bench.receive_once", str(folder / "intake"), deliveries, VARIANTS[variant])
    drain = call("bench.drain_once", str(folder / "drain"), str(orders), VARIANTS[variant])
    return {
        "intake_per_second": intake["per_second"],
        "intake_cpu_us": intake["cpu_us"],
        "intake_mb": intake["mb"],
        "drain_per_second": drain["orders_per_second"],
        "drain_cpu_ms": 1000 * drain["cpu_seconds"] / drain["orders"],
    }


def _past(events: int) -> dict[str, Any]:
    """Seconds of what is done to a journal as a whole."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "journal.db"
        took: dict[str, Any] = {"events": events, "seal": history.fill(path, events)}
        steps: dict[str, Callable[[], object]] = {
            "open": lambda: SqliteJournal.open(path).close(),
            "verify": lambda: check(path),
            "backup": lambda: back_up(path, path.with_name("backup.db")),
        }
        for step, do in steps.items():
            began = time.perf_counter()
            do()
            took[step] = time.perf_counter() - began
        return took | {"mb": path.stat().st_size / 1e6}
