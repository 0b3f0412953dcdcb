"""`list-plugins`, `check`, `schema` and `new-plugin` on the plugins of a folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from caseconnect.cli import Exit, main
from caseconnect.cli.output import clean, table
from caseconnect.host import plugins
from caseconnect.host.plugins import Installed, Plugin
from caseconnect.sdk import SDK_VERSION
from caseconnect.sdk.components import SimulatorSpec

Run = Callable[..., Result]


def _installed() -> Installed:
    good = Plugin("good", "toys-good", "1.0", (plugins.Offer("simulator", "toy", "A toy.", "beta", "0.1"),))
    bad = Plugin("bad", "toys-bad", "2.0", broken="cannot be imported: ImportError: no")
    off = Plugin("off", "toys-off", "3.0", disabled=True)
    simulators = {"toy": SimulatorSpec("toy", "A toy.", app=lambda _: None)}
    return Installed(simulators=simulators, plugins=[bad, good, off], unknown_disabled=("ghost",))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    for module in ("plugins", "tenants", "new_plugin"):
        monkeypatch.setattr(f"caseconnect.cli.{module}.load", _installed)
    return lambda *arguments: CliRunner().invoke(main, [str(a) for a in arguments])


def test_list_plugins(run: Run) -> None:
    result = run("list-plugins")
    assert result.exit_code == Exit.OK
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["good", "1.0", "toys-good", "toy:", "simulator", "beta", "ok"] in rows
    assert ["bad", "2.0", "toys-bad", "broken"] in rows
    assert ["off", "3.0", "toys-off", "off"] in rows
    assert "bad is broken: cannot be imported: ImportError: no" in result.stdout
    assert "CONNECT_DISABLED_PLUGINS names 'ghost', which is not installed" in result.stderr


def test_list_plugins_strict(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("list-plugins", "--strict").exit_code == Exit.WRONG
    monkeypatch.setattr("caseconnect.cli.plugins.load", Installed)
    assert run("list-plugins", "--strict").exit_code == Exit.OK
    assert run("list-plugins").stdout == "no plugin is installed\n"


def test_list_plugins_as_json(run: Run) -> None:
    data = json.loads(run("list-plugins", "--json").stdout)
    assert data["sdk"] == SDK_VERSION
    assert [(p["name"], p["state"], p["stability"]) for p in data["plugins"]] == [
        ("bad", "broken", ""),
        ("good", "ok", "beta"),
        ("off", "off", ""),
    ]
    assert data["plugins"][1]["offers"][0]["kind"] == "simulator"


def test_check_shows_all_problems_with_their_lines(run: Run, tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(
        "tenant: acme\nenvironment: x\nconnections:\n  shop: {platform: bad}\ntimin: 1\n"
    )
    result = run("check", "--tenants", tmp_path)
    assert result.exit_code == Exit.WRONG
    at = f"{tmp_path / 'acme.yaml'}"
    assert result.stdout.splitlines() == [
        f"{at}:4: connections.shop.platform: the platform 'bad' cannot be used: the plugin 'bad' is broken: cannot be "
        "imported: ImportError: no (`connect list-plugins` shows it)",
        f"{at}:5: timin: is no known key (did you mean timing? allowed: connections, environment, flows, go_live, "
        "limits, tenant, timing)",
    ]
    assert "broken plugins: bad" in result.stderr
    problems = json.loads(run("check", "--json", tmp_path / "acme.yaml").stdout)["problems"]
    assert [(p["line"], p["path"]) for p in problems] == [(4, "connections.shop.platform"), (5, "timin")]


def test_check_of_nothing(run: Run, tmp_path: Path) -> None:
    assert "no tenant file is here" in run("check", "--tenants", tmp_path).stdout
    assert run("check", "--tenants", tmp_path).exit_code == Exit.WRONG
    assert "there is no such folder" in run("check", "--tenants", tmp_path / "nowhere").stdout


def test_schema_to_a_file(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("schema").stdout)["title"] == "Connect tenant file"
    file = tmp_path / "tenant.json"
    result = run("schema", "--output", file)
    assert (result.exit_code, result.stdout) == (Exit.OK, "")
    assert file.read_text() == run("schema").stdout
    assert run("schema", "--output", tmp_path / "no" / "folder.json").exit_code == Exit.WRONG


@pytest.mark.parametrize("name", ["Toy", "my-shop", "x", "1shop", "a" * 40])
def test_new_plugin_names(run: Run, tmp_path: Path, name: str) -> None:
    result = run("new-plugin", name, "--into", tmp_path)
    assert result.exit_code == Exit.USAGE
    assert list(tmp_path.iterdir()) == []


def test_new_plugin_touches_nothing_that_exists(run: Run, tmp_path: Path) -> None:
    assert "has a plugin of this name already" in run("new-plugin", "good", "--into", tmp_path).output
    (tmp_path / "store").mkdir()
    result = run("new-plugin", "store", "--into", tmp_path)
    assert result.exit_code == Exit.WRONG
    assert list((tmp_path / "store").iterdir()) == []


def test_a_new_plugin_passes_its_tests_at_once(run: Run, tmp_path: Path) -> None:
    result = run("new-plugin", "toy_store", "--into", tmp_path)
    assert result.exit_code == Exit.OK
    folder = tmp_path / "toy_store"
    assert {str(p.relative_to(folder)) for p in folder.rglob("*.py")} == {
        "tests/test_toy_store_contract.py",
        *(
            f"src/connect_toy_store/{m}.py"
            for m in ("__init__", "client", "config", "plugin", "simulator", "sink", "source")
        ),
    }
    assert "{{" not in "".join(p.read_text() for p in folder.rglob("*") if p.is_file())
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout[-3000:]
    assert "passed" in tests.stdout.splitlines()[-1]


def test_tables_fit_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    table(("Name", "Text"), [("a", "word " * 30)])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, shown)) <= 40
    assert sum(line.count("word") for line in shown) == 30


def test_tables_elsewhere_break_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    table(("Name", "Text"), [("[red]a", "word " * 60)])
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "word" in line]
    assert row.count("word") == 60
    assert "[red]a" in row


def test_nothing_steers_the_terminal() -> None:
    assert clean("a\x1b[31mb\u202ec\nd\r") == "a\ufffd[31mb\ufffdc\nd\ufffd"
