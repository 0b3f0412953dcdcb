"""Named places where the process can be killed by a test.

`CONNECT_CRASH=name:k` kills the process with SIGKILL the k-th time it comes by `name`; `name` may be `*`.
With `CONNECT_CRASH_LOG=file` every passing is written down, so that a test can walk through all of them.
Both are read once; without them a call costs one comparison.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

_wanted, _, _count = os.environ.get("CONNECT_CRASH", "").partition(":")
_log = os.environ.get("CONNECT_CRASH_LOG", "")
_left = int(_count or 1)


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
