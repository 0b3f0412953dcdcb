"""The older API versions, as what they do not have yet of the pruned 2026-10 schema.

`versions.json` is made by `prune.py` from Shopify's official schemas of those versions. What an older version had and
2026-10 has no more is not kept: none of it concerns the connector's jobs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from graphql import DocumentNode, parse, parse_type
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
    absent, changed = frozenset(raw["absent"]), raw["types"]
    found.definitions = tuple(
        _older(d, absent, changed) for d in found.definitions if getattr(d.name, "value", None) not in absent
    )
    return found


def _older(node: Any, absent: frozenset[str], changed: Mapping[str, str]) -> Any:
    if not isinstance(node, ast.TypeDefinitionNode):
        return node
    name = node.name.value
    if isinstance(node, ast.EnumTypeDefinitionNode):
        node.values = _kept(node.values or (), name, absent)
    elif isinstance(node, ast.UnionTypeDefinitionNode):
        node.types = tuple(t for t in node.types or () if t.name.value not in absent)
    elif isinstance(
        node, ast.ObjectTypeDefinitionNode | ast.InterfaceTypeDefinitionNode | ast.InputObjectTypeDefinitionNode
    ):
        node.fields = _kept(node.fields or (), name, absent)
        for field in node.fields:
            place = f"{name}.{field.name.value}"
            if place in changed:
                field.type = parse_type(changed[place], no_location=True)
            if getattr(field, "arguments", None):
                field.arguments = tuple(a for a in field.arguments if f"{place}({a.name.value})" not in absent)
        if hasattr(node, "interfaces"):
            node.interfaces = tuple(i for i in node.interfaces or () if i.name.value not in absent)
    return node


def _kept(nodes: Iterable[Any], name: str, absent: frozenset[str]) -> tuple[Any, ...]:
    return tuple(n for n in nodes if f"{name}.{n.name.value}" not in absent)
