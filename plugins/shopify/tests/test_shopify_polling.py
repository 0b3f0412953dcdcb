from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from caseconnect.sdk.errors import PermanentError
from caseconnect_shopify.polling import SWEEP_LIMIT, Cursor

T0 = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (T0 + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_cursor_survives_being_written() -> None:
    fresh = Cursor.begin(T0)
    sweep = fresh.started(T0 + timedelta(seconds=600), 300).advanced([at(1), at(2)], "page-2")
    for cursor in (fresh, sweep):
        assert Cursor.load(cursor.dump()) == cursor


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"since": "x"}', '{"since": 5}', "soon"])
def test_a_spoilt_cursor_is_an_error_for_people(text: str) -> None:
    with pytest.raises(PermanentError, match="place of the poll"):
        Cursor.load(text)


def test_each_sweep_looks_back_by_the_overlap() -> None:
    started = Cursor.begin(T0).started(T0 + timedelta(seconds=600), 300)
    assert started.floor_text() == at(-300)
    assert started.started(T0 + timedelta(seconds=999), 300) == started


def test_the_watermark_moves_only_at_the_end_of_a_sweep() -> None:
    began = T0 + timedelta(seconds=600)
    sweep = Cursor.begin(T0).started(began, 300)
    first = sweep.advanced([at(10), at(20)], "page-2")
    assert (first.since, first.after, first.floor_text()) == (T0, "page-2", at(-300))
    last = first.advanced([at(30)], None)
    assert last == Cursor(since=T0 + timedelta(seconds=30))


def test_the_watermark_never_goes_back_nor_past_the_beginning_of_the_sweep() -> None:
    began = T0 + timedelta(seconds=600)
    sweep = Cursor.begin(T0).started(began, 300)
    assert sweep.advanced([at(-200)], None).since == T0
    assert sweep.advanced([], None).since == T0
    # Changed while the sweep ran: what the index shows later is older than this, so the watermark stays behind.
    assert sweep.advanced([at(5000)], None).since == began


def test_a_very_long_sweep_goes_on_from_the_newest_before_shopify_stops_it() -> None:
    sweep = Cursor.begin(T0).started(T0, 300)
    many = [at(5)] * SWEEP_LIMIT
    cut = sweep.advanced(many, "next")
    assert (cut.after, cut.floor_text(), cut.count, cut.sweeping()) == (None, at(5), 0, True)
    # All of one second: going on from it would begin the same page again, so the page cursor is kept.
    assert cut.advanced(many, "next").after == "next"
