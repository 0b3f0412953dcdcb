from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect_escalations.hours import between, later
from caseconnect_escalations.settings import Calendar

WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-12:00, 13:00-17:00")
BERLIN: dict[str, Any] = {"time_zone": "Europe/Berlin", "hours": WEEK, "holidays": ["2026-12-25"]}


def calendar(**changes: Any) -> Calendar:
    return Calendar.model_validate({**BERLIN, **changes})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "start", "hours", "end"),
    [
        ({}, "2026-11-02T08:00", 2, "2026-11-02T10:00"),
        ({}, "2026-11-02T10:00", 2, "2026-11-02T13:00"),  # over lunch
        ({}, "2026-11-06T15:30", 1, "2026-11-09T08:30"),  # over the weekend
        ({}, "2026-11-07T03:00", 0, "2026-11-09T08:00"),  # nothing left: when work goes on
        ({}, "2026-12-24T15:00", 2, "2026-12-28T09:00"),  # over a holiday and the weekend
        ({}, "2026-03-27T15:00", 2, "2026-03-30T08:00"),  # summer time begins on the Sunday
        ({}, "2026-10-23T14:00", 2, "2026-10-26T09:00"),  # and ends
        ({"hours": {}, "holidays": []}, "2026-11-07T03:00", 5.5, "2026-11-07T08:30"),
        ({"hours": {}}, "2026-12-24T22:30", 1, "2026-12-25T23:30"),
        ({"hours": {"sun": "00:00-24:00"}, "holidays": []}, "2026-03-28T12:00", 23, "2026-03-29T22:00"),
        ({"hours": {"mon": "9:00-10:00"}, "time_zone": "UTC"}, "2026-11-02T09:30", 1, "2026-11-09T09:30"),
    ],
)
def test_working_hours_later(changes: Any, start: Any, hours: Any, end: Any) -> None:
    assert later(calendar(**changes), at(start), timedelta(hours=hours)) == at(end)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Berlin"},
        {"hours": {"monday": "09:00-17:00"}},
        {"hours": {"mon": "9-17"}},
        {"hours": {"mon": ""}},
        {"hours": {"mon": "17:00-09:00"}},
        {"hours": {"mon": "09:00-25:00"}},
        {"hours": {"mon": "09:00-09:75"}},
        {"hours": {"mon": "13:00-17:00, 09:00-12:00"}},
        {"hours": {"mon": "09:00-09:30"}},
        {"holidays": ["25.12."]},
    ],
)
def test_what_is_no_calendar_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        calendar(**wrong)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
SPANS = st.lists(st.integers(0, 96), min_size=2, max_size=6, unique=True).map(sorted)


def _text(quarters: list[int]) -> str:
    pairs = zip(quarters[::2], quarters[1::2], strict=False)
    return ", ".join("-".join(f"{q // 4:02}:{q % 4 * 15:02}" for q in pair) for pair in pairs)


CALENDARS = st.builds(
    lambda zone, hours, off: Calendar.model_validate({"time_zone": zone, "hours": hours, "holidays": off}),
    ZONES,
    st.fixed_dictionaries(
        {"wed": st.just("10:00-16:00")}, optional={d: SPANS.map(_text) for d in ("mon", "thu", "sat", "sun")}
    ),
    st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=9),
)
MOMENTS = st.integers(0, 366 * 24 * 60).map(lambda m: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=m))
AMOUNTS = st.integers(1, 60 * 60).map(lambda m: timedelta(minutes=m))


@given(CALENDARS, MOMENTS, AMOUNTS)
def test_what_passes_until_later_is_what_was_asked_for(calendar: Calendar, start: datetime, amount: timedelta) -> None:
    assert between(calendar, start, later(calendar, start, amount)) == amount


@given(CALENDARS, MOMENTS, AMOUNTS, AMOUNTS)
def test_a_pause_and_what_is_left_come_to_the_same(
    calendar: Calendar, start: datetime, first: timedelta, second: timedelta
) -> None:
    there = later(calendar, start, first)
    assert there > start
    assert later(calendar, there, second) == later(calendar, start, first + second)
