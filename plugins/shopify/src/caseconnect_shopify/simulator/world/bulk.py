"""Bulk operations: an export that runs on the shop's clock and leaves a JSONL file for seven days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .shop import Shop

LIMIT = 5
LIFE = timedelta(days=7)
RUNNING = frozenset({"CREATED", "RUNNING", "CANCELING"})


@dataclass(slots=True)
class BulkOperation:
    """An export. `body` is what it found, one JSON object a line; `base` is where the file can be fetched."""

    id: int
    query: str
    created_at: datetime
    base: str
    status: str = "CREATED"
    completed_at: datetime | None = None
    error_code: str | None = None
    body: bytes = b""
    objects: int = 0
    roots: int = 0
    partial: bool = False

    def url(self, now: datetime) -> str | None:
        """Where the result is, for seven days."""
        if self.completed_at is None or now >= self.completed_at + LIFE or not self.body:
            return None
        return f"{self.base}/_bulk/{self.id}.jsonl"


@dataclass(slots=True)
class Flat:
    """The lines of an export, and how many of them were at the root."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    roots: int = 0


def running(shop: Shop) -> int:
    """How many exports run."""
    return sum(o.status in RUNNING for o in shop.bulk_operations.values())


def start(shop: Shop, query: str, base: str, export: Callable[[], Flat], dump: Callable[[Any], bytes]) -> BulkOperation:
    """Starts an export: it runs after half of `bulk_seconds` and is done after all of them."""
    made = BulkOperation(shop.next_id(), query, shop.stamp(), base)
    shop.bulk_operations[made.id] = made
    shop.after(shop.bulk_seconds / 2, lambda: _run(made))
    shop.after(shop.bulk_seconds, lambda: _finish(shop, made, export, dump))
    return made


def cancel(shop: Shop, operation: BulkOperation) -> None:
    """Asks an export to stop; it has stopped a second later."""
    operation.status = "CANCELING"
    shop.after(1, lambda: _end(shop, operation, "CANCELED"))


def _run(operation: BulkOperation) -> None:
    if operation.status == "CREATED":
        operation.status = "RUNNING"


def _finish(shop: Shop, operation: BulkOperation, export: Callable[[], Flat], dump: Callable[[Any], bytes]) -> None:
    if operation.status not in {"CREATED", "RUNNING"}:
        return
    found = export()
    failed = shop.bulk_outcome == "FAILED"
    lines = found.lines[: len(found.lines) // 2] if failed else found.lines
    operation.body = b"".join(dump(line) + b"\n" for line in lines)
    operation.objects, operation.roots, operation.partial = len(lines), found.roots, failed
    operation.error_code = "INTERNAL_SERVER_ERROR" if failed else None
    _end(shop, operation, "FAILED" if failed else "COMPLETED")


def _end(shop: Shop, operation: BulkOperation, status: str) -> None:
    if operation.completed_at is not None:
        return
    operation.status, operation.completed_at = status, shop.stamp()
    shop.emit("bulk_operations/finish", operation)


def flatten(data: dict[str, Any]) -> Flat:
    """The answer of a query as lines: what hangs on a connection gets a line of its own, with `__parentId`."""
    flat = Flat()
    for value in data.values():
        for node in _nodes(value) or []:
            flat.roots += 1
            flat.lines.extend(_lines(node, None))
    return flat


def _nodes(value: Any) -> list[Any] | None:
    if not isinstance(value, dict) or not value.keys() & {"edges", "nodes"}:
        return None
    return [e["node"] for e in value["edges"]] if "edges" in value else value["nodes"]


def _lines(node: dict[str, Any], parent: str | None) -> Iterator[dict[str, Any]]:
    children: list[tuple[dict[str, Any], str | None]] = []
    line = _own(node, node.get("id") or parent, children)
    yield line | ({"__parentId": parent} if parent else {})
    for child, owner in children:
        yield from _lines(child, owner)


def _own(node: dict[str, Any], owner: str | None, children: list[tuple[dict[str, Any], str | None]]) -> dict[str, Any]:
    """What of an object stays in its line; the nodes of its connections go to `children` with their parent's id."""
    line: dict[str, Any] = {}
    for key, value in node.items():
        nodes = _nodes(value)
        if nodes is not None:
            children += [(n, owner) for n in nodes]
        elif isinstance(value, dict):
            line[key] = _own(value, value.get("id") or owner, children)
        elif isinstance(value, list):
            line[key] = [_own(v, v.get("id") or owner, children) if isinstance(v, dict) else v for v in value]
        else:
            line[key] = value
    return line
