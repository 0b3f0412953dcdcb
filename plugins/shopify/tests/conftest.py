from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.http import asgi_transport
from caseconnect.sdk.pace import Pace
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.secrets import Secret
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.simulator import Order, Shop, create_app, create_order
from caseconnect_shopify.sink import ShopifySink

AUTHORIZED = {"kind": "authorization", "status": "success"}
LINES = [{"title": "Mug", "price": "20.00", "quantity": 2}, {"title": "Cup", "price": "5.00"}]
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Clock:
    """Virtual time."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Vault:
    """Secrets by the name of their variable."""

    def __init__(self) -> None:
        self.values = {"SHOP_SECRET": "sim-secret"}

    def reveal(self, secret: Secret) -> str:
        return self.values[secret.env or ""]


class Quiet:
    """A log that keeps nothing."""

    def debug(self, event: str, **values: Any) -> None: ...
    def info(self, event: str, **values: Any) -> None: ...
    def warning(self, event: str, **values: Any) -> None: ...
    def error(self, event: str, **values: Any) -> None: ...


class Desk:
    """A simulated shop and the sink that works on it, one call at a time."""

    def __init__(self, shop: Shop, sink: ShopifySink, clock: Clock) -> None:
        self.shop, self.sink, self.clock = shop, sink, clock

    def order(self, **spec: Any) -> Order:
        return create_order(self.shop, {"lines": LINES, "payment": AUTHORIZED, **spec})

    def fault(self, kind: str, operation: str, **more: Any) -> None:
        self.shop.faults.add({"kind": kind, "operation": operation, **more})

    def do(self, command: Any, key: str = "k-1") -> Outcome:
        return asyncio.run(self.sink.execute(command, key))

    def seen(self, command: Any, key: str = "k-1") -> Sighting:
        return asyncio.run(self.sink.verify(command, key))

    def effects(self) -> list[str]:
        return [e.what for e in self.shop.ledger]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> ShopifySettings:
    return ShopifySettings(
        shop="demo-shop.myshopify.com", client_id="sim-client", client_secret=Secret(env="SHOP_SECRET")
    )


@pytest.fixture
def make_resources(clock: Clock) -> Callable[..., Resources]:
    def make(transport: Any, pace: Pace | None = None) -> Resources:
        return Resources(
            tenant="acme",
            environment="test",
            connection="shop",
            now=clock,
            secrets=Vault(),
            log=Quiet(),
            pace=pace or Pace(math.inf, math.inf),
            transport=transport,
        )

    return make


@pytest.fixture
def make_stage(
    clock: Clock, settings: ShopifySettings, make_resources: Callable[..., Resources]
) -> Callable[..., Desk]:
    def make(more: dict[str, Any] | None = None, **shop: Any) -> Desk:
        made = Shop(now=clock, **shop)
        chosen = settings.model_copy(update=more or {})
        return Desk(made, ShopifySink(chosen, make_resources(asgi_transport(app=create_app([made])))), clock)

    return make


@pytest.fixture
def stage(make_stage: Callable[..., Desk]) -> Desk:
    return make_stage()
