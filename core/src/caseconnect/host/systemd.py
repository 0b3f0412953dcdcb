"""What systemd is told of a service of `Type=notify-reload`: see sd_notify(3), systemd 253 and newer.

Without `NOTIFY_SOCKET` in the environment nobody listens, and nothing is told.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class Supervisor:
    """Who started us, if it wants to be told. Telling never waits: what finds no room is dropped, but for readiness."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        place = environ.get("NOTIFY_SOCKET", "")
        self._place = f"\0{place[1:]}" if place.startswith("@") else place
        for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._owes_ready = False
        self._watches = for_us and environ.get("WATCHDOG_USEC", "0").strip("0") != ""

    def ready(self) -> None:
        """It serves, or has reloaded."""
        self._owes_ready = not self._tell("READY=1")

    def reloading(self) -> None:
        """A reload begins."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """It ends in good order."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """All of it works; to be told at least every half of `WatchdogSec=`."""
        if self._owes_ready:
            self.ready()
        if self._watches:
            self._tell("WATCHDOG=1")

    def _tell(self, state: str) -> bool:
        """False if it could not be told now: who listens is busy, and our loop must not wait for it."""
        if not self._place:
            return True
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        with suppress(OSError), socket.socket(socket.AF_UNIX, kind) as telling:
            telling.sendto(state.encode(), self._place)
            return True
        return False
