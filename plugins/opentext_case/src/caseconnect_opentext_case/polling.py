"""What a poll remembers between two calls, and whether a case that it reads is news."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

import orjson

from caseconnect.models import Case
from caseconnect.sdk.errors import PermanentError

Seen = tuple[str, int]
"""A case as it was read last: short digest of what decides, and its change stamp in milliseconds (0: none)."""


@dataclass
class Cursor:
    """Where polling is. Times are the platform's own stamps in milliseconds, so that our clock does not matter.

    `since` is the newest change read; the fields after `seen` describe a round that is not finished: pages and rows
    read, the newest stamp in them and the last page's digest, or (reading open cases one by one) the last id.
    `start` is where the connection began: what is older and was never seen is not told.
    """

    since: int = 0
    start: int = 0
    seen: dict[str, Seen] = field(default_factory=dict)
    pages: int = 0
    rows: int = 0
    top: int = 0
    page: str = ""
    after: str = ""

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `text` holds; `PermanentError` for a text that this version did not write."""
        try:
            held = orjson.loads(text)
            seen = {str(case): (str(digest), int(stamp)) for case, (digest, stamp) in held.pop("seen").items()}
            return cls(seen=seen, **held)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PermanentError("the cursor cannot be read: it was not written by this version") from error

    def __str__(self) -> str:
        held = {name: value for name, value in vars(self).items() if value or name in {"since", "seen"}}
        return orjson.dumps(held, option=orjson.OPT_SORT_KEYS).decode()

    def finish(self, watch: Iterable[str], overlap: float, latest: int) -> None:
        """End a round over the list: remember open cases and those that the overlap shows again.

        `latest` (now) bounds the mark, so that one case stamped in the far future does not hide all others.
        """
        self.since = max(self.since, min(self.top, latest))
        self.pages = self.rows = self.top = 0
        self.page = ""
        kept = set(watch)
        bound = self.since - int(overlap * 1000)
        self.seen = {case: seen for case, seen in self.seen.items() if case in kept or seen[1] >= bound}


def stamp_of(at: datetime | None) -> int:
    """Milliseconds since 1970, 0 for none."""
    return 0 if at is None else int(at.timestamp() * 1000)


def time_of(stamp: int) -> datetime:
    """The time of a stamp."""
    return datetime.fromtimestamp(stamp / 1000, UTC)


def seen_of(case: Case) -> Seen:
    """What to remember of a case. Without a change stamp everything that was read counts."""
    stamp = stamp_of(case.updated_at)
    digest = case.revision if stamp else sha256(case.model_dump_json().encode()).hexdigest()
    return digest[:12], stamp


def verdict(former: Seen | None, case: Case) -> Literal["same", "news", "ours"]:
    """Whether a case is news. `ours`: the last change is our own and no decision moved, but before it somebody
    else may have commented."""
    now = seen_of(case)
    if former == now:
        return "same"
    if not case.updated_by_us:
        return "news"
    if former is None:
        return "news" if case.outcome or case.closed else "ours"
    return "news" if former[0] != now[0] else "ours"
