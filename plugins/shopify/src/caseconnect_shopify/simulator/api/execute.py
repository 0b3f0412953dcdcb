"""Executes a validated document from a compiled plan: parsing, validation and field lookup are paid once per text.

graphql-core's own executor looks every field up for every object; a drain of tens of thousands of orders would measure
it instead of the connector. A test holds this executor against graphql-core's on the same documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    is_abstract_type,
    is_leaf_type,
)
from graphql.language import ast

from . import registry
from .arguments import Conditions, arguments_of, conditions_of, holds, is_idempotent
from .errors import ApiError, Error, entry
from .schema import allowed, protected_content, required_access
from .schema import schema as schema_of
from .values import literal

if TYPE_CHECKING:
    from caseconnect_shopify.simulator.world.shop import Shop

SCOPES_DOC = "https://shopify.dev/api/usage/access-scopes"
PROTECTED_DOC = "https://shopify.dev/docs/apps/launch/protected-customer-data"
Path = tuple[Any, ...]
Refusal = tuple[str, dict[str, Any]]
Complete = Callable[[Any, "Call", Path], Any]


@dataclass(slots=True)
class Call:
    """One execution: whose shop, who asks, with which variables, and what it gathers on the way."""

    shop: Shop
    who: str
    variables: Mapping[str, Any]
    version: str
    errors: list[Error] = field(default_factory=list)
    search: list[dict[str, Any]] = field(default_factory=list)
    objects: int = 0
    idempotency_key: str | None = None
    base: str = ""
    """Where the shop answers, for addresses of files."""
    resumes: bool = False
    """Whether the call was taken on earlier and is carried out only now."""


class NullBubbleError(Exception):
    """A null where the type allows none: the nearest nullable parent becomes null. Its error is recorded already."""


@dataclass(slots=True)
class FieldPlan:
    """How to answer one response key of one type."""

    key: str
    name: str
    node: ast.FieldNode
    resolve: registry.Resolver | None
    args: Callable[[Mapping[str, Any]], dict[str, Any]] | None
    complete: Complete
    non_null: bool
    conditions: Conditions
    refusal: Refusal | None
    idempotency: ast.ValueNode | None


@dataclass(slots=True)
class Item:
    """A selected field together with the conditions on the way to it."""

    node: ast.FieldNode
    conditions: Conditions


class Plan:
    """A compiled operation for one set of granted scopes."""

    def __init__(
        self,
        document: ast.DocumentNode,
        operation: ast.OperationDefinitionNode,
        version: str,
        scopes: frozenset[str],
        personal_data: bool,
    ) -> None:
        self.schema = schema = schema_of(version)
        self.version = version
        self.operation = operation
        self.scopes = scopes
        self.personal_data = personal_data
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, ast.FragmentDefinitionNode)}
        mutation = operation.operation is ast.OperationType.MUTATION
        root = schema.mutation_type if mutation else schema.query_type
        assert root is not None  # noqa: S101 - the pruned schema has both
        self.guarded: list[FieldPlan] = []
        self.root = self._object(root, [(operation.selection_set, ())])

    def run(self, call: Call) -> dict[str, Any] | None:
        """The `data` of the answer; errors are in `call`."""
        try:
            found: dict[str, Any] = self.root(registry.ROOT, call, ())
        except NullBubbleError:
            return None
        return found

    def _collect(self, kind: GraphQLObjectType, sets: list[tuple[Any, Conditions]]) -> dict[str, list[Item]]:
        found: dict[str, list[Item]] = {}
        for selection_set, conditions in sets:
            for item in self._items(kind, selection_set, conditions):
                node = item.node
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(item)
        return found

    def _items(self, kind: GraphQLObjectType, selection_set: Any, conditions: Conditions) -> Iterator[Item]:
        for node in selection_set.selections:
            here = conditions + conditions_of(node)
            if isinstance(node, ast.FieldNode):
                yield Item(node, here)
                continue
            inner = self.fragments[node.name.value] if isinstance(node, ast.FragmentSpreadNode) else node
            on = self.schema.type_map.get(inner.type_condition.name.value) if inner.type_condition else kind
            if on is kind or (is_abstract_type(on) and self.schema.is_sub_type(on, kind)):
                yield from self._items(kind, inner.selection_set, here)

    def _object(self, kind: GraphQLObjectType, sets: list[tuple[Any, Conditions]]) -> Complete:
        fields = [self._field(kind, key, items) for key, items in self._collect(kind, sets).items()]
        counts = not kind.name.endswith(("Connection", "Edge")) and kind.name != "PageInfo"

        def complete(value: Any, call: Call, path: Path) -> dict[str, Any]:
            if counts:
                call.objects += 1
            answer: dict[str, Any] = {}
            is_dict = type(value) is dict
            for plan in fields:
                if plan.conditions and not holds(plan.conditions, call.variables):
                    continue
                try:
                    answer[plan.key] = self._value(plan, value, is_dict, call, path)
                except NullBubbleError:
                    if plan.non_null:
                        raise
                    answer[plan.key] = None
            return answer

        return complete

    def _value(self, plan: FieldPlan, value: Any, is_dict: bool, call: Call, path: Path) -> Any:
        here = (*path, plan.key)
        try:
            if plan.refusal is not None:
                text, extensions = plan.refusal
                raise ApiError(text, **extensions)
            if plan.idempotency is not None:
                call.idempotency_key = literal(plan.idempotency, call.variables)
            if is_dict and plan.name in value:
                found = value[plan.name]
            elif plan.resolve is not None:
                found = plan.resolve(value, plan.args(call.variables) if plan.args else {}, call)
            else:
                raise ApiError(f"The simulator does not hold {plan.name!r} here yet.", "NOT_SIMULATED")
        except ApiError as error:
            call.errors.append(entry(error.message, plan.node, here, **error.extensions))
            raise NullBubbleError from None
        return plan.complete(found, call, here)

    def _field(self, kind: GraphQLObjectType, key: str, items: list[Item]) -> FieldPlan:
        node = items[0].node
        name = node.name.value
        conditions = items[0].conditions if len(items) == 1 else ()
        if name == "__typename":
            typename = kind.name
            return FieldPlan(key, name, node, lambda *_: typename, None, _leaf, True, conditions, None, None)
        definition = kind.fields[name]
        below = [(i.node.selection_set, i.conditions if len(items) > 1 else ()) for i in items if i.node.selection_set]
        key_node = next(
            (a.value for d in node.directives or () if d.name.value == "idempotent" for a in d.arguments or ()), None
        )
        made = FieldPlan(
            key=key,
            name=name,
            node=node,
            resolve=registry.resolver(kind.name, name),
            args=arguments_of(definition, node),
            complete=self._complete(definition.type, below),
            non_null=isinstance(definition.type, GraphQLNonNull),
            conditions=conditions,
            refusal=self._refusal(kind.name, name, definition.type, node),
            idempotency=key_node,
        )
        if key_node is not None:
            self.guarded.append(made)
        return made

    def _refusal(self, owner: str, name: str, kind: Any, node: ast.FieldNode) -> Refusal | None:
        inner = kind
        while isinstance(inner, GraphQLNonNull | GraphQLList):
            inner = inner.of_type
        for place in (f"{owner}.{name}", inner.name):
            if not allowed(place, self.scopes):
                need = required_access(place)
                text = f"Access denied for {name} field. Required access: {need}"
                return text, {"code": "ACCESS_DENIED", "documentation": SCOPES_DOC, "requiredAccess": need}
        if not self.personal_data and protected_content(f"{owner}.{name}"):
            text = f"This app is not approved to use the {name} field. See {PROTECTED_DOC} for more details."
            return text, {"code": "ACCESS_DENIED", "documentation": PROTECTED_DOC}
        needs_key = name in registry.NEEDS_IDEMPOTENCY and self.version >= registry.KEY_REQUIRED_FROM
        if owner == "Mutation" and needs_key and not is_idempotent(node):
            text = "The @idempotent directive is required for this mutation but was not provided."
            return text, {"code": "BAD_REQUEST"}
        return None

    def _complete(self, kind: Any, below: list[tuple[Any, Conditions]]) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            inner = self._complete(kind.of_type, below)

            def non_null(value: Any, call: Call, path: Path) -> Any:
                if value is None:
                    call.errors.append(entry("Cannot return null for a non-nullable field", None, path))
                    raise NullBubbleError
                return inner(value, call, path)

            return _leaf_non_null if inner is _leaf else non_null
        if isinstance(kind, GraphQLList):
            return self._list(kind.of_type, below)
        if is_leaf_type(kind):
            return _leaf
        if is_abstract_type(kind):
            return self._abstract(below)
        complete = self._object(kind, below)
        return lambda value, call, path: None if value is None else complete(value, call, path)

    def _list(self, kind: Any, below: list[tuple[Any, Conditions]]) -> Complete:
        inner = self._complete(kind, below)
        if inner is _leaf or inner is _leaf_non_null:
            return lambda value, call, path: None if value is None else list(value)
        nullable = not isinstance(kind, GraphQLNonNull)

        def complete(value: Any, call: Call, path: Path) -> Any:
            if value is None:
                return None
            answer = []
            for n, item in enumerate(value):
                try:
                    answer.append(inner(item, call, (*path, n)))
                except NullBubbleError:
                    if not nullable:
                        raise
                    answer.append(None)
            return answer

        return complete

    def _abstract(self, below: list[tuple[Any, Conditions]]) -> Complete:
        made: dict[str, Complete] = {}

        def complete(value: Any, call: Call, path: Path) -> Any:
            if value is None:
                return None
            name = registry.typename(value)
            if name not in made:
                kind = self.schema.type_map[name]
                assert isinstance(kind, GraphQLObjectType)  # noqa: S101 - records stand for objects
                made[name] = self._object(kind, below)
            return made[name](value, call, path)

        return complete


def _leaf(value: Any, call: Call, path: Path) -> Any:
    return value


def _leaf_non_null(value: Any, call: Call, path: Path) -> Any:
    if value is None:
        call.errors.append(entry("Cannot return null for a non-nullable field", None, path))
        raise NullBubbleError
    return value
