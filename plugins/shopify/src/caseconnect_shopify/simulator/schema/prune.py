"""Makes and checks the pruned copy of Shopify's official Admin schema (API 2026-10).

The original is `package/dist/data/admin_2026-10.json.gz` of npm `@shopify/dev-mcp@1.16.0` (ISC): standard introspection
with extension keys for access and protected data. The copy holds names and types only, of what the connector's jobs can
reach, plus deprecation flags; `access.json` holds the extension keys of what was kept, and `versions.json` what of it
the older versions do not have (from `admin_2026-07.json.gz` and so on, beside the original).

    python -m caseconnect_shopify.simulator.schema.prune --from admin_2026-10.json.gz --write | --check
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import DocumentNode, parse
from graphql.language import ast, print_ast

from .kept import MUTATIONS, OBJECTS, QUERIES
from .versions import FILE, NEWEST, OLDER, absences

HERE = Path(__file__).parent
SDL = HERE / "admin_2026_10.graphql"
ACCESS = HERE / "access.json"
VERSIONS = HERE / FILE
BUILT_IN = frozenset({"String", "Int", "Float", "Boolean", "ID"})
Type = dict[str, Any]


def load_original(path: Path) -> dict[str, Type]:
    """The types of an introspection file (plain or gzipped JSON), by name."""
    raw = path.read_bytes()
    data = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    return {t["name"]: t for t in (data.get("data") or data)["__schema"]["types"]}


def named(ref: Type) -> str:
    """The name of a type below its list and non-null wrappers."""
    while ref["ofType"]:
        ref = ref["ofType"]
    return str(ref["name"])


def spelled(ref: Type) -> str:
    """A type reference as SDL writes it: `[ID!]!`."""
    if ref["kind"] == "NON_NULL":
        return f"{spelled(ref['ofType'])}!"
    if ref["kind"] == "LIST":
        return f"[{spelled(ref['ofType'])}]"
    return str(ref["name"])


class Pruned:
    """What is kept: the listed objects with their connections, and every input, enum and scalar that they need."""

    def __init__(self, types: dict[str, Type]) -> None:
        self.types = types
        missing = sorted(OBJECTS - types.keys())
        if missing:
            raise SystemExit(f"The original schema has no type {', '.join(missing)}. Correct kept.py.")
        wrappers = {n for o in OBJECTS for n in (f"{o}Connection", f"{o}Edge") if n in types}
        self.composite = OBJECTS | wrappers | {"QueryRoot", "Mutation", "PageInfo"}
        for name in MUTATIONS:
            field = next((f for f in types["Mutation"]["fields"] if f["name"] == name), None)
            if field is None:
                raise SystemExit(f"The original schema has no mutation {name}. Correct kept.py.")
            payload = named(field["type"])
            self.composite |= {payload}
            self.composite |= {
                n for f in types[payload]["fields"] if (n := named(f["type"])).endswith("Error") and n in types
            }
        self.leaves: set[str] = set()
        for name in sorted(self.composite):
            for field in self.fields(name):
                self._reach(named(field["type"]))
                for arg in field["args"]:
                    self._reach(named(arg["type"]))

    def fields(self, name: str) -> list[Type]:
        """The fields of an object or interface that the copy keeps, in the order of their names."""
        root = {"QueryRoot": QUERIES, "Mutation": MUTATIONS}.get(name)
        found = [
            f
            for f in self.types[name].get("fields") or []
            if (root is None or f["name"] in root) and self._keeps(named(f["type"]))
        ]
        return sorted(found, key=lambda f: str(f["name"]))

    def _keeps(self, name: str) -> bool:
        return name in self.composite or self.types[name]["kind"] in {"SCALAR", "ENUM"}

    def _reach(self, name: str) -> None:
        if name in self.composite or name in self.leaves or name in BUILT_IN:
            return
        self.leaves.add(name)
        for field in self.types[name].get("inputFields") or []:
            self._reach(named(field["type"]))

    def names(self) -> list[str]:
        """Every type of the copy, sorted."""
        return sorted(self.composite | self.leaves)

    def sdl(self) -> str:
        """The copy as SDL."""
        head = [
            "# Pruned from Shopify's Admin GraphQL schema 2026-10. See NOTICE.md. Made by prune.py; do not edit.",
            "schema { query: QueryRoot mutation: Mutation }",
            "directive @idempotent(key: String!) on FIELD",
            "directive @oneOf on INPUT_OBJECT",
        ]
        return "\n".join(head + [self._definition(n) for n in self.names()]) + "\n"

    def access(self) -> dict[str, dict[str, str]]:
        """Extension keys of what was kept: required access by `Type` or `Type.field`, protected content by field."""
        required: dict[str, str] = {}
        protected: dict[str, str] = {}
        for name in sorted(self.composite):
            if self.types[name].get("requiredAccess"):
                required[name] = self.types[name]["requiredAccess"]
            for field in self.fields(name):
                if field.get("requiredAccess"):
                    required[f"{name}.{field['name']}"] = field["requiredAccess"]
                if field.get("isProtected"):
                    protected[f"{name}.{field['name']}"] = field["protectedContent"]
        return {"requiredAccess": required, "protectedContent": protected}

    def _definition(self, name: str) -> str:
        t = self.types[name]
        match t["kind"]:
            case "SCALAR":
                return f"scalar {name}"
            case "ENUM":
                values = [v["name"] + _deprecated(v) for v in t["enumValues"]]
                return f"enum {name} {{ {' '.join(values)} }}"
            case "UNION":
                members = [m["name"] for m in t["possibleTypes"] if m["name"] in self.composite]
                return f"union {name} = {' | '.join(members)}"
            case "INPUT_OBJECT":
                body = "".join(f"  {_argument(f)}\n" for f in t["inputFields"])
                return f"input {name}{' @oneOf' if t.get('isOneOf') else ''} {{\n{body}}}"
            case kind:
                above = [i["name"] for i in t.get("interfaces") or [] if i["name"] in self.composite]
                implements = f" implements {' & '.join(above)}" if above else ""
                body = "".join(f"  {_field(f)}\n" for f in self.fields(name))
                return f"{'interface' if kind == 'INTERFACE' else 'type'} {name}{implements} {{\n{body}}}"


def _deprecated(item: Type) -> str:
    return " @deprecated" if item.get("isDeprecated") else ""


def _argument(arg: Type) -> str:
    default = f" = {arg['defaultValue']}" if arg.get("defaultValue") is not None else ""
    return f"{arg['name']}: {spelled(arg['type'])}{default}{_deprecated(arg)}"


def _field(field: Type) -> str:
    args = ", ".join(_argument(a) for a in field["args"])
    return f"{field['name']}{f'({args})' if args else ''}: {spelled(field['type'])}{_deprecated(field)}"


def differences(copy: DocumentNode, types: dict[str, Type]) -> Iterator[str]:
    """What the copy says and the original does not: one line each, nothing when the copy is true."""
    for node in copy.definitions:
        if isinstance(node, ast.TypeDefinitionNode):
            name = node.name.value
            if name not in types:
                yield f"type {name} does not exist in the original"
            else:
                yield from _type_differences(name, node, types[name])


def _type_differences(name: str, node: ast.TypeDefinitionNode, original: Type) -> Iterator[str]:
    if isinstance(node, ast.EnumTypeDefinitionNode):
        known = {v["name"] for v in original.get("enumValues") or []}
        yield from (f"enum value {name}.{v.name.value}" for v in node.values or () if v.name.value not in known)
    elif isinstance(node, ast.UnionTypeDefinitionNode):
        known = {m["name"] for m in original.get("possibleTypes") or []}
        yield from (f"union member {name}: {m.name.value}" for m in node.types or () if m.name.value not in known)
    elif isinstance(node, ast.InputObjectTypeDefinitionNode):
        yield from _argument_differences(name, node.fields or (), original.get("inputFields") or [])
    elif isinstance(node, ast.ObjectTypeDefinitionNode | ast.InterfaceTypeDefinitionNode):
        fields = {f["name"]: f for f in original.get("fields") or []}
        for field in node.fields or ():
            there = fields.get(field.name.value)
            place = f"{name}.{field.name.value}"
            if there is None:
                yield f"field {place} does not exist in the original"
                continue
            if print_ast(field.type) != spelled(there["type"]):
                yield f"field {place} is {print_ast(field.type)} here, {spelled(there['type'])} in the original"
            if bool(_deprecated(there)) != any(d.name.value == "deprecated" for d in field.directives or ()):
                yield f"field {place} differs in its deprecation"
            yield from _argument_differences(place, field.arguments or (), there["args"])


def _argument_differences(
    place: str, nodes: tuple[ast.InputValueDefinitionNode, ...] | Any, original: list[Type]
) -> Iterator[str]:
    there = {a["name"]: a for a in original}
    here = {n.name.value: n for n in nodes}
    for name in sorted(there.keys() | here.keys()):
        if name not in there or name not in here:
            yield f"argument {place}({name}) exists only {'here' if name in here else 'in the original'}"
            continue
        if print_ast(here[name].type) != spelled(there[name]["type"]):
            yield f"argument {place}({name}) is {print_ast(here[name].type)} here, {spelled(there[name]['type'])} there"
        default = here[name].default_value
        original_default = there[name].get("defaultValue")
        if (print_ast(default) if default else None) != (
            print_ast(_value(original_default)) if original_default is not None else None
        ):
            yield f"argument {place}({name}) has another default in the original"


def _value(text: str) -> ast.ValueNode:
    definition = parse(f"input I {{ a: A = {text} }}", no_location=True).definitions[0]
    assert isinstance(definition, ast.InputObjectTypeDefinitionNode)  # noqa: S101 - the text above is an input
    value = (definition.fields or ())[0].default_value
    assert value is not None  # noqa: S101 - and it has a default
    return value


def older_versions(source: Path, copy: DocumentNode) -> dict[str, Any]:
    """What the older versions lack of the copy, for those whose files lie beside the original."""
    files = {v: source.with_name(source.name.replace(NEWEST, v)) for v in OLDER}
    return {v: absences(copy, load_original(f), spelled) for v, f in files.items() if f != source and f.exists()}


def main(argv: list[str] | None = None) -> int:
    """Command line. Exit code 0: written, or the copy is true; 1: the copy differs from the original."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True, help="the official introspection file")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="compare the copy with the original")
    what.add_argument("--write", action="store_true", help="make the copy anew")
    options = parser.parse_args(argv)
    types = load_original(options.source)
    if options.write:
        pruned = Pruned(types)
        SDL.write_text(pruned.sdl(), encoding="utf-8")
        ACCESS.write_text(json.dumps(pruned.access(), indent=1) + "\n", encoding="utf-8")
        older = older_versions(options.source, parse(pruned.sdl(), no_location=True))
        if len(older) < len(OLDER):
            raise SystemExit(f"Put the schemas of {', '.join(OLDER)} beside {options.source.name}.")
        VERSIONS.write_text(json.dumps(older, indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"Wrote {SDL.name}: {len(pruned.names())} types, {SDL.stat().st_size} bytes.\n")
        return 0
    copy = parse(SDL.read_text(encoding="utf-8"), no_location=True)
    found = list(differences(copy, types))
    kept = json.loads(VERSIONS.read_text(encoding="utf-8"))
    for version, there in older_versions(options.source, copy).items():
        if kept[version] != there:
            found.append(f"{FILE} differs from the original of {version}; run --write")
    if json.loads(ACCESS.read_text(encoding="utf-8")) != Pruned(types).access():
        found.append(f"{ACCESS.name} differs from the original; run --write")
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.stdout.write(f"{len(found)} differences between the copy and the original.\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
