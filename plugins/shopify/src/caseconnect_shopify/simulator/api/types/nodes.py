"""Any record by its gid."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.errors import ApiError
from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.wire import split_gid
from caseconnect_shopify.simulator.world import catalogue


def node(call: Call, text: str) -> Any:
    """Any record by gid; None when the shop does not hold it."""
    kind, tail = split_gid(text)
    shop = call.shop
    if kind == "Job":
        return shop.jobs.get(text)
    stores: dict[str, dict[int, Any]] = {
        "Order": shop.orders,
        "Customer": shop.customers,
        "FulfillmentOrder": shop.fulfillment_orders,
        "Return": shop.returns,
        "DraftOrder": shop.drafts,
        "StoreCreditAccount": shop.accounts,
        "GiftCard": shop.gift_cards,
        "ShopifyPaymentsDispute": shop.disputes,
        "GenericFile": shop.files,
        "MediaImage": shop.files,
        "BulkOperation": shop.bulk_operations,
        "CalculatedOrder": shop.edits,
        "MetafieldDefinition": shop.definitions,
    }
    number = tail.partition("?")[0]
    if not number.isdigit():
        raise ApiError(f"Invalid id: {text}", "RESOURCE_NOT_FOUND")
    if kind == "Product":
        return catalogue.product(shop, int(number))
    if kind in stores:
        return stores[kind].get(int(number))
    lists = {
        "Fulfillment": "fulfillments",
        "OrderTransaction": "transactions",
        "Refund": "refunds",
        "LineItem": "lines",
    }
    if kind in lists:
        every = (r for o in shop.orders.values() for r in getattr(o, lists[kind]))
        return next((r for r in every if r.id == int(number)), None)
    return None
