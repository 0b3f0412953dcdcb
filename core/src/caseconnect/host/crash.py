"""Named places where the process can be killed by a test.

`CONNECT_CRASH=name:k` kills the process with SIGKILL the k-th time it comes by `name`; `name` may be `*`.
With `CONNECT_CRASH_LOG=file` every passing is written down, so that a test can walk through all of them.
Both are read once; without them a call costs one comparison.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

_asked = os.environ.get("CONNECT_CRASH", "")
_name, _, _count = _asked.rpartition(":")  # a name may hold a colon itself
_wanted, _left = (_name, int(_count)) if _count.isdigit() else (_asked, 1)
_log = os.environ.get("CONNECT_CRASH_LOG", "")


def crashpoint(name: str) -> None:
    """Die here if a test asked for it."""
    if _wanted or _log:
        _pass(name)


def _pass(name: str) -> None:
    global _left
    if _log:
        with Path(_log).open("a") as out:
            out.write(name + "\n")
    if _wanted in (name, "*"):
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
