"""What is wrong with a tenant file: every problem with its place, in words for people. Values are not repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

Path = tuple[str | int, ...]
"""A key path inside a file, such as ('flows', 0, 'mode')."""


@dataclass(frozen=True)
class ConfigProblem:
    """One problem. `line` counts from 1, 0 when it has no line; `hint` says what is allowed or what to do."""

    file: str
    line: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f"{self.path}: " if self.path else ""
        return f"{place}: {where}{self.message}{f' ({self.hint})' if self.hint else ''}"

    def as_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


class Report:
    """Collects the problems of one file. `lines` gives the line of each key path."""

    def __init__(self, file: str, lines: Mapping[Path, int] | None = None) -> None:
        self.file, self.lines = file, dict(lines or {})
        self.problems: list[ConfigProblem] = []

    def add(self, path: Path, message: str, hint: str = "") -> None:
        """One more problem at `path`; a key that is not in the file gets the line of what should hold it."""
        self.problems.append(ConfigProblem(self.file, self.line(path), show_path(path), message, hint))

    def line(self, path: Path) -> int:
        """The line of the key path, or of the nearest thing around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 0

    def in_order(self) -> list[ConfigProblem]:
        """All problems from the top of the file down, each once."""
        return sorted(dict.fromkeys(self.problems), key=lambda p: (p.line, p.path))


def show_path(path: Path) -> str:
    """`flows[0].settings.hold`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def one_of(word: str, allowed: Iterable[str], what: str = "allowed") -> str:
    """A hint: the nearest name if there is one, and all that are allowed."""
    names = sorted(allowed)
    near = get_close_matches(word, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{meant}{what}: {', '.join(names) or 'none'}"
