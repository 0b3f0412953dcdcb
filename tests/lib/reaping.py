"""Crash points of this process under a test's hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from caseconnect.host import crash


class Killed(BaseException):
    """The process is dead: no code of ours runs on."""


@contextmanager
def reaping(passing: Callable[[str], None]) -> Iterator[None]:
    """While this lasts, crash points of this process ask `passing`, which raises `Killed` where it is to die."""
    before = crash._wanted, crash._pass
    crash._wanted, crash._pass = "*", passing  # type: ignore[assignment] # a crash point asks it
    try:
        yield
    finally:
        crash._wanted, crash._pass = before


class Reaper:
    """Kills at some passings of commit points; from then on at every one, until the next process has begun."""

    def __init__(self, kills: set[int], seen: Counter[str]) -> None:
        self._kills, self._seen, self._passed = kills, seen, 0
        self.dead, self.resting = False, False

    def __call__(self, name: str) -> None:
        if self.resting:
            return
        self._passed += 1
        if self._passed in self._kills and not self.dead:
            self.dead = True
            self._seen[f"killed at {name}"] += 1
        if self.dead:
            raise Killed(name)
