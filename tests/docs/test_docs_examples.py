"""The example tenant files are right as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caseconnect.host.plugins import load
from caseconnect.host.tenants.loading import load_files

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "tenants").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_an_example_is_right(file: Path) -> None:
    found = load_files([file], load())
    assert [str(problem) for problem in found.problems] == []
    assert list(found.tenants) == [file.stem]


@pytest.mark.parametrize(("name", "rows"), [("sfcc", 8), ("shopify", 7)])
def test_the_examples_of_one_platform_name_all_its_flows(name: str, rows: int) -> None:
    text = next(file for file in EXAMPLES if file.stem == name).read_text(encoding="utf-8")
    letter = {"sfcc": "S", "shopify": "P"}[name]
    assert set(re.findall(rf"\b{letter}\d\b", text)) == {f"{letter}{n}" for n in range(1, rows + 1)}
