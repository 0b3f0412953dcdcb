"""Memory and intake under a backlog: the daemon starts on a journal in which deliveries wait to be read."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from bench import history
from bench.body import template
from bench.orders import Bodies
from bench.processes import Running, call, serve
from bench.sizes import Size
from caseconnect.host.journal import SqliteJournal


def measure(size: Size) -> dict[str, Any]:
    """The same load on a daemon without a backlog and on one with; memory before, and the most it had."""
    body = template()
    found: dict[str, Any] = {"waiting": size.pile}
    for variant, pile in (("none", 0), ("piled", size.pile)):
        with tempfile.TemporaryDirectory() as name:
            data = Path(name) / "data"
            if pile:
                history.pile_up(data / "journal.db", pile, Bodies(body))
            with serve(Path(name)) as daemon:
                found[variant] = _under_load(daemon, data, body, size)
    return found


def _under_load(daemon: Running, data: Path, body: bytes, size: Size) -> dict[str, Any]:
    began, before = time.perf_counter(), _left(data)
    words = ("--port", str(daemon.port), "--connections", "8", "--seconds", str(size.intake_seconds), "--first", "0")
    result = call("bench.load", *words, given=body)
    time.sleep(size.pile_seconds)
    took = time.perf_counter() - began
    return {
        "ready_seconds": daemon.start_seconds,
        "p50_ms": result["p50_ms"],
        "p99_ms": result["p99_ms"],
        "per_second": result["per_second"],
        "worked_off_per_second": max(before + result["answered"] - _left(data), 0) / took,
        "memory_peak_mb": daemon.memory_peak_mb(),
    }


def _left(data: Path) -> int:
    journal = SqliteJournal.read(data / "journal.db")
    try:
        return journal.counts()["deliveries"].get("new", 0)
    finally:
        journal.close()
