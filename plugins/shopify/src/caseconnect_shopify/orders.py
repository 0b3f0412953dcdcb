"""Reading an order whole: one request for most, more only for what did not fit or costs much."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from caseconnect.models import Order
from caseconnect.sdk.errors import PermanentError
from caseconnect_shopify import queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.mapping import order_of
from caseconnect_shopify.reading import absent, complete, one, order_to_ship


async def read_order(client: ShopifyClient, settings: ShopifySettings, number: str) -> Order:
    """The order as it is now. The goods of its refunds are asked for only when it has refunds."""
    gid = f"gid://shopify/Order/{number}"
    node = await _first(client, settings, gid)
    await complete(client, node, queries.ORDER_LINES, gid, "order")
    await _add_returns(client, node, gid)
    for part, size, operation in (
        ("transactions", queries.PAYMENTS, queries.ORDER_PAYMENTS),
        ("refunds", queries.REFUNDS, queries.ORDER_REFUNDS),
        ("fulfillments", queries.SHIPMENTS, queries.ORDER_SHIPMENTS),
    ):
        if len(node.get(part) or ()) >= size:
            node[part] = (await one(client, operation, gid, "order"))[part]
    node["refunds"] = await _detailed(client, node.get("refunds") or ())
    if (node.get("fulfillmentOrders") or {}).get("pageInfo", {}).get("hasNextPage"):
        node["fulfillmentOrders"] = (await order_to_ship(client, gid))["fulfillmentOrders"]
    for part in (node.get("fulfillmentOrders") or {}).get("nodes") or ():
        await complete(client, part, queries.FULFILLMENT_ORDER_LINES, part["id"], "fulfillmentOrder")
    return order_of(node, settings.order_url(number))


async def _first(client: ShopifyClient, settings: ShopifySettings, gid: str) -> dict[str, Any]:
    variables = {
        "id": gid,
        "namespace": settings.metafield_namespace,
        "keys": list(settings.order_attributes),
        "withAttributes": bool(settings.order_attributes),
    }
    node = (await client.run(queries.ORDER, variables))["order"]
    if not node:
        raise absent("order", gid)
    return dict(node)


async def _add_returns(client: ShopifyClient, node: dict[str, Any], gid: str) -> None:
    """Asked for only when the order has some that are not declined or cancelled; none when they may not be seen."""
    if node.get("returnStatus") in {None, "NO_RETURN"}:
        return
    node["returns"] = {"pageInfo": {"hasNextPage": True}}
    with suppress(PermanentError):
        await complete(client, node, queries.ORDER_RETURNS, gid, "order", "returns")


async def _detailed(client: ShopifyClient, refunds: Any) -> list[dict[str, Any]]:
    """The refunds with their goods and the state of their money."""
    found = {refund["id"]: dict(refund) for refund in refunds if refund}
    ids = list(found)
    for start in range(0, len(ids), queries.REFUNDS_AT_ONCE):
        batch = ids[start : start + queries.REFUNDS_AT_ONCE]
        for node in (await client.run(queries.REFUND_DETAILS, {"ids": batch}))["nodes"]:
            if node:
                await complete(client, node, queries.MORE_REFUND_LINES, node["id"], "refund", "refundLineItems")
                found[node["id"]].update(node)
    return list(found.values())
