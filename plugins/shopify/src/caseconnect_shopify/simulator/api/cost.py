"""Query cost and the bucket it is paid from (API rate limits, 2026-10).

Scalars cost 0, an object 1, a mutation 10; a connection costs what its `first` or `last` nodes would. Shopify publishes
no more: that every object below counts, also money and lists, and that a connection scales straight, are assumptions on
the strict side. Admission asks for the requested cost, the actual one is charged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from graphql import GraphQLSchema, get_named_type, is_composite_type
from graphql.language import ast

from .values import MISSING, literal

MUTATION = 10
BUCKET_SECONDS = 20
DOCUMENTATION = "https://shopify.dev/api/usage/rate-limits"
Estimate = Callable[[Mapping[str, Any]], int]


class Bucket:
    """Cost points of one app at one shop, refilled on the shop's clock."""

    def __init__(self, restore_rate: float, now: Callable[[], datetime]) -> None:
        self.restore_rate = restore_rate
        self.size = restore_rate * BUCKET_SECONDS
        self._now = now
        self._level = self.size
        self._at = now()

    def available(self) -> float:
        """Points there are now."""
        now = self._now()
        passed = max((now - self._at).total_seconds(), 0.0)
        self._at = now
        self._level = min(self.size, self._level + passed * self.restore_rate)
        return self._level

    def charge(self, points: float) -> None:
        """Takes points; the level never falls below nothing."""
        self._level = max(self.available() - points, 0.0)

    def empty(self) -> None:
        """Takes all points, as other apps' work or a burst would."""
        self.charge(self.size)

    def status(self, requested: int, actual: int | None) -> dict[str, Any]:
        """`extensions.cost` of an answer."""
        return {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": float(self.size),
                "currentlyAvailable": int(self.available()),
                "restoreRate": float(self.restore_rate),
            },
        }


def estimator(schema: GraphQLSchema, document: ast.DocumentNode, operation: ast.OperationDefinitionNode) -> Estimate:
    """How many points an operation asks for, as a function of its variables."""
    if operation.operation is ast.OperationType.MUTATION:
        count = len(operation.selection_set.selections)
        return lambda _: MUTATION * count
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, ast.FragmentDefinitionNode)}
    return _selections(schema, fragments, operation.selection_set, schema.query_type)


def _selections(schema: GraphQLSchema, fragments: Any, selected: Any, parent: Any) -> Estimate:
    parts: list[Estimate] = []
    for node in selected.selections if selected else ():
        if isinstance(node, ast.FieldNode):
            field = getattr(parent, "fields", {}).get(node.name.value)
            if field is not None and is_composite_type(get_named_type(field.type)):
                parts.append(_field(schema, fragments, node, get_named_type(field.type)))
        else:
            inner = fragments[node.name.value] if isinstance(node, ast.FragmentSpreadNode) else node
            on = schema.type_map.get(inner.type_condition.name.value) if inner.type_condition else parent
            parts.append(_selections(schema, fragments, inner.selection_set, on))
    return lambda variables: sum(part(variables) for part in parts)


def _field(schema: GraphQLSchema, fragments: Any, node: ast.FieldNode, kind: Any) -> Estimate:
    below = _selections(schema, fragments, node.selection_set, kind)
    if not kind.name.endswith("Connection"):
        free = kind.name.endswith("Edge") or kind.name == "PageInfo" or node.name.value == "nodes"
        # An edge's or nodes' share is counted by the connection, which knows how many there are.
        return below if free else lambda variables: 1 + below(variables)
    sizes = [a.value for a in node.arguments or () if a.name.value in {"first", "last"}]

    def connection(variables: Mapping[str, Any]) -> int:
        given = next((v for s in sizes if isinstance(v := literal(s, variables), int) and v is not MISSING), 0)
        return given * max(1, below(variables))

    return connection
