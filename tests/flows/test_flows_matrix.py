"""Every row in every situation, and by every outcome, in one process on virtual time.

All cells are played where `CONNECT_MATRIX` is set, as `make simulate` does; else each row and each situation once.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from flow_cells import Cell, played
from flow_situations import SITUATIONS, changed_in_time, fires_and_is_decided
from rows_sfcc import ROWS as SFCC
from rows_shopify import ROWS as SHOPIFY

from caseconnect.sdk.testing import run

ROWS = {row.name: row for row in (*SFCC, *SHOPIFY)}
ALL = bool(os.environ.get("CONNECT_MATRIX"))
CELLS = [(row, situation) for row in ROWS for situation in SITUATIONS if situation not in ROWS[row].unfit]
DECISIONS = [(name, outcome) for name, row in ROWS.items() for outcome in row.decisions]
CHANGES = [
    (name, first, then)
    for name, row in ROWS.items()
    for first, does in row.decisions.items()
    for then, other in row.decisions.items()
    if does.effects and then != first and name != "S5"
]
"""Changes of mind between outcomes of which the first waits for the shop. A recall's is undone, not replaced."""
PAGE = Path(__file__).parents[2] / "docs" / "flows.md"


def diagonal() -> list[tuple[str, str]]:
    """Of each row one situation, another one of each next row as far as there are such."""
    found, left = [], list(SITUATIONS)
    for row in ROWS:
        situation = next((each for each in left if (row, each) in CELLS), None) or next(iter(SITUATIONS))
        left = [each for each in left if each != situation]
        found.append((row, situation))
    return found


def test_the_few_cells_hold_every_row_and_every_situation() -> None:
    rows, situations = zip(*diagonal(), strict=True)
    assert set(rows) == set(ROWS)
    assert set(situations) == set(SITUATIONS)


def test_what_makes_no_sense_is_a_situation_and_says_why() -> None:
    told = [(name, why) for row in ROWS.values() for name, why in (*row.unfit.items(), *row.alerts.items())]
    assert [name for name, why in told if name not in SITUATIONS or not why] == []


@pytest.mark.parametrize(("row", "situation"), CELLS if ALL else diagonal())
def test_a_row_in_a_situation(row: str, situation: str, tmp_path: Path) -> None:
    play, buyer = SITUATIONS[situation]
    run(played(ROWS[row], play, tmp_path, buyer))


@pytest.mark.parametrize(("row", "outcome"), DECISIONS if ALL else DECISIONS[::8])
def test_every_decision(row: str, outcome: str, tmp_path: Path) -> None:
    async def decided(cell: Cell) -> None:
        await cell.begins()
        await cell.decides(outcome)

    run(played(ROWS[row], decided, tmp_path))


@pytest.mark.parametrize(("row", "first", "then"), CHANGES if ALL else CHANGES[::40])
def test_an_outcome_that_replaces_another_one_in_time_is_carried_out_alone(
    row: str, first: str, then: str, tmp_path: Path
) -> None:
    run(played(ROWS[row], partial(changed_in_time, first=first, then=then), tmp_path))


@pytest.mark.parametrize("row", ROWS)
def test_the_page_tells_how_long_a_row_takes(row: str, tmp_path: Path) -> None:
    cell = run(played(ROWS[row], fires_and_is_decided, tmp_path, minutes=1))
    words = [_seconds(cell.times.get(name) if cell.cases or name != "case" else None) for name in cell.TIMES]
    line = f"| {row} | {' | '.join(words)} |"
    if line not in PAGE.read_text(encoding="utf-8").splitlines():
        pytest.fail(f"write this line into {PAGE.name}:\n{line}")


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return "< 1 s" if seconds < 1 else f"{seconds:.0f} s"
