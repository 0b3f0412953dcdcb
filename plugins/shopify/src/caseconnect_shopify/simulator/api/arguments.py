"""Arguments and conditions of a selected field, prepared when a document is compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql.language import ast

from .errors import ApiError, Refused
from .values import MISSING, Problem, coerce, default_of, has_variables, literal

Conditions = tuple[tuple[bool, ast.ValueNode], ...]


def is_idempotent(node: ast.FieldNode) -> bool:
    """Whether a field carries `@idempotent`."""
    return any(d.name.value == "idempotent" for d in node.directives or ())


def conditions_of(node: Any) -> Conditions:
    """The `@include` and `@skip` of a selection."""
    return tuple(
        (d.name.value == "include", argument.value)
        for d in node.directives or ()
        if d.name.value in {"include", "skip"}
        for argument in d.arguments or ()
    )


def holds(conditions: Conditions, variables: Mapping[str, Any]) -> bool:
    """Whether all conditions let a selection through."""
    return all(bool(literal(value, variables)) is wanted for wanted, value in conditions)


def arguments_of(definition: Any, node: ast.FieldNode) -> Callable[[Mapping[str, Any]], dict[str, Any]] | None:
    """How to read a field's arguments: once for all when they are literals, else for each call; None without any."""
    if not definition.args:
        return None
    given = {a.name.value: a.value for a in node.arguments or ()}

    def read(variables: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, argument in definition.args.items():
            value = literal(given[name], variables) if name in given else MISSING
            if value is MISSING:
                value = default_of(argument)
            if value is not MISSING:
                try:
                    found[name] = (
                        value if isinstance(given.get(name), ast.VariableNode) else coerce(argument.type, value)
                    )
                except Problem as problem:
                    raise ApiError(problem.explanation, "argumentLiteralsIncompatible") from None
                except Refused as refused:
                    raise ApiError(str(refused), "MAX_INPUT_SIZE_EXCEEDED") from None
        return found

    if any(has_variables(v) for v in given.values()):
        return read
    constant: list[dict[str, Any]] = []

    def once(variables: Mapping[str, Any]) -> dict[str, Any]:
        if not constant:
            constant.append(read(variables))
        return constant[0]

    return once
