"""Webhooks as senders really send them (faults.md 3.F): many at once, again, changed, by others, odd in every way."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from house import House, house
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import signed

from caseconnect.host.journal.errors import JournalBusy
from caseconnect.host.journal.records import CursorMove, NewDelivery, Receipt
from caseconnect.sdk.testing import run
from caseconnect_shopify.simulator import create_order

HOOK = "https://connect.test/hooks/acme/shop"
RISKY: dict[str, Any] = {
    "lines": [{"title": "Camera", "sku": "CAM-1", "price": "1200.00", "quantity": 1}],
    "payment": {"kind": "authorization", "status": "success"},
    "risk": {"level": "HIGH"},
}
MONTH = 30 * 86_400


def rows(h: House) -> list[tuple[Any, ...]]:
    """Deliveries that came by webhook: state, whether a body of another kind came under its id."""
    return h.journal._db().execute("SELECT state, flagged FROM deliveries WHERE polled = 0 ORDER BY seq").fetchall()


def effects(h: House) -> int:
    return len(h.shop.ledger) + sum(len(case.comments) + 1 for case in h.cases.cases.values())


async def told(h: House) -> bytes:
    """An order that was told and worked: held, with a case. The body of its webhook."""
    order = create_order(h.shop, RISKY)
    body = json.dumps({"id": order.id, "admin_graphql_api_id": f"gid://shopify/Order/{order.id}"}).encode()
    assert await h._deliver(HOOK, signed("orders/create", body, "d1"), body) == 200
    await h.settle()
    assert [e.what for e in h.shop.ledger].count("hold") == 1
    return body


def test_a_hundred_of_the_same_at_once_are_one(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = create_order(h.shop, RISKY)
            body = json.dumps({"id": order.id}).encode()
            sent = (h._deliver(HOOK, signed("orders/create", body, "d1"), body) for _ in range(100))
            assert await asyncio.gather(*sent) == [200] * 100
            assert rows(h) == [("new", 0)]
            await h.settle()
            assert [e.what for e in h.shop.ledger].count("hold") == len(h.cases.cases) == 1

    run(story())


Again = Callable[[House, bytes], Awaitable[int]]


async def replayed(h: House, body: bytes) -> int:
    await asyncio.sleep(MONTH)
    return await h._deliver(HOOK, signed("orders/create", body, "d1"), body)


async def other_body(h: House, body: bytes) -> int:
    other = body[:-1] + b', "note": "changed"}'
    return await h._deliver(HOOK, signed("orders/create", other, "d1"), other)


async def other_id(h: House, body: bytes) -> int:
    return await h._deliver(HOOK, signed("orders/create", body, "d2"), body)


async def other_shop(h: House, body: bytes) -> int:
    return await h._deliver(HOOK, signed("orders/create", body, "d3", shop="other.myshopify.com"), body)


async def other_secret(h: House, body: bytes) -> int:
    return await h._deliver(HOOK, signed("orders/create", body, "d3", secret="another-secret-123"), body)


@pytest.mark.parametrize(
    ("again", "status", "more"),
    [
        (replayed, 200, []),
        (other_body, 200, [("done", 1)]),
        (other_id, 200, [("done", 0)]),
        (other_shop, 401, []),
        (other_secret, 401, []),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_comes_again_has_no_effect(again: Again, status: int, more: list[Any], tmp_path: Path) -> None:
    """The same is known as the same, also a month later; another body is marked and looked at; strangers are not."""

    async def story() -> None:
        async with house(tmp_path) as h:
            body = await told(h)
            first, before = rows(h), effects(h)
            assert await again(h, body) == status
            await h.runner.intake.turn()
            await h.runner.decider.turn()
            await h.runner.decider.idle()
            assert [(state, flag) for state, flag in rows(h)[len(first) :]] == [
                ("events" if state == "done" else state, flag) for state, flag in more
            ]
            assert effects(h) == before

    run(story())


def test_a_sender_that_leaves_before_a_slow_commit_and_sends_again_is_known(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            receive = h.journal.receive

            async def slow(items: Sequence[NewDelivery], move: CursorMove | None, now: datetime) -> list[Receipt]:
                stored = await receive(items, move, now)
                await asyncio.sleep(7)
                return stored

            h.journal.receive = slow  # type: ignore[method-assign] # the disk is slow
            first = asyncio.create_task(h._deliver(HOOK, signed("orders/create", b'{"id": 7}', "d1"), b'{"id": 7}'))
            await asyncio.sleep(5)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert await h._deliver(HOOK, signed("orders/create", b'{"id": 7}', "d1"), b'{"id": 7}') == 200
            assert rows(h) == [("new", 0)]

    run(story())


def test_what_was_not_committed_left_no_row_and_comes_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            receive = h.journal.receive

            async def busy(items: Sequence[NewDelivery], move: CursorMove | None, now: datetime) -> list[Receipt]:
                raise JournalBusy("no room")

            h.journal.receive = busy  # type: ignore[method-assign] # the disk is slow
            assert await h._deliver(HOOK, signed("orders/create", b'{"id": 7}', "d1"), b'{"id": 7}') == 503
            assert rows(h) == []
            h.journal.receive = receive  # type: ignore[method-assign] # as it was
            assert await h._deliver(HOOK, signed("orders/create", b'{"id": 7}', "d1"), b'{"id": 7}') == 200
            assert rows(h) == [("new", 0)]

    run(story())


TOPICS = ("orders/create", "refunds/create", "fulfillments/create", "returns/request", "customers/redact", "", "x/y")
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["\u0000", "9" * 400, "gid://shopify/Order/1", "gid://shopify/Order/-1", "2026-01-01", "NaN", "1e999"]
    ),
)
NAMES = st.sampled_from(
    ["id", "order_id", "admin_graphql_api_id", "updated_at", "customer", "orders_to_redact", "return"]
)
TREES = st.recursive(ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
BODIES = st.one_of(
    st.binary(max_size=60),
    TREES.map(lambda tree: json.dumps(tree).encode("utf-8", "surrogatepass")),
    st.dictionaries(NAMES, TREES, max_size=4).map(
        lambda tree: json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace")
    ),
    TREES.map(lambda tree: json.dumps(tree).encode("utf-16")),
)


@settings(
    max_examples=50 if os.environ.get("CONNECT_SEEDS") else 5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(st.lists(st.tuples(st.sampled_from(TOPICS), BODIES), min_size=4, max_size=12))
def test_any_signed_body_is_acknowledged_and_comes_to_an_end(sent: list[tuple[str, bytes]]) -> None:
    """And any unsigned one is refused and leaves nothing."""

    async def story(folder: Path) -> None:
        async with house(folder) as h:
            for number, (topic, body) in enumerate(sent):
                headers = signed(topic, body, f"d{number}")
                assert await h._deliver(HOOK, headers | {"X-Shopify-Hmac-Sha256": "AAAA"}, body) == 401
                assert await h._deliver(HOOK, headers, body) == 200
            assert len(rows(h)) == len(sent)
            await h.runner.intake.turn()
            await h.runner.intake.idle()
            assert {state for state, _ in rows(h)} <= {"events", "ignored", "parked", "waiting"}
            assert not [line for line in h.log.lines if line[0] == "error"]

    with TemporaryDirectory() as folder:
        run(story(Path(folder)))
