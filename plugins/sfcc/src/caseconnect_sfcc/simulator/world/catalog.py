"""Products and content assets: what shows on which site."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from . import moments
from .attributes import JsonObject

KINDS = ("item", "master", "variant", "set", "bundle", "option")


@dataclass(slots=True)
class Product:
    """A product. `online_flag`, `searchable`, `valid_from`, `valid_to` are maps: `default`, and one key per site.

    `members` are a master's variants, a set's products or a bundle's products.
    """

    id: str
    created: datetime
    modified: datetime
    kind: str = "item"
    catalog: str = "catalog"
    categories: list[str] = field(default_factory=list)
    master: str | None = None
    members: list[str] = field(default_factory=list)
    online_flag: dict[str, bool] = field(default_factory=lambda: {"default": True})
    searchable: dict[str, bool] = field(default_factory=lambda: {"default": True})
    valid_from: dict[str, str] = field(default_factory=dict)
    valid_to: dict[str, str] = field(default_factory=dict)
    texts: JsonObject = field(default_factory=dict)
    price: Decimal = Decimal("99.00")
    currency: str = "USD"
    stock: int = 100
    default_variant: str | None = None
    variation: dict[str, str] = field(default_factory=dict)
    custom: JsonObject = field(default_factory=dict)
    revision: int = 1

    def online(self, key: str, now: datetime) -> bool:
        """The calculated flag for a site key: switched on, and inside its dates."""
        if not self.online_flag.get(key, self.online_flag.get("default", False)):
            return False
        starts = moments.parse(self.valid_from.get(key, self.valid_from.get("default")))
        ends = moments.parse(self.valid_to.get(key, self.valid_to.get("default")))
        return (starts is None or starts <= now) and (ends is None or now <= ends)

    def content(self) -> JsonObject:
        """What replication copies: all but identity and times."""
        names = (
            "kind",
            "catalog",
            "categories",
            "master",
            "members",
            "online_flag",
            "searchable",
            "valid_from",
            "valid_to",
        )
        more = ("texts", "price", "currency", "default_variant", "variation", "custom")
        return {name: deepcopy(getattr(self, name)) for name in (*names, *more)}


@dataclass(slots=True)
class ContentAsset:
    """A content asset of a library; a site's private library has the site's id (OCAPI Data 25.6)."""

    id: str
    library: str
    created: datetime
    modified: datetime
    texts: JsonObject = field(default_factory=dict)
    online: dict[str, bool] = field(default_factory=lambda: {"default": True})
    custom: JsonObject = field(default_factory=dict)
    revision: int = 1

    def shown(self, key: str) -> bool:
        """Whether a site shows it."""
        return self.online.get(key, self.online.get("default", False))

    def content(self) -> JsonObject:
        """What replication copies."""
        return {name: deepcopy(getattr(self, name)) for name in ("texts", "online", "custom")}
