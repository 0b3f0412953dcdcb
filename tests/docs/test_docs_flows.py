"""The page of the fifteen flows: every row is there, and the tests that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
ROWS = [*(f"S{n}" for n in range(1, 9)), *(f"P{n}" for n in range(1, 8))]


def section(row: str) -> str:
    """What the page says of a row."""
    return PAGE.partition(f"\n## {row}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_its_use_cases_and_sentences_with_tests(row: str) -> None:
    assert re.search(rf"^\| {row} \|.*\(use-cases/", PAGE, re.M)
    sentences = [part for part in section(row).split("\n- ") if part.strip()]
    assert sentences
    assert [one for one in sentences if "::test_" not in one] == []
