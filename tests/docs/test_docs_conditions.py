"""The conditions that the docs show are conditions."""

from __future__ import annotations

import re

import pytest
import yaml
from tools.docs.workspace import ROOT

from caseconnect.models import ReturnRequest
from caseconnect.sdk.casework import AppliesTo
from caseconnect.sdk.conditions import LONGEST, LOOPS, Condition

PAGE = (ROOT / "docs" / "conditions.md").read_text(encoding="utf-8")
PARTS = {
    key: value for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) for key, value in yaml.safe_load(block).items()
}
SHOWN = [*PARTS["only_if"].values(), *PARTS["also"].values()]
WRITTEN = [
    text.replace("\\|", "|")
    for row in re.findall(r"^\| [a-z ]+ \| (`.*) \|$", PAGE, re.M)
    for text in re.findall(r"`([^`]*[.!(][^`]*)`", row)
]


@pytest.mark.parametrize("text", SHOWN + WRITTEN)
def test_shown_conditions_are_right(text: str) -> None:
    assert Condition(text, ReturnRequest).uses


def test_the_page_shows_conditions_and_settings_that_exist() -> None:
    assert (len(SHOWN), len(WRITTEN)) == (4, 14)
    assert AppliesTo.model_validate(PARTS["applies_to"]).payment_terms
    assert f"{LONGEST:,} characters" in PAGE
    assert LOOPS == 2
    assert "two loops" in PAGE
