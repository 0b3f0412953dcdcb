"""The ballast: some megabytes that are given up when the disk is full, so that what was sent can still be written down.

From then on only the ends of open commands, pauses and alerts are written, until so much room is there again that the
ballast can be taken on anew.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

BYTES = 8 * 1024 * 1024
ENDING = frozenset({"settled", "postpone", "pause", "resume", "alert"})
"""Names of the writes that are made on the ballast: they end something or stop it, and begin nothing."""

_AGAIN = 1.0


class Ballast:
    """One file beside the journal. Only the writing thread calls."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tried = float("-inf")
        self.given = not self._take()

    def give(self) -> None:
        """The disk is full."""
        self._path.unlink(missing_ok=True)
        self.given = True
        self._tried = time.monotonic()

    def is_given(self) -> bool:
        """There is still no room. Looks once a second."""
        if self.given and time.monotonic() - self._tried > _AGAIN:
            self._tried = time.monotonic()
            self.given = not self._take()
        return self.given

    def _take(self) -> bool:
        file = -1
        try:
            if self._path.exists() and self._path.stat().st_size == BYTES:
                return True
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.posix_fallocate(file, 0, BYTES)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        else:
            return True
        finally:
            if file >= 0:
                os.close(file)
