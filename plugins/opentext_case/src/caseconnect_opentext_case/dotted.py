"""Reading and setting values by dotted path in JSON; a list of `{name, value}` counts as an object."""

from __future__ import annotations

from typing import Any


def get(document: Any, path: str) -> Any:
    """The value at `path`, None when any part of the way is absent or the path is empty."""
    if not path:
        return None
    for key in path.split("."):
        document = _step(document, key)
    return document


def put(document: dict[str, Any], path: str, value: Any, *, pairs: str = "") -> None:
    """Set the value at `path`, making what is absent on the way; `pairs` is the path of a `{name, value}` list."""
    keys = path.split(".")
    holder: Any = document
    for depth, key in enumerate(keys[:-1], start=1):
        inner = _step(holder, key)
        if not isinstance(inner, dict | list):
            inner = [] if ".".join(keys[:depth]) == pairs else {}
            _set(holder, key, inner)
        holder = inner
    _set(holder, keys[-1], value)


def drop(document: dict[str, Any], path: str) -> None:
    """Remove the value at `path`, if it is there."""
    keys = path.split(".")
    holder = get(document, ".".join(keys[:-1])) if len(keys) > 1 else document
    if isinstance(holder, dict):
        holder.pop(keys[-1], None)
    elif isinstance(holder, list):
        holder[:] = [row for row in holder if not (isinstance(row, dict) and row.get("name") == keys[-1])]


def members(holder: Any) -> dict[str, Any]:
    """The named values of an object or of a list of `{name, value}`."""
    if isinstance(holder, dict):
        return dict(holder)
    rows = holder if isinstance(holder, list) else []
    return {str(row["name"]): row.get("value") for row in rows if isinstance(row, dict) and "name" in row}


def _step(holder: Any, key: str) -> Any:
    if isinstance(holder, list):
        return members(holder).get(key)
    return holder.get(key) if isinstance(holder, dict) else None


def _set(holder: Any, key: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[key] = value
        return
    for row in holder:
        if isinstance(row, dict) and row.get("name") == key:
            row["value"] = value
            return
    holder.append({"name": key, "value": value})
