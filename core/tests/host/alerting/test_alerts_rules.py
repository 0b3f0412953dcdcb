"""What holds for how long, from numbers alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from caseconnect.host.alerting import watching as rules
from caseconnect.host.alerting.settings import USUAL
from caseconnect.host.journal.alerting import Room
from caseconnect.host.journal.overdue import Overdue
from caseconnect.host.journal.rates import Hour
from caseconnect.host.tenants.schedule import Poll, Schedule

NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)  # a Wednesday
UP = NOW - timedelta(days=40)
HOUR = timedelta(hours=1)


def shop(weeks: int = 4, per_hour: int = 20, until: datetime = NOW) -> dict[datetime, Hour]:
    """A shop that is busy from eight to ten, and has an order every other hour at night; nothing came since `until`."""
    hours = {}
    at = (NOW - timedelta(weeks=weeks, days=2)).replace(minute=0)
    while at <= until:
        many = per_hour if 8 <= at.hour < 22 else int(at.hour % 2 == 0)
        hours[at] = Hour(many, 0)
        at += HOUR
    return hours


def silent(hours: dict[datetime, Hour], now: datetime = NOW, up: datetime = UP) -> datetime | None:
    return rules.quiet_since(hours, rules.total, up, now)


def test_a_busy_hour_without_anything_is_silence() -> None:
    assert silent(shop(until=NOW - 3 * HOUR)) == datetime(2026, 3, 4, 13, tzinfo=UTC)
    assert silent(shop()) is None


def test_two_weeks_are_enough_and_one_is_not() -> None:
    gone = NOW - 3 * HOUR
    assert silent(shop(weeks=2, until=gone)) is not None
    assert silent(shop(weeks=1, until=gone)) is None


@pytest.mark.parametrize("hour", [22, 0, 1, 3, 5, 8])
def test_a_shop_that_is_quiet_at_night_is_never_told_of_at_night(hour: int) -> None:
    now = NOW.replace(hour=hour)
    closed = now.replace(hour=22, minute=0) - timedelta(days=hour < 22)
    assert silent(shop(until=closed - HOUR), now) is None


def test_a_day_without_anything_is_silence_of_a_slow_shop_too() -> None:
    slow = shop(per_hour=1, until=NOW - 26 * HOUR)
    assert silent(slow) == datetime(2026, 3, 3, 14, tzinfo=UTC)
    assert silent(shop(per_hour=0, until=NOW - 26 * HOUR)) is None


def test_what_we_slept_through_tells_nothing() -> None:
    gone = shop(until=NOW - 3 * HOUR)
    assert silent(gone, up=NOW - 1 * HOUR) is None
    assert silent(gone, up=NOW - 2 * HOUR) is not None


def test_an_hour_to_the_left_or_right_counts_as_clocks_are_set_twice_a_year() -> None:
    now = NOW.replace(hour=9, minute=10)
    moved = {at: many for at, many in shop().items() if at < now - timedelta(days=1)}
    assert silent(moved, now) is None
    assert silent(moved, now + 2 * HOUR) is not None


def test_polls_that_bring_something_do_not_hide_that_webhooks_have_stopped() -> None:
    hours = shop() | {NOW.replace(minute=0) - n * HOUR: Hour(0, 3) for n in range(3)}
    assert rules.quiet_since(hours, rules.pushed, UP, NOW) == datetime(2026, 3, 4, 13, tzinfo=UTC)
    assert silent(hours) is None
    assert not rules.came(hours, rules.pushed, NOW)
    assert rules.came(hours, rules.total, NOW)


@pytest.mark.parametrize(
    ("every", "minutes", "late"), [("10m", 24, False), ("10m", 26, True), ("2h", 239, False), ("2h", 241, True)]
)
def test_a_poll_is_late_after_a_quarter_of_an_hour_and_an_interval(every: str, minutes: int, late: bool) -> None:
    schedule = Schedule(Poll.model_validate({"every": every}), "seed")
    held = [*rules.late("shop", schedule, NOW - timedelta(minutes=minutes), USUAL, NOW)]
    assert [one.cause for one in held] == (["late:shop"] if late else [])


def test_the_oldest_command_of_a_connection_is_told_once() -> None:
    found = [
        Overdue("desk", "approvals", "CloseCase", 3, NOW - 2 * HOUR, "k2"),
        Overdue("desk", "approvals", "OpenCase", 1, NOW - 5 * HOUR, "k1"),
        Overdue("shop", "approvals", "HoldOrder", 1, NOW - 3 * HOUR, "k3"),
    ]
    held = {one.cause: one for one in rules.overdue(found, USUAL)}
    assert {cause: one.link for cause, one in held.items()} == {"old:desk": "k1", "old:shop": "k3"}
    assert held["old:desk"].title == (
        "commands to desk are open for more than 1h; the oldest is OpenCase of approvals, since 2026-03-04 09:30 UTC"
    )


@pytest.mark.parametrize(
    ("free", "full", "cause"),
    [(2 * 1024**3, False, []), (1024**3 - 1, False, ["disk:low"]), (10 * 1024**3, True, ["disk:full"])],
)
def test_room_is_told_when_there_is_little(free: int, full: bool, cause: list[str]) -> None:
    assert [one.cause for one in rules.room(Room(free, full), USUAL)] == cause


def test_a_secret_is_told_two_weeks_before_its_last_day() -> None:
    assert [*rules.ending("shop", "client_secret", date(2026, 3, 18), USUAL, NOW)]
    assert not [*rules.ending("shop", "client_secret", date(2026, 3, 19), USUAL, NOW)]
