"""Where a poll of changed orders stands: a watermark, and within a sweep the page cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from caseconnect.sdk.errors import PermanentError
from caseconnect_shopify.parts import moment

SWEEP_LIMIT: Final = 20_000
"""Shopify pages through at most 25,000 objects; before that a sweep goes on from the newest change seen."""

LOOK_EVERY: Final = timedelta(hours=1)
"""How often the subscriptions are compared with what is wanted."""

_TIMES: Final = ("since", "floor", "newest", "began", "looked", "whole", "people")


@dataclass(frozen=True)
class Cursor:
    """`since` is the watermark: everything changed before it, less the overlap, has been given out.

    Within a sweep: `floor` is where its query begins, `after` the page cursor, `newest` the newest change seen,
    `began` when it began, `count` how many orders it has given. `looked` is when the subscriptions were looked at,
    `whole` when none was missing. `people` is where a sweep of customers begins, which follows that of the orders when
    their webhooks had been lost; `people_after` is its page cursor.
    """

    since: datetime
    floor: datetime | None = None
    after: str | None = None
    newest: datetime | None = None
    began: datetime | None = None
    count: int = 0
    looked: datetime | None = None
    whole: datetime | None = None
    people: datetime | None = None
    people_after: str | None = None

    @classmethod
    def begin(cls, now: datetime) -> Cursor:
        """A new connection begins at now."""
        return cls(since=now)

    @classmethod
    def load(cls, text: str) -> Cursor:
        """The cursor that `dump` wrote."""
        try:
            kept = orjson.loads(text)
            values: dict[str, Any] = {k: moment(kept[k]) for k in _TIMES if kept.get(k)}
            values |= {k: kept.get(k) for k in ("after", "people_after")}
            return cls(**values, count=int(kept.get("count", 0)))
        except (ValueError, TypeError, AttributeError) as error:
            raise PermanentError(f"the kept place of the poll cannot be read ({type(error).__name__})") from None

    def dump(self) -> str:
        """As JSON text; opaque to everyone else."""
        times = {k: getattr(self, k) for k in _TIMES}
        kept = {k: v.astimezone(UTC).isoformat() for k, v in times.items() if v is not None}
        texts = {k: v for k in ("after", "people_after") if (v := getattr(self, k)) is not None}
        return orjson.dumps({"v": 1, **kept, **texts, "count": self.count}).decode()

    def sweeping(self) -> bool:
        """True in the midst of a sweep."""
        return self.floor is not None or self.people is not None

    def to_look(self, now: datetime) -> bool:
        """It is time to look at the subscriptions."""
        return self.looked is None or now - self.looked >= LOOK_EVERY

    def seen(self, now: datetime, *, lost: bool, mended: bool, overlap_seconds: int) -> Cursor:
        """After a look at the subscriptions. What was lost since they were whole is read again, customers too."""
        gap = self.whole - timedelta(seconds=overlap_seconds) if lost and self.whole else None
        begins = min((t for t in (self.people, gap) if t is not None), default=None)
        return replace(self, looked=now, whole=now if mended or not lost else self.whole, people=begins)

    def of_people(self) -> bool:
        """The orders are done, and customers are still to be read."""
        return self.floor is None and self.people is not None

    def people_text(self) -> str:
        """The lower bound of the query for customers."""
        return _text(self.people or self.since)

    def people_advanced(self, after: str | None) -> Cursor:
        """After a page of customers."""
        return replace(self, people=None if after is None else self.people, people_after=after)

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
        return _text(self.floor or self.since)

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
            since = max(self.since, reached)
            return replace(self, since=since, floor=None, after=None, newest=None, began=None, count=0)
        if count >= SWEEP_LIMIT and newest is not None and newest > (self.floor or self.since):
            return replace(self, floor=newest, after=None, newest=newest, count=0)
        return replace(self, after=after, newest=newest, count=count)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
