"""What the daemon logs, from the calls that log it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.docs.markdown import code, codes, table
from tools.docs.workspace import ROOT

_LEVELS = ("error", "warning", "info")
_OWN = "step: "


def log_lines() -> str:
    """Every line of the host and of `connect serve`: its event, level and values."""
    source = ROOT / "core" / "src" / "caseconnect"
    files = [*sorted((source / "host").rglob("*.py")), source / "cli" / "serve.py"]
    found: dict[tuple[str, str], set[str]] = {}
    for path in files:
        for event, level, names in _calls(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault((event, level), set()).update(names)
    rows = sorted((_LEVELS.index(level), event, names) for (event, level), names in found.items())
    return table(
        ("level", "event", "values"),
        [(_LEVELS[rank], code(event), codes(sorted(names))) for rank, event, names in rows if _OWN not in event],
    )


def _calls(tree: ast.AST) -> Iterator[tuple[str, str, set[str]]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        whose = ast.unparse(node.func.value).rpartition(".")[2].lstrip("_")
        if whose == "log" and node.func.attr in _LEVELS and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value), node.func.attr, {name for k in node.keywords for name in _names(k)}


def _names(keyword: ast.keyword) -> set[str]:
    """Names of values: by themselves, or those that stand as texts in a `**` of several."""
    if keyword.arg:
        return {keyword.arg}
    if isinstance(keyword.value, ast.DictComp):
        texts = (each.value for each in ast.walk(keyword.value.generators[0].iter) if isinstance(each, ast.Constant))
        return {str(text) for text in texts}
    return set()
