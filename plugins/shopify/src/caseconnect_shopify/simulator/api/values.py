"""Arguments and variables: literals of the document, variables coerced with Shopify's words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    type_from_ast,
)
from graphql.language import ast, print_ast

from .errors import Error, Refused, location

MISSING: Any = object()
MAX_LIST = 250
INT_LIMIT = 2**31


class Problem(Exception):
    """What is wrong with a value, and where in it."""

    def __init__(self, path: list[Any], explanation: str) -> None:
        super().__init__(explanation)
        self.path = path
        self.explanation = explanation


def literal(node: ast.ValueNode, variables: Mapping[str, Any]) -> Any:
    """The Python value of a literal; MISSING for a variable that was not given."""
    if isinstance(node, ast.VariableNode):
        return variables.get(node.name.value, MISSING)
    if isinstance(node, ast.ListValueNode):
        return [None if (v := literal(item, variables)) is MISSING else v for item in node.values]
    if isinstance(node, ast.ObjectValueNode):
        found = {f.name.value: literal(f.value, variables) for f in node.fields}
        return {k: v for k, v in found.items() if v is not MISSING}
    return _constant(node)


def _constant(node: Any) -> Any:
    if isinstance(node, ast.NullValueNode):
        return None
    if isinstance(node, ast.IntValueNode):
        return int(node.value)
    return Decimal(node.value) if isinstance(node, ast.FloatValueNode) else node.value


def has_variables(node: ast.ValueNode) -> bool:
    """Whether a literal holds a variable anywhere."""
    match node:
        case ast.VariableNode():
            return True
        case ast.ListValueNode():
            return any(has_variables(v) for v in node.values)
        case ast.ObjectValueNode():
            return any(has_variables(f.value) for f in node.fields)
        case _:
            return False


def default_of(item: Any) -> Any:
    """The default of an argument or input field as the schema's text gives it; MISSING when it has none."""
    node = item.ast_node.default_value if item.ast_node else None
    return literal(node, {}) if node is not None else MISSING


def coerce(kind: Any, value: Any) -> Any:
    """A value brought to an input type, defaults filled in. Raises Problem."""
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            raise Problem([], "Expected value to not be null")
        return coerce(kind.of_type, value)
    if value is None:
        return None
    if isinstance(kind, GraphQLList):
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_LIST:
            text = f"The input array size of {len(items)} is greater than the maximum allowed of {MAX_LIST}."
            raise Refused({"message": text, "extensions": {"code": "MAX_INPUT_SIZE_EXCEEDED"}})
        return [_at(n, kind.of_type, item) for n, item in enumerate(items)]
    if isinstance(kind, GraphQLInputObjectType):
        return _object(kind, value)
    if isinstance(kind, GraphQLEnumType):
        if not isinstance(value, str) or value not in kind.values:
            raise Problem([], f"Expected {_json(value)} to be one of: {', '.join(kind.values)}")
        return value
    return _scalar(kind.name, value)


def _at(key: Any, kind: Any, value: Any) -> Any:
    try:
        return coerce(kind, value)
    except Problem as problem:
        raise Problem([key, *problem.path], problem.explanation) from None


def _object(kind: GraphQLInputObjectType, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Problem([], f"Expected {_json(value)} to be a key-value object responding to `to_h` or `to_unsafe_h`.")
    for key in value:
        if key not in kind.fields:
            raise Problem([key], f"Field is not defined on {kind.name}")
    # In the order given: it is part of the fingerprint of an idempotency key.
    found = {name: _at(name, kind.fields[name].type, given) for name, given in value.items()}
    for name, field in kind.fields.items():
        if name in value:
            continue
        given = default_of(field)
        if given is not MISSING:
            found[name] = _at(name, field.type, given)
        elif isinstance(field.type, GraphQLNonNull):
            raise Problem([name], "Expected value to not be null")
    if getattr(kind, "is_one_of", False) and sum(v is not None for v in found.values()) != 1:
        raise Problem([], f"'{kind.name}' requires exactly one argument, but {len(found)} were provided.")
    return found


def _scalar(name: str, value: Any) -> Any:
    if name == "Boolean":
        if isinstance(value, bool):
            return value
    elif name == "Int":
        if isinstance(value, int) and not isinstance(value, bool) and -INT_LIMIT <= value < INT_LIMIT:
            return value
    elif name == "Float":
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return float(value)
    elif name in _TEXT:
        return _TEXT[name](value)
    elif name in {"String", "JSON", "FormattedString", "HTML", "Date"}:
        if isinstance(value, str) or name == "JSON":
            return value
    else:
        return value
    raise Problem([], f"Could not coerce value {_json(value)} to {name}")


def _identifier(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Problem([], f"Invalid global id '{value}'")


def _moment(value: Any) -> str:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        raise Problem([], f"invalid DateTime '{value}'") from None
    return str(value)


def _number(value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or isinstance(value, bool):
        raise Problem([], f"invalid decimal '{value}'")
    return found


def _address(value: Any) -> str:
    if not isinstance(value, str) or not re.match(r"^[a-z][a-z0-9+.-]*:", value, re.IGNORECASE):
        raise Problem([], f"Invalid url '{value}', missing scheme")
    return value


_TEXT: dict[str, Callable[[Any], Any]] = {
    "ID": _identifier,
    "DateTime": _moment,
    "Decimal": _number,
    "Money": _number,
    "URL": _address,
    "UnsignedInt64": _identifier,
}


def _json(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else "null" if value is None else str(value)


def variables(schema: GraphQLSchema, operation: ast.OperationDefinitionNode, given: Any) -> dict[str, Any]:
    """The operation's variables, coerced. Raises Refused with `INVALID_VARIABLE` entries."""
    values: dict[str, Any] = {}
    errors: list[Error] = []
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        kind = type_from_ast(schema, definition.type)
        value = given.get(name, MISSING)
        if value is MISSING:
            if definition.default_value is not None:
                values[name] = coerce(kind, literal(definition.default_value, {}))
                continue
            if not isinstance(kind, GraphQLNonNull):
                continue
            value = None
        try:
            values[name] = coerce(kind, value)
        except Problem as problem:
            errors.append(_invalid(definition, name, value, problem))
    if errors:
        raise Refused(*errors)
    return values


def _invalid(definition: ast.VariableDefinitionNode, name: str, value: Any, problem: Problem) -> Error:
    place = f" for {'.'.join(str(p) for p in problem.path)}" if problem.path else ""
    text = f"Variable ${name} of type {print_ast(definition.type)} was provided invalid value"
    detail = f"{place} ({problem.explanation})" if place else ""
    problems = [{"path": problem.path, "explanation": problem.explanation}]
    return {
        "message": text + detail,
        "locations": location(definition),
        "extensions": {"code": "INVALID_VARIABLE", "value": value, "problems": problems},
    }
