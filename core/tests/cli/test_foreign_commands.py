"""Commands that other distributions bring: listed without their import, run under guard."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from caseconnect.cli import COMMANDS, FOREIGN_GROUP, Exit, foreign_commands, main

Install = Callable[..., None]

GOOD = (
    "import click\n\n@click.command('greet')\n@click.argument('name')\ndef greet(name):\n    click.echo(f'hi {name}')\n"
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with one command on the path, as an installer would."""

    def put(distribution: str, command: str, module: str, source: str, value: str | None = None) -> None:
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{FOREIGN_GROUP}]\n{command} = {value or f'{module}:{command}'}\n")
        (tmp_path / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, module, raising=False)
        foreign_commands.cache_clear()

    yield put
    foreign_commands.cache_clear()


def test_a_foreign_command_is_listed_and_runs(install: Install) -> None:
    install("toys-greet", "greet", "toys_greet_command", GOOD)
    shown = CliRunner().invoke(main, ["--help"])
    assert ["greet", "from", "toys-greet"] in [line.split() for line in shown.output.splitlines()]
    assert "toys_greet_command" not in sys.modules
    result = CliRunner().invoke(main, ["greet", "Ann"])
    assert (result.exit_code, result.output) == (Exit.OK, "hi Ann\n")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("raise RuntimeError('no such\\x1b[2J engine')", "RuntimeError: no such\ufffd[2J engine"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("def greet(): ...", "is a function, not a click command"),
        ("", "AttributeError"),
    ],
)
def test_a_broken_one_is_named_and_stops_no_other(install: Install, source: str, why: str) -> None:
    install("toys-broken", "greet", "toys_broken_command", source)
    result = CliRunner().invoke(main, ["greet", "--some", "thing"])
    assert result.exit_code == Exit.WRONG
    assert "the command greet of toys-broken is broken" in result.stderr
    assert why in result.stderr
    assert result.stdout == ""
    assert CliRunner().invoke(main, ["--help"]).exit_code == Exit.OK
    assert CliRunner().invoke(main, ["schema", "--help"]).exit_code == Exit.OK
    context = click.Context(main)
    assert all(main.get_command(context, name) is not None for name in main.list_commands(context))


def test_our_own_names_cannot_be_taken(install: Install) -> None:
    install("toys-taker", "serve", "toys_taker_command", "raise RuntimeError('taken')", "toys_taker_command:serve")
    assert "serve" not in foreign_commands()
    assert COMMANDS["serve"][1] in " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert CliRunner().invoke(main, ["serve", "--help"]).exit_code == Exit.OK


def test_of_two_with_one_name_the_first_distribution_counts(install: Install) -> None:
    install("toys-b", "greet", "toys_b_command", GOOD.replace("hi", "from b:"))
    install("toys-a", "greet", "toys_a_command", GOOD.replace("hi", "from a:"))
    assert CliRunner().invoke(main, ["greet", "Ann"]).output == "from a: Ann\n"


def test_the_help_of_this_installation_imports_no_foreign_command() -> None:
    code = (
        "import sys; from caseconnect.cli import foreign_commands, main; main(['--help'], standalone_mode=False);"
        "mine = {p.module.split('.')[0] for p in foreign_commands().values()};"
        "print('IMPORTED', sorted(mine & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "IMPORTED []"
