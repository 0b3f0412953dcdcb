"""Working time: pure arithmetic from hours, days off and a time zone to moments in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from caseconnect.sdk.components import Settings

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

DAY = 24 * 60
"""Minutes of a day."""

_LEAST = 60
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_DAYS: tuple[Weekday, ...] = get_args(Weekday)


@lru_cache(maxsize=256)
def spans_of(text: str) -> tuple[tuple[int, int], ...]:
    """'09:00-12:00, 13:00-17:00' as minutes of the day; nothing where it cannot be read."""
    found = [_SPAN.fullmatch(part.strip()) for part in text.split(",")]
    if not all(found):
        return ()
    numbers = [[int(n) for n in match.groups()] for match in found if match]
    if any(minute > 59 for n in numbers for minute in (n[1], n[3])):
        return ()
    return tuple((n[0] * 60 + n[1], n[2] * 60 + n[3]) for n in numbers)


class Calendar(Settings):
    """When somebody works. Deadlines and steps count working hours alone."""

    time_zone: ZoneInfo = Field(ZoneInfo("UTC"), description="IANA name of the time zone, such as Europe/Berlin.")
    hours: dict[Weekday, str] = Field(
        {},
        description="Working hours by day (mon to sun), such as 09:00-17:00, or 09:00-12:00, 13:00-17:00. A day that "
        "is left out is free; empty: every hour of every day counts.",
    )
    holidays: frozenset[date] = Field(frozenset(), description="Days on which nobody works, such as 2026-12-25.")

    @field_validator("hours")
    @classmethod
    def _readable(cls, hours: dict[Weekday, str]) -> dict[Weekday, str]:
        for day, text in hours.items():
            spans = spans_of(text)
            ordered = all(one[1] <= two[0] for one, two in pairwise(spans))
            if not spans or not ordered or not all(0 <= begin < end <= DAY for begin, end in spans):
                raise ValueError(f"{day}: {text!r} is not understood: write 09:00-17:00, or 09:00-12:00, 13:00-17:00")
        if hours and sum(end - begin for text in hours.values() for begin, end in spans_of(text)) < _LEAST:
            raise ValueError("there is less than an hour of work in a week")
        return hours


def later(calendar: Calendar, start: datetime, amount: timedelta) -> datetime:
    """When so much working time has passed since `start`; with none, when work goes on."""
    left = amount
    for begin, end in _spans(calendar, start):
        if left <= end - begin:
            return begin + left
        left -= end - begin
    raise AssertionError("working time never ends")  # pragma: no cover


def between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """How much working time lies between."""
    passed = timedelta()
    for begin, until in _spans(calendar, start):
        if begin >= end:
            break
        passed += min(until, end) - begin
    return passed


def _spans(calendar: Calendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Working time from `start` on, in order and without overlap, in UTC."""
    day, at = start.astimezone(calendar.time_zone).date(), start
    while True:
        for first, last in _of_day(calendar, day):
            begin, end = max(_moment(calendar, day, first), at), _moment(calendar, day, last)
            if begin < end:
                yield begin, end
                at = end
        day += timedelta(days=1)


def _of_day(calendar: Calendar, day: date) -> tuple[tuple[int, int], ...]:
    if day in calendar.holidays:
        return ()
    if not calendar.hours:
        return ((0, DAY),)
    return spans_of(calendar.hours.get(_DAYS[day.weekday()], ""))


def _moment(calendar: Calendar, day: date, minutes: int) -> datetime:
    day += timedelta(days=minutes // DAY)
    hour, minute = divmod(minutes % DAY, 60)
    return datetime.combine(day, time(hour, minute), calendar.time_zone).astimezone(UTC)
