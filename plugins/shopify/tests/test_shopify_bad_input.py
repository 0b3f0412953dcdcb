"""Bad answers on every way of reading: a clear outcome for each, nothing lost, nothing asked of anybody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx  # noqa: TID251 - a Shopify that answers as it likes
import pytest

from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Parsed
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError, TransientError
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import run
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.simulator import Shop, create_app, create_order
from caseconnect_shopify.simulator.oauth import expire_tokens
from caseconnect_shopify.simulator.world import disputes, fulfilment, staff
from caseconnect_shopify.source import ShopifySource

BIG = 820982911946154508
Answer = Callable[[httpx.Request, httpx.Response], httpx.Response]


class Between(httpx.AsyncBaseTransport):
    """The shop; `tamper` changes what the API answers. `hosts` are all that were asked."""

    def __init__(self, app: Any) -> None:
        self.inner = asgi_transport(app=app)
        self.tamper: Answer | None = None
        self.hosts: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.add(request.url.host)
        answer = await self.inner.handle_async_request(request)
        if self.tamper is None or not request.url.path.endswith("graphql.json"):
            return answer
        await answer.aread()
        return self.tamper(request, answer)


@dataclass
class Stage:
    shop: Shop
    source: ShopifySource
    between: Between
    clock: Any
    cursor: str = ""

    def order(self, **more: Any) -> Any:
        return create_order(self.shop, {"lines": [{"title": "Mug", "price": "20.00"}], **more})

    def page(self) -> tuple[list[str], bool]:
        page = asyncio.run(self.source.read(self.cursor, ()))
        self.cursor = page.cursor
        return [item.id for item in page.items], page.more

    def sweep(self) -> list[str]:
        found: list[str] = []
        for _ in range(50):
            ids, more = self.page()
            found += ids
            if not more:
                return found
        raise AssertionError("it does not end")

    def fetch(self, fact: str, number: int) -> Any:
        subject = Subject("shop", "order" if fact == "order_history" else fact, str(number))
        return asyncio.run(self.source.fetch(Need(fact=fact, subject=subject)))

    def go(self, way: str, number: int) -> None:
        """One of the ways of reading."""
        if way == "read":
            self.page()
        elif way == "root":
            asyncio.run(self.source.root(Subject("shop", "return", str(number))))
        else:
            self.fetch(way, number)


@pytest.fixture
def stage(clock: Any, settings: ShopifySettings, make_resources: Callable[..., Resources]) -> Stage:
    shop = Shop(now=clock)
    between = Between(create_app([shop]))
    source = ShopifySource(settings.model_copy(update={"page_size": 2}), make_resources(between))
    made = Stage(shop, source, between, clock)
    made.cursor = asyncio.run(source.read(None, ())).cursor
    return made


def test_a_401_in_mid_page_is_renewed_and_nothing_is_lost(stage: Stage) -> None:
    made = [str(stage.order().id) for _ in range(5)]
    first, more = stage.page()
    assert more
    assert expire_tokens(stage.shop) > 0
    assert [*first, *stage.sweep()] == made


def test_a_refused_refresh_stops_and_goes_on_where_it_was(stage: Stage) -> None:
    made = [str(stage.order().id) for _ in range(5)]
    first, _ = stage.page()
    expire_tokens(stage.shop)
    stage.shop.installed = False
    with pytest.raises(AuthError, match="not installed"):
        stage.page()
    stage.shop.installed = True
    stage.clock.forward(600)  # a refusal is not asked about again at once
    assert [*first, *stage.sweep()] == made


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("4.0", 4.0),
        ("0", 0.0),
        ("120", 120.0),
        ("-5", 0.0),
        ("1e9", 3600.0),
        ("inf", 3600.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Fri, 20 Nov 2026 12:01:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2099 12:00:00 GMT", 3600.0),
    ],
)
@pytest.mark.parametrize("way", ["read", "order"])
def test_429_with_every_kind_of_retry_after(header: str | None, wait: float | None, way: str, stage: Stage) -> None:
    order = stage.order()
    headers = {} if header is None else {"retry-after": header}
    stage.between.tamper = lambda request, answer: httpx.Response(429, headers=headers, text="slow down")
    with pytest.raises(TransientError) as caught:
        stage.go(way, order.id)
    assert caught.value.retry_after == wait
    stage.between.tamper = None
    assert stage.sweep() == [str(order.id)]


BAD: dict[str, tuple[Answer, type[ConnectError]]] = {
    "500": (lambda r, a: httpx.Response(500, text="Internal Server Error"), TransientError),
    "502 as html": (lambda r, a: httpx.Response(502, text="<html>Bad Gateway</html>"), TransientError),
    "503": (lambda r, a: httpx.Response(503, json={"errors": "Service Unavailable"}), TransientError),
    "html for json": (lambda r, a: httpx.Response(200, text="<!DOCTYPE html><html></html>"), TransientError),
    "truncated": (lambda r, a: httpx.Response(200, content=a.content[: len(a.content) // 2]), TransientError),
    "empty": (lambda r, a: httpx.Response(200), TransientError),
    "a list": (lambda r, a: httpx.Response(200, json=[1, 2]), TransientError),
    "null": (lambda r, a: httpx.Response(200, text="null"), TransientError),
    "no data": (lambda r, a: httpx.Response(200, json={"extensions": {}}), TransientError),
    "data is text": (lambda r, a: httpx.Response(200, json={"data": "orders"}), TransientError),
    "not utf-8": (lambda r, a: httpx.Response(200, content=b'{"data": "\xff\xfe"}'), TransientError),
    "deep": (lambda r, a: httpx.Response(200, content=b"[" * 100_000), TransientError),
    "redirect": (lambda r, a: httpx.Response(302, headers={"location": "https://evil.example/"}), PermanentError),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("way", ["read", "order", "order_history", "customer", "return", "dispute", "root"])
def test_answers_that_are_none(name: str, way: str, stage: Stage) -> None:
    order = stage.order(customer={"email": "zoe@shopper.example"})
    tamper, error = BAD[name]
    stage.between.tamper = tamper
    with pytest.raises(error) as caught:
        stage.go(way, order.id)
    assert "zoe" not in str(caught.value)
    assert stage.between.hosts == {"demo-shop.myshopify.com"}
    stage.between.tamper = None
    assert stage.sweep() == [str(order.id)]


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no list": lambda page: None,
    "nodes are null": lambda page: {**page, "nodes": None},
    "a node is null": lambda page: {**page, "nodes": [None]},
    "no page info": lambda page: {"nodes": page["nodes"]},
    "no id": lambda page: {**page, "nodes": [{**page["nodes"][0], "id": None}]},
    "an odd id": lambda page: {**page, "nodes": [{**page["nodes"][0], "id": "gid://shopify/Order/x"}]},
    "no time": lambda page: {**page, "nodes": [{**page["nodes"][0], "updatedAt": None}]},
    "an odd time": lambda page: {**page, "nodes": [{**page["nodes"][0], "updatedAt": "yesterday"}]},
    "a time without zone": lambda page: {**page, "nodes": [{**page["nodes"][0], "updatedAt": "2026-11-20T12:00:00"}]},
}


@pytest.mark.parametrize("name", WRONG)
def test_pages_of_another_shape(name: str, stage: Stage) -> None:
    """Told, and read again when it is right: skipping what cannot be read would lose it."""
    order = stage.order(email="zoe@shopper.example")

    def tamper(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        body = answer.json()
        body["data"]["orders"] = WRONG[name](body["data"]["orders"])
        return httpx.Response(200, json=body)

    stage.between.tamper = tamper
    with pytest.raises(PermanentError, match="shape"):
        stage.page()
    stage.between.tamper = None
    assert stage.sweep() == [str(order.id)]


def test_new_words_of_a_later_version(stage: Stage) -> None:
    order = stage.order(payment={"kind": "sale", "status": "success"}, customer={"email": "zoe@shopper.example"})
    fulfilment.fulfill(stage.shop, order, {})
    returned, disputed = staff.ask_return(stage.shop, order, {}), disputes.open_(stage.shop, order, {})

    def tamper(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        return httpx.Response(200, json=_renamed(answer.json()))

    stage.between.tamper = tamper
    found = stage.fetch("order", order.id)
    assert (found.payment_status, found.fulfillment_status, found.risk.recommendation) == ("unknown", "unknown", "none")
    assert stage.fetch("return", returned.id).status == "unknown"
    assert stage.fetch("dispute", disputed.id).kind == "other"
    assert stage.fetch("customer", order.customer.id).email == "zoe@shopper.example"
    assert str(order.id) in stage.sweep()


def _renamed(value: Any, name: str = "") -> Any:
    """Every enum value by another name."""
    if isinstance(value, dict):
        return {key: _renamed(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, name) for inner in value]
    looks = isinstance(value, str) and value.isupper() and value.replace("_", "").isalpha() and "urrency" not in name
    return f"{value}_OF_2031" if looks else value


def test_ids_beyond_two_to_the_53(stage: Stage) -> None:
    order = stage.order(id=BIG)
    assert stage.sweep() == [str(BIG)]
    assert stage.fetch("order", BIG).id == str(BIG)
    part = order.fulfillment_orders[0]
    assert asyncio.run(stage.source.root(Subject("shop", "fulfillment_order", str(part.id)))) == Subject(
        "shop", "order", str(BIG)
    )


def test_a_nul_in_what_people_write(stage: Stage) -> None:
    order = stage.order(note="a\u0000b", email="zoe@shopper.example")
    fulfilment.fulfill(stage.shop, order, {})
    returned = staff.ask_return(stage.shop, order, {"note": "\u0000 broken"})
    found = stage.fetch("order", order.id)
    assert type(found).model_validate_json(found.model_dump_json()) == found
    assert stage.fetch("return", returned.id).lines[0].note == "\u0000 broken"
    body = json.dumps({"id": order.id, "note": "a\u0000b"}).encode()
    parsed = stage.source.parse(Delivery("shop", "orders/updated", "d", stage.clock(), body))
    assert isinstance(parsed, Parsed)


class _Endless(httpx.AsyncByteStream):
    """An answer that never ends: in time (`slow`), or in bytes."""

    def __init__(self, *, slow: bool) -> None:
        self.slow = slow

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            if self.slow:
                await asyncio.sleep(1)
            yield b" " * (1 if self.slow else 1024 * 1024)


@pytest.mark.parametrize(("slow", "says"), [(True, "no answer within 30 s"), (False, "longer than")])
def test_answers_without_end(slow: bool, says: str, stage: Stage) -> None:
    order = stage.order()
    stage.between.tamper = lambda request, answer: httpx.Response(200, stream=_Endless(slow=slow))

    async def read() -> None:
        with pytest.raises(TransientError, match=says):
            await stage.source.read(stage.cursor, ())

    run(read())
    assert order


@pytest.fixture(autouse=True)
def _no_leftover(stage: Stage) -> Iterator[None]:
    yield
    assert stage.between.hosts <= {"demo-shop.myshopify.com"}
