"""The settings of a Shopify connection."""

from __future__ import annotations

import re
from typing import Final

from pydantic import Field, field_validator

from caseconnect.sdk.addresses import checked_url
from caseconnect.sdk.components import Settings
from caseconnect.sdk.secrets import Secret

EXAMPLE: Final = """\
shop: demo-shop.myshopify.com
client_id: 0123456789abcdef
client_secret: {env: SHOPIFY_CLIENT_SECRET}
"""
"""The smallest settings, as they stand in a tenant file."""

_METAFIELD: Final = re.compile(r"^[A-Za-z0-9_-]{3,255}\.[A-Za-z0-9_-]{2,64}$")


class ShopifySettings(Settings):
    """One shop, seen by one app of the Dev Dashboard (client credentials; Admin API of the quarter `api_version`)."""

    shop: str = Field(
        description="The shop's own domain, such as demo-shop.myshopify.com.",
        pattern=r"^[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com$",
    )
    client_id: str = Field(description="The app's client id.", min_length=1)
    client_secret: Secret = Field(description="The app's client secret: signs webhooks and gets access tokens.")
    previous_client_secret: Secret | None = Field(
        None,
        description="The secret before the last rotation; webhooks signed with it are still taken.",
    )
    api_version: str = Field(
        "2026-10",
        description="Version of the Admin API; older than 2026-01 is not tried.",
        pattern=r"^20\d\d-(01|04|07|10)$",
    )
    base_url: str | None = Field(
        None,
        description="Where the API is instead of https://<shop>: a simulator's address; http only on this machine.",
    )
    overlap_seconds: int = Field(
        300,
        ge=0,
        le=86_400,
        description="How far each poll looks back behind the last seen change: more than the search index lags.",
    )
    page_size: int = Field(100, ge=1, le=250, description="Orders in one page of a poll; Shopify allows 250.")
    history_limit: int = Field(20, ge=1, le=200, description="How many other orders of a shopper are read at most.")
    metafield_namespace: str = Field(
        "connect",
        description="Namespace of the metafields that we write; '$app' or '$app:name' makes them the app's own.",
        pattern=r"^(\$app(:[A-Za-z0-9_-]{1,200})?|[A-Za-z0-9_-]{3,255})$",
    )
    tag_prefix: str = Field(
        "", max_length=20, description="Put before every tag that we add or remove.", pattern=r"^[^,]*$"
    )
    hold_prefix: str = Field(
        "connect",
        description="Begins the handle of every hold that we make; two connections of one app need different ones.",
        pattern=r"^[a-z][a-z0-9]{0,23}$",
    )

    order_attributes: tuple[str, ...] = Field(
        (),
        description="Metafields of orders that rules may see, such as custom.gift: they come as `attributes`.",
        max_length=25,
    )
    restock_location: str | None = Field(
        None,
        description="Number of the location that takes goods back when Shopify suggests none for a refund.",
        pattern=r"^[0-9]{1,20}$",
    )
    reserve: float = Field(
        0.25,
        ge=0,
        le=0.9,
        description="Share of the API's cost bucket that polls and other background work leave to commands and facts.",
    )

    @field_validator("order_attributes")
    @classmethod
    def _full_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _METAFIELD.match(name):
                raise ValueError(f"{name!r} is no metafield: write namespace.key, such as custom.gift")
        return value

    @field_validator("shop", mode="before")
    @classmethod
    def _plain_domain(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return value if value is None else checked_url(value, "base_url")

    def api_url(self) -> str:
        """Origin, and perhaps a path, of the API."""
        return self.base_url or f"https://{self.shop}"

    def order_url(self, order_id: str) -> str:
        """Where staff see an order."""
        if self.base_url:
            return f"{self.base_url}/admin/orders/{order_id}"
        return f"https://admin.shopify.com/store/{self.shop.removesuffix('.myshopify.com')}/orders/{order_id}"
