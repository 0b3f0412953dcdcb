"""The root conftest.py: in CI a skip needs a name and a reason, and no test reaches beyond this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

def test_named(): pytest.skip("explained")
def test_unnamed(): pytest.skip("no reason in the list")
@pytest.mark.skip(reason="also not in the list")
def test_marked(): ...
@pytest.mark.xfail(reason="known", strict=True)
def test_expected(): assert False
def test_good(): ...
"""


def run(folder: Path, *arguments: str, ci: bool) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "conftest.py", folder)
    environment = {k: v for k, v in os.environ.items() if k != "CI" and not k.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *arguments]
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | ({"CI": "true"} if ci else {})
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "skips.txt").write_text(
        "# who may be skipped\ntest_some.py::test_named\tit is explained here\n"
    )
    return tmp_path


def test_in_ci_an_unnamed_skip_fails(folder: Path) -> None:
    (folder / "test_module.py").write_text("import pytest\npytest.skip('all of it', allow_module_level=True)\n")
    told = run(folder, "--continue-on-collection-errors", ci=True)
    assert told.returncode == 1, told.stdout
    assert "FAILED test_some.py::test_unnamed" in told.stdout
    assert "ERROR test_some.py::test_marked" in told.stdout
    assert "ERROR test_module.py" in told.stdout
    assert "was skipped in CI (Skipped: also not in the list)" in told.stdout
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 2 errors" in told.stdout


def test_elsewhere_a_skip_is_a_skip_and_the_header_names_versions(folder: Path) -> None:
    told = run(folder, "-v", ci=False)
    assert told.returncode == 0, told.stdout
    assert "1 passed, 3 skipped, 1 xfailed" in told.stdout
    for name in ("Python 3.", "SQLite 3.", "pluggy ", "pydantic ", "hypothesis "):
        assert name in told.stdout


def test_a_name_without_a_reason_is_refused(folder: Path) -> None:
    (folder / "tests" / "skips.txt").write_text("test_some.py::test_named\n")
    told = run(folder, ci=True)
    assert told.returncode != 0
    assert "the reason" in told.stdout + told.stderr


def test_every_pattern_of_the_list_names_a_file_that_is_there() -> None:
    lines = [line for line in (ROOT / "tests" / "skips.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        pattern, _, reason = line.partition("\t")
        assert (ROOT / pattern.partition("::")[0]).is_file(), pattern
        assert reason.strip()


def test_the_profile_has_no_deadline() -> None:
    assert hypothesis.settings().deadline is None


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80, 0, 0)])
def test_a_connection_to_another_machine_is_refused(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as made, pytest.raises(AssertionError, match="only this machine"):
        made.connect(address)


def test_a_name_of_another_machine_is_not_looked_up() -> None:
    with pytest.raises(AssertionError, match=r"shop\.example"):
        socket.getaddrinfo("shop.example", 443)

    async def open_one() -> None:
        await asyncio.open_connection("shop.example", 443)

    with pytest.raises(AssertionError, match=r"shop\.example"):
        asyncio.run(open_one())


def test_this_machine_may_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
