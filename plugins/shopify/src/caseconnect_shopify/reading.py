"""Reading whole things through the client, shared by source and sink."""

from __future__ import annotations

from typing import Any

from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.resources import Resources
from caseconnect_shopify import queries
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.config import ShopifySettings


def client_of(settings: ShopifySettings, resources: Resources) -> ShopifyClient:
    """The connection's one client: source and sink share its token and what it learned of costs."""

    def make() -> ShopifyClient:
        return ShopifyClient(
            resources.http(settings.api_url()),
            client_id=settings.client_id,
            client_secret=lambda: resources.secrets.reveal(settings.client_secret),
            api_version=settings.api_version,
            now=resources.now,
            reserve=settings.reserve,
            tell=lambda text: resources.log.warning("Shopify serves another API version", note=text),
        )

    return resources.once("shopify client", make)


async def one(client: ShopifyClient, operation: Operation, gid: str, field: str) -> dict[str, Any]:
    """The one object that a query asks for. `PermanentError` when Shopify has no such thing."""
    found = (await client.run(operation, {"id": gid}))[field]
    if not found:
        raise absent(field, gid)
    return dict(found)


async def order_to_ship(client: ShopifyClient, gid: str) -> dict[str, Any]:
    """What holding needs to know of an order, with all its fulfilment orders, as Shopify's JSON."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        order = (await client.run(queries.FULFILLMENT_ORDERS_OF, {"id": gid, "after": after}))["order"]
        if not order:
            raise absent("order", gid)
        page = order["fulfillmentOrders"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return {**order, "fulfillmentOrders": {"nodes": found}}
        after = page["pageInfo"]["endCursor"]


async def complete(
    client: ShopifyClient, node: dict[str, Any], operation: Operation, gid: str, field: str, part: str = "lineItems"
) -> None:
    """Read a connection of a node anew, all of it, when it did not fit on the first page."""
    page = node.get(part) or {}
    if not page.get("pageInfo", {}).get("hasNextPage"):
        return
    items: list[Any] = []
    after: str | None = None
    while True:
        page = (await client.run(operation, {"id": gid, "after": after}))[field][part]
        items += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    node[part] = {"nodes": items}


def absent(field: str, gid: str) -> PermanentError:
    """The error for a thing that Shopify does not show us."""
    return PermanentError(f"Shopify has no {field} {gid.rsplit('/', 1)[-1]}, or the app may not see it")
