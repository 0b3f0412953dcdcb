"""The page of security checks: every id is there with a guard, and the tests that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security-checks.md").read_text(encoding="utf-8")
IDS = [
    f"SEC{n}"
    for n in (*range(1, 8), 10, *range(13, 20), *range(30, 38), *range(40, 43), *range(44, 47), *range(48, 52))
]


@pytest.mark.parametrize("id_", IDS)
def test_every_check_has_a_guard_and_a_test(id_: str) -> None:
    (row,) = re.findall(rf"^\| {id_} \| (.+) \| (.+) \|$", PAGE, re.M)
    guard, tests = row
    assert guard.endswith(".")
    assert re.fullmatch(r"(?:`\S+\.py::test_\w+` ?)+", tests)
