"""Settings of the simulator as a process, from a plain dict or a JSON file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from .world import orders
from .world.shop import SCOPES, Shop, utc_now
from .world.specs import SpecError, only, records


@dataclass(slots=True)
class ShopSettings:
    """One shop; the meanings are those of `Shop`."""

    domain: str = "demo-shop.myshopify.com"
    client_id: str = "sim-client"
    client_secret: str = field(default="sim-secret", repr=False)
    name: str | None = None
    app_title: str = "Connect"
    currency: str = "USD"
    rates: dict[str, str] = field(default_factory=dict)
    utc_offset_minutes: int = -300
    scopes: str = SCOPES
    static_tokens: list[str] = field(default_factory=list, repr=False)
    token_life: float = 86_399
    installed: bool = True
    same_organization: bool = True
    restore_rate: float = 100.0
    max_query_cost: int = 1000
    index_lag: float = 0.0
    cancel_seconds: float = 2.0
    file_seconds: float = 2.0
    bulk_seconds: float = 5.0
    bulk_outcome: str = "COMPLETED"
    slow_refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    idempotency_errors: str = "user_errors"
    personal_data: bool = True
    first_id: int | None = None
    api_version: str = "2026-10"
    webhooks: dict[str, str] = field(default_factory=dict)
    orders: list[dict[str, Any]] = field(default_factory=list)
    """Orders that are there from the start, as `POST /_sim/orders` takes them; they emit nothing."""


@dataclass(slots=True)
class ShopifySimulatorSettings:
    """The whole process: its shops, and the port on 127.0.0.1 (0: any free one)."""

    shops: list[ShopSettings] = field(default_factory=lambda: [ShopSettings()])
    port: int = 0

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ShopifySimulatorSettings:
        """Settings from a plain dict. SpecError names what is wrong."""
        only(raw, {"shops", "port"}, "The simulator's settings")
        shops = [_shop(s, f"shops[{n}]") for n, s in enumerate(records(raw.get("shops", [{}]), "shops"), 1)]
        domains = [s.domain for s in shops]
        if len(set(domains)) < len(domains):
            raise SpecError("Two shops have the same domain. Give each its own.")
        return cls(shops, int(raw.get("port", 0)))

    @classmethod
    def from_file(cls, path: Path) -> ShopifySimulatorSettings:
        """Settings from a JSON file."""
        try:
            return cls.from_dict(json.loads(path.read_text("utf-8")))
        except ValueError as error:
            raise SpecError(f"{path}: {error}") from None

    def build(self, now: Callable[[], datetime] = utc_now) -> list[Shop]:
        """The shops, with their first orders."""
        made = []
        for settings in self.shops:
            values = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name != "orders"}
            shop = Shop(now=now, **values)
            for spec in settings.orders:
                orders.create(shop, {"emit": False, **spec})
            made.append(shop)
        return made


def _shop(raw: Any, where: str) -> ShopSettings:
    known = {f.name: f for f in fields(ShopSettings)}
    only(raw, known.keys(), where)
    for name, value in raw.items():
        default = known[name].default
        if default is MISSING or default is None:
            continue
        wanted = (int, float) if isinstance(default, float) else type(default)
        if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
            raise SpecError(f"{where}.{name} must be a {type(default).__name__}, not {value!r}.")
    return ShopSettings(**raw)
