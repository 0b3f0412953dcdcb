"""Working time: pure arithmetic from hours, days off and a time zone to moments in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from caseconnect_escalations.settings import DAY, WEEKDAYS, Calendar, spans_of


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
    return spans_of(calendar.hours.get(WEEKDAYS[day.weekday()], ""))


def _moment(calendar: Calendar, day: date, minutes: int) -> datetime:
    day += timedelta(days=minutes // DAY)
    hour, minute = divmod(minutes % DAY, 60)
    return datetime.combine(day, time(hour, minute), calendar.time_zone).astimezone(UTC)
