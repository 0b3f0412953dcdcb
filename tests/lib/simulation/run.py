"""Many seeds, one replayed, one made smaller; and what was met on the way."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from caseconnect.host.journal import states
from simulation.play import Result, play
from simulation.swarm import KINDS, POINTS, Plan, Swarm

_TRIES = 60
"""So often at most a seed is played while it is made smaller."""


@dataclass
class Met:
    """What was met over all seeds."""

    seeds: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    broken: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """One seed more."""
        self.seeds += 1
        self.seen += result.seen
        if result.problems:
            self.broken.append(result)

    def never(self) -> list[str]:
        """Kinds that never struck."""
        return [kind for kind in KINDS if not self.seen[kind]]

    def __str__(self) -> str:
        edges = [f"{was} -> {to}" for was, ends in states.TRANSITIONS.items() for to in sorted(ends)]
        points = [f"killed at {point}" for point in POINTS]
        return "\n".join(
            [
                f"{self.seeds} seeds, {len(self.broken)} broke a promise"
                + ("" if self.broken else f" (so fewer than {3 / max(self.seeds, 1):.1%} do, with 95 % confidence)"),
                _listed("kinds", KINDS, self.seen),
                _listed("crash points", points, self.seen),
                _listed("changes of state", edges, self.seen),
                _listed("ends", sorted(k for k in self.seen if k.startswith(("command ", "events: "))), self.seen),
            ]
        )


def _listed(title: str, names: Sequence[str], seen: Counter[str]) -> str:
    met = [f"{name} {seen[name]}" for name in names if seen[name]]
    absent = [name for name in names if not seen[name]]
    return f"{title}: {len(met)} of {len(names)} met: {', '.join(met)}" + (
        f"\n  never: {', '.join(absent)}" if absent else ""
    )


def play_all(seeds: Iterator[int], *, seconds: float | None = None, jobs: int = 1) -> Met:
    """Play seeds until there are no more, the time is over, or one broke a promise."""
    met, ends = Met(), time.monotonic() + seconds if seconds else float("inf")
    if jobs == 1:
        for seed in seeds:
            met.add(_played(seed))
            if met.broken or time.monotonic() >= ends:
                break
        return met
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        on: set[Future[Result]] = set()
        while not met.broken:
            while len(on) < jobs and time.monotonic() < ends and (seed := next(seeds, -1)) >= 0:
                on.add(pool.submit(_played, seed))
            if not on:
                break
            done, on = wait(on, return_when=FIRST_COMPLETED)
            for each in done:
                met.add(each.result())
    return met


def _played(seed: int) -> Result:
    return replace(play(Plan(seed)), lines=[])


def smaller(result: Result, played: Callable[[Plan], Result] = play) -> Result:
    """The same promise broken with fewer kinds of fault and fewer orders."""
    promise = result.problems[0].partition(":")[0]
    tries = _TRIES

    def still(plan: Plan) -> Result | None:
        nonlocal tries
        tries -= 1
        again = played(plan) if tries >= 0 else None
        return again if again and any(p.startswith(f"{promise}:") for p in again.problems) else None

    for kind in sorted(Swarm.of(result.plan).kinds):
        result = still(replace(result.plan, without=result.plan.without | {kind})) or result
    for orders in range(1, 6):
        if fewer := still(replace(result.plan, orders=orders)):
            return fewer
    return result
