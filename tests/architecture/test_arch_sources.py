"""Rules that every tracked file keeps."""

from __future__ import annotations

import re
import tokenize
import tomllib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from tools.docs.workspace import ROOT
from tools.sources import tracked

PLATFORMS = re.compile(r"shopify|sfcc|salesforce|demandware|opentext|core[ _-]?case(?!connect)", re.IGNORECASE)
MACHINE = re.compile(r"(?<![\w.~-])/(?:home|root|work|farm|Users|builds)/[\w.]|\b[A-Z]:\\\\?Users\\")
REGISTRY = re.compile(
    r"--(?:extra-)?index-url|--registry[= ]\S|index-url\s*=|https?://[^\s\"'`)]*"
    r"(?:pypi|pythonhosted|npmjs|registry|artifactory|nexus|/simple)\b",
    re.IGNORECASE,
)
LIMIT, TEST_LIMIT = 300, 500
LONGER: dict[str, tuple[int, str]] = {
    "core/src/caseconnect/host/journal/sqlite.py": (560, "one method for each verb of the port"),
    "core/src/caseconnect/host/journal/schema.py": (400, "every migration stays for ever"),
    "core/src/caseconnect/host/plugins.py": (310, "loading is told in one place, in order"),
    "core/tests/host/web/test_web_hooks.py": (650, "one table: a request, and its answer"),
    "plugins/opentext_case/src/caseconnect_opentext_case/simulator/store.py": (320, "one class: the state of a tenant"),
    "plugins/sfcc/src/caseconnect_sfcc/simulator/search/query.py": (310, "one grammar, one operator after another"),
    "plugins/shopify/src/caseconnect_shopify/simulator/api/types/orders.py": (310, "the fields of one object"),
}


def texts(*folders: str) -> Iterator[tuple[str, str]]:
    for path in tracked(ROOT, *folders):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8", errors="replace")


def found_in(pattern: re.Pattern[str], *folders: str) -> list[str]:
    lines = ((name, n, line) for name, text in texts(*folders) for n, line in enumerate(text.splitlines(), 1))
    return [f"{name}:{n}: {match[0]}" for name, n, line in lines if (match := pattern.search(line))]


def test_the_core_names_no_platform() -> None:
    assert found_in(PLATFORMS, "core") == []
    assert [n for n, _ in texts("core") if PLATFORMS.search(n)] == []


def test_no_machine_path_and_no_registry_address() -> None:
    assert found_in(MACHINE) == []
    assert found_in(REGISTRY) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (PLATFORMS, "# as Core Case has it"),
        (PLATFORMS, "class CoreCaseThing:"),
        (MACHINE, "open('" + "/home" + "/ann/x')"),
        (REGISTRY, "pip install --index" + "-url https://example"),
        (REGISTRY, "https://" + "pypi.example/simple/x"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)
    assert not pattern.search("from caseconnect.core import caseconnect  # core/case, https://example.com/simpler")


def test_modules_are_short() -> None:
    lengths = {name: text.count("\n") for name, text in texts() if name.endswith(".py")}
    limits = {n: TEST_LIMIT if "tests" in Path(n).parts else LIMIT for n in lengths}
    needless = [n for n in LONGER if lengths.get(n, 0) <= limits.get(n, LIMIT)]
    limits |= {name: limit for name, (limit, _) in LONGER.items()}
    assert {n: length for n, length in lengths.items() if length > limits[n]} == {}
    assert needless == [], "these are short enough or gone: take them off the list"


def comments(source: bytes) -> Iterator[tuple[int, str, bool]]:
    """(line, comment, alone) of every comment; alone: nothing else is on the line."""
    for token in tokenize.tokenize(BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string, not token.line[: token.start[1]].strip()


NOQA = re.compile(r"#\s*noqa(?P<codes>:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*)?(?P<reason>.*)")
IGNORE = re.compile(r"#\s*type:\s*ignore(?P<codes>\[[\w, -]+\])?(?P<reason>.*)")


def unexplained(source: bytes, *, test: bool = False) -> list[int]:
    """Lines that switch a rule off without naming it, or without a reason there or in a comment right above.

    In a test the code of a `type: ignore` is reason enough: wrong values and replaced methods are what tests are for.
    """
    if b"noqa" not in source and b"ignore" not in source:
        return []
    found = list(comments(source))
    alone = {line for line, _, by_itself in found if by_itself}
    wrong = []
    for line, text, _ in found:
        for pattern in (NOQA, IGNORE):
            match = pattern.search(text)
            if match is None or (test and pattern is IGNORE and match["codes"]):
                continue
            reason = re.sub(r"#\s*(?:noqa|type:\s*ignore)[^#]*", "", match["reason"])
            if not match["codes"] or (len(reason.strip(" #-:")) < 3 and line - 1 not in alone):
                wrong.append(line)
    return wrong


def test_every_switched_off_rule_has_a_reason() -> None:
    files = [p for p in tracked(ROOT) if p.suffix == ".py"]
    wrong = [
        f"{p.relative_to(ROOT)}:{line}"
        for p in files
        for line in unexplained(p.read_bytes(), test="tests" in p.relative_to(ROOT).parts)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("x = 1  # noqa: S101 - because", True),
        ("x = 1  # noqa: S101, E501 because", True),
        ("# because\nx = 1  # noqa: S101", True),
        ("x = 1  # type: ignore[misc] # the stub is wrong", True),
        ("x = 1  # noqa: S101", False),
        ("x = 1  # noqa", False),
        ("x = 1  # type: ignore # because", False),
        ("x = 1  # type: ignore[misc]", False),
        ("x = '# noqa'", True),
    ],
)
def test_what_counts_as_a_reason(line: str, right: bool) -> None:
    assert (unexplained(line.encode()) == []) is right


def test_a_test_may_name_the_code_only() -> None:
    assert unexplained(b"x = 1  # type: ignore[misc]", test=True) == []
    assert unexplained(b"x = 1  # type: ignore", test=True) == [1]
    assert unexplained(b"x = 1  # noqa: S101", test=True) == [1]


def ignored_rules() -> Iterator[str]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    yield from config["ruff"]["lint"]["ignore"]
    for rules in config["ruff"]["lint"]["per-file-ignores"].values():
        yield from rules


def test_every_rule_ignored_in_the_configuration_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    explained = re.findall(r'^\s*"([A-Z]+[0-9]*)",?\s*# (\S.{2,})$', text, re.MULTILINE)
    assert sorted(rule for rule, _ in explained) == sorted(ignored_rules())
    assert (
        re.findall(r"^(?:ignore_missing_imports|ignore_errors|disable_error_code)\b[^#\n]*$", text, re.MULTILINE) == []
    )
