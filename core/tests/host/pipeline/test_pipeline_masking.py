"""The masked form of a body: nothing of a person is in it, and what it was about still is."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseconnect.host.pipeline.masking import MASKED, masked_body


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 5678901234567),
        ("admin_graphql_api_id", "gid://x/Order/5678901234567"),
        ("orderNo", "00001234"),
        ("order_number", 1001),
        ("lineItemIds", "a-1"),
        ("created_at", "2026-11-21T10:00:00Z"),
        ("financial_status", "partially_paid"),
        ("currency", "EUR"),
        ("total_price", "1234.50"),
        ("quantity", 2),
        ("confirmed", True),
        ("cancelled_at", None),
    ],
)
def test_what_it_was_about_stays(name: str, value: Any) -> None:
    assert json.loads(masked_body(json.dumps({name: value}).encode())) == {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "jane@shopper.example"),
        ("name", "Jane"),
        ("status", "Jane at 5 Oak St"),
        ("customer_id", "jane@shopper.example"),
        ("id", "Jane Doe, Oak St 5"),
        ("phone", 491701234567),
        ("phone", 110),
        ("zip", "10115"),
        ("zip", 10115),
        ("date_of_birth", "1990-01-01"),
        ("tax_id", "DE123"),
        ("latitude", 52.520008),
        ("client_ip", "203.0.113.7"),
        ("note", "please"),
        ("token", "a1b2c3"),
        ("card", "4111111111111111"),
        ("card", 4111111111111111),
        ("number", "4111 1111 1111 1111"),
        ("first_name", "jane"),
        ("user_id", "jane"),
    ],
)
def test_who_it_was_about_goes(name: str, value: Any) -> None:
    assert json.loads(masked_body(json.dumps({name: value}).encode())) == {name: MASKED}
    assert json.loads(masked_body(json.dumps([{name: [value]}]).encode())) == [{name: [MASKED]}]


def test_a_name_of_a_field_can_be_somebody_too() -> None:
    assert json.loads(masked_body(b'{"jane@shopper.example": 1}')) == {MASKED: 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"name=Jane&note=x",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[" * 1000 + b"]" * 1000,
        b'"' + b"J" * 1024 * 1024 + b'"',
    ],
    ids=["empty", "a form", "no text", "deep", "deep and whole", "large"],
)
def test_of_anything_else_only_the_size_is_told(body: bytes) -> None:
    assert json.loads(masked_body(body)) == {"bytes": len(body)}


LEAVES = st.text(min_size=1).map(lambda text: f"jane {text}")
NAMES = st.sampled_from(["id", "note", "status", "total_price", "created_at", "x", "orderNo", "jane x"])


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)))
def test_no_text_of_people_gets_through_wherever_it_stands(value: Any) -> None:
    try:
        body = orjson.dumps(value)
    except orjson.JSONEncodeError:  # a lone surrogate
        return
    assert b"jane" not in masked_body(body)
