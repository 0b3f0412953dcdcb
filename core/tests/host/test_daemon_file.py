"""The daemon's own file: strict, with every problem at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from caseconnect.cli import Exit, main
from caseconnect.host.daemon_file import load_daemon_file


def test_no_file_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings, problems = load_daemon_file(None)
    assert settings
    assert settings.file is None
    assert not problems


def test_the_file_beside_is_read_without_being_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("connect.yaml").write_text("\n\nmonkey: 1\n")
    settings, problems = load_daemon_file(None)
    assert settings is None
    assert str(problems[0]).startswith("connect.yaml:3: monkey: is no known key")


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "the file is empty (begin with a section"), ("- 1\n", "a mapping"), ("a: [\n", "not valid YAML")],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "connect.yaml"
    file.write_text(text)
    settings, problems = load_daemon_file(file)
    assert settings is None
    assert said in str(problems[0])


def test_a_named_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    settings, problems = load_daemon_file(tmp_path / "other.yaml")
    assert settings is None
    assert "cannot be read" in str(problems[0])


def test_serve_and_check_refuse_a_wrong_file(tmp_path: Path) -> None:
    file = tmp_path / "connect.yaml"
    file.write_text("monkey: 1\n")
    for command in ("serve", "check"):
        ran = CliRunner().invoke(main, [command, "--tenants", str(tmp_path), "--config", str(file)])
        assert ran.exit_code == Exit.WRONG
        assert "monkey: is no known key" in ran.output
