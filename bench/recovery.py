"""Recovery after kill -9: a journal with a past and open commands, some of them just being sent."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import history
from bench.processes import ROOT, serve
from bench.sizes import Size
from caseconnect.host.journal import SqliteJournal

_PATIENCE = 120.0


def measure(size: Size) -> dict[str, Any]:
    """Seconds from the start until the daemon takes deliveries, and until nothing is `sending` any more."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        history.fill(data / "journal.db", size.history_events)
        _leave_open(data, size.open_commands)
        left = _sending(data)
        began = time.perf_counter()
        with serve(Path(name)) as daemon:
            while _sending(data) and time.perf_counter() - began < _PATIENCE:
                time.sleep(0.01)
            took = time.perf_counter() - began
            still, memory = _sending(data), daemon.memory_mb()
        return {
            "events": size.history_events,
            "commands": size.open_commands,
            "sending": left,
            "still_sending": still,
            "mb": (data / "journal.db").stat().st_size / 1e6,
            "ready_seconds": daemon.start_seconds,
            "recovered_seconds": took,
            "memory_mb": memory,
        }


def _leave_open(data: Path, commands: int) -> None:
    """A process that plans them, begins a part, and is killed."""
    words = [sys.executable, "-m", "bench.open_once", str(data), str(commands)]
    done = subprocess.run(words, cwd=ROOT, check=False)  # noqa: S603 - our own words
    if done.returncode != -9:
        raise RuntimeError(f"the process was to be killed, and ended with {done.returncode}")


def _sending(data: Path) -> int:
    journal = SqliteJournal.read(data / "journal.db")
    try:
        return journal.counts()["commands"].get("sending", 0)
    finally:
        journal.close()
