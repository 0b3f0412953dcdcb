from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from caseconnect.sdk.pace import Pace
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.secrets import Secret
from caseconnect_shopify.config import ShopifySettings

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
