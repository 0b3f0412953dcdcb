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


_SAVED = 60.0  # seconds of reads that may gather


@dataclass
class Cursor:
    """Where polling is. Times are the platform's own stamps in milliseconds, so that our clock does not matter.

    `since` is the newest change read; the fields after `seen` describe a round that is not finished: pages and rows
    read, the newest stamp in them and the last page's digest. `start` is where the connection began: what is older
    and was never seen is not told. `refs` holds a digest of the reference that a case of ours carries, `doubles` the
    second cases of one reference that were told.

    Reading open cases one by one: when each was `read`, those `done` in this round, and how many may be read now
    (`allowance`, filled until `at`). These times are ours, in milliseconds, and only share out the reading.
    """

    since: int = 0
    start: int = 0
    seen: dict[str, Seen] = field(default_factory=dict)
    pages: int = 0
    rows: int = 0
    top: int = 0
    page: str = ""
    refs: dict[str, str] = field(default_factory=dict)
    doubles: list[str] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    allowance: float = 0
    at: int = 0
    done: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `text` holds; `PermanentError` for a text that this version did not write."""
        try:
            held = orjson.loads(text)
            held.pop("after", None)
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
        self.refs = {case: ref for case, ref in self.refs.items() if case in self.seen}
        self.doubles = [case for case in self.doubles if case in self.seen]

    def second_cases(self, watch: Iterable[str]) -> list[str]:
        """Cases that carry the reference of another one, which the journal knows, and were not told yet."""
        known = set(watch)
        worked = {self.refs[case] for case in known if case in self.refs}
        told = known.union(self.doubles)
        return sorted(case for case, ref in self.refs.items() if ref in worked and case not in told)

    def allow(self, now: int, rate: float) -> None:
        """Let reads gather, `rate` a second, for a minute at most; the first poll has a minute's worth."""
        gone = (now - self.at) / 1000 if self.at and now >= self.at else _SAVED if not self.at else 0
        self.allowance, self.at = min(self.allowance + gone * rate, max(_SAVED * rate, 1)), now

    def due(self, watch: Iterable[str], now: int, most: int) -> list[str]:
        """Open cases to be read next, not twice a round: half those unread longest, half by how lately they changed."""
        open_now = set(watch)
        self.read = {case: at for case, at in self.read.items() if case in open_now}
        waiting = sorted(open_now.difference(self.done), key=lambda case: (self.read.get(case, 0), case))
        most = min(most, int(self.allowance), len(waiting))
        oldest = waiting[: (most + 1) // 2]
        rest = sorted(waiting[len(oldest) :], key=lambda case: self._calm(case, now))
        return [*oldest, *rest[: most - len(oldest)]]

    def _calm(self, case: str, now: int) -> float:
        """Time since its last change, in units of the time since it was read: the smallest is read first."""
        return max(now - self.seen.get(case, ("", 0))[1], 1) / max(now - self.read.get(case, 0), 1)


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


@dataclass
class Cursors:
    """A cursor for each list that is polled, by the case definition's name, and the list whose round is on (`turn`).

    The text of a single one is that of `Cursor`, as versions wrote it that knew one definition.
    """

    of: dict[str, Cursor] = field(default_factory=dict)
    turn: str = ""

    @classmethod
    def parse(cls, text: str) -> Cursors:
        """The cursors that `text` holds; `PermanentError` for a text that no version wrote."""
        try:
            held = orjson.loads(text)
            lists = held["lists"] if isinstance(held, dict) and "lists" in held else None
            if lists is None:
                return cls({"": Cursor.parse(text)})
            return cls({str(name): Cursor.parse(own) for name, own in lists.items()}, str(held["turn"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PermanentError("the cursor cannot be read: it was not written by this version") from error

    def __str__(self) -> str:
        if set(self.of) == {""}:
            return str(self.of[""])
        return orjson.dumps({"lists": {name: str(own) for name, own in self.of.items()}, "turn": self.turn}).decode()
