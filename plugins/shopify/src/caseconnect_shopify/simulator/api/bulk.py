"""`bulkOperationRunQuery` (API 2026-10): which queries it takes, and how one is carried out without pages."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLSyntaxError, TypeInfo, TypeInfoVisitor, Visitor, get_named_type, parse, visit
from graphql.language import ast

from caseconnect_shopify.simulator.world import bulk

from .execute import Call, Plan
from .paging import EVERYTHING
from .schema import schema
from .validation import Checker

MAX_CONNECTIONS = 5
MAX_DEPTH = 2
MAX_BYTES = 65_535


class BulkRefused(Exception):
    """Why a query cannot be exported, in Shopify's words as far as they are known."""


class _Connections(Visitor):
    """Counts connections and their depth, and asks each for everything."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.count = self.depth = self.deepest = 0

    def _is_connection(self) -> bool:
        kind = get_named_type(self.info.get_type())
        return kind is not None and kind.name.endswith("Connection")

    def enter_field(self, node: ast.FieldNode, *_: Any) -> None:
        """Goes into a connection."""
        if self._is_connection():
            self.count += 1
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)

    def leave_field(self, node: ast.FieldNode, *_: Any) -> ast.FieldNode | None:
        """Leaves it, without its page size."""
        if not self._is_connection():
            return None
        self.depth -= 1
        kept = tuple(a for a in node.arguments or () if a.name.value not in {"first", "last", "after", "before"})
        asked = parse(f"{{ f(first: {EVERYTHING}) }}", no_location=True).definitions[0]
        assert isinstance(asked, ast.OperationDefinitionNode)  # noqa: S101 - the text above is one
        first = asked.selection_set.selections[0]
        assert isinstance(first, ast.FieldNode)  # noqa: S101 - with one field
        return ast.FieldNode(
            alias=node.alias,
            name=node.name,
            arguments=(*kept, *(first.arguments or ())),
            directives=node.directives,
            selection_set=node.selection_set,
            loc=node.loc,
        )


def prepare(text: str, call: Call) -> Plan:
    """The plan of an export; BulkRefused when Shopify would not take the query."""
    if len(text.encode()) > MAX_BYTES:
        raise BulkRefused("The bulk query is too long.")
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        raise BulkRefused(f"Invalid bulk query: {error.message.removeprefix('Syntax Error: ')}") from None
    problems = Checker(schema(call.version), document).check()
    if problems:
        raise BulkRefused(f"Invalid bulk query: {problems[0]['message']}")
    operations = [d for d in document.definitions if isinstance(d, ast.OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not ast.OperationType.QUERY:
        raise BulkRefused("Bulk queries must be one query.")
    if len(operations[0].selection_set.selections) != 1:
        raise BulkRefused("Bulk queries cannot contain more than one top-level field.")
    info = TypeInfo(schema(call.version))
    seen = _Connections(info)
    found: Any = visit(document, TypeInfoVisitor(info, seen))
    if not seen.count:
        raise BulkRefused("Bulk queries must contain at least one connection.")
    if seen.count > MAX_CONNECTIONS:
        raise BulkRefused(f"Bulk queries cannot contain more than {MAX_CONNECTIONS} connections.")
    if seen.deepest > MAX_DEPTH:
        raise BulkRefused(f"Bulk queries cannot contain connections with a nesting depth greater than {MAX_DEPTH}.")
    chosen = next(d for d in found.definitions if isinstance(d, ast.OperationDefinitionNode))
    return Plan(found, chosen, call.version, call.shop.scopes, call.shop.personal_data)


def export(plan: Plan, call: Call) -> bulk.Flat:
    """Carries an export out on the data of now."""
    inner = Call(call.shop, call.who, {}, call.version, base=call.base)
    return bulk.flatten(plan.run(inner) or {})
