"""The settings of a Shopify connection."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from pydantic import Field, field_validator, model_validator

from caseconnect.sdk.addresses import checked_url
from caseconnect.sdk.components import Settings
from caseconnect.sdk.secrets import Secret
from caseconnect_shopify.topics import LISTED

EXAMPLE: Final = """\
shop: demo-shop.myshopify.com
client_id: 0123456789abcdef
client_secret: {env: SHOPIFY_CLIENT_SECRET}
"""
"""The smallest settings, as they stand in a tenant file."""

_METAFIELD: Final = re.compile(r"^[A-Za-z0-9_-]{3,255}\.[A-Za-z0-9_-]{2,64}$")


class SqsSettings(Settings):
    """An Amazon SQS queue, the target of an EventBridge rule for Shopify's events (extra `sqs`)."""

    queue_url: str = Field(
        description="Address of the queue, such as https://sqs.eu-central-1.amazonaws.com/123456789012/shop. One queue"
        " for each shop."
    )
    region: str = Field(description="Region of the queue, such as eu-central-1.", pattern=r"^[a-z0-9-]{4,30}$")
    access_key_id: str | None = Field(
        None, description="Access key; without it Amazon's own chain: environment, profile, role of the machine."
    )
    secret_access_key: Secret | None = Field(None, description="The access key's secret.")
    endpoint_url: str | None = Field(
        None, description="Where the API is instead of Amazon's own address: a simulator, a private endpoint."
    )

    @field_validator("queue_url", "endpoint_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return value if value is None else checked_url(value, "queue_url and endpoint_url")

    @model_validator(mode="after")
    def _both(self) -> SqsSettings:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together")
        return self


class PubSubSettings(Settings):
    """A Google Pub/Sub subscription to the topic that Shopify publishes to (extra `pubsub`)."""

    subscription: str = Field(
        description="The subscription, such as projects/my-project/subscriptions/shop. One for each shop.",
        pattern=r"^projects/[^/\s]+/subscriptions/[^/\s]+$",
    )
    credentials: Secret | None = Field(
        None,
        description="JSON key of a service account with the role Pub/Sub Subscriber; without it Google's own chain.",
    )


class AskingSettings(Settings):
    """Requests for approval that staff make on an order, in the admin."""

    tag: str = Field(
        "",
        max_length=40,
        description="Tag of orders on which something is asked for, such as needs-refund. Empty: off.",
    )
    metafield: str = Field(
        "custom.approval_request",
        pattern=_METAFIELD.pattern,
        description="Metafield of the order, namespace and key, that says what, as JSON: action (refund, replacement or"
        " credit), amount with currency or lines (sku, quantity), reason.",
    )
    draft_tag: str = Field(
        "",
        max_length=40,
        description="Tag of draft orders that wait for an approval: goods for nothing (100 % off), for an order."
        " Empty: off.",
    )
    draft_for: str = Field(
        "replaces",
        min_length=1,
        description="Additional detail (custom attribute) of the draft with that order's number.",
    )


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
    webhook_address: str | None = Field(
        None,
        description="Where Shopify sends webhooks for this connection: https://<host>/hooks/<tenant>/<connection>, the"
        " ARN of an EventBridge source, or pubsub://<project>:<topic>. With it, lost subscriptions are made again.",
    )
    topics: tuple[str, ...] | None = Field(
        None, description="Topics to subscribe to, such as orders/create. None: all that become events."
    )
    sqs: SqsSettings | None = Field(
        None, description="Listen to an Amazon SQS queue that EventBridge fills, besides or instead of webhooks."
    )
    pubsub: PubSubSettings | None = Field(
        None, description="Listen to a Google Pub/Sub subscription, besides or instead of webhooks. Experimental."
    )
    approvals: AskingSettings = Field(AskingSettings(), description="Requests for approval made on orders.")
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
    shown_metafields: dict[str, str] = Field(
        {
            "case_number": "Case",
            "case_status": "Case status",
            "case_outcome": "Case outcome",
            "case_link": "Case link",
        },
        description="Metafields of orders that `connect setup` defines and pins for staff to see: key and label.",
    )
    link_metafield: str = Field(
        "case_link", description="Key of the metafield that is a link: the case's address. All others are texts."
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

    @field_validator("webhook_address")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None or value.startswith("arn:aws:events:"):
            return value
        if value.startswith("pubsub://") and ":" in value.removeprefix("pubsub://"):
            return value
        if value.startswith(("http://", "https://")):
            return checked_url(value, "webhook_address")
        raise ValueError("webhook_address is an https:// address, arn:aws:events:... or pubsub://<project>:<topic>")

    @field_validator("topics")
    @classmethod
    def _known_topics(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in value or ():
            if name not in LISTED:
                near = get_close_matches(name, LISTED, 1)
                meant = f": did you mean {near[0]}?" if near else "; the plugin's README lists them"
                raise ValueError(f"{name!r} is no topic that becomes an event{meant}")
        return value

    def metafield_type(self, key: str) -> str:
        """Shopify's type of a metafield that we write."""
        return "url" if key == self.link_metafield else "multi_line_text_field"

    def subscribed(self) -> frozenset[str]:
        """The topics that are wanted."""
        return frozenset(LISTED if self.topics is None else self.topics)

    def api_url(self) -> str:
        """Origin, and perhaps a path, of the API."""
        return self.base_url or f"https://{self.shop}"

    def order_url(self, order_id: str) -> str:
        """Where staff see an order."""
        if self.base_url:
            return f"{self.base_url}/admin/orders/{order_id}"
        return f"https://admin.shopify.com/store/{self.shop.removesuffix('.myshopify.com')}/orders/{order_id}"
