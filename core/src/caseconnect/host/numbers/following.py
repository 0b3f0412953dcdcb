"""Following the journal: every step that an order takes is handed on, some seconds after it was written down.

Nothing is measured on the way: it costs nothing where it is off, and little where it is on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from caseconnect.host.faults import kind_and_place
from caseconnect.host.journal.tracing import Marks, Step
from caseconnect.sdk.resources import Log

EVERY = 5.0
"""Seconds between two looks at the journal."""

_LATE = {"events": 100_000, "decisions": 100_000, "outcomes": 500_000}
"""So far behind, in rows, what was not taken yet is given up."""


class Stepped(Protocol):
    """A journal as it is followed."""

    def newest_step(self) -> Marks:
        """Where it is now."""

    def steps(self, marks: Marks) -> tuple[list[Step], Marks, bool]:
        """The steps since `marks`, the new marks, and whether there are more already."""


class Taker(Protocol):
    """Who the steps are handed to."""

    def take(self, steps: Sequence[Step]) -> bool:
        """Take them. False: not now; they come again."""

    def close(self) -> None:
        """Nothing more comes."""


class Follower:
    """Hands the steps that are written into `journal` from now on to `taker`, while `run` runs and it is `wanted`."""

    def __init__(self, journal: Stepped, taker: Taker, log: Log, wanted: Callable[[], bool] = lambda: True) -> None:
        self._journal, self._taker, self._log, self._wanted = journal, taker, log, wanted
        self._marks, self._on = journal.newest_step(), wanted()
        self._worker = ThreadPoolExecutor(1, "steps")

    async def run(self) -> None:
        """Look, again and again, until cancelled."""
        while True:
            if self._wanted() or self._on:
                await asyncio.get_running_loop().run_in_executor(self._worker, self.look)
            await asyncio.sleep(EVERY)

    def close(self) -> None:
        """End the thread. Before the journal is closed."""
        self._taker.close()
        self._worker.shutdown(cancel_futures=True)

    def look(self) -> None:
        """Hand on what is new. What could not be taken comes again with the next look."""
        try:
            before, self._on = self._on, self._wanted()
            if not before:
                self._marks = self._journal.newest_step()
            if not self._on:
                return
            more = True
            while more:
                found, marks, more = self._journal.steps(self._marks)
                if found and not self._taker.take(found):
                    self._give_up_old()
                    return
                self._marks = marks
        except Exception as error:  # noqa: BLE001 - what follows is missing then; the daemon goes on
            self._log.error("steps not followed", error=kind_and_place(error))

    def _give_up_old(self) -> None:
        now = self._journal.newest_step()
        if any(now[table] - self._marks[table] > late for table, late in _LATE.items()):
            self._log.warning("steps given up", why="nobody took them for too long; newer ones come")
            self._marks = now


class Lines:
    """Logs each step in one line. `tenant` and `lane` join the lines of an order, `key` those of a command."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def take(self, steps: Sequence[Step]) -> bool:
        """Log them, in the order in which they ended."""
        for step in sorted(steps, key=lambda each: each.end):
            self._line(step)
        return True

    def close(self) -> None:
        """Nothing is kept."""

    def _line(self, step: Step) -> None:
        told, seconds = step.told, (step.end - step.begin).total_seconds()
        whose = {"tenant": step.tenant, "lane": step.lane, "seconds": seconds, "at": step.end.isoformat()}
        if step.place[0] == "event":
            names = {name: told[name] for name in ("delivery", "connection")}
            self._log.info("step: arrived", kind=told["event"], **names, **whose)
        elif step.place[0] == "decision":
            asked = {"use": told["flows"], "kind": told["event"], "asked": told["commands"]}
            self._log.info("step: decided", **asked, **whose)
        else:
            names = {name: told[name] for name in ("key", "kind", "connection", "state", "attempt", "case")}
            line = "step: sent" if step.place[0] == "request" else "step: ended"
            self._log.info(line, use=told["flow"], **names, **whose)
