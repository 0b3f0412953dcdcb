"""Runbooks: each cause has its page and each page its cause; what they say to type can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from command_lines import parsed
from tools.docs.workspace import ROOT

from caseconnect.cli import COMMANDS
from caseconnect.host.alerting.causes import CAUSES, PAGES, page_of
from caseconnect.host.daemon_file import load_daemon_file

FOLDER = ROOT / PAGES
NAMES = sorted({cause.page for cause in CAUSES})
SECTIONS = ["What it means", "What it does to orders and money", "Look", "Do", "When it closes"]
LINE = re.compile(r"^connect .+$|`(connect [a-z-]+(?: [^`]+)?)`", re.MULTILINE)


def page(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def test_every_cause_has_its_page_and_every_page_its_cause() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == sorted(["README", *NAMES])
    assert {(ROOT / page_of(cause.pattern)).is_file() for cause in CAUSES} == {True}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_and_begins_as_its_alert_is_called(name: str) -> None:
    text = page(name)
    assert text.startswith(f"# {next(cause.title for cause in CAUSES if cause.page == name)}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert all(len(part.strip()) > 15 for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:])
    assert f"<!-- generated: runbook {name} -->" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_command_line_of_a_page_is_one(name: str) -> None:
    found = [match[1] or match[0] for match in LINE.finditer(page(name))]
    assert found
    for line in found:
        command, *given = shlex.split(line)[1:]
        assert command in COMMANDS, line
        if given or line in page(name).splitlines():
            parsed([command, *given])


def test_alerts_in_operations_are_a_right_section_of_the_daemons_file(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(alerts:\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "connect.yaml"
    file.write_text(example)
    settings, problems = load_daemon_file(file)
    assert [str(p) for p in problems] == []
    assert settings is not None
    assert set(settings.values.alerts.channels) == {"duty", "acme", "log"}
