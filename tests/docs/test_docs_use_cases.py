"""The pages of the use cases: whole, in step with their figures, and no text stands twice."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from tools.docs.use_cases import use_case_way
from tools.docs.workspace import ROOT, installed

from caseconnect.sdk.casework import OutcomeSettings

FOLDER = ROOT / "docs" / "use-cases"
NAMES = sorted(installed().transforms)
SECTIONS = ["Its way", "What it needs", "Limits", "Settings"]
"""What every page has, in this order."""


def own(text: str) -> str:
    """What people wrote: without what is generated."""
    return re.sub(r"^<!-- generated: .*?^<!-- /generated -->\n", "", text, flags=re.MULTILINE | re.DOTALL)


def test_every_use_case_has_a_page_and_every_page_a_use_case() -> None:
    assert sorted(p.stem for p in FOLDER.glob("*.md")) == ["README", *NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_all_its_sections_with_its_own_blocks(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n")
    assert [t for t in re.findall(r"^## (.+)$", text, re.MULTILINE) if t in SECTIONS] == SECTIONS
    assert re.findall(r"^<!-- generated: (.+) -->$", text, re.MULTILINE) == [
        f"use-case-way {name}",
        f"use-case-needs {name}",
        f"settings {name}",
    ]
    limits = text.partition("\n## Limits\n")[2].partition("\n## ")[0]
    assert re.search(r"^\|.*\bShopify\b", limits, re.MULTILINE)
    assert re.search(r"^\|.*\bSFCC\b", limits, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_of_a_distribution_leaves_the_text_to_the_page(name: str) -> None:
    folder = f"caseconnect-{name.replace('_', '-')}"
    readme = (ROOT / "usecases" / name / "README.md").read_text(encoding="utf-8")
    assert own(readme) == f"# {folder}\n\n"
    assert f"(../../docs/use-cases/{name}.md)" in readme


def test_no_line_of_the_pages_stands_twice() -> None:
    fences = re.compile(r"^```.*?^```\n", re.MULTILINE | re.DOTALL)
    lines = Counter(
        line
        for page in FOLDER.glob("*.md")
        for line in fences.sub("", own(page.read_text(encoding="utf-8"))).splitlines()
        if len(line) > 40
    )
    allowed = {"What may stand in braces: [the list](README.md#what-may-stand-in-braces)."}
    assert {line for line, count in lines.items() if count > 1} <= allowed


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_tells_every_way_of_the_code_and_joins_what_it_draws(name: str) -> None:
    """Each outcome leads to its actions, each finding stands at an arrow, and no node is drawn without an arrow."""
    spec, figure = installed().transforms[name], use_case_way(name)
    assert set(spec.exceptions) <= set(re.findall(r"\w+", " ".join(re.findall(r'\|"(.+?)"\|', figure))))
    drawn = set(re.findall(r'(\w+)[\[({]+"', figure))
    joined = set(re.findall(r"(\w+)(?=(?:\[.+?\]|\(\[.+?\]\)|\{.+?\})? (?:-->|-\.->))", figure)) | set(
        re.findall(r'(?:-->|-\.->)(?:\|".*?"\|)? (\w+)', figure)
    )
    assert drawn == joined
    policy = spec.settings
    if not issubclass(policy, OutcomeSettings):
        return
    outcomes = policy.model_fields["outcomes"].get_default(call_default_factory=True)
    for outcome, actions in outcomes.items():
        line = next(li for li in figure.splitlines() if re.search(rf'agent -->\|".*\b{outcome}\b.*"\|', li))
        told = re.search(r'\["(.+)"\]', line)
        assert told
        assert [part.partition(":")[0] for part in told[1].split("<br/>")] == list(actions)
