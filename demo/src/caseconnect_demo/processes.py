"""Processes of the demo: started with their log in a file, always ended, and their last words shown on failure."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from caseconnect.sdk.errors import ConnectError

_CONNECT = "from caseconnect.cli import main; main(prog_name='connect')"
_START_SECONDS = 180.0
_END_SECONDS = 3.0
_LAST_LINES = 25


@dataclass
class Process:
    """One `connect` command as a process of its own."""

    name: str
    log: Path
    popen: subprocess.Popen[bytes] = field(repr=False)

    @classmethod
    def start(cls, name: str, arguments: Sequence[str], log: Path, environ: Mapping[str, str] | None = None) -> Process:
        """Start `connect ARGUMENTS`. In a session of its own: Ctrl-C reaches the demo, which ends it in order."""
        with log.open("wb") as out:
            popen = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
                [sys.executable, "-c", _CONNECT, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **(environ or {})},
            )
        return cls(name, log, popen)

    async def says(self, pattern: str) -> str:
        """The first group of `pattern` in its log, as soon as it is there. `ConnectError` when it ends instead."""
        clock = asyncio.get_running_loop().time
        until = clock() + _START_SECONDS
        while clock() < until:
            ended = self.popen.poll() is not None
            if found := re.search(pattern, self.log.read_text("utf-8", "replace")):
                return found[1]
            if ended:
                raise ConnectError(f"{self.name} ended with exit code {self.popen.returncode} while it was starting")
            await asyncio.sleep(0.05)
        raise ConnectError(f"{self.name} did not start within {_START_SECONDS:g} seconds")

    def check(self) -> None:
        """`ConnectError` when it has ended although nobody told it to."""
        if self.popen.poll() is not None:
            raise ConnectError(f"{self.name} ended by itself with exit code {self.popen.returncode}")

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])


def end(processes: Sequence[Process]) -> None:
    """Ask all to end at once, and make an end of those that take too long: what they wrote is thrown away."""
    for process in processes:
        process.popen.terminate()
    until = time.monotonic() + _END_SECONDS
    for process in processes:
        try:
            process.popen.wait(max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.popen.kill()
            process.popen.wait()
