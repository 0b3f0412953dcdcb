"""Processes of `connect` that are forked from one that has imported it: see `warm_connect`. One such a test process.

They are processes like others: own ids, own files, real signals and exit codes. `connect` itself starts in the tests of
the README's commands, of the demo, and of a stranger's wheel.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

WARM = Path(__file__).with_name("warm_connect.py")


class Started:
    """A process that was forked, with what tests use of `subprocess.Popen`."""

    def __init__(self, parent: _Parent, pid: int) -> None:
        self._parent, self.pid = parent, pid

    @property
    def returncode(self) -> int | None:
        """The exit code as far as it is known, negative for a signal."""
        return self._parent.ended.get(self.pid)

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        self._parent.read(0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for the end. `subprocess.TimeoutExpired` when it does not come."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(WARM), timeout)
            self._parent.read(0.05)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class _Parent:
    """The process that forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, str(WARM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._lock, self._rest = threading.RLock(), b""
        self._began: list[int] = []
        self.ended: dict[int, int] = {}
        self._line()
        atexit.register(self.close)

    def start(self, order: Mapping[str, Any]) -> Started:
        """Fork one."""
        with self._lock:
            _pipe(self._process.stdin).write(json.dumps(order).encode() + b"\n")
            _pipe(self._process.stdin).flush()
            while not self._began:
                self._line()
            return Started(self, self._began.pop())

    def read(self, seconds: float) -> None:
        """Take in what was told, for at most so long until the first word of it."""
        with self._lock:
            while select.select([_pipe(self._process.stdout)], [], [], seconds)[0]:
                self._line()
                seconds = 0

    def close(self) -> None:
        """No more processes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            _pipe(pipe).close()

    def _line(self) -> None:
        """Take in at least one whole line."""
        while b"\n" not in self._rest:
            more = os.read(_pipe(self._process.stdout).fileno(), 65_536)
            assert more, "the process that forks has ended"
            self._rest += more
        *lines, self._rest = self._rest.split(b"\n")
        for told in map(json.loads, lines):
            if "started" in told:
                self.ended.pop(told["started"], None)  # the number may have been another's
                self._began.append(told["started"])
            elif "ended" in told:
                self.ended[told["ended"]] = told["code"]


def _pipe(found: IO[bytes] | None) -> IO[bytes]:
    assert found is not None
    return found


@cache
def _parent() -> _Parent:
    return _Parent()


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    errors: Path | None = None,
    program: str = "",
) -> Started:
    """Run `connect` with these arguments, or a `program` in its place; what it prints goes to the files."""
    order = {"arguments": [*arguments], "environment": {**environment}, "log": str(log), "errors": str(errors or log)}
    return _parent().start(order | {"program": program})
