"""The `poll:` language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.host.tenants.schedule import Poll, Schedule
from caseconnect.sdk.components import Every

NOW = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)  # a Monday


def schedule(seed: str = "acme/shop", **poll: Any) -> Schedule:
    return Schedule(Poll.model_validate(poll), seed)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_interval_begins_at_once_and_counts_from_the_last_run() -> None:
    every = schedule(every="10m")
    assert every.next_after(None, NOW) == NOW
    assert every.next_after(NOW, NOW + timedelta(minutes=3)) == NOW + timedelta(minutes=10)


def test_a_restart_every_minute_still_polls_every_ten() -> None:
    previous, runs, now = None, [], NOW
    for _ in range(60):
        restarted = schedule(every="10m")
        if restarted.next_after(previous, now) <= now:
            runs.append(now)
            previous = now
        now += timedelta(minutes=1)
    assert runs == [NOW + timedelta(minutes=10 * n) for n in range(6)]


@pytest.mark.parametrize("poll", [{"every": "10m"}, {"cron": "*/10 * * * *"}, {"any": [{"every": "10m"}]}])
def test_missed_runs_are_made_up_once_and_at_once(poll: dict[str, Any]) -> None:
    made = schedule(**poll)
    assert made.next_after(NOW - timedelta(days=3), NOW) == NOW
    assert made.next_after(NOW, NOW) > NOW


def test_a_clock_set_back_does_not_stop_the_polls() -> None:
    assert schedule(every="10m").next_after(NOW + timedelta(days=400), NOW) == NOW + timedelta(minutes=10)
    assert schedule(cron="0 * * * *").next_after(NOW + timedelta(days=400), NOW) == at("2026-06-01T13:00")


def test_cron() -> None:
    made = schedule(cron="*/5 * * * *")
    assert made.next_after(None, NOW) == at("2026-06-01T12:05")
    on_time = at("2026-06-01T12:05")
    assert made.next_after(on_time, on_time) == at("2026-06-01T12:10")


@pytest.mark.parametrize(
    ("after", "due"),
    [
        ("2026-06-01T12:00", "2026-06-02T00:30"),
        ("2026-12-01T12:00", "2026-12-02T01:30"),
        ("2026-03-28T12:00", "2026-03-29T01:30"),  # 02:30 does not exist that night: 03:30
        ("2026-10-24T12:00", "2026-10-25T00:30"),  # 02:30 comes twice that night
        ("2026-10-25T00:30", "2026-10-25T01:30"),
        ("2026-10-25T01:30", "2026-10-26T01:30"),
    ],
)
def test_cron_is_in_its_time_zone(after: str, due: str) -> None:
    assert schedule(cron="30 2 * * *", timezone="Europe/Berlin").next_after(at(after), at(after)) == at(due)


def test_all_meets_within_the_hour_that_comes_twice() -> None:
    made = schedule(all=[{"every": "30m"}, {"cron": "* 2 * * *", "timezone": "Europe/Berlin"}])
    assert made.next_after(at("2026-10-25T00:30"), at("2026-10-25T00:30")) == at("2026-10-25T01:00")


def test_any_is_whichever_comes_first() -> None:
    made = schedule(any=[{"every": "1h"}, {"cron": "15 * * * *"}])
    previous = at("2026-06-01T12:10")
    assert made.next_after(previous, previous) == at("2026-06-01T12:15")
    previous = at("2026-06-01T12:15")
    assert made.next_after(previous, previous) == at("2026-06-01T13:15")


def test_all_is_where_they_meet() -> None:
    made = schedule(all=[{"every": "20m"}, {"cron": "* 9-17 * * mon-fri"}])
    assert made.next_after(None, NOW) == at("2026-06-01T12:20")
    assert made.next_after(at("2026-06-01T12:20"), at("2026-06-01T12:20")) == at("2026-06-01T12:40")
    friday_evening = at("2026-06-05T17:40")
    assert made.next_after(friday_evening, friday_evening) == at("2026-06-08T09:00")


def test_any_within_all() -> None:
    made = schedule(all=[{"any": [{"cron": "0 * * * *"}, {"cron": "30 * * * *"}]}, {"cron": "* 22 * * *"}])
    assert made.next_after(None, NOW) == at("2026-06-01T22:00")
    assert made.next_after(at("2026-06-01T22:00"), at("2026-06-01T22:00")) == at("2026-06-01T22:30")


@pytest.mark.parametrize(
    "poll",
    [
        {"all": [{"cron": "0 * * * *"}, {"cron": "30 * * * *"}]},
        {"cron": "0 0 31 2 *"},
        {"all": [{"cron": "0 0 30 feb *"}]},
    ],
)
def test_what_never_comes_due_is_refused(poll: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="never comes due"):
        schedule(**poll)


@pytest.mark.parametrize(
    ("poll", "said"),
    [
        ({}, "exactly one of every, cron, any, all"),
        ({"every": "10m", "cron": "* * * * *"}, "exactly one"),
        ({"any": []}, "exactly one"),
        ({"every": "10ms"}, "the shortest interval is 100ms"),
        ({"every": "0s"}, "the shortest interval is 100ms"),
        ({"cron": "* * * *"}, "five parts"),
        ({"cron": "61 * * * *"}, "higher than the maximum"),
        ({"cron": "0 9 * * 1-5"}, "write weekdays by name"),
        ({"cron": "0 9 * * *", "timezone": "Europe/Berlim"}, "did you mean Europe/Berlin"),
        ({"every": "10m", "timezone": "UTC"}, "timezone goes with cron"),
        ({"any": [{"every": "10m", "jitter": "5s"}]}, "jitter goes beside"),
        ({"every": "10m", "jitter": "-5s"}, "a duration is written"),
    ],
)
def test_refused(poll: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Poll.model_validate(poll)


def test_jitter_is_the_same_for_the_same_run_and_spreads_connections() -> None:
    bare = schedule(every="10m").next_after(NOW, NOW)
    spread = {schedule(f"acme/{n}", every="10m", jitter="30s").next_after(NOW, NOW) for n in range(50)}
    assert len(spread) == 50
    assert all(bare <= due <= bare + timedelta(seconds=30) for due in spread)
    again = schedule("acme/7", every="10m", jitter="30s")
    assert again.next_after(NOW, NOW) == again.next_after(NOW, NOW + timedelta(minutes=5)) in spread


def test_a_triggers_own_intervals() -> None:
    one = Schedule.of_wakes([Every(timedelta(minutes=10), timedelta(seconds=5))], "s")
    assert str(one) == "every 10m + up to 5s"
    two = Schedule.of_wakes([Every(timedelta(minutes=10)), Every(timedelta(minutes=3))], "s")
    assert two.next_after(NOW, NOW) == NOW + timedelta(minutes=3)


POLLS = st.sampled_from(
    [
        {"every": "7m"},
        {"every": "1h", "jitter": "10m"},
        {"cron": "*/5 * * * *"},
        {"cron": "30 1 * * sun", "timezone": "America/New_York"},
        {"cron": "*/30 * * * *", "timezone": "Europe/Berlin"},
        {"any": [{"every": "1h"}, {"cron": "15 3 * * *"}]},
        {"all": [{"every": "10m"}, {"cron": "* 9-17 * * mon-fri"}]},
    ]
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))  # noqa: DTZ001 - the zone follows


@given(POLLS, MOMENTS, st.integers(min_value=0, max_value=10**7))
def test_pure_never_past_and_always_onward(poll: dict[str, Any], previous: datetime, seconds: int) -> None:
    made, now = schedule(**poll), previous + timedelta(seconds=seconds)
    due = made.next_after(previous, now)
    assert due == schedule(**poll).next_after(previous, now)
    assert due >= now
    assert due.tzinfo is UTC
    assert made.next_after(due, due) > due


def test_onward_through_a_whole_year_with_both_changes_of_the_clock() -> None:
    made, now, seen = schedule(cron="0,30 1,2,3 * * *", timezone="Europe/Berlin"), at("2026-01-01T00:00"), 0
    while now < at("2027-01-01T00:00"):
        due = made.next_after(now, now)
        assert now < due <= now + timedelta(hours=23)
        now, seen = due, seen + 1
    # Each of the 365 nights has six; one hour with two of them is missing in March and comes twice in October.
    assert seen in range(365 * 6 - 1, 365 * 6 + 3)
