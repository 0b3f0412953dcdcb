"""What holds for every command: examples that parse, JSON where data is printed, tables that fit, completion."""

from __future__ import annotations

import asyncio
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner
from command_lines import parsed

from caseconnect.cli import COMMANDS, Exit, main
from caseconnect.cli.output import table
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import NewAlert, NewDelivery

NO_DATA = {"serve", "simulate", "completion", "schema"}
"""They run, or what they print is a script or JSON itself."""

AT = datetime(2026, 1, 5, tzinfo=UTC)


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def examples(name: str) -> list[str]:
    lines = [line.strip() for line in (command(name).help or "").splitlines()]
    shell = r"\s+>.*|\$\(.*?\)"  # what the shell does before `connect` sees it
    return [re.sub(shell, "", line) for line in lines if line.startswith("connect ")]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_help_has_examples_that_parse(name: str) -> None:
    assert examples(name), f"connect {name} --help shows no example"
    for line in examples(name):
        words = shlex.split(line)[1:]
        assert words[0] == name
        parsed(words)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_that_prints_data_prints_json_too(name: str) -> None:
    options = {option for parameter in command(name).params for option in parameter.opts}
    assert ("--json" in options) != (name in NO_DATA)


def test_a_table_fits_eighty_columns_and_keeps_every_letter(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [f"{letter * 60}" for letter in "abcdefgh"]
    table([f"column {n}" for n in range(8)], [cells], title="Wide", width=80)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for cell in cells:
        assert shown.count(cell[0]) >= 60


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_help_fits_eighty_columns(name: str) -> None:
    shown = CliRunner().invoke(main, [name, "--help"], terminal_width=80).output
    long = [line for line in shown.splitlines() if len(line) > 80 and not line.strip().startswith("connect ")]
    assert long == []


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal that knows two tenants and an alert."""

    async def fill() -> None:
        for tenant, connection in (("acme", "shop"), ("acme", "cases"), ("zeta", "store")):
            await journal.receive([NewDelivery(tenant, connection, "t", connection, AT, b"{}")], None, AT)
        await journal.alert(NewAlert("acme", "down:shop", "it does not work"), AT)
        await journal.alert(NewAlert("acme", "cap:fraud_review:RefundPayment:day", "reached"), AT)

    journal = SqliteJournal.open(tmp_path / "journal.db", synchronous="OFF")
    asyncio.run(fill())
    journal.close()
    monkeypatch.setenv("CONNECT_DATA", str(tmp_path))
    return tmp_path


def completed(line: str, begun: str = "") -> list[str]:
    found = BashComplete(main, {}, "connect", "_CONNECT_COMPLETE").get_completions(shlex.split(line)[1:], begun)
    return [item.value for item in found]


@pytest.mark.parametrize(
    ("line", "begun", "expected"),
    [
        ("connect", "rel", ["reload"]),
        ("connect pause --tenant", "", ["acme", "zeta"]),
        ("connect pause --tenant acme --connection", "", ["cases", "shop"]),
        ("connect pause --tenant zeta --access", "", ["store"]),
        ("connect pause --tenant zeta --command", "Hold", ["HoldOrder"]),
        ("connect tenants", "z", ["zeta"]),
        ("connect setup", "acme/", ["acme/cases", "acme/shop"]),
        ("connect resolve", "", ["alert:down:shop", "cap:fraud_review:RefundPayment:day"]),
        ("connect errors --j", "--j", ["--json"]),
    ],
)
def test_a_shell_completes_names_that_there_are(data: Path, line: str, begun: str, expected: list[str]) -> None:
    assert completed(line, begun) == expected


def test_without_a_journal_nothing_is_completed_and_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONNECT_DATA", str(tmp_path / "nowhere"))
    assert completed("connect pause --tenant") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    found: Any = CliRunner().invoke(main, ["completion", shell])
    assert found.exit_code == Exit.OK, found.output
    assert "_CONNECT_COMPLETE" in found.output
    assert re.search(rf"connect completion {shell}", found.output)
