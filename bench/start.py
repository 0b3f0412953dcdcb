"""Part 4, start-up: process start to ready, memory before any work, and how quick the command line is."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import seconds_of, serve
from bench.sizes import Size


def measure(size: Size) -> dict[str, Any]:
    """Start the daemon on a new journal, and `connect --help`, some times each."""
    ready, idle, helped = [], [], []
    for _ in range(size.starts):
        with tempfile.TemporaryDirectory() as name, serve(Path(name)) as daemon:
            ready.append(daemon.start_seconds)
            time.sleep(0.5)
            idle.append(daemon.memory_mb())
        helped.append(seconds_of("--help"))
    return {
        "ready_seconds": median(ready),
        "memory_idle_mb": median(idle),
        "help_seconds": median(helped),
        "starts": size.starts,
    }
