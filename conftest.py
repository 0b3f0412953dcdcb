"""Every test of the workspace: no network, no unexplained skip in CI, and a header that says with what it ran."""

from __future__ import annotations

import gc
import ipaddress
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Generator
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hypothesis
import pytest

SHOWN = ("pluggy", "pydantic", "httpx", "click", "sqlite-utils", "apscheduler", "uvicorn", "starlette", "hypothesis")
SKIPS = Path(__file__).parent / "tests" / "skips.txt"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# Every run tries few examples; `make simulate` asks for the profile "long".
hypothesis.settings.register_profile("local", deadline=None, max_examples=40)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=40, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("long", deadline=None, max_examples=300, print_blob=True)
hypothesis.settings.load_profile("ci" if IN_CI else "local")


@pytest.hookimpl(optionalhook=True, wrapper=True)  # without xdist nobody asks
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One more than xdist counts processors: many tests wait for processes that they started."""
    return (yield) + 1


class NetworkUsed(AssertionError):
    """A test asked for something outside this machine."""


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse names and addresses outside this machine. Sees Python's sockets, not those of other processes."""
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not is_local(str(address[0])):
            raise NetworkUsed(f"a test connects to {address[0]!r}: only this machine may be reached")
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        host = host.decode() if isinstance(host, bytes) else host
        if host is not None and not is_local(str(host)) and not is_address(str(host)):
            raise NetworkUsed(f"a test asks for the address of {host!r}: only this machine may be reached")


def is_address(host: str) -> bool:
    """True for an address as such: no name server is asked for it."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_local(host: str) -> bool:
    """True for this machine's own names and loopback addresses."""
    if host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


sys.addaudithook(_guard)


def pytest_report_header() -> list[str]:
    """Versions: of Python, of SQLite, and of what matters most."""
    python = f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return [python, ", ".join(f"{name} {version(name)}" for name in SHOWN)]


@cache
def allowed_skips() -> tuple[str, ...]:
    """Patterns of node ids that may be skipped in CI: the lines of tests/skips.txt up to a tab and the reason."""
    lines = SKIPS.read_text(encoding="utf-8").splitlines() if SKIPS.exists() else []
    kept = [line for line in lines if line.strip() and not line.startswith("#")]
    unexplained = [line for line in kept if not line.partition("\t")[2].strip()]
    if unexplained:
        raise pytest.UsageError(f"{SKIPS.name}: write a tab and the reason after {unexplained[0]!r}")
    return tuple(line.partition("\t")[0] for line in kept)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not IN_CI or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    if any(fnmatchcase(report.nodeid, pattern) for pattern in allowed_skips()):
        return
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid} was skipped in CI ({why}): let it run, or name it in tests/skips.txt"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test fails in CI unless it is named."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: to look through it for garbage, again and again, took a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


PAGES = sorted((Path(__file__).parent / "docs").glob("*.md"))
_passed: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what passed: of a test with parameters, one is enough."""
    if report.when == "call" and report.outcome == "passed":
        _passed.add(report.nodeid.partition("[")[0])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A whole run in CI fails if a test that a page of the docs names did not pass in it."""
    if IN_CI and not named(session.config) and not hasattr(session.config, "workerinput"):
        for page in PAGES:
            missing = sorted(set(re.findall(r"`(\S+\.py::test_\w+)`", page.read_text(encoding="utf-8"))) - _passed)
            sys.stderr.writelines(f"{page.name} names {place}, which did not pass in this run\n" for place in missing)
            if missing:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED


def named(config: pytest.Config) -> bool:
    """Only some tests were asked for."""
    chosen = config.option.keyword or config.option.markexpr or config.getoption("lf", False)
    return bool(chosen) or config.args != config.getini("testpaths")
