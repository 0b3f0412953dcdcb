"""Where the workspace's distributions and documents are, and what they declare."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from caseconnect.host.plugins import GROUP, Installed, load

ROOT = Path(__file__).parents[2]
"""The workspace's folder."""


@dataclass(frozen=True)
class Member:
    """One distribution of the workspace: its folder and its pyproject.toml."""

    folder: Path
    project: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the distribution."""
        return str(self.project["name"])

    @property
    def packages(self) -> list[str]:
        """Its import packages."""
        return sorted(p.name for p in (self.folder / "src").iterdir() if (p / "__init__.py").exists())


def members(root: Path = ROOT) -> list[Member]:
    """The distributions that `[tool.uv.workspace]` names, by name."""
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    files = {f for pattern in patterns for f in root.glob(f"{pattern}/pyproject.toml")}
    found = [Member(f.parent, tomllib.loads(f.read_text())["project"]) for f in files]
    return sorted(found, key=lambda m: m.name)


def documents(root: Path = ROOT) -> list[Path]:
    """Every document that may hold a generated block."""
    folders = [m.folder for m in members(root)] if (root / "pyproject.toml").exists() else []
    readmes = [f / "README.md" for f in folders]
    found = {*root.glob("*.md"), *root.glob("docs/**/*.md"), *(r for r in readmes if r.exists())}
    return sorted(found)


@cache
def installed() -> Installed:
    """The workspace's own plugins: what else is installed here must not get into the docs."""
    ours = {m.name for m in members()}
    points = [e for e in entry_points(group=GROUP) if e.dist is not None and e.dist.name in ours]
    found = load(disabled=(), entry_points=points)
    broken = [f"{p.name}: {p.broken}" for p in found.plugins if p.broken]
    if broken:
        raise RuntimeError(f"the docs cannot be written while a plugin is broken: {'; '.join(broken)}")
    return found
