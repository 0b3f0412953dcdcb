"""What changed, page by page, and whose a part is (Admin API 2026-10; nothing in the documents is newer than 2026-01).

An order's page tells of its returns and disputes too, so that the poll finds what a lost webhook would have told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import orjson

from caseconnect.models import OrderHistory, OrderSummary
from caseconnect.sdk.deliveries import Polled
from caseconnect.sdk.order_names import OrderName
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.parts import Json, moment, nodes, number_of, shop_money

ORDERS: Final = Operation(
    "ConnectChangedOrders",
    """query ConnectChangedOrders($first: Int!, $after: String, $search: String!) {
  orders(first: $first, after: $after, query: $search, sortKey: UPDATED_AT) {
    nodes { id legacyResourceId name updatedAt returnStatus disputes { id status } }
    pageInfo { hasNextPage endCursor }
  }
}""",
    cost=100,
)

RETURNS: Final = Operation(
    "ConnectReturnsOfOrders",
    """query ConnectReturnsOfOrders($ids: [ID!]!) {
  nodes(ids: $ids) { ... on Order { id updatedAt returns(first: 10, reverse: true) { nodes { id status } } } }
}""",
    cost=200,
)

CUSTOMERS: Final = Operation(
    "ConnectChangedCustomers",
    """query ConnectChangedCustomers($first: Int!, $after: String, $search: String!) {
  customers(first: $first, after: $after, query: $search, sortKey: UPDATED_AT) {
    nodes { id updatedAt }
    pageInfo { hasNextPage endCursor }
  }
}""",
    cost=100,
)

NAMED: Final = Operation(
    "ConnectNamedOrders",
    """query ConnectNamedOrders($first: Int!, $after: String, $search: String!) {
  orders(first: $first, after: $after, query: $search) {
    nodes { id name email createdAt currentTotalPriceSet { shopMoney { amount currencyCode } } }
    pageInfo { hasNextPage endCursor }
  }
}""",
    cost=10,
)

ROOTS: Final[Mapping[str, tuple[str, Operation]]] = {
    "fulfillment_order": (
        "FulfillmentOrder",
        Operation(
            "ConnectRootOfFulfillmentOrder",
            "query ConnectRootOfFulfillmentOrder($id: ID!) { fulfillmentOrder(id: $id) { orderId } }",
            cost=1,
        ),
    ),
    "return": (
        "Return",
        Operation(
            "ConnectRootOfReturn",
            "query ConnectRootOfReturn($id: ID!) { return(id: $id) { order { id } } }",
            cost=2,
        ),
    ),
    "dispute": (
        "ShopifyPaymentsDispute",
        Operation(
            "ConnectRootOfDispute",
            "query ConnectRootOfDispute($id: ID!) { dispute(id: $id) { order { id } } }",
            cost=2,
        ),
    ),
}
"""Alias kind -> (gid type, the query that finds its order)."""

_AT_ONCE: Final = 25
_SAME_NAME: Final = 10
_NO_RETURN: Final = frozenset({None, "NO_RETURN"})


async def page_of(client: ShopifyClient, operation: Operation, **asked: Any) -> tuple[list[Json], str | None]:
    """The things on one page of a list, and the cursor of the next one."""
    (found,) = (await client.run(operation, asked)).values()
    info = found["pageInfo"]
    return list(found["nodes"]), info["endCursor"] if info["hasNextPage"] else None


def quoted(text: str) -> str:
    """A text as a value in a search."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


async def order_named(client: ShopifyClient, meant: OrderName) -> str | None:
    """The number of the one order of that name whose buyer agrees; None where there is none, or more than one."""
    found = await _named(client, meant)
    return number_of(found[0]["id"]) if len(found) == 1 else None


async def orders_named(client: ShopifyClient, meant: OrderName) -> OrderHistory:
    """All orders of that name; where none has it, the one whose id it is, as addresses in the admin end with it."""
    found = await _named(client, meant)
    if not found and meant.number.isdigit() and not meant.email:
        found, _ = await page_of(client, NAMED, first=1, after=None, search=f"id:{meant.number}")
    return OrderHistory(
        key="number",
        orders=tuple(
            OrderSummary(
                id=number_of(order["id"]),
                number=order["name"],
                created_at=moment(order["createdAt"]),
                total=shop_money(order["currentTotalPriceSet"]),
            )
            for order in found
        ),
    )


async def _named(client: ShopifyClient, meant: OrderName) -> list[Json]:
    """Names are looked for as shops write them by default, '#1001', then without the '#'.

    Two orders may share a name: merchants import and rename them.
    """
    for name in (f"#{meant.number}", meant.number):
        found, _ = await page_of(client, NAMED, first=_SAME_NAME, after=None, search=f"name:{quoted(name)}")
        if agreeing := [order for order in found if meant.agrees(order["name"], order.get("email"))]:
            return agreeing
    return []


async def orders(client: ShopifyClient, found: Sequence[Json]) -> list[Polled]:
    """Items of changed orders: of each itself, its disputes, and its newest returns."""
    items = [item for order in found for item in (order_item(order), *dispute_items(order))]
    returned = iter([order["id"] for order in found if order.get("returnStatus") not in _NO_RETURN])
    while some := list(islice(returned, _AT_ONCE)):
        for order in (await client.run(RETURNS, {"ids": some}))["nodes"] or ():
            items += [return_item(r, order["id"], order["updatedAt"]) for r in nodes((order or {}).get("returns"))]
    return items


def order_item(order: Json) -> Polled:
    """One changed order."""
    return _item("orders/poll", order["id"], order["updatedAt"], order)


def dispute_items(order: Json) -> Iterator[Polled]:
    """The disputes of an order."""
    for dispute in order.get("disputes") or ():
        body = {**dispute, "order": {"id": order["id"]}, "updatedAt": order["updatedAt"]}
        yield _item("disputes/poll", dispute["id"], f"{dispute.get('status')} {order['updatedAt']}", body)


def return_item(found: Json, order_gid: str, changed_at: str) -> Polled:
    """A return; told again whenever its order changes."""
    body = {"id": found["id"], "status": found.get("status"), "order": {"id": order_gid}, "updatedAt": changed_at}
    return _item("returns/poll", found["id"], f"{found.get('status')} {changed_at}", body)


def customer_item(customer: Json) -> Polled:
    """One changed customer."""
    return _item("customers/poll", customer["id"], customer["updatedAt"], customer)


def _item(kind: str, gid: str, version: str, body: Json) -> Polled:
    return Polled(kind=kind, id=number_of(gid), version=version, body=orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
