"""The pruned Shopify schema is true: nothing in it that the official one does not have.

With `CONNECT_SHOPIFY_SCHEMA` naming the official introspection file (from npm `@shopify/dev-mcp@1.16.0`) the whole copy
is compared with it; without, the comparison itself is tested on small schemas.
"""

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, introspection_from_schema, parse

from caseconnect_shopify.simulator.api.schema import allowed, protected_content, schema, sufficient_scopes
from caseconnect_shopify.simulator.schema import prune
from caseconnect_shopify.simulator.schema.kept import MUTATIONS, QUERIES

ORIGINAL = os.environ.get("CONNECT_SHOPIFY_SCHEMA")
SMALL = """
enum Color { RED GREEN }
input Filter { color: Color = RED, size: Int }
type Query { find(filter: Filter!, first: Int = 10): [String!]!, old: Int @deprecated }
"""


@pytest.mark.skipif(ORIGINAL is None, reason="CONNECT_SHOPIFY_SCHEMA does not name the official schema file")
def test_the_copy_agrees_with_the_official_schema(capsys: Any) -> None:
    assert prune.main(["--from", str(ORIGINAL), "--check"]) == 0, capsys.readouterr().out


def test_the_copy_is_small_and_loads_quickly() -> None:
    assert prune.SDL.stat().st_size < 400_000
    schema.cache_clear()
    start = time.process_time()
    loaded = schema()
    assert time.process_time() - start < 2
    assert loaded is schema()


def test_the_copy_holds_every_operation_of_the_jobs() -> None:
    loaded: Any = schema()
    assert set(loaded.query_type.fields) == QUERIES
    assert set(loaded.mutation_type.fields) == MUTATIONS
    assert loaded.get_directive("idempotent") is not None
    assert loaded.type_map["OrderCancelRefundMethodInput"].is_one_of
    assert len(loaded.type_map["WebhookSubscriptionTopic"].values) == 218


def original(tmp_path: Any) -> Any:
    path = tmp_path / "schema.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"data": introspection_from_schema(build_schema(SMALL))}).encode()))
    return prune.load_original(path)


def test_a_true_copy_has_no_differences(tmp_path: Any) -> None:
    assert list(prune.differences(parse(SMALL), original(tmp_path))) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("GREEN", "BLUE"), "enum value Color.BLUE"),
        (("size: Int", "size: Float"), "argument Filter(size) is Float here"),
        (("size: Int", "weight: Int"), "argument Filter(weight) exists only here"),
        (("= RED", "= GREEN"), "argument Filter(color) has another default"),
        (("filter: Filter!", "filter: Filter"), "argument Query.find(filter) is Filter here"),
        (("first: Int = 10", "first: Int"), "argument Query.find(first) has another default"),
        (("[String!]!", "[String]!"), "field Query.find is [String]! here, [String!]! in the original"),
        (("old: Int @deprecated", "old: Int"), "field Query.old differs in its deprecation"),
        (("old: Int", "young: Int"), "field Query.young does not exist"),
        (("enum Color", "type Extra { a: Int } enum Color"), "type Extra does not exist"),
    ],
)
def test_each_kind_of_difference_is_found(tmp_path: Any, change: Any, words: Any) -> None:
    copy = parse(SMALL.replace(*change))
    assert any(words in line for line in prune.differences(copy, original(tmp_path)))


def test_access_marks_are_read() -> None:
    assert sufficient_scopes("Mutation.orderCancel") == {"write_orders", "write_marketplace_orders"}
    assert allowed("Order", frozenset({"write_orders"}))
    assert not allowed("Customer", frozenset({"read_orders"}))
    assert protected_content("Order.email") == "email"
    assert protected_content("Order.name") is None


def test_the_notice_travels_with_the_copy() -> None:
    notice = (Path(prune.__file__).parent / "NOTICE.md").read_text()
    assert "Shopify Inc." in notice
    assert "@shopify/dev-mcp" in notice
