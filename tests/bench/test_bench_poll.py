"""Polling's measurement: both readers are asked the same, and the table says what was and was not measured."""

from itertools import pairwise
from typing import Any

import pytest
from bench import dlt_once, poll, report
from bench.sizes import SIZES

from caseconnect_sfcc.changes import _SHOWN


def question(orders: int) -> dict[str, Any]:
    """The question for so many orders, whose batches are a second apart."""
    batches = -(-orders // 50)
    return poll.question(
        4711, [f"2026-11-01T{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z" for n in range(batches + 1)]
    )


@pytest.mark.parametrize(("orders", "windows"), [(450, 1), (10_000, 1), (10_050, 2), (50_000, 5)])
def test_windows_follow_each_other_and_hold_what_a_search_reaches(orders: int, windows: int) -> None:
    found = question(orders)["windows"]
    assert len(found) == windows
    assert found[0][0] == question(orders)["since"]
    assert all(earlier[1] == later[0] for earlier, later in pairwise(found))
    assert all(since < until for since, until in found)


def test_dlt_asks_for_what_the_poll_asks_for() -> None:
    asked = question(20_000)
    assert asked["select"] == f"(total,hits.(data.({','.join(_SHOWN)})))"
    source = dlt_once.configuration(asked)
    first, second = source["resources"]
    assert first["table_name"] == second["table_name"] == dlt_once.TABLE
    assert first["endpoint"]["paginator"]["limit"] == poll.PAGE
    bounds = [each["endpoint"]["json"]["query"]["filtered_query"]["filter"]["range_filter"] for each in (first, second)]
    assert [(each["from"], each["to"]) for each in bounds] == asked["windows"]
    assert [each["to_inclusive"] for each in bounds] == [False, False]


def result(**more: Any) -> dict[str, Any]:
    numbers = {
        "orders_per_second": 2_000.0,
        "seconds": 25.0,
        "cpu_seconds": 4.0,
        "simulator_cpu_seconds": 10.0,
        "memory_peak_mb": 120.0,
        "requests": 251.0,
        "version": "",
    }
    part = {"orders": 50_000, "ideal_requests": 250, "rounds": 2, "absent": "", "connect": numbers}
    if not more:
        part |= {"dlt": {**numbers, "version": "dlt 9.9", "memory_peak_mb": 240.0}, "ratio": 0.75}
    return report.collect("full", {"poll": {**part, **more}}, 0.1)


def test_the_table_shows_both_and_their_ratio() -> None:
    shown = report.text(result())
    row = next(line for line in shown.splitlines() if line.startswith("| Connect"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:] == ["2,000", "25.0", "4.0", "10.0", "120", "251 / 250"]
    assert "| dlt 9.9 " in shown
    assert "0.75 times as many" in shown


def test_the_table_says_why_there_is_no_other() -> None:
    shown = report.text(result(absent=poll._why_absent(SIZES["full"])))
    assert "dlt was not measured: it is not installed (`make bench` does that)." in shown
    assert "| dlt" not in shown
