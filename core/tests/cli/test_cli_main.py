"""The command group: help, exit codes, errors, quick start."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from caseconnect import __version__
from caseconnect.cli import COMMANDS, EXIT_CODES, Exit, main
from caseconnect.sdk.errors import ConfigError


def test_help_lists_every_command_and_exit_code() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == Exit.OK
    for name, (_, text) in COMMANDS.items():
        assert name in result.output
        assert text in " ".join(result.output.split())
    for code, meaning in EXIT_CODES.items():
        assert str(code.value) in result.output
        assert meaning.split(",")[0] in result.output
    assert set(EXIT_CODES) == set(Exit)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_line_is_the_commands_own_first_sentence(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert re.split(r"(?<=\.)\s", " ".join((command.help or "").split()))[0] == COMMANDS[name][1]
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == Exit.OK


def test_help_imports_no_command_and_nothing_heavy() -> None:
    code = (
        "import sys; from caseconnect.cli import main; main(['--help'], standalone_mode=False);"
        "heavy = {'pydantic', 'httpx', 'rich', 'pluggy', 'apscheduler', 'yaml', 'caseconnect.host', 'caseconnect.sdk'};"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "HEAVY []"


def test_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == f"connect, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["check", "--no-such-option"], ["check", "x", "--tenants", "y"]]
)
def test_a_wrong_command_line_is_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == Exit.USAGE


def _failing(error: BaseException) -> click.Command:
    @click.command("check")
    def command() -> None:
        raise error

    return command


def test_an_error_for_people_has_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caseconnect.cli.tenants.check", _failing(ConfigError("the file\x1b[2J is wrong")))
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == Exit.WRONG
    assert result.stderr == "Error: the file\ufffd[2J is wrong\n"
    assert result.stdout == ""


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caseconnect.cli.tenants.check", _failing(ZeroDivisionError("ours")))
    assert isinstance(CliRunner().invoke(main, ["check"]).exception, ZeroDivisionError)


def test_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caseconnect.cli.tenants.check", _failing(KeyboardInterrupt()))
    assert CliRunner().invoke(main, ["check"]).exit_code == Exit.INTERRUPTED
