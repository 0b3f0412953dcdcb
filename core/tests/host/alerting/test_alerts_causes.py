"""The table of causes knows all that the program raises, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from caseconnect import host
from caseconnect.host.alerting.causes import CAUSES, cause_of
from caseconnect.host.journal import caps, closing

SOURCES = Path(host.__file__).parent
NAMES = {"alert": 1, "NewAlert": 1, "Holds": 0}
"""What opens alerts, and which argument is the cause."""

TOLD = {
    "journal/caps.py": {caps.CAUSE, caps.INCIDENT},
    "journal/deciding.py": {"USE:"},
    "journal/ending.py": {closing.HELD},
    "pipeline/context.py": set(),
    "pipeline/daily.py": set(),
    "alerting/telling.py": {"channel:"},
    "pipeline/watching.py": set(),
}
"""Where a cause is handed on, or is another module's constant: what it may be."""


def raised() -> Iterator[tuple[str, str]]:
    """(file, how a cause begins) of every place that opens an alert."""
    for path in sorted(SOURCES.rglob("*.py")):
        text = path.read_text()
        if not any(name in text for name in NAMES):
            continue
        tree = ast.parse(text)
        named = dict(_named(tree))
        file = path.relative_to(SOURCES).as_posix()
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or _called(call) not in NAMES or len(call.args) < 2:
                continue
            cause = _begins(call.args[NAMES[_called(call)]], named)
            if cause:
                yield file, cause
            elif file in TOLD:
                yield from ((file, known) for known in TOLD[file])
            elif _called(call) != "alert" or len(call.args) > 3:
                yield file, "?"


def _called(call: ast.Call) -> str:
    return _name(call.func)


def _named(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name | ast.Attribute):
                    yield _name(target), node.value
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    yield from (
                        (n.id, v) for n, v in zip(target.elts, node.value.elts, strict=True) if isinstance(n, ast.Name)
                    )


def _name(place: ast.expr) -> str:
    return getattr(place, "attr", getattr(place, "id", ""))


def _begins(value: ast.expr, named: dict[str, ast.expr]) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        first = value.values[0]
        if isinstance(first, ast.Constant):
            return str(first.value)
        inner = first.value if isinstance(first, ast.FormattedValue) else first
        return _begins(inner, named)
    if (name := _name(value)) in named:
        return _begins(named[name], {n: v for n, v in named.items() if n != name})
    return ""


RAISED = sorted(set(raised()))


def test_places_that_open_alerts_are_found() -> None:
    assert len({file for file, _ in RAISED}) > 10
    assert [file for file, cause in RAISED if cause == "?"] == []


@pytest.mark.parametrize(("file", "cause"), RAISED)
def test_every_cause_that_is_raised_is_in_the_table(file: str, cause: str) -> None:
    known = [c for c in CAUSES[:-1] if _fits(c.pattern, cause)]
    assert known, f"{file} raises {cause}: name it in causes.py, and write its runbook"


def test_no_cause_of_the_table_is_raised_by_nobody() -> None:
    begins = {cause for _, cause in RAISED}
    unused = [c.pattern for c in CAUSES if not any(_fits(c.pattern, b) for b in begins)]
    assert unused == []


def _fits(pattern: str, begins: str) -> bool:
    """A cause that begins so may be one of the pattern."""
    fixed = pattern.partition("*")[0]
    return begins.startswith(fixed) or fixed.startswith(begins) or (begins == "USE:" and not fixed)


@pytest.mark.parametrize(
    ("cause", "page", "severity"),
    [
        ("parked:RefundPayment", "money-parked", "critical"),
        ("parked:CancelOrder", "command-parked", "warning"),
        ("parked:event", "event-parked", "warning"),
        ("compared:shop:money", "money-not-there", "critical"),
        ("refused:OpenCase", "case-refused", "critical"),
        ("approvals:refused:OpenCase", "case-refused", "critical"),
        ("approvals:refused:RefundPayment", "money-refused", "critical"),
        ("fraud_review:refused:CancelOrder", "command-refused", "warning"),
        ("returns:impossible:shop/order/1:return/7", "flow-told", "warning"),
        ("fraud_review:unmapped:Aproved [x]", "outcome-unmapped", "warning"),
        ("approvals:acme: a request waits", "flow-told", "warning"),
    ],
)
def test_a_cause_is_what_its_pattern_says(cause: str, page: str, severity: str) -> None:
    assert (cause_of(cause).page, cause_of(cause).severity) == (page, severity)
