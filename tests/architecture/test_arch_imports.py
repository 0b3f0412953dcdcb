"""Rules are pure, clients stand alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tools.docs.workspace import ROOT
from tools.sources import imported

PURE = ("models", "sdk.events", "sdk.commands", "sdk.decisions", "sdk.casework", "sdk.subjects", "sdk.order_names")
CLIENT = ("sdk.http", "sdk.errors", "sdk.tokens", "sdk.pace", "sdk.texts")
LIBRARIES = {"orjson"}
IMPURE = {
    *("asyncio", "concurrent", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets"),
    *("select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time"),
    *("urllib", "uuid"),
}


def allowed(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"caseconnect.{part}" for part in parts)


def within(name: str, modules: Iterable[str]) -> bool:
    return any(name == m or name.startswith(f"{m}.") for m in modules)


def strays(
    package: Path, module: str, may: tuple[str, ...], libraries: set[str], stop: tuple[str, ...] = ()
) -> Iterator[str]:
    """What a module and its own siblings import beyond `may`, `libraries` and the standard library.

    Siblings in `stop` may be imported and are not looked into.
    """
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = package / f"{name}.py"
        if name in seen or not path.exists():
            continue
        seen.add(name)
        for line, found in imported(path.read_text(), f"{package.name}.{name}"):
            place = f"{package.name}/{name}.py:{line}: {found}"
            if within(found, [package.name]):
                sibling = found.split(".")[1]
                if (package / sibling).is_dir():
                    yield f"{place}: a package of its own is not looked into"
                elif sibling not in stop:
                    waiting.append(sibling)
            elif not within(found, may) and not within(found, libraries) and not within(found, sys.stdlib_module_names):
                yield place


def packages(kind: str, module: str) -> list[Path]:
    return sorted(p.parent for p in ROOT.glob(f"{kind}/*/src/*/{module}.py"))


USECASES = packages("usecases", "rules")
CLIENTS = packages("plugins", "client")


def test_there_are_some() -> None:
    assert len(USECASES) >= 3
    assert len(CLIENTS) >= 2


@pytest.mark.parametrize("package", USECASES, ids=lambda p: p.name)
def test_rules_import_only_models_and_the_pure_part_of_the_sdk(package: Path) -> None:
    assert list(strays(package, "rules", allowed(PURE), {"__future__"}, ("settings",))) == []


@pytest.mark.parametrize("package", USECASES, ids=lambda p: p.name)
def test_rules_have_no_clock_no_chance_and_no_files(package: Path) -> None:
    for path in package.glob("*.py"):
        source = path.read_text()
        if path.stem in {"plugin", "settings"}:
            continue
        names = [f"{path.name}:{line}: {name}" for line, name in imported(source, package.name) if within(name, IMPURE)]
        assert names == []
        called = [
            n.func.attr
            for n in ast.walk(ast.parse(source))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        ]
        assert not {"now", "utcnow", "today"} & set(called), path.name


@pytest.mark.parametrize("package", CLIENTS, ids=lambda p: p.name)
def test_clients_import_only_what_stands_without_the_framework(package: Path) -> None:
    assert list(strays(package, "client", allowed(CLIENT), LIBRARIES)) == []


@pytest.mark.parametrize(
    ("text", "stray"),
    [
        ("import caseconnect.sdk.http as h\nfrom caseconnect.sdk import errors\nimport json\n", None),
        ("from .mapping import x\n", "mapping.py:1: caseconnect.models.Order"),
        ("def f():\n    from caseconnect.sdk.resources import Resources\n", "client.py:2: caseconnect.sdk.resources"),
        ("import httpx\n", "client.py:1: httpx"),
        ("from caseconnect.sdk.httpish import x\n", "caseconnect.sdk.httpish"),
    ],
)
def test_a_stray_import_is_found(tmp_path: Path, text: str, stray: str | None) -> None:
    package = tmp_path / "planted"
    package.mkdir()
    (package / "client.py").write_text(text)
    (package / "mapping.py").write_text("from caseconnect.models import Order\n")
    found = list(strays(package, "client", allowed(CLIENT), LIBRARIES))
    assert bool(found) is bool(stray)
    assert not stray or stray in found[0]
