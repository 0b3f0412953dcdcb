"""Every row in every situation, in one process on virtual time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flow_cells import played
from flow_situations import SITUATIONS
from rows_sfcc import ROWS as SFCC
from rows_shopify import ROWS as SHOPIFY

from caseconnect.sdk.testing import run

ROWS = {row.name: row for row in (*SFCC, *SHOPIFY)}
ALL = bool(os.environ.get("CONNECT_MATRIX"))


def cells() -> list[tuple[str, str]]:
    """Every fitting pair."""
    return [(row, name) for name in SITUATIONS for row in ROWS if name not in ROWS[row].unfit]


@pytest.mark.parametrize(("row", "situation"), cells())
def test_a_row_in_a_situation(row: str, situation: str, tmp_path: Path) -> None:
    play, buyer = SITUATIONS[situation]
    run(played(ROWS[row], play, tmp_path, buyer))


@pytest.mark.parametrize(("row", "outcome"), [(name, outcome) for name, row in ROWS.items() for outcome in row.decisions])
def test_every_decision(row: str, outcome: str, tmp_path: Path) -> None:
    async def decided(c):
        await c.begins()
        await c.decides(outcome)

    run(played(ROWS[row], decided, tmp_path))
