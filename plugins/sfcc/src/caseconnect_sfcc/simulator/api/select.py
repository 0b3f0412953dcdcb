"""OCAPI property selectors, such as `(**)` and `(count,total,hits.(data.(order_no,c_*)))`."""

from __future__ import annotations

import re
from typing import Any

from caseconnect_sfcc.simulator.world.attributes import JsonObject
from caseconnect_sfcc.simulator.world.refusals import Refused

_TOKEN = re.compile(r"\*\*|[(),.]|[\w*]+")

Tree = dict[str, "Tree | None"]
"""Property patterns; `None` takes the property as it is."""


def check_selector(selector: Any) -> str | None:
    """The selector if it can be read, or a refusal; `None` stays."""
    if selector is not None:
        parse(str(selector))
        return str(selector)
    return None


def parse(selector: str) -> Tree:
    """The tree of a selector."""
    tokens = _TOKEN.findall(selector)
    if "".join(tokens) != re.sub(r"\s", "", selector):
        raise _malformed(selector)
    tree, rest = _group(tokens, selector)
    if rest:
        raise _malformed(selector)
    return tree


def _group(tokens: list[str], selector: str) -> tuple[Tree, list[str]]:
    if not tokens or tokens[0] != "(":
        raise _malformed(selector)
    tree: Tree = {}
    rest = tokens[1:]
    while rest:
        name, rest = rest[0], rest[1:]
        if name in {"(", ")", ",", "."} or not rest:
            break
        tree[name] = None
        if rest[0] == ".":
            rest = rest[1:]
            if rest and rest[0] in {"*", "**"}:
                tree[name], rest = {rest[0]: None}, rest[1:]
            else:
                tree[name], rest = _group(rest, selector)
        if rest and rest[0] == ")":
            return tree, rest[1:]
        if not rest or rest[0] != ",":
            break
        rest = rest[1:]
    raise _malformed(selector)


def selected(document: JsonObject, selector: str) -> JsonObject:
    """What a selector leaves of a document; members that start with `_` always stay."""
    return _chosen(document, parse(selector))


def _chosen(document: JsonObject, tree: Tree) -> JsonObject:
    if "**" in tree:
        return document
    found = {}
    for name, value in document.items():
        if name.startswith("_"):
            found[name] = value
            continue
        for pattern, inner in tree.items():
            if _matches(pattern, name) and not (pattern == "*" and isinstance(value, dict | list)):
                found[name] = _inside(value, inner)
    return found


def _matches(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _inside(value: Any, inner: Tree | None) -> Any:
    if inner is None:
        return value
    if isinstance(value, list):
        return [_inside(item, inner) for item in value]
    return _chosen(value, inner) if isinstance(value, dict) else value


def _malformed(selector: str) -> Refused:
    return Refused("malformed-selector", f"The property selector '{selector}' is malformed.", selector=selector)
