"""Reading the workspace's own source: which files there are, and what a module imports."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path


def tracked(root: Path, *folders: str) -> list[Path]:
    """Files below `folders` (default: all) that git tracks or would: what is ignored is left out."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - no shell, no input
    found = (root / name for name in sorted(set(told.split("\0"))) if name)
    return [path for path in found if path.is_file()]


def imported(source: str, module: str) -> Iterator[tuple[int, str]]:
    """(line, name) of everything that the source of `module` imports, also inside functions.

    `from a import b` counts as `a.b`: b may be a module.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ".".join(module.split(".")[: -node.level])
                base = f"{above}.{base}" if base else above
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
