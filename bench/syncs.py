"""The share of time in fsync: intake into the journal alone, and the whole pipeline, counted by strace.

strace stops the process at these calls only (seccomp), so that it costs next to nothing besides.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from bench.processes import call
from bench.sizes import Size

_DELIVERIES_OF_AN_ORDER = 10
_LINE = re.compile(r"^\s*[\d.]+\s+([\d.]+)\s+\d+\s+(\d+)\s+(?:\d+\s+)?f(?:data)?sync$", re.MULTILINE)


def measure(size: Size) -> dict[str, Any]:
    """Seconds, seconds in fsync and how many; `absent` where there is no strace."""
    if not shutil.which("strace"):
        return {"absent": "strace is not installed"}
    deliveries = size.drain_orders * _DELIVERIES_OF_AN_ORDER
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        intake, syncing = _counted(folder, "bench.receive_once", str(folder / "intake"), str(deliveries), "1")
        shown = {"intake": syncing | {"seconds": deliveries / intake["per_second"], "items": deliveries}}
        drain, syncing = _counted(folder, "bench.drain_once", str(folder / "drain"), str(size.drain_orders))
        shown["drain"] = syncing | {"seconds": drain["seconds"], "items": size.drain_orders}
    return shown


def _counted(folder: Path, module: str, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    counts = folder / "strace.txt"
    under = ("strace", "-f", "--seccomp-bpf", "-c", "-w", "-e", "trace=fsync,fdatasync", "-o", str(counts))
    result = call(module, *words, under=under)
    found = [(float(seconds), int(calls)) for seconds, calls in _LINE.findall(counts.read_text())]
    return result, {"sync_seconds": sum(s for s, _ in found), "syncs": sum(n for _, n in found)}
