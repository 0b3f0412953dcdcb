"""Both platforms in this process and without latency, for draining.

Exceptions are answered by the simulators, which keep a state. Ordinary orders are only read: what the simulator said of
the first one is kept and given again with the ids of the order that is asked for, so that the pipeline is measured and
not the simulator's GraphQL engine.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import Any

import httpx  # noqa: TID251 - a transport of the bench's own: the plugins' HTTP goes through it
import orjson

from bench.orders import FIRST_CUSTOMER, FIRST_ORDER, SECRET, SHOP, spec
from bench.sizes import EXCEPTIONS_EVERY
from caseconnect.sdk.http import Transport, asgi_transport
from caseconnect_opentext_case.simulator import CoreCaseSimulatorSettings
from caseconnect_opentext_case.simulator import create_app as create_case_app
from caseconnect_shopify.simulator import Shop, create_order
from caseconnect_shopify.simulator import create_app as create_shop_app

_ID = re.compile(rb"\b([68])1(\d{11})\b")

# httpx's ASGI transport tries to import sniffio at every request; that it is absent costs 0.4 ms each time.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type] # None: the import fails at once


def is_exception(number: int) -> bool:
    """Whether the n-th order is one of the 2 %."""
    return number % EXCEPTIONS_EVERY == EXCEPTIONS_EVERY - 1


class Platforms:
    """A shop with `orders` orders and an empty Core Case."""

    def __init__(self, orders: int) -> None:
        self.shop = Shop(domain=SHOP, client_secret=SECRET, restore_rate=1e9)
        for number in range(orders):
            if number == 0 or is_exception(number):
                create_order(self.shop, spec(FIRST_ORDER + number, risky=is_exception(number)))
        self.case_app = create_case_app(CoreCaseSimulatorSettings.from_dict({"tenants": [{"rate_limit": 0.0}]}))
        self.cases: Any = next(iter(self.case_app.stores.values()))
        self._shop_transport = Recorded(asgi_transport(app=create_shop_app([self.shop])))
        self._case_transport = asgi_transport(app=self.case_app)

    def transport(self, tenant: str, connection: str) -> Transport:
        """What a connection's requests go through."""
        return self._shop_transport if connection == "shop" else self._case_transport


class Recorded(httpx.AsyncBaseTransport):
    """Gives the recorded answer for ordinary orders; hands everything else on."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self._known: dict[str, bytes] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if not request.url.path.endswith("/graphql.json"):
            return await self._inner.handle_async_request(request)
        asked = orjson.loads(request.content)
        found = _ID.search(orjson.dumps(asked["variables"]))
        if found is None or is_exception(int(found[2])):
            return await self._inner.handle_async_request(request)
        operation = str(asked["operationName"])
        if operation not in self._known:
            self._known[operation] = await self._ask(request, _numbered(request.content, int(found[2]), 0))
        answer = _numbered(self._known[operation], 0, int(found[2]))
        return httpx.Response(200, headers={"content-type": "application/json"}, content=answer)

    async def _ask(self, request: httpx.Request, content: bytes) -> bytes:
        headers = [(k, v) for k, v in request.headers.items() if k.lower() != "content-length"]
        asking = httpx.Request(request.method, request.url, headers=headers, content=content)
        response = await self._inner.handle_async_request(asking)
        return await response.aread()


def _numbered(text: bytes, was: int, becomes: int) -> bytes:
    for first in (FIRST_ORDER, FIRST_CUSTOMER):
        text = text.replace(str(first + was).encode(), str(first + becomes).encode())
    return text


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)
