"""When a source is polled: the `poll:` language, on APScheduler 3's triggers.

Due times are rows of the journal, so asking for the next one is pure: it depends on its arguments only. Jitter is
a digest of the schedule's seed and the time, because APScheduler's own draws a random number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from caseconnect.host.tenants.durations import Duration, show_duration
from caseconnect.sdk.components import Every

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST = timedelta(milliseconds=100)
_MOMENT = timedelta(microseconds=1)
_STEPS = 5_000


def known_zone(name: str) -> str:
    """`name` if it is a time zone's; else ValueError with the nearest. For validators."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), n=1)
        meant = f": did you mean {near[0]}?" if near else ", write one such as Europe/Berlin"
        raise ValueError(f"{name} is no time zone{meant}") from None
    return name


class Poll(BaseModel):
    """One of `every`, `cron`, `any`, `all`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"oneOf": [{"required": [k]} for k in ("every", "cron", "any", "all")]},
    )

    every: Duration | None = Field(
        default=None, description="Interval, counted from the last run; inside `all` by the clock."
    )
    cron: str | None = Field(
        default=None,
        description="Minute, hour, day, month, weekday; all must match. Weekdays by name, such as mon-fri.",
        examples=["*/5 * * * *"],
    )
    timezone: str = Field(default="UTC", description="Time zone of `cron`, such as Europe/Berlin.")
    any_of: tuple[Poll, ...] = Field(default=(), alias="any", description="Whichever of these comes first.")
    all_of: tuple[Poll, ...] = Field(default=(), alias="all", description="Only times at which all of these meet.")
    jitter: Duration = Field(default=timedelta(0), description="Up to so much later, to spread the load.")

    @field_validator("cron")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        if text is not None:
            _cron(text, ZoneInfo("UTC"))
        return text

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        return known_zone(name)

    @field_validator("every")
    @classmethod
    def _sensible(cls, every: timedelta | None) -> timedelta | None:
        if every is not None and every < _SHORTEST:
            raise ValueError(f"the shortest interval is {show_duration(_SHORTEST)}")
        return every

    @model_validator(mode="after")
    def _one_way(self) -> Poll:
        given = [bool(self.every), bool(self.cron), bool(self.any_of), bool(self.all_of)]
        if sum(given) != 1:
            raise ValueError("give exactly one of every, cron, any, all")
        if "timezone" in self.model_fields_set and not self.cron:
            raise ValueError("timezone goes with cron")
        if any(p.jitter for p in (*self.any_of, *self.all_of)):
            raise ValueError("jitter goes beside any or all, not inside")
        return self


class _Elapsed(IntervalTrigger):  # type: ignore[misc] # APScheduler 3 has no types
    """So long after the last run, and at once when there was none."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        if previous_fire_time is None:
            return now
        return super().get_next_fire_time(previous_fire_time, now)  # type: ignore[no-any-return] # as above


class _Meeting(AndTrigger):  # type: ignore[misc] # as above
    """`AndTrigger`, which for triggers that never meet would search for ever, with an end to the search."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        start = now if previous_fire_time is None else previous_fire_time + _MOMENT
        for _ in range(_STEPS):
            found = [t.get_next_fire_time(None, start) for t in self.triggers]
            if None in found:
                return None
            times = [t.astimezone(UTC) for t in found]
            if min(times) == max(times):
                return times[0]  # type: ignore[no-any-return] # as above
            start = max(times)
        return None


class Schedule:
    """When to poll. `seed` (tenant and connection) sets apart the jitter of two that are otherwise alike."""

    def __init__(self, poll: Poll, seed: str) -> None:
        """ValueError when it never comes due."""
        self.poll, self._seed, self._trigger = poll, seed, _build(poll, aligned=False)
        if self._trigger.get_next_fire_time(None, datetime(2026, 1, 1, tzinfo=UTC)) is None:
            raise ValueError("this schedule never comes due: its parts do not meet")

    @classmethod
    def of_wakes(cls, wakes: Sequence[Every], seed: str) -> Schedule:
        """The schedule of a trigger's own `Every` entries."""
        polls = tuple(Poll(every=w.interval, jitter=w.jitter) for w in wakes)
        if len(polls) == 1:
            return cls(polls[0], seed)
        members = tuple(Poll(every=w.interval) for w in wakes)
        return cls(Poll(any=members, jitter=max(p.jitter for p in polls)), seed)

    def next_after(self, previous: datetime | None, now: datetime) -> datetime:
        """When it is due next, UTC, never before `now`. Pure.

        `previous` is when it last ran, None if never: an interval is then due now. However many runs were missed,
        one is due, at once. A `previous` that lies ahead, because the clock was set back, counts as `now`.
        """
        last = min(previous, now) if previous else None
        # The moment after the last run, and not `now`: else a cron time in the hour that the end of summer time
        # repeats, which Python never finds equal to one in UTC, is given again and again.
        due = self._trigger.get_next_fire_time(last, last + _MOMENT if last else now)
        if due is None:
            raise ValueError("this schedule never comes due")
        due = due.astimezone(UTC)
        return max(due + self._jitter(due), now) if last or self.poll.every is None else now

    def __repr__(self) -> str:
        return f"Schedule({show(self.poll)!r})"

    def __str__(self) -> str:
        return show(self.poll)

    def _jitter(self, due: datetime) -> timedelta:
        drawn = int.from_bytes(sha256(f"{self._seed}|{due.isoformat()}".encode()).digest()[:8], "big")
        return self.poll.jitter * (drawn / 2**64)


def show(poll: Poll) -> str:
    """The schedule in one line."""
    if poll.every:
        text = f"every {show_duration(poll.every)}"
    elif poll.cron:
        text = f"cron {poll.cron} {poll.timezone}"
    else:
        text = f"{'any' if poll.any_of else 'all'} of ({'; '.join(show(p) for p in poll.any_of or poll.all_of)})"
    return text + (f" + up to {show_duration(poll.jitter)}" if poll.jitter else "")


def _build(poll: Poll, *, aligned: bool) -> BaseTrigger:
    if poll.every:
        kind: Any = IntervalTrigger if aligned else _Elapsed
        return kind(seconds=poll.every.total_seconds(), start_date=_EPOCH, timezone=UTC)
    if poll.cron:
        return _cron(poll.cron, ZoneInfo(poll.timezone))
    if poll.any_of:
        return OrTrigger([_build(p, aligned=aligned) for p in poll.any_of])
    return _Meeting([_build(p, aligned=True) for p in poll.all_of])


def _cron(text: str, zone: ZoneInfo) -> CronTrigger:
    parts = text.split()
    if len(parts) != 5:
        raise ValueError("cron has five parts: minute, hour, day, month, weekday")
    if any(c.isdigit() for c in parts[4]):
        # cron counts weekdays from Sunday, APScheduler 3 from Monday: a number would be off by one day.
        raise ValueError("write weekdays by name, such as mon-fri: the numbers mean different days in different tools")
    try:
        return CronTrigger.from_crontab(text, timezone=zone)
    except ValueError as error:
        raise ValueError(f"cron: {error}") from None
