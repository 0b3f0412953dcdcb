"""The older API versions, as what they do not have yet of the pruned 2026-10 schema.

`versions.json` is made by `prune.py` from Shopify's official schemas of those versions. What an older version had and
2026-10 has no more is not kept: none of it concerns the connector's jobs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, cast

from graphql import REMOVE, SKIP, DocumentNode, Visitor, parse, visit
from graphql.language import ast, print_ast

PACKAGE = "caseconnect_shopify.simulator.schema"
FILE = "versions.json"
NEWEST = "2026-10"
OLDER = ("2026-01", "2026-04", "2026-07")
Type = Mapping[str, Any]


def absences(copy: DocumentNode, types: Mapping[str, Type], spelled: Any) -> dict[str, Any]:
    """What of the copy an older schema does not hold (`absent`), and the fields whose type differs there (`types`)."""
    absent: list[str] = []
    changed: dict[str, str] = {}
    for node in copy.definitions:
        if not isinstance(node, ast.TypeDefinitionNode):
            continue
        name, there = node.name.value, types.get(node.name.value)
        if there is None:
            absent.append(name)
            continue
        known = {v["name"] for v in there.get("enumValues") or []}
        absent += [f"{name}.{v.name.value}" for v in getattr(node, "values", None) or () if v.name.value not in known]
        members = {f["name"]: f for f in (there.get("fields") or []) + (there.get("inputFields") or [])}
        for field in getattr(node, "fields", None) or ():
            place = f"{name}.{field.name.value}"
            old = members.get(field.name.value)
            if old is None:
                absent.append(place)
                continue
            if print_ast(field.type) != spelled(old["type"]):
                changed[place] = spelled(old["type"])
            arguments = {a["name"] for a in old.get("args") or []}
            given = [a.name.value for a in getattr(field, "arguments", None) or ()]
            absent += [f"{place}({a})" for a in given if a not in arguments]
    return {"absent": sorted(absent), "types": changed}


def document(text: str, version: str) -> DocumentNode:
    """The schema of a version: the 2026-10 text less what that version does not have."""
    found = parse(text, no_location=True)
    if version not in OLDER:
        return found
    raw = json.loads((resources.files(PACKAGE) / FILE).read_text("utf-8"))[version]
    return cast(DocumentNode, visit(found, _Older(frozenset(raw["absent"]), raw["types"])))


class _Older(Visitor):
    """Takes out what a version does not have. graphql-core's nodes cannot be changed in place from 3.3 on."""

    def __init__(self, absent: frozenset[str], changed: Mapping[str, str]) -> None:
        super().__init__()
        self.absent = absent
        self.changed = changed
        self.owner = self.place = ""

    def enter(self, node: Any, *_: Any) -> Any:
        """Keeps, replaces or removes a node; below a field only its arguments can be missing."""
        if isinstance(node, ast.TypeDefinitionNode):
            self.owner = node.name.value
            return REMOVE if self.owner in self.absent else None
        if isinstance(node, ast.FieldDefinitionNode | ast.EnumValueDefinitionNode):
            return self._member(node, "type")
        if isinstance(node, ast.InputValueDefinitionNode):
            if self.place:
                return REMOVE if f"{self.place}({node.name.value})" in self.absent else SKIP
            return self._member(node, "input")
        return None

    def leave_field_definition(self, *_: Any) -> None:
        """Ends a field: what follows is no argument of it."""
        self.place = ""

    def _member(self, node: Any, kind: str) -> Any:
        here = f"{self.owner}.{node.name.value}"
        if here in self.absent:
            return REMOVE
        if here in self.changed:
            text = print_ast(node).replace(f": {print_ast(node.type)}", f": {self.changed[here]}", 1)
            definition: Any = parse(f"{kind} T {{ {text} }}", no_location=True).definitions[0]
            return definition.fields[0]
        if isinstance(node, ast.FieldDefinitionNode) and node.arguments:
            self.place = here
            return None
        return SKIP
