"""Generated blocks of a Markdown file.

A block begins with a line `<!-- generated: NAME ARGUMENT... -->` and ends with a line `<!-- /generated -->`;
what is between is written anew. Nothing else of the file is touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_BEGIN = re.compile(r"<!-- generated: (?P<name>[a-z-]+)(?P<args>(?: [\w.-]+)*) -->\Z")
_END = "<!-- /generated -->"

Block = Callable[..., str]
"""Makes a block's text from the arguments of its marker."""


class BlockError(Exception):
    """A marker cannot be understood. The text names file and line."""


def fill(text: str, blocks: Mapping[str, Block], file: str) -> str:
    """The text with every block written anew. `BlockError` for an unknown, nested or unended block."""
    made: list[str] = []
    began = 0
    for number, line in enumerate(text.split("\n"), 1):
        if line == _END:
            if not began:
                raise BlockError(f"{file}:{number}: {_END} without a beginning")
            began = 0
        elif line.startswith("<!-- generated"):
            if began:
                raise BlockError(f"{file}:{number}: the block of line {began} has not ended yet: write {_END}")
            began = number
            made += [line, "", _make(line, blocks, f"{file}:{number}").strip("\n"), ""]
            continue
        if not began:
            made.append(line)
    if began:
        raise BlockError(f"{file}:{began}: the block has no end: write {_END}")
    return "\n".join(made)


def _make(line: str, blocks: Mapping[str, Block], place: str) -> str:
    found = _BEGIN.match(line)
    if found is None:
        raise BlockError(f"{place}: write <!-- generated: NAME ARGUMENT... -->")
    name, arguments = found["name"], found["args"].split()
    if name not in blocks:
        raise BlockError(f"{place}: no block {name!r}; there are: {', '.join(sorted(blocks))}")
    try:
        return blocks[name](*arguments)
    except (TypeError, LookupError) as error:
        raise BlockError(f"{place}: {name}: these arguments do not fit: {error}") from error
