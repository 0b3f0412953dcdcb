"""Validation in graphql-ruby's words: what Shopify would say of a document that does not fit the schema.

Messages and codes as recorded from real stores; what graphql-core finds beyond these is passed on in its own words.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_input_type,
    type_from_ast,
    validate,
)
from graphql.language import ast, print_ast

from .errors import Error, entry
from .values import MISSING, Problem, coerce, default_of, has_variables, literal

BUILT_IN = {"include": {"if"}, "skip": {"if"}, "idempotent": {"key"}}


class Checker:
    """Walks a document once and gathers every error."""

    def __init__(self, schema: GraphQLSchema, document: ast.DocumentNode) -> None:
        self.schema = schema
        self.document = document
        self.errors: list[Error] = []
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, ast.FragmentDefinitionNode)}
        self.used: set[str] = set()
        self.declared: dict[str, Any] = {}
        self.variables_used: set[str] = set()
        self._open: set[str] = set()

    def check(self) -> list[Error]:
        """All errors of the document, or what graphql-core still finds when there are none."""
        for definition in self.document.definitions:
            if isinstance(definition, ast.OperationDefinitionNode):
                self._operation(definition)
        for name, node in self.fragments.items():
            if name not in self.used:
                self._add(
                    f"Fragment {name} was defined, but not used",
                    node,
                    (),
                    code="useAndDefineFragment",
                    fragmentName=name,
                )
        if self.errors:
            return self.errors
        return [entry(e.message, e.nodes[0] if e.nodes else None) for e in validate(self.schema, self.document)]

    def _add(self, message: str, node: ast.Node, path: tuple[Any, ...], **extensions: Any) -> None:
        self.errors.append(entry(message, node, path, **extensions))

    def _operation(self, operation: ast.OperationDefinitionNode) -> None:
        kind = operation.operation.value
        name = operation.name.value if operation.name else ""
        path: tuple[Any, ...] = (f"{kind} {name}".strip(),)
        root = {"query": self.schema.query_type, "mutation": self.schema.mutation_type}.get(kind)
        if root is None:
            self._add(
                "Schema is not configured for subscriptions", operation, path, code="missingSubscriptionConfiguration"
            )
            return
        self.declared, self.variables_used = {}, set()
        for definition in operation.variable_definitions or ():
            self._declare(definition, path)
        for directive in operation.directives or ():
            if directive.name.value in BUILT_IN:
                target = "mutations" if kind == "mutation" else "queries"
                allowed = (
                    "fields" if directive.name.value == "idempotent" else "fields, fragment spreads, inline fragments"
                )
                self._add(
                    f"'@{directive.name.value}' can't be applied to {target} (allowed: {allowed})", directive, path,
                    code="directiveCannotBeApplied", targetName=target, name=directive.name.value,
                )  # fmt: skip
        self._selections(operation.selection_set, root, path)
        for variable, definition in self.declared.items():
            if variable not in self.variables_used:
                label = name or "anonymous query"
                text = f"Variable ${variable} is declared by {label} but not used"
                self._add(text, definition, path, code="variableNotUsed", variableName=variable)

    def _declare(self, definition: ast.VariableDefinitionNode, path: tuple[Any, ...]) -> None:
        name = definition.variable.name.value
        self.declared[name] = definition
        spelled: Any = definition.type
        while not isinstance(spelled, ast.NamedTypeNode):
            spelled = spelled.type
        kind = self.schema.type_map.get(spelled.name.value)
        if kind is None or not is_input_type(kind):
            text = f"{spelled.name.value} isn't a defined input type (on ${name})"
            self._add(text, definition, path, code="undefinedType", typeName=spelled.name.value, variableName=name)

    def _selections(self, selected: ast.SelectionSetNode, parent: Any, path: tuple[Any, ...]) -> None:
        for node in selected.selections:
            self._directives(node, path)
            if isinstance(node, ast.FieldNode):
                self._field(node, parent, path)
            elif isinstance(node, ast.InlineFragmentNode):
                on = self._condition(node, parent, (*path, "..."))
                if on is not None:
                    self._selections(node.selection_set, on, (*path, f"... on {on.name}"))
            elif isinstance(node, ast.FragmentSpreadNode):
                self._spread(node, path)

    def _spread(self, node: ast.FragmentSpreadNode, path: tuple[Any, ...]) -> None:
        name = node.name.value
        self.used.add(name)
        fragment = self.fragments.get(name)
        if fragment is None:
            text = f"Fragment {name} was used, but not defined"
            self._add(text, node, (*path, f"... {name}"), code="useAndDefineFragment", fragmentName=name)
        elif name in self._open:
            text = f"Fragment {name} contains an infinite loop"
            self._add(text, node, path, code="infiniteLoop", fragmentName=name)
        else:
            self._open.add(name)
            on = self._condition(fragment, None, (f"fragment {name}",))
            if on is not None:
                self._selections(fragment.selection_set, on, (f"fragment {name}",))
            self._open.discard(name)

    def _condition(self, node: Any, parent: Any, path: tuple[Any, ...]) -> Any:
        if node.type_condition is None:
            return parent
        name = node.type_condition.name.value
        kind = self.schema.type_map.get(name)
        if kind is None or not is_composite_type(kind):
            text = f"No such type {name}, so it can't be a fragment condition"
            self._add(text, node, path, code="undefinedType", typeName=name)
            return None
        return kind

    def _field(self, node: ast.FieldNode, parent: Any, path: tuple[Any, ...]) -> None:
        name = node.name.value
        here = (*path, node.alias.value if node.alias else name)
        if name == "__typename" or name.startswith("__"):
            return
        definition = getattr(parent, "fields", {}).get(name)
        if definition is None:
            text = f"Field '{name}' doesn't exist on type '{parent.name}'"
            self._add(text, node, here, code="undefinedField", typeName=parent.name, fieldName=name)
            return
        self._arguments(node, definition, name, here)
        kind = get_named_type(definition.type)
        if is_composite_type(kind):
            if node.selection_set is None:
                text = f"Field must have selections (field '{name}' returns {kind.name} but has no selections. "
                text += f"Did you mean '{name} {{ ... }}'?)"
                self._add(text, node, here, code="selectionMismatch", nodeName=f"field '{name}'", typeName=kind.name)
            else:
                self._selections(node.selection_set, kind, here)
        elif node.selection_set is not None:
            inside = [s.name.value for s in node.selection_set.selections if isinstance(s, ast.FieldNode)]
            text = (
                f"Selections can't be made on scalars (field '{name}' returns {kind.name} but has selections {inside})"
            )
            text = text.replace("'", '"').replace(f'"{name}"', f"'{name}'", 1).replace('can"t', "can't")
            self._add(text, node, here, code="selectionMismatch", nodeName=f"field '{name}'", typeName=kind.name)

    def _arguments(self, node: ast.FieldNode, definition: Any, name: str, path: tuple[Any, ...]) -> None:
        given = {a.name.value: a for a in node.arguments or ()}
        for key, argument in given.items():
            known = definition.args.get(key)
            if known is None:
                text = f"Field '{name}' doesn't accept argument '{key}'"
                self._add(
                    text, argument, (*path, key),
                    code="argumentNotAccepted", name=name, typeName="Field", argumentName=key,
                )  # fmt: skip
            else:
                place = (name, "Field", key)
                self._value(argument.value, known.type, place, (*path, key), default_of(known) is not MISSING)
        missing = [
            key
            for key, known in definition.args.items()
            if key not in given and isinstance(known.type, GraphQLNonNull) and default_of(known) is MISSING
        ]
        if missing:
            names = ", ".join(missing)
            text = f"Field '{name}' is missing required arguments: {names}"
            self._add(text, node, path, code="missingRequiredArguments", className="Field", name=name, arguments=names)

    def _value(
        self, node: ast.ValueNode, kind: Any, place: tuple[str, str, str], path: tuple[Any, ...], defaulted: bool
    ) -> None:
        bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if isinstance(node, ast.VariableNode):
            self._variable(node, kind, place, path, defaulted)
        elif isinstance(bare, GraphQLList) and isinstance(node, ast.ListValueNode):
            for n, item in enumerate(node.values):
                self._value(item, bare.of_type, place, (*path, n), False)
        elif isinstance(get_named_type(kind), GraphQLInputObjectType) and isinstance(node, ast.ObjectValueNode):
            self._input(node, get_named_type(kind), path)
        elif not has_variables(node):
            try:
                coerce(kind, literal(node, {}))
            except Problem:
                owner, what, key = place
                text = f"Argument '{key}' on {what} '{owner}' has an invalid value ({print_ast(node)}). "
                text += f"Expected type '{kind}'."
                self._add(text, node, path, code="argumentLiteralsIncompatible", typeName=what, argumentName=key)

    def _input(self, node: ast.ObjectValueNode, kind: Any, path: tuple[Any, ...]) -> None:
        given = {f.name.value: f for f in node.fields}
        for key, item in given.items():
            known = kind.fields.get(key)
            if known is None:
                text = f"InputObject '{kind.name}' doesn't accept argument '{key}'"
                self._add(
                    text, item, (*path, key),
                    code="argumentNotAccepted", name=kind.name, typeName="InputObject", argumentName=key,
                )  # fmt: skip
            else:
                place = (kind.name, "InputObject", key)
                self._value(item.value, known.type, place, (*path, key), default_of(known) is not MISSING)
        for key, known in kind.fields.items():
            if key not in given and isinstance(known.type, GraphQLNonNull) and default_of(known) is MISSING:
                text = f"Argument '{key}' on InputObject '{kind.name}' is required. Expected type {known.type}"
                self._add(
                    text, node, (*path, key),
                    code="missingRequiredInputObjectAttribute", argumentName=key, argumentType=str(known.type),
                    inputObjectType=kind.name,
                )  # fmt: skip

    def _variable(
        self, node: ast.VariableNode, kind: Any, place: tuple[str, str, str], path: tuple[Any, ...], defaulted: bool
    ) -> None:
        name = node.name.value
        self.variables_used.add(name)
        definition = self.declared.get(name)
        if definition is None:
            text = f"Variable ${name} is used by {path[0].partition(' ')[2] or 'anonymous query'} but not declared"
            self._add(text, node, path, code="variableNotDefined", variableName=name)
            return
        have = type_from_ast(self.schema, definition.type)
        if have is None or _fits(have, kind, definition.default_value is not None or defaulted):
            return
        what = "Nullability" if str(have).replace("!", "") == str(kind).replace("!", "") else "Type"
        text = f"{what} mismatch on variable ${name} and argument {place[2]} ({have} / {kind})"
        self._add(
            text, node, path[:-1],
            code="variableMismatch", variableName=name, typeName=str(have), argumentName=place[2],
            errorMessage=f"{what} mismatch",
        )  # fmt: skip

    def _directives(self, node: Any, path: tuple[Any, ...]) -> None:
        for directive in node.directives or ():
            name = directive.name.value
            if name not in BUILT_IN:
                self._add(
                    f"Directive @{name} is not defined", directive, path, code="undefinedDirective", directiveName=name
                )
                continue
            kind = self.schema.get_directive(name)
            for argument in directive.arguments or ():
                known = kind.args.get(argument.name.value) if kind else None
                if known is None:
                    text = f"Directive '{name}' doesn't accept argument '{argument.name.value}'"
                    self._add(
                        text, argument, path,
                        code="argumentNotAccepted", name=name, typeName="Directive", argumentName=argument.name.value,
                    )  # fmt: skip
                else:
                    place = (name, "Directive", argument.name.value)
                    self._value(argument.value, known.type, place, (*path, argument.name.value), False)


def _fits(have: Any, want: Any, defaulted: bool) -> bool:
    if isinstance(want, GraphQLNonNull):
        if isinstance(have, GraphQLNonNull):
            return _fits(have.of_type, want.of_type, False)
        return defaulted and _fits(have, want.of_type, False)
    if isinstance(have, GraphQLNonNull):
        return _fits(have.of_type, want, False)
    if isinstance(want, GraphQLList):
        # graphql-ruby, like the specification, lets a single item stand for a list of one only in literals.
        return isinstance(have, GraphQLList) and _fits(have.of_type, want.of_type, False)
    return bool(have is want)
