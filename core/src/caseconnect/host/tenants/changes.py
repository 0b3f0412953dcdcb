"""What is another in a tenant file than before: key paths, and the text without what looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from caseconnect.host.tenants.document import read_document
from caseconnect.host.tenants.problems import Path, Report, show_path

_WORD = r"[A-Za-z0-9+_-]"
_LOOKS_SECRET = re.compile(rf"(?<!{_WORD})(?={_WORD}*[0-9])(?={_WORD}*[A-Za-z]){_WORD}{{24,}}")
_NO_SECRET = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[A-Z][A-Z0-9_]*")


def changes(before: str, after: str) -> list[str]:
    """The key paths that were added, changed or taken away, without their values. Of a list, its elements' places."""
    return _told(_all(before), _all(after))


def changes_in(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The same of plain data."""
    return _told(dict(_leaves(before, ())), dict(_leaves(after, ())))


def _told(old: dict[Path, Any], new: dict[Path, Any]) -> list[str]:
    paths = [path for path in {**old, **new} if path not in old or path not in new or old[path] != new[path]]
    return [f"{_sign(path, old, new)} {show_path(path)}" for path in paths]


def _sign(path: Path, old: dict[Path, Any], new: dict[Path, Any]) -> str:
    if path not in old:
        return "+"
    return "-" if path not in new else "~"


def _all(text: str) -> dict[Path, Any]:
    return dict(_leaves(read_document(text.encode(), Report("")).data, ())) if text else {}


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every scalar, and every empty collection, with its key path. A flow is called by its use, not by its place."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            use = inner.get("use") if isinstance(inner, dict) and path == ("flows",) else None
            yield from _leaves(inner, (*path, use if isinstance(use, str) else index))
    else:
        yield path, value


def without_secrets(text: str) -> str:
    """The text as it may be kept. Secrets are references; a long word of letters and digits may be one all the same,
    in a comment or where a name is expected, and is left out. A UUID is none, nor is the name of a variable.
    """
    return _LOOKS_SECRET.sub(lambda found: found[0] if _NO_SECRET.fullmatch(found[0]) else "(left out)", text)
