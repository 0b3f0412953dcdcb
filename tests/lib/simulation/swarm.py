"""What a seed draws: its random streams, which kinds of fault befall it, and how hard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated

WIRE = {
    "no connection": 1.0,
    "lost before": 2.0,
    "lost after": 2.0,
    "error after": 1.0,
    "late": 2.0,
    "silent": 1.0,
    "busy": 1.0,
    "503": 1.0,
    "html": 1.0,
    "html after": 1.0,
    "cut after": 1.0,
    "slow": 1.0,
    "expired": 0.5,
}
"""What befalls a request, by its weight."""

HOOKS = ("webhook doubled", "webhook late", "webhook reordered", "webhook lost")
PROCESS = ("crash", "freeze", "clock jump", "disk full", "another file", "pause", "cap")
PLATFORM = ("search lag", "slow refund", "slow job")
PEOPLE = (
    *("changed", "revoked", "by two", "refund by hand", "cancel by hand", "release by hand"),
    *("edit", "fulfil", "reopened", "asked twice", "answered", "erased"),
)
COMMIT = "commit fails"
"""The journal's disk: what was written is not known, so nobody is answered and the process ends."""

KINDS = (*WIRE, *HOOKS, *PROCESS, *PLATFORM, *PEOPLE, COMMIT)
"""Every kind of fault and of thing that people do meanwhile."""

POINTS = (
    *("receive:before", "receive:after", "parsed:before", "parsed:after", "decide", "decided:before", "decided:after"),
    *("began:before", "began:after", "sending", "answered", "settled:before", "settled:after"),
    *("postpone:before", "postpone:after", "put_off:before", "put_off:after", "fire:before", "fire:after"),
    *("schedule:before", "schedule:after", "recover:before", "recover:after"),
)
"""Crash points on the way of an event; each has to be met in a long run."""


@dataclass(frozen=True)
class Plan:
    """One seed, and what is left of it while it is made smaller: kinds switched off, and how many orders are kept."""

    seed: int
    without: frozenset[str] = frozenset()
    orders: int | None = None

    def stream(self, name: str) -> Random:
        """A stream of its own for each part, so that a draw more in one shifts no other."""
        return Random(f"{self.seed}/{name}")

    def __str__(self) -> str:
        parts = [f"--replay {self.seed}", *(f"--without {name!r}" for name in sorted(self.without))]
        return " ".join([*parts, f"--orders {self.orders}"] if self.orders is not None else parts)


@dataclass
class Swarm:
    """The kinds that befall a seed. Each is on in about two seeds of five, so that they meet in every mixture."""

    kinds: frozenset[str]
    hit: float
    seen: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, plan: Plan) -> Swarm:
        """As the seed draws."""
        rng, own = plan.stream("swarm"), {COMMIT: plan.stream(COMMIT)}  # it came later, and shifts no other draw
        drawn = [(kind, own.get(kind, rng).random() < 0.4) for kind in KINDS]
        return cls(frozenset(k for k, on in drawn if on and k not in plan.without), rng.uniform(0.05, 0.5))

    def weights(self, of: Iterable[str] = WIRE) -> dict[str, float]:
        """The kinds of fault on the wire that are on."""
        return {kind: WIRE[kind] for kind in of if kind in self.kinds}

    def strikes(self, kind: str, rng: Random, chance: float = 1.0) -> bool:
        """Whether it befalls now; it is counted. The draw is made in any case."""
        drawn = rng.random() < chance
        hit = drawn and kind in self.kinds
        self.seen[kind] += hit
        return hit
