"""Pages that say which test shows what: the tests that they name exist. In CI they also have to pass (conftest.py)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
NAMED = sorted({place for page in PAGES for place in re.findall(r"`(\S+\.py::test_\w+)`", page.read_text("utf-8"))})


@pytest.mark.parametrize("page", ["flows.md", "reliability.md", "security-checks.md"])
def test_every_page_names_tests(page: str) -> None:
    assert "::test_" in (ROOT / "docs" / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("place", NAMED)
def test_what_a_page_names_is_a_test(place: str) -> None:
    file, _, name = place.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
