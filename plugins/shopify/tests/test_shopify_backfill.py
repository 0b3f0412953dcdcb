"""History by bulk operation: every order once, in pieces, and a clear end of everything that goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx  # noqa: TID251 - a storage that answers as it likes
import pytest

from caseconnect.sdk.deliveries import Delivery, Page, Parsed
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.resources import Resources
from caseconnect_shopify import backfill
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.simulator import Shop, create_app, create_order
from caseconnect_shopify.simulator.world import disputes, fulfilment, staff
from caseconnect_shopify.source import SOURCE, ShopifySource

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


class Storage(httpx.AsyncBaseTransport):
    """The shop, with a say in what the file's host answers."""

    def __init__(self, app: Any) -> None:
        self.inner = asgi_transport(app=app)
        self.answer: Callable[[httpx.Request], httpx.Response] | None = None
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/_bulk/"):
            self.asked.append(request)
            if self.answer:
                return self.answer(request)
        return await self.inner.handle_async_request(request)


@dataclass
class Stage:
    shop: Shop
    source: ShopifySource
    storage: Storage
    clock: Any

    def page(self, cursor: str | None) -> Page:
        async def read() -> Page:
            assert SOURCE.history is not None
            return await SOURCE.history(self.source, SINCE, cursor)

        return asyncio.run(read())

    def ready(self) -> str:
        cursor = self.page(None).cursor
        assert self.page(cursor) == Page((), cursor, more=True)
        self.clock.forward(self.shop.bulk_seconds + 1)
        self.shop.settle()
        return cursor

    def all(self) -> list[Any]:
        cursor = self.ready()
        found: list[Any] = []
        for _ in range(1000):
            page = self.page(cursor)
            found += page.items
            cursor = page.cursor
            if not page.more:
                return found
        raise AssertionError("it does not end")

    def subjects(self, items: list[Any]) -> list[str]:
        found = []
        for item in items:
            parsed = self.source.parse(Delivery("shop", item.kind, item.version, self.clock(), item.body, polled=True))
            assert isinstance(parsed, Parsed)
            found += [f"{e.type} {e.subject}" for e in parsed.events]
        return found

    def order(self, **more: Any) -> Any:
        return create_order(self.shop, {"lines": [{"title": "Mug", "price": "20.00"}], "emit": False, **more})


@pytest.fixture
def make_stage(clock: Any, settings: ShopifySettings, make_resources: Callable[..., Resources]) -> Callable[..., Stage]:
    def make(**shop: Any) -> Stage:
        world = Shop(now=clock, **shop)
        storage = Storage(create_app([world]))
        return Stage(world, ShopifySource(settings, make_resources(storage)), storage, clock)

    return make


def test_orders_with_their_returns_and_disputes(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    old = stage.order(created_at="2025-06-01T00:00:00Z")
    plain, rich = stage.order(), stage.order(payment={"kind": "sale", "status": "success"})
    fulfilment.fulfill(stage.shop, rich, {})
    staff.ask_return(stage.shop, rich, {})
    disputes.open_(stage.shop, rich, {})
    found = stage.subjects(stage.all())
    assert sorted(found) == sorted(
        [
            f"OrderChanged shop/order/{plain.id}",
            f"OrderChanged shop/order/{rich.id}",
            f"DisputeChanged shop/order/{rich.id}",
            f"ReturnChanged shop/order/{rich.id}",
        ]
    )
    assert str(old.id) not in str(found)


def test_an_order_is_the_same_item_as_the_poll_gives(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    first = asyncio.run(stage.source.read(None, ())).cursor
    stage.order()
    polled = asyncio.run(stage.source.read(first, ())).items
    assert tuple(stage.all()) == polled


def test_a_large_file_comes_in_pieces(make_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "PIECE", 500)
    stage = make_stage()
    made = [str(stage.order().id) for _ in range(40)]
    assert sorted(i.id for i in stage.all()) == sorted(made)
    assert len(stage.storage.asked) > 10
    assert all("x-shopify-access-token" not in r.headers for r in stage.storage.asked)


def test_it_goes_on_where_it_stopped(make_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "PIECE", 500)
    stage = make_stage()
    for _ in range(10):
        stage.order()
    cursor = stage.ready()
    first = stage.page(cursor)
    assert stage.page(first.cursor) == stage.page(first.cursor)
    assert not set(first.items) & set(stage.page(first.cursor).items)


def test_a_server_that_knows_no_ranges(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    for _ in range(3):
        stage.order()
    cursor = stage.ready()
    whole = b"".join(json.dumps(line).encode() + b"\n" for line in _lines(stage))
    stage.storage.answer = lambda request: httpx.Response(200, content=whole)
    page = stage.page(cursor)
    assert (len(page.items), page.more) == (3, False)


def _lines(stage: Stage) -> list[dict[str, Any]]:
    return [
        {"id": f"gid://shopify/Order/{n}", "updatedAt": "2026-11-20T12:00:00Z", "name": f"#{n}"}
        for n in range(1, len(stage.shop.orders) + 1)
    ]


def test_a_shop_without_orders(make_stage: Callable[..., Stage]) -> None:
    assert make_stage().all() == []


def test_without_the_scope_for_returns_orders_are_read(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(scopes="read_orders")
    order = stage.order()
    assert [i.id for i in stage.all()] == [str(order.id)]


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (httpx.Response(503), TransientError, "HTTP 503"),
        (httpx.Response(302, headers={"location": "https://evil.example/"}), TransientError, "HTTP 302"),
        (httpx.Response(206, content=b"{}"), TransientError, "HTTP 206"),
        (httpx.Response(200, content=b"<html>sorry</html>\n"), PermanentError, "cannot be read"),
        (httpx.Response(200, content=b'{"id": "gid://shopify/Order/1"}\n'), PermanentError, "cannot be read"),
        (httpx.Response(200, content=b'["\\u0000"]\n'), PermanentError, "cannot be read"),
    ],
)
def test_files_that_are_none(
    answer: httpx.Response, error: type[Exception], says: str, make_stage: Callable[..., Stage]
) -> None:
    stage = make_stage()
    stage.order()
    cursor = stage.ready()
    stage.storage.answer = lambda request: answer
    with pytest.raises(error, match=says):
        stage.page(cursor)


def test_an_export_that_fails(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(bulk_outcome="FAILED")
    stage.order()
    with pytest.raises(PermanentError, match="FAILED, INTERNAL_SERVER_ERROR"):
        stage.all()


def test_a_result_that_is_too_old(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.order()
    cursor = stage.ready()
    stage.clock.forward(timedelta(days=8).total_seconds())
    with pytest.raises(PermanentError, match="seven days"):
        stage.page(cursor)


def test_others_exports_are_waited_for(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    for _ in range(5):
        stage.page(None)
    with pytest.raises(TransientError, match="other exports"):
        stage.page(None)


@pytest.mark.parametrize("cursor", ["", "{", "[]", '{"since": 1}'])
def test_a_kept_place_that_is_none(cursor: str, make_stage: Callable[..., Stage]) -> None:
    with pytest.raises(PermanentError, match="kept place"):
        make_stage().page(cursor)
