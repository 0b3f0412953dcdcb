"""The planted bugs are found by `make mutants`; here only that each is whole, and that its searches exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]


def test_there_are_at_least_twenty() -> None:
    assert len(BUGS) >= 20


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_it_has_a_promise_and_searches_that_exist(bug: Bug) -> None:
    assert bug.promise
    assert bug.plant.__doc__
    assert bug.found_by
    for where in bug.found_by:
        if where.startswith("sim "):
            first, count = where.removeprefix("sim ").split()
            assert int(first) >= 0 < int(count)
            continue
        file, _, test = where.partition("::")
        text = (ROOT / file).read_text()
        assert not test or f"def {test.partition('[')[0]}(" in text, where
