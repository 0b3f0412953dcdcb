"""The JSON Schema says what the loader says, as far as a schema can."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants import TenantSet, schema
from caseconnect.host.tenants.document import read_document
from caseconnect.host.tenants.problems import Report

_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "null": type(None),
    "boolean": bool,
    "integer": int,
    "number": (int, float, Decimal),
}


class Judge:
    """The part of JSON Schema 2020-12 that our schema uses; an unknown keyword is an error of the test."""

    silent = frozenset({"$schema", "$defs", "title", "description", "default", "examples", "format", "then"})

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root

    def ok(self, node: Any, value: Any) -> bool:
        if isinstance(node, bool):
            return node
        return all(getattr(self, f"_{_word(k)}")(node, value) for k in node if k not in self.silent)

    def _ref(self, node: dict[str, Any], value: Any) -> bool:
        return self.ok(self.root["$defs"][node["$ref"].removeprefix("#/$defs/")], value)

    def _type(self, node: dict[str, Any], value: Any) -> bool:
        return isinstance(value, _TYPES[node["type"]]) and not (isinstance(value, bool) and node["type"] != "boolean")

    def _properties(self, node: dict[str, Any], value: Any) -> bool:
        return not isinstance(value, dict) or all(
            self.ok(s, value[k]) for k, s in node["properties"].items() if k in value
        )

    def _additionalProperties(self, node: dict[str, Any], value: Any) -> bool:  # noqa: N802 - JSON Schema's own name
        rest = [v for k, v in value.items() if k not in node.get("properties", {})] if isinstance(value, dict) else []
        return all(self.ok(node["additionalProperties"], v) for v in rest)

    def _propertyNames(self, node: dict[str, Any], value: Any) -> bool:  # noqa: N802 - JSON Schema's own name
        return not isinstance(value, dict) or all(self.ok(node["propertyNames"], k) for k in value)

    def _required(self, node: dict[str, Any], value: Any) -> bool:
        return not isinstance(value, dict) or all(k in value for k in node["required"])

    def _items(self, node: dict[str, Any], value: Any) -> bool:
        return not isinstance(value, list) or all(self.ok(node["items"], v) for v in value)

    def _if(self, node: dict[str, Any], value: Any) -> bool:
        return not self.ok(node["if"], value) or self.ok(node["then"], value)

    def _anyOf(self, node: dict[str, Any], value: Any) -> bool:  # noqa: N802 - JSON Schema's own name
        return any(self.ok(s, value) for s in node["anyOf"])

    def _oneOf(self, node: dict[str, Any], value: Any) -> bool:  # noqa: N802 - JSON Schema's own name
        return sum(self.ok(s, value) for s in node["oneOf"]) == 1

    def _allOf(self, node: dict[str, Any], value: Any) -> bool:  # noqa: N802 - JSON Schema's own name
        return all(self.ok(s, value) for s in node["allOf"])

    def _not(self, node: dict[str, Any], value: Any) -> bool:
        return not self.ok(node["not"], value)

    def _const(self, node: dict[str, Any], value: Any) -> bool:
        return bool(node["const"] == value)

    def _enum(self, node: dict[str, Any], value: Any) -> bool:
        return value in node["enum"]

    def _pattern(self, node: dict[str, Any], value: Any) -> bool:
        return not isinstance(value, str) or bool(re.search(node["pattern"], value))

    def _minimum(self, node: dict[str, Any], value: Any) -> bool:
        return bool(value >= node["minimum"])

    def _maximum(self, node: dict[str, Any], value: Any) -> bool:
        return bool(value <= node["maximum"])

    def _minLength(self, node: dict[str, Any], value: Any) -> bool:  # noqa: N802 - JSON Schema's own name
        return len(value) >= int(node["minLength"])

    def _minItems(self, node: dict[str, Any], value: Any) -> bool:  # noqa: N802 - JSON Schema's own name
        return len(value) >= int(node["minItems"])

    def _minProperties(self, node: dict[str, Any], value: Any) -> bool:  # noqa: N802 - JSON Schema's own name
        return len(value) >= int(node["minProperties"])


def _word(keyword: str) -> str:
    return keyword.lstrip("$")


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from _nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _nodes(inner)


def accepted(text: str, installed: Installed) -> bool:
    root = json.loads(json.dumps(schema(installed)))
    return Judge(root).ok(root, read_document(text.encode(), Report("f")).data)


def test_a_good_file_is_accepted(good: str, installed: Installed) -> None:
    assert accepted(good, installed)
    more = "timing: {lateness: 5s}\nlimits: {attempts: 3}\ngo_live: 2026-11-01T00:00:00Z\n"
    assert accepted(good + more, installed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("environment: production", "environmnt: production"),
        ("environment: production", "environment: a/b"),
        ("platform: toyshop", "platform: toyshp"),
        ("shop: acme.example", "shop: 5"),
        ("user: me", "usr: me"),
        ("login: {user: me, password: {env: TOY_PASSWORD}}", "page_size: 3"),
        ("password: {env: TOY_PASSWORD}", "password: hunter2"),
        ("acme.example,", "acme.example, page_size: 9999,"),
        ("  shop:", "  connect:"),
        ("- use: review", "- use: reviw"),
        ("- use: review", "- {use: review, mode: loud}"),
        ("- use: review", "- {use: review, settings: {hold: perhaps}}"),
        ("- use: review", "- {use: review, settings: {exceptions: [none]}}"),
        ("cases: {platform: toycases}", "cases: {platform: toycases, poll: {every: 10x}}"),
        ("cases: {platform: toycases}", "cases: {platform: toycases, poll: {every: 10m, cron: '* * * * *'}}"),
        ("cases: {platform: toycases}", "cases: {platform: toycases, settings: {shop: a.example}}"),
        ("tenant: acme", "tenant: acme\nlimits: {attempts: 0}"),
        ("tenant: acme", "tenant: acme\ntiming: {lateness: 7}"),
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(
    good: str, installed: Installed, read: Callable[..., TenantSet], old: str, new: str
) -> None:
    text = good.replace(old, new, 1)
    assert text != good
    assert read(text).problems
    assert not accepted(text, installed)


@pytest.mark.parametrize(
    "poll", ["{cron: '*/5 * * * *', timezone: Europe/Berlin}", "{any: [{every: 1h}, {cron: '0 3 * * *'}], jitter: 30s}"]
)
def test_every_way_to_poll(good: str, installed: Installed, read: Callable[..., TenantSet], poll: str) -> None:
    text = good.replace("{platform: toycases}", f"{{platform: toycases, poll: {poll}}}")
    assert read(text).problems == []
    assert accepted(text, installed)


def test_descriptions_are_kept_and_every_reference_leads_somewhere(installed: Installed) -> None:
    root = schema(installed)
    json.dumps(root)
    places = {f"#/$defs/{name}" for name in root["$defs"]}
    assert {n["$ref"] for n in _nodes(root) if isinstance(n.get("$ref"), str)} <= places
    shop = root["$defs"]["platform.toyshop"]["properties"]
    assert shop["page_size"]["description"] == "Orders a page."
    assert root["$defs"]["flow"]["properties"]["use"]["oneOf"][0] == {
        "const": "follow",
        "description": "The follow rule.",
    }
    assert all(p.get("description") for p in root["properties"].values())


def test_defaults_are_written_as_a_file_writes_them(installed: Installed) -> None:
    timing = schema(installed)["$defs"]["timing"]["properties"]
    assert timing["look_again"]["default"] == "1m"
    assert "PT" not in json.dumps({n: p.get("default") for n, p in timing.items()})


def test_without_any_plugin() -> None:
    root = schema(Installed())
    assert Judge(root).ok(root, {"tenant": "a", "environment": "b", "connections": {"c": {"platform": "later"}}})
