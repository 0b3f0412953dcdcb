"""Rules of what lasts too long: from numbers and the time to the causes that hold. Pure; the pipeline runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from caseconnect.host.alerting.settings import WatchPart
from caseconnect.host.journal.alerting import Room
from caseconnect.host.journal.clicks import OPEN, Proposal
from caseconnect.host.journal.overdue import Overdue
from caseconnect.host.journal.rates import Hour, Hours
from caseconnect.host.tenants.durations import show_duration
from caseconnect.host.tenants.schedule import Schedule

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
PROPOSAL = "proposal:"
"""Begins the cause of an alert about a proposal; its number follows."""

_WINDOWS = (1, 6, 24)  # full hours before the running one
_WEEKS = 4
_FEWEST_WEEKS = 2
_LEAST, _MEAN = 5, 10  # with a mean of ten, nothing at all comes by chance once in twenty thousand hours
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Holds:
    """A cause that holds now. `link`: what it is about."""

    cause: str
    title: str
    link: str = ""


def late(name: str, schedule: Schedule, last: datetime, watch: WatchPart, now: datetime) -> Iterator[Holds]:
    """A poll is late: its time, counted from the `last` that went well, is over for long and for an interval."""
    due = schedule.next_after(last, last)
    if now - due > max(watch.poll_late, due - last):
        yield Holds(f"late:{name}", f"{name}: it was to be polled at {_at(due)}, the last one began {_at(last)}", name)


def overdue(found: Sequence[Overdue], watch: WatchPart) -> Iterator[Holds]:
    """Commands are open for too long; one cause a connection, told with its oldest command."""
    oldest: dict[str, Overdue] = {}
    for one in found:
        oldest[one.connection] = min(one, oldest.get(one.connection, one), key=lambda o: o.since)
    for name, one in oldest.items():
        title = (
            f"commands to {name} are open for more than {show_duration(watch.oldest_command)}; the oldest is"
            f" {one.kind} of {one.use}, since {_at(one.since)}"
        )
        yield Holds(f"old:{name}", title, one.key)


def unknown(found: Sequence[Overdue]) -> Iterator[Holds]:
    """Money of which nobody knows whether it went out; one cause a kind of command."""
    for kind in sorted({one.kind for one in found}):
        one = min((o for o in found if o.kind == kind), key=lambda o: o.since)
        title = f"{one.connection}: nobody knows whether {kind} of {one.use} happened, since {_at(one.since)}"
        yield Holds(f"unknown:{kind}", title, one.key)


def proposed(found: Iterable[Proposal], watch: WatchPart, now: datetime) -> Iterator[Holds]:
    """What one person proposed waits for a second one for long; not after it has lapsed."""
    for one in found:
        if one.state == OPEN and now - one.at >= watch.proposals:
            title = (
                f"proposal {one.seq} ({one.action.replace('_', ' ')}) of {one.who} waits for a second person since"
                f" {_at(one.at)}; it lapses at {_at(one.until)}"
            )
            yield Holds(f"{PROPOSAL}{one.seq}", title)


def room(found: Room, watch: WatchPart) -> Iterator[Holds]:
    """There is little room beside the journal, or none."""
    if found.full:
        yield Holds("disk:full", "the disk is full: nothing new is taken or begun until there is room")
    elif found.free < watch.disk_free * _MIB:
        yield Holds("disk:low", f"less than {watch.disk_free} MiB are free beside the journal")


def ending(name: str, place: str, expires: date, watch: WatchPart, now: datetime) -> Iterator[Holds]:
    """A secret's last day is near."""
    if datetime.combine(expires, time(), UTC) - now < watch.before_end:
        title = f"{name}: the secret of {place} ends on {expires}: put a new one in its place"
        yield Holds(f"expires:{name}:{place}", title, name)


def ends_soon(ends_at: datetime | None, before: timedelta, now: datetime) -> bool:
    """What a platform ends is near."""
    return ends_at is not None and ends_at - now < before


Count = Callable[[Hour], int]


def total(hour: Hour) -> int:
    """All that came."""
    return hour.pushed + hour.polled


def pushed(hour: Hour) -> int:
    """What came by itself."""
    return hour.pushed


def quiet_since(hours: Hours, count: Count, up_since: datetime, now: datetime) -> datetime | None:
    """The hour since which nothing came although it usually does; None: it came, is usual, or cannot be told.

    Usual is what came in the same hours of the last weeks, or an hour beside them: clocks are set twice a year. It has
    to be at least five in each of two to four weeks, and ten on average. What we slept through tells nothing.
    """
    running = now.replace(minute=0, second=0, microsecond=0)
    known_since = min(hours, default=now)
    for window in _WINDOWS:
        begin = running - window * HOUR
        if begin < up_since or _sum(hours, count, begin, window + 1):
            break
        usual = [
            min(_sum(hours, count, begin - week * WEEK + shift * HOUR, window) for shift in (-1, 0, 1))
            for week in range(1, _WEEKS + 1)
            if begin - week * WEEK - HOUR >= known_since
        ]
        if len(usual) >= _FEWEST_WEEKS and min(usual) >= _LEAST and sum(usual) >= _MEAN * len(usual):
            return begin
    return None


def came(hours: Hours, count: Count, now: datetime) -> bool:
    """Something came in this hour or the last one."""
    return _sum(hours, count, now.replace(minute=0, second=0, microsecond=0) - HOUR, 2) > 0


def came_since(hours: Hours, count: Count, moment: datetime) -> bool:
    """Something came in the hour of a moment or after it."""
    return any(at + HOUR > moment and count(hour) > 0 for at, hour in hours.items())


def _sum(hours: Hours, count: Count, begin: datetime, length: int) -> int:
    none = Hour()
    return sum(count(hours.get(begin + n * HOUR, none)) for n in range(length))


def _at(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
