"""Where polling stands: one walk for each kind of thing on each site, kept together in one cursor.

A walk goes through a search in the order of a time and not by offset: no search reaches more than 10,000 hits, and what
changes meanwhile would shift the pages. Each page asks for what is not older than a lower bound, without those given
already; then the bound moves up. Times are the platform's own, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from caseconnect.sdk.errors import PermanentError

from .client import WINDOW

ALL: Final = 1 << 62
"""Later than every time."""

MOST_GIVEN: Final = 600
"""How many names a query leaves out at most: no limit is documented."""


@dataclass
class Walk:
    """`since`: everything until then was given, except what the index shows late.

    Within a sweep: `floor` is the lower bound of the next page, `given` what was given at or after it (id -> time),
    `start` how many hits after it are passed over instead, where these are too many; `newest` the newest time seen,
    `until` the upper bound, if there is one, and `low` the bound from which fresh hits were passed over.
    """

    since: int
    floor: int | None = None
    until: int = 0
    newest: int = 0
    start: int = 0
    low: int = 0
    given: dict[str, int] = field(default_factory=dict)

    def begin(self, overlap: int, until: int = 0) -> None:
        """Begin a sweep, unless one is going on."""
        if self.floor is None:
            self.end(self.since)
            self.floor, self.until = self.since - overlap, until

    def take(self, hits: Sequence[tuple[str, int]], total: int, settled: int) -> bool:
        """Move on after a page of `total` hits in all; True when the sweep is over.

        A hit shows the time that it has now, but stands where the index has it. What is older than `settled` is
        indexed, so both are the same, and the bound moves to the newest of these. Fresh hits move nothing: they are
        left out of the next page by name and, when they are many, by number.
        """
        floor = self.floor or 0
        self.newest = max([self.newest, *(at for _, at in hits)])
        if not hits or self.start + len(hits) >= total:
            return True
        self.given |= dict(hits)
        old = max((at for _, at in hits if at < settled), default=0)
        if old > floor:
            self.floor, self.start = old, 0
            self.given = {each: at for each, at in self.given.items() if at >= old}
        if self.start:
            self.start += len(hits)
        elif len(self.given) > MOST_GIVEN:
            self.start = len(self.given)
        if not self.start:
            return False
        if any(at >= settled for at in self.given.values()):
            # By number a page may be shifted by what changes meanwhile: all this is read again by the next sweep.
            self.low = min(self.low or ALL, self.floor or 0)
        self.given = {}
        if self.start + len(hits) <= WINDOW:
            return False
        if self.low:
            return True
        self.floor, self.start = floor + 1, 0
        return False

    def finish(self, began: int, overlap: int) -> None:
        """End a sweep that began at `began`: up to `until`, or to the newest change seen if that is older."""
        reached = self.until or min(self.newest, began)
        self.end(max(self.since, min(reached, self.low + overlap) if self.low else reached))

    def end(self, since: int) -> None:
        """No sweep is going on."""
        self.since, self.floor, self.until, self.newest, self.start, self.low, self.given = since, None, 0, 0, 0, 0, {}


@dataclass
class Cursor:
    """All walks by name. Within a sweep through them, `at` is the next one and `began` when the sweep began."""

    walks: dict[str, Walk] = field(default_factory=dict)
    at: str = ""
    began: int = 0

    @classmethod
    def load(cls, text: str) -> Cursor:
        """The cursor that `dump` wrote."""
        try:
            kept = orjson.loads(text)
            walks = {str(name): _walk(held) for name, held in kept["walks"].items()}
            return cls(walks, str(kept.get("at", "")), int(kept.get("began", 0)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PermanentError(f"the kept place of the poll cannot be read ({type(error).__name__})") from None

    def dump(self) -> str:
        """As JSON text; opaque to everyone else."""
        walks = {name: {k: v for k, v in vars(walk).items() if v or k == "floor"} for name, walk in self.walks.items()}
        kept = {"v": 1, "walks": walks, "at": self.at, "began": self.began}
        return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()


def _walk(held: dict[str, Any]) -> Walk:
    given = {str(each): int(at) for each, at in held.pop("given", {}).items()}
    floor = held.pop("floor", None)
    return Walk(**{name: int(value) for name, value in held.items()}, floor=floor, given=given)


def millis(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def stamp(at: int) -> str:
    """A time as the platform writes it: ISO 8601, milliseconds, UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
