"""Where a poll of changed orders stands: a watermark, and within a sweep the page cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from caseconnect.sdk.errors import PermanentError
from caseconnect_shopify.parts import moment

SWEEP_LIMIT: Final = 20_000
"""Shopify pages through at most 25,000 objects; before that a sweep goes on from the newest change seen."""


@dataclass(frozen=True)
class Cursor:
    """`since` is the watermark: everything changed before it, less the overlap, has been given out.

    Within a sweep: `floor` is where its query begins, `after` the page cursor, `newest` the newest change seen,
    `began` when it began, `count` how many orders it has given.
    """

    since: datetime
    floor: datetime | None = None
    after: str | None = None
    newest: datetime | None = None
    began: datetime | None = None
    count: int = 0

    @classmethod
    def begin(cls, now: datetime) -> Cursor:
        """A new connection begins at now."""
        return cls(since=now)

    @classmethod
    def load(cls, text: str) -> Cursor:
        """The cursor that `dump` wrote."""
        try:
            kept = orjson.loads(text)
            times = {k: moment(kept[k]) for k in ("since", "floor", "newest", "began") if kept.get(k)}
            return cls(**times, after=kept.get("after"), count=int(kept.get("count", 0)))
        except (ValueError, TypeError, AttributeError) as error:
            raise PermanentError(f"the kept place of the poll cannot be read ({type(error).__name__})") from None

    def dump(self) -> str:
        """As JSON text; opaque to everyone else."""
        times = {"since": self.since, "floor": self.floor, "newest": self.newest, "began": self.began}
        kept = {k: v.astimezone(UTC).isoformat() for k, v in times.items() if v is not None}
        return orjson.dumps({"v": 1, **kept, "after": self.after, "count": self.count}).decode()

    def sweeping(self) -> bool:
        """True in the midst of a sweep."""
        return self.floor is not None

    def started(self, now: datetime, overlap_seconds: int) -> Cursor:
        """In a sweep: itself. Else a new sweep, which looks back by the overlap, because the search index lags."""
        if self.sweeping():
            return self
        return replace(self, floor=self.since - timedelta(seconds=overlap_seconds), began=now, newest=None, count=0)

    def restarted(self) -> Cursor:
        """The same sweep from its first page."""
        return replace(self, after=None, count=0)

    def floor_text(self) -> str:
        """The query's lower bound, cut to the seconds that Shopify keeps."""
        return (self.floor or self.since).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def advanced(self, versions: Sequence[str], after: str | None) -> Cursor:
        """After a page whose orders changed at `versions`; `after` None: it was the last one.

        The watermark never passes the moment at which the sweep began: what the index showed late, after the
        page that it belongs on, still lies within the next sweep's overlap.
        """
        seen = [t for t in (self.newest, *map(moment, versions)) if t is not None]
        newest = max(seen, default=None)
        count = self.count + len(versions)
        if after is None:
            reached = min(newest, self.began or newest) if newest else self.since
            return Cursor(since=max(self.since, reached))
        if count >= SWEEP_LIMIT and newest is not None and newest > (self.floor or self.since):
            return replace(self, floor=newest, after=None, newest=newest, count=0)
        return replace(self, after=after, newest=newest, count=count)
