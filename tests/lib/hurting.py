"""`connect serve` under load, hurt by strace and by signals: for tests of storage with real processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from serving import Served, rows

STRACE = shutil.which("strace")


def can_trace() -> bool:
    """strace is there and may trace."""
    return bool(STRACE) and not subprocess.run([str(STRACE), "-o", "/dev/null", "true"], capture_output=True).returncode


def injecting(fault: str, trace: Path) -> list[str]:
    """A command for `serving`: the daemon under strace, with a fault such as `fdatasync:error=EIO:when=3`."""
    program = str(Path(sys.executable).with_name("connect"))
    calls = ["-e", f"trace={fault.partition(':')[0]}", "-e", f"inject={fault}"]
    return [str(STRACE), "-f", "--seccomp-bpf", "-y", "-o", str(trace), *calls, program]


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def order(number: int, size: int = 300) -> bytes:
    """The body of a webhook."""
    return json.dumps({"id": 5_000_000_000_000_000 + number, "note": "x" * size}).encode()


class Load:
    """Clients that post deliveries as fast as they are answered. `acknowledged`: what was answered 200."""

    def __init__(self, daemon: Served, name: str, clients: int = 4) -> None:
        self.acknowledged: list[str] = []
        self.answers: list[int] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._post, args=(daemon, f"{name}.{n}")) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def _post(self, daemon: Served, name: str) -> None:
        mine = Served(daemon.process, daemon.data, daemon.log, daemon.port)
        try:
            self._post_with(mine, name)
        finally:
            mine.hang_up()

    def _post_with(self, mine: Served, name: str) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            try:
                status = mine.post("orders/create", order(number), f"{name}-{number}")
            except Exception:  # noqa: BLE001 - the answer was cut in the middle, or nobody answers any more
                return
            self.answers.append(status)
            if status == 200:
                self.acknowledged.append(f"{name}-{number}")

    def end(self) -> None:
        """No more."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)


def lost(data: Path, acknowledged: Sequence[str]) -> set[str]:
    """What was acknowledged and is not in the journal."""
    return set(acknowledged) - {name for (name,) in rows(data, "SELECT delivery_id FROM deliveries")}


def doubled(data: Path) -> list[tuple[str]]:
    """Deliveries that are there twice."""
    return rows(data, "SELECT delivery_id FROM deliveries GROUP BY 1 HAVING count(*) > 1")
