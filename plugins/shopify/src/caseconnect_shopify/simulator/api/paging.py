"""Connections: `first` up to 250, opaque cursors that mark a place by sort value and id, and their common fields."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import registry
from .errors import ApiError

MAX_PAGE = 250
EVERYTHING = 2_147_483_647


@dataclass(slots=True)
class Page:
    """One page of a connection."""

    nodes: Sequence[Any]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


def cursor(value: Any, number: int) -> str:
    """The cursor of a place."""
    raw = json.dumps({"last_id": number, "last_value": value}, separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode()


def place(text: str, name: str) -> tuple[Any, int]:
    """Sort value and id of a cursor."""
    try:
        raw = json.loads(base64.urlsafe_b64decode(text.encode()))
        return raw["last_value"], int(raw["last_id"])
    except (ValueError, KeyError, TypeError):
        raise ApiError(f"Invalid cursor for current pagination sort: {name}.", "INVALID_CURSOR") from None


def size(args: dict[str, Any]) -> tuple[int, bool]:
    """How many nodes are asked for, and whether from the end."""
    given = [(name, args[name]) for name in ("first", "last") if args.get(name) is not None]
    if not given:
        raise ApiError("you must provide one of first or last", "BAD_REQUEST")
    if len(given) > 1:
        raise ApiError("providing both first and last is not supported", "BAD_REQUEST")
    name, count = given[0]
    if count < 1:
        raise ApiError(f"{name} must be greater than 0", "BAD_REQUEST")
    if count > MAX_PAGE and count != EVERYTHING:
        raise ApiError(f"{name} cannot exceed {MAX_PAGE}", "BAD_REQUEST")
    return count, name == "last"


def paginate(
    items: Sequence[Any],
    args: dict[str, Any],
    number: Callable[[Any], int] = lambda item: int(item.id),
    value: Callable[[Any], Any] | None = None,
) -> Page:
    """A page of items that are in order of (value, number), ascending or, with `reverse`, descending already."""
    count, from_end = size(args)
    keyed = value or number
    low, high = 0, len(items)
    if args.get("after"):
        low = _beyond(items, place(args["after"], "after"), keyed, number, bool(args.get("reverse")))
    if args.get("before"):
        high = _upto(items, place(args["before"], "before"), keyed, number, bool(args.get("reverse")))
    start, end = (max(low, high - count), high) if from_end else (low, min(high, low + count))
    nodes = items[start:end]
    return Page(nodes, [cursor(keyed(n), number(n)) for n in nodes], end < len(items), start > 0)


Key = Callable[[Any], Any]


def _beyond(items: Sequence[Any], at: tuple[Any, int], value: Key, number: Key, reverse: bool) -> int:
    """The index of the first item after a place, by halving."""
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        here = (value(items[middle]), number(items[middle]))
        if (here >= at) if reverse else (here <= at):
            low = middle + 1
        else:
            high = middle
    return low


def _upto(items: Sequence[Any], at: tuple[Any, int], value: Key, number: Key, reverse: bool) -> int:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        here = (value(items[middle]), number(items[middle]))
        if (here > at) if reverse else (here < at):
            low = middle + 1
        else:
            high = middle
    return low


def in_order(items: Sequence[Any], args: dict[str, Any]) -> Page:
    """A page of records by ascending id, or descending with `reverse`."""
    listed = sorted(items, key=lambda item: item.id, reverse=bool(args.get("reverse")))
    return paginate(listed, args)


registry.fields(
    "Connection",
    nodes=lambda page: page.nodes,
    edges=lambda page: [{"node": n, "cursor": c} for n, c in zip(page.nodes, page.cursors, strict=True)],
    pageInfo=lambda page: {
        "hasNextPage": page.has_next,
        "hasPreviousPage": page.has_previous,
        "startCursor": page.cursors[0] if page.cursors else None,
        "endCursor": page.cursors[-1] if page.cursors else None,
    },
)
