"""Returns and disputes as they are now (Admin API 2026-10; nothing in the documents is newer than 2026-01)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Final

from caseconnect.models import Dispute, Money, ReturnLine, ReturnRequest
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.parts import Json, lower, maybe, moment, money, nodes, number_of, shop_money
from caseconnect_shopify.reading import one

_LINES: Final = """
fragment ReturnLineParts on ReturnLineItemTypeConnection {
  nodes {
    id quantity customerNote returnReasonNote
    returnReasonDefinition { handle }
    ... on ReturnLineItem {
      withCodeDiscountedTotalPriceSet { shopMoney { amount currencyCode } }
      fulfillmentLineItem {
        lineItem { id sku title discountedUnitPriceSet { shopMoney { amount currencyCode } } }
      }
    }
    ... on UnverifiedReturnLineItem { unitPrice { amount currencyCode } }
  }
  pageInfo { hasNextPage endCursor }
}"""

RETURN: Final = Operation(
    "ConnectReturn",
    f"""query ConnectReturn($id: ID!) {{
  return(id: $id) {{
    id name status createdAt decline {{ reason note }}
    order {{ id name email }}
    returnLineItems(first: 20) {{ ...ReturnLineParts }}
    exchangeLineItems(first: 1) {{ nodes {{ id }} }}
    refunds(first: 10) {{ nodes {{ totalRefundedSet {{ shopMoney {{ amount currencyCode }} }} }} }}
  }}
}}{_LINES}""",
    cost=40,
)

RETURN_LINES: Final = Operation(
    "ConnectReturnLines",
    f"""query ConnectReturnLines($id: ID!, $after: String) {{
  return(id: $id) {{ returnLineItems(first: 100, after: $after) {{ ...ReturnLineParts }} }}
}}{_LINES}""",
    cost=100,
)

DISPUTE: Final = Operation(
    "ConnectDispute",
    """query ConnectDispute($id: ID!) {
  dispute(id: $id) {
    id type status initiatedAt evidenceDueBy finalizedOn
    amount { amount currencyCode }
    reasonDetails { reason networkReasonCode }
    order { id name email }
  }
}""",
    cost=5,
)

_STATUS: Final[frozenset[str]] = frozenset({"REQUESTED", "OPEN", "DECLINED", "CLOSED", "CANCELED"})
_KIND: Final[Mapping[str, Any]] = {"CHARGEBACK": "chargeback", "INQUIRY": "inquiry"}


async def read_return(client: ShopifyClient, number: str, order_url: Any) -> ReturnRequest:
    """A return with all its lines. `order_url` gives the address at which staff see an order."""
    gid = f"gid://shopify/Return/{number}"
    node = await one(client, RETURN, gid, "return")
    lines = node.get("returnLineItems") or {}
    if (lines.get("pageInfo") or {}).get("hasNextPage"):
        found: list[Json] = []
        after: str | None = None
        while True:
            page = (await client.run(RETURN_LINES, {"id": gid, "after": after}))["return"]["returnLineItems"]
            found += nodes(page)
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        node["returnLineItems"] = {"nodes": found}
    return return_of(node, order_url)


async def read_dispute(client: ShopifyClient, number: str) -> Dispute:
    """A dispute of Shopify Payments."""
    return dispute_of(await one(client, DISPUTE, f"gid://shopify/ShopifyPaymentsDispute/{number}", "dispute"))


def return_of(node: Json, order_url: Any) -> ReturnRequest:
    """A return; `node` is the answer of `RETURN` with all lines. Values are in the shop's currency.

    A return of Shopify always belongs to an order, so nobody asks for a proof of purchase; what the shopper wrote
    stands at each line.
    """
    order = node.get("order") or {}
    lines = [_line_of(n) for n in nodes(node.get("returnLineItems"))]
    refunds = [shop_money(n["totalRefundedSet"]) for n in nodes(node.get("refunds"))]
    status: Any = node.get("status")
    order_id = maybe(number_of, order.get("id"))
    return ReturnRequest(
        id=number_of(node["id"]),
        name=node.get("name") or "",
        order_id=order_id,
        status=status.lower() if status in _STATUS else "unknown",
        requested_at=maybe(moment, node.get("createdAt")),
        lines=tuple(line for line, _ in lines),
        value=_sum([value for _, value in lines]),
        wish="exchange" if nodes(node.get("exchangeLineItems")) else "unknown",
        email=order.get("email") or None,
        decline_reason=lower((node.get("decline") or {}).get("reason")),
        refunded=_sum(refunds) if refunds else None,
        admin_url=order_url(order_id) if order_id else None,
    )


def _line_of(node: Json) -> tuple[ReturnLine, Money | None]:
    """A line, and what all of it was bought for."""
    bought = (node.get("fulfillmentLineItem") or {}).get("lineItem") or {}
    guessed = maybe(money, node.get("unitPrice"))
    line = ReturnLine(
        line_id=maybe(number_of, bought.get("id")),
        sku=bought.get("sku") or None,
        title=bought.get("title") or None,
        quantity=node["quantity"],
        reason=lower((node.get("returnReasonDefinition") or {}).get("handle")),
        note=node.get("customerNote") or node.get("returnReasonNote") or None,
        unit_price=maybe(shop_money, bought.get("discountedUnitPriceSet")) or guessed,
    )
    whole = maybe(shop_money, node.get("withCodeDiscountedTotalPriceSet"))
    if whole is None and guessed is not None:
        whole = Money(amount=guessed.amount * line.quantity, currency=guessed.currency)
    return line, whole


def _sum(amounts: Sequence[Money | None]) -> Money | None:
    """The sum; None where an amount is unknown, or the currencies differ."""
    known = [a for a in amounts if a is not None]
    if not known or len(known) < len(amounts) or len({a.currency for a in known}) > 1:
        return None
    return reduce(lambda one, other: one + other, known)


def dispute_of(node: Json) -> Dispute:
    """A dispute; `node` is the answer of `DISPUTE`."""
    order = node.get("order") or {}
    details = node.get("reasonDetails") or {}
    code = details.get("networkReasonCode")
    return Dispute(
        id=number_of(node["id"]),
        order_id=maybe(number_of, order.get("id")),
        order_number=order.get("name") or None,
        email=order.get("email") or None,
        kind=_KIND.get(node.get("type") or "", "other"),
        reason=lower(details.get("reason")),
        status=lower(node.get("status")),
        amount=maybe(money, node.get("amount")),
        created_at=maybe(moment, node.get("initiatedAt")),
        evidence_due_at=maybe(_moment_or_day, node.get("evidenceDueBy")),
        finalized_at=maybe(_moment_or_day, node.get("finalizedOn")),
        attributes={"network_reason_code": code} if code else {},
    )


def _moment_or_day(text: str) -> datetime:
    """Until API 2026-01 these were days, since then they are times: of a day its first moment, the safe side."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if len(text) == len("2026-01-31") else moment(text)
