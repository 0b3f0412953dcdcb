"""Part 2, draining: journaled orders through the whole pipeline, on an empty journal and on one with a past."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench import history
from bench.processes import call
from bench.sizes import Size

VARIANTS = ("empty", "full")
_ROUNDS = 3


def measure(size: Size) -> dict[str, Any]:
    """Rounds of both variants in turn, each in a process of its own; medians, and the ratio within each round."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    rounds = min(size.rounds, _ROUNDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        history.fill(folder / "past" / "journal.db", size.history_events)
        filling = time.perf_counter() - began
        for number in range(rounds):
            for variant in VARIANTS if number % 2 == 0 else reversed(VARIANTS):
                found[variant].append(_round(folder, variant, size.drain_orders))
        megabytes = (folder / "past" / "journal.db").stat().st_size / 1e6
    return {
        variant: {
            key: median(r[key] for r in results)
            for key in (
                "orders_per_second",
                "events_per_second",
                "seconds",
                "cpu_seconds",
                "events",
                "cases",
                "parked",
                "memory_peak_mb",
            )
        }
        | {"rounds": [r["orders_per_second"] for r in results]}
        for variant, results in found.items()
    } | {
        "orders": size.drain_orders,
        "history_events": size.history_events,
        "history_mb": megabytes,
        "history_seconds": filling,
        "ratio": float(
            median(
                full["events_per_second"] / empty["events_per_second"]
                for full, empty in zip(found["full"], found["empty"], strict=True)
            )
        ),
    }


def _round(folder: Path, variant: str, orders: int) -> dict[str, Any]:
    work = folder / "work"
    work.mkdir()
    if variant == "full":
        for part in ("journal.db", "journal.instance"):
            shutil.copy(folder / "past" / part, work / part)
    try:
        return call("bench.drain_once", str(work), str(orders))
    finally:
        shutil.rmtree(work)
