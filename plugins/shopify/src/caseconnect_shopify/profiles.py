"""Customers and products as they are now (Admin API 2026-10; nothing in the documents is newer than 2026-01)."""

from __future__ import annotations

from typing import Any, Final

from caseconnect.models import Customer, Money, Product
from caseconnect.sdk.errors import PermanentError
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.parts import Json, lower, maybe, moment, money, nodes, number_of
from caseconnect_shopify.reading import absent, one

CUSTOMER: Final = Operation(
    "ConnectCustomer",
    """query ConnectCustomer($id: ID!) {
  customer(id: $id) {
    id legacyResourceId displayName createdAt numberOfOrders tags note locale
    defaultEmailAddress { emailAddress }
    defaultPhoneNumber { phoneNumber }
    amountSpent { amount currencyCode }
    statistics { predictedSpendTier rfmGroup }
  }
}""",
    cost=5,
)

CREDIT: Final = Operation(
    "ConnectCustomerCredit",
    """query ConnectCustomerCredit($id: ID!) {
  customer(id: $id) { storeCreditAccounts(first: 20) { nodes { balance { amount currencyCode } } } }
}""",
    cost=20,
)

PRODUCT: Final = Operation(
    "ConnectProduct",
    """query ConnectProduct($id: ID!) {
  node(id: $id) {
    ... on Product {
      id title status publishedAt
      variants(first: 100) { nodes { sku } }
    }
  }
}""",
    cost=100,
)


async def read_customer(client: ShopifyClient, number: str) -> Customer:
    """A shopper with tags, spend and store credit.

    Without the scope `read_store_credit_accounts` the credit is not seen, and nothing else is missing for it.
    """
    gid = f"gid://shopify/Customer/{number}"
    node = await one(client, CUSTOMER, gid, "customer")
    try:
        held = (await client.run(CREDIT, {"id": gid}))["customer"] or {}
    except PermanentError:
        held = {}  # the scope is missing: what Shopify withholds of a field that cannot be null, it refuses whole
    credit = [money(n["balance"]) for n in nodes(held.get("storeCreditAccounts"))]
    return customer_of(node, credit)


async def read_product(client: ShopifyClient, number: str) -> Product:
    """A product; `on_sale` tells of the online store, the one sales channel that every shop has."""
    gid = f"gid://shopify/Product/{number}"
    node = (await client.run(PRODUCT, {"id": gid}))["node"]
    if not node:
        raise absent("product", gid)
    return Product(
        id=number_of(node["id"]),
        title=node.get("title") or "",
        skus=tuple(n["sku"] for n in nodes(node.get("variants")) if n.get("sku")),
        on_sale={"": node.get("status") == "ACTIVE" and bool(node.get("publishedAt"))},
    )


def customer_of(node: Json, credit: list[Money]) -> Customer:
    """A customer; `node` is the answer of `CUSTOMER`."""
    count = node.get("numberOfOrders")
    statistics: dict[str, Any] = node.get("statistics") or {}
    groups = {"predicted_spend": statistics.get("predictedSpendTier"), "rfm_group": statistics.get("rfmGroup")}
    return Customer(
        id=str(node.get("legacyResourceId") or number_of(node["id"])),
        name=node.get("displayName") or None,
        email=(node.get("defaultEmailAddress") or {}).get("emailAddress"),
        phone=(node.get("defaultPhoneNumber") or {}).get("phoneNumber"),
        created_at=maybe(moment, node.get("createdAt")),
        orders_count=None if count is None else int(count),
        total_spent=maybe(money, node.get("amountSpent")),
        tags=tuple(node.get("tags") or ()),
        locale=node.get("locale") or None,
        attributes={name: lower(value) or "" for name, value in groups.items() if value},
        credit=tuple(amount for amount in credit if amount.amount),
        note=node.get("note") or None,
    )
