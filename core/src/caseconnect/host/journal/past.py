"""What came in the past and what was known then, in the order in which it was decided: for rehearsals. Reads only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from caseconnect.host.journal.codec import dump, expand, load, stamp, unstamp
from caseconnect.sdk.events import EVENTS, CommandSettled, Event, TimerFired
from caseconnect.sdk.subjects import Subject


@dataclass(frozen=True)
class KeptFact:
    """A fact as it was kept with a decision: plain data, as JSON."""

    fact: str
    subject: Subject
    data: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class PastTurn:
    """What was decided together: when, in which lane, the events that came from outside, the facts that were kept.

    `seen`: it was marked as seen. One without events was the host's own (a timer, a command that ended); its facts
    tell what was so then.
    """

    at: datetime
    lane: Subject
    events: tuple[Event, ...]
    facts: tuple[KeptFact, ...] = ()
    seen: bool = False


_AT_ONCE = 200
_OURS = (TimerFired.model_fields["type"].default, CommandSettled.model_fields["type"].default)

_TURNS = """
SELECT coalesce(d.at, e.at) AS at, e.decision, e.seq, e.lane, e.seen FROM events e
LEFT JOIN decisions d ON d.seq = e.decision
WHERE e.tenant = :tenant AND (:lane IS NULL OR e.lane = :lane) AND (e.at >= :since OR e.lane IN (
    SELECT lane FROM events WHERE tenant = :tenant AND at >= :since))
ORDER BY at, e.decision, e.seq
"""
_EVENTS = "SELECT seq, type, body FROM events WHERE seq IN (SELECT value FROM json_each(?))"
_FACTS = "SELECT seq, facts FROM decisions WHERE facts IS NOT NULL AND seq IN (SELECT value FROM json_each(?))"

_Turn = tuple[str, int | None, str, list[int], bool]


def past(
    connect: Callable[[], sqlite3.Connection], tenant: str, since: datetime, lane: Subject | None
) -> Iterator[PastTurn]:
    """Every turn of the lanes (or of one) to which anything came after `since`; earlier ones of these lanes as well.

    Read a piece at a time, so that no transaction is long.
    """
    turns = _turns(connect(), tenant, since, lane)
    for start in range(0, len(turns), _AT_ONCE):
        yield from _whole(connect(), turns[start : start + _AT_ONCE])


def _turns(db: sqlite3.Connection, tenant: str, since: datetime, lane: Subject | None) -> list[_Turn]:
    """(when, decision, lane, events): what was decided together is one turn, what was not is one by itself."""
    found: list[_Turn] = []
    asked = {"tenant": tenant, "since": stamp(since), "lane": str(lane) if lane else None}
    for at, decision, seq, where, seen in db.execute(_TURNS, asked):
        if found and decision is not None and found[-1][1] == decision:
            found[-1][3].append(seq)
            found[-1] = (*found[-1][:4], found[-1][4] and bool(seen))
        else:
            found.append((at, decision, where, [seq], bool(seen)))
    return found


def _whole(db: sqlite3.Connection, turns: Sequence[_Turn]) -> Iterator[PastTurn]:
    rows = db.execute(_EVENTS, (dump([seq for turn in turns for seq in turn[3]]),))
    events = {seq: _event(kind, body) for seq, kind, body in rows}
    blobs = db.execute(_FACTS, (dump([turn[1] for turn in turns if turn[1]]),))
    facts = {seq: _facts(blob) for seq, blob in blobs}
    for at, decision, lane, seqs, seen in turns:
        came = tuple(event for seq in seqs if (event := events.get(seq)) is not None)
        yield PastTurn(unstamp(at), Subject.parse(lane), came, facts.get(decision or 0, ()), seen)


def _event(kind: str, body: str) -> Event | None:
    """None for what the host wrote itself (a rehearsal writes its own), and for what this version cannot read."""
    known = EVENTS.get(kind)
    if known is None or kind in _OURS:
        return None
    try:
        return known.model_validate_json(body)
    except ValidationError:
        return None


def _facts(blob: bytes) -> tuple[KeptFact, ...]:
    return tuple(KeptFact(fact, Subject.parse(subject), data) for fact, subject, data in load(expand(blob)))


def starts(db: sqlite3.Connection, tenant: str) -> dict[str, datetime]:
    """What was ever first started of a tenant, and when."""
    rows = db.execute("SELECT name, at FROM firsts WHERE tenant=?", (tenant,))
    return {name: unstamp(at) for name, at in rows}
