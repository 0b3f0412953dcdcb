import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx  # noqa: TID251 - a client that shares nothing with ours
import pytest

from caseconnect_shopify.simulator import Shop, create_app, create_order


class Clock:
    """Virtual time: moves only when told."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)

    def __call__(self) -> Any:
        return self.at

    def pass_(self, seconds: Any) -> None:
        self.at += timedelta(seconds=seconds)


class Inbox:
    """A receiver of webhooks: answers `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.statuses: list[Any] = []

    async def __call__(self, url: Any, headers: Any, body: Any) -> Any:
        self.got.append((url, headers, body))
        status = self.statuses.pop(0) if self.statuses else 200
        if isinstance(status, Exception):
            raise status
        return status

    def topics(self) -> Any:
        return [headers["X-Shopify-Topic"] for _, headers, _ in self.got]

    def bodies(self, topic: Any) -> Any:
        return [json.loads(body) for _, headers, body in self.got if headers["X-Shopify-Topic"] == topic]


class World:
    """One shop behind its app, driven over ASGI without sockets."""

    def __init__(self, *shops: Any, clock: Any, inbox: Any) -> None:
        self.shops = shops
        self.shop = shops[0]
        self.clock = clock
        self.inbox = inbox
        self.slept: list[float] = []

        async def sleep(seconds: Any) -> None:
            self.slept.append(seconds)

        self.app = create_app(shops, deliver=inbox, sleep=sleep)
        self.token = None

    def request(self, method: Any, path: Any, host: Any = None, **kwargs: Any) -> Any:
        async def send() -> Any:
            transport = httpx.ASGITransport(app=self.app)
            base = f"http://{host or self.shop.domain}"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                return await client.request(method, path, **kwargs)

        return asyncio.run(send())

    def mint(self, **changes: Any) -> Any:
        shop = self.shop
        form = {"client_id": shop.client_id, "client_secret": shop.client_secret, "grant_type": "client_credentials"}
        return self.request("POST", "/admin/oauth/access_token", data=form | changes)

    def raw(self, query: Any, variables: Any = None, version: Any = "2026-10", **more: Any) -> Any:
        if self.token is None:
            self.token = self.mint().json()["access_token"]
        body = {"query": query, "variables": variables or {}, **more}
        headers = {"X-Shopify-Access-Token": self.token}
        return self.request("POST", f"/admin/api/{version}/graphql.json", json=body, headers=headers)

    def graphql(self, query: Any, variables: Any = None, **more: Any) -> Any:
        answer = self.raw(query, variables, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def data(self, query: Any, variables: Any = None) -> Any:
        answer = self.graphql(query, variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def order(self, **changes: Any) -> Any:
        spec = {"lines": [{"title": "Mug", "sku": "MUG", "price": "20.00", "quantity": 2}], "payment": {}}
        return create_order(self.shop, spec | changes)

    def run_due(self) -> Any:
        return asyncio.run(self.shop.run_due())


@pytest.fixture
def clock() -> Any:
    return Clock()


@pytest.fixture
def inbox() -> Any:
    return Inbox()


@pytest.fixture
def make_world(clock: Any, inbox: Any) -> Any:
    def make(**settings: Any) -> Any:
        return World(Shop(now=clock, **settings), clock=clock, inbox=inbox)

    return make


@pytest.fixture
def join(clock: Any, inbox: Any) -> Any:
    """A world of several shops behind one app."""
    return lambda *shops: World(*shops, clock=clock, inbox=inbox)


@pytest.fixture
def world(make_world: Any) -> Any:
    return make_world()
