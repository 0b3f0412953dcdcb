"""From Shopify's GraphQL JSON (Admin API 2026-10) to canonical records. Pure.

Lenient where Shopify is: personal fields may be null or absent, enums may have new values. What makes an
order an order (id, times, total) must be there; without it `KeyError`, `TypeError` or `ValueError` is raised.
"""

from __future__ import annotations

import re
from typing import Any, Final

from caseconnect.models import Money, Order, OrderSummary
from caseconnect_shopify.parts import (
    Json,
    address_of,
    fulfillment_order_of,
    line_of,
    lower,
    maybe,
    moment,
    nodes,
    number_of,
    payment_of,
    presentment_money,
    refund_of,
    return_summary_of,
    risk_of,
    shipment_of,
    shop_money,
)
from caseconnect_shopify.tenders import purse_of

_PAYMENT_STATUS: Final = {
    "PENDING",
    "AUTHORIZED",
    "PARTIALLY_PAID",
    "PAID",
    "PARTIALLY_REFUNDED",
    "REFUNDED",
    "VOIDED",
    "EXPIRED",
}
_FULFILLMENT_STATUS: Final = {
    "UNFULFILLED": "unfulfilled",
    "OPEN": "unfulfilled",
    "PENDING_FULFILLMENT": "unfulfilled",
    "IN_PROGRESS": "unfulfilled",
    "SCHEDULED": "unfulfilled",
    "REQUEST_DECLINED": "unfulfilled",
    "RESTOCKED": "unfulfilled",
    "PARTIALLY_FULFILLED": "partially_fulfilled",
    "FULFILLED": "fulfilled",
    "FULFILLMENT_NOT_REQUIRED": "fulfilled",
    "ON_HOLD": "on_hold",
}
_CHANNELS: Final = {"shopify_draft_order": "draft"}
_DELIVERY: Final = {"PICK_UP": "pickup", "NONE": "digital"}
_NOTE_END: Final = re.compile(r"\n?\(ref [0-9a-f]{16}\)\s*")


def captured(order: Json) -> Money | None:
    """Money received less money given back, in the shop's currency; None when Shopify does not say."""
    received, refunded = order.get("totalReceivedSet"), order.get("totalRefundedSet")
    if not received or not refunded:
        return None
    return shop_money(received) - shop_money(refunded)


def refundable(order: Json) -> Money | None:
    """What can still be given back, in the shopper's currency; None when Shopify does not say (see `tenders`)."""
    purse = purse_of(order)
    return purse.refundable if purse else None


def notes_of(order: Json) -> tuple[str, ...]:
    """Shopify's own note of the order, then those that `NoteOrder` wrote, without their marks."""
    ours = ((order.get("notes") or {}).get("value") or "").strip()
    written = (text.strip() for text in _NOTE_END.split(ours))
    return tuple(text for text in (order.get("note") or "", *written) if text)


def terms_of(node: Json | None) -> str | None:
    """Payment terms in our words: net_30, receipt, fulfillment, fixed; None: paid at once."""
    if not node:
        return None
    kind = (node.get("paymentTermsType") or "unknown").lower()
    days = node.get("dueInDays")
    return f"{kind}_{days}" if days else kind


def delivery_of(part: Json | None) -> tuple[str, ...]:
    """How the parts of an order are delivered: shipping, pickup, pickup_point, local, retail, digital."""
    methods = [(n.get("deliveryMethod") or {}).get("methodType") for n in nodes(part)]
    return tuple(sorted({_DELIVERY.get(m, m.lower()) for m in methods if m}))


def order_of(node: Json, admin_url: str | None = None) -> Order:
    """An order; `node` is the answer of `queries.ORDER` with its parts completed."""
    total = node["currentTotalPriceSet"]
    billing, shipping = address_of(node.get("billingAddress")), address_of(node.get("shippingAddress"))
    customer = node.get("customer") or {}
    parts = tuple(fulfillment_order_of(n) for n in nodes(node.get("fulfillmentOrders")))
    return Order(
        id=_order_id(node),
        number=node["name"],
        created_at=moment(node["createdAt"]),
        updated_at=moment(node["updatedAt"]),
        cancelled_at=maybe(moment, node.get("cancelledAt")),
        cancel_reason=lower(node.get("cancelReason")),
        closed_at=maybe(moment, node.get("closedAt")),
        test=bool(node.get("test")),
        channel=_CHANNELS.get(node.get("sourceName") or "", node.get("sourceName")),
        total=shop_money(total),
        presentment_total=presentment_money(total),
        captured=captured(node),
        refundable=refundable(node),
        payment_status=payment_status(node.get("displayFinancialStatus")),
        fulfillment_status=fulfillment_status(node.get("displayFulfillmentStatus")),
        email=node.get("email") or None,
        phone=node.get("phone") or None,
        client_ip=node.get("clientIp") or None,
        locale=node.get("customerLocale") or None,
        customer_id=maybe(number_of, customer.get("id")),
        customer_name=customer.get("displayName") or None,
        billing_address=billing,
        shipping_address=shipping,
        addresses_match=node.get("billingAddressMatchesShippingAddress") if billing and shipping else None,
        note=node.get("note") or None,
        notes=notes_of(node),
        tags=tuple(node.get("tags") or ()),
        attributes={f"{m['namespace']}.{m['key']}": m["value"] for m in nodes(node.get("metafields"))},
        company=((node.get("purchasingEntity") or {}).get("company") or {}).get("name"),
        payment_terms=terms_of(node.get("paymentTerms")),
        delivery=delivery_of(node.get("fulfillmentOrders")),
        # Shopify has no mark for pre-orders; a part that waits for its day is the nearest it tells.
        preorder=any(part.status == "scheduled" for part in parts),
        returns=tuple(return_summary_of(n, _order_id(node)) for n in nodes(node.get("returns"))),
        disputes=tuple(number_of(n["id"]) for n in nodes(node.get("disputes"))),
        lines=tuple(line_of(n) for n in nodes(node.get("lineItems"))),
        payments=tuple(payment_of(n) for n in nodes(node.get("transactions"))),
        refunds=tuple(refund_of(n) for n in nodes(node.get("refunds"))),
        risk=risk_of(node.get("risk")),
        fulfillment_orders=parts,
        shipments=tuple(shipment_of(n) for n in nodes(node.get("fulfillments"))),
        admin_url=admin_url,
    )


def summary_of(node: Json) -> OrderSummary:
    """One order of a shopper's history; `node` is one of `queries.HISTORY`."""
    return OrderSummary(
        id=_order_id(node),
        number=node["name"],
        created_at=moment(node["createdAt"]),
        total=shop_money(node["currentTotalPriceSet"]),
        payment_status=payment_status(node.get("displayFinancialStatus")),
        fulfillment_status=fulfillment_status(node.get("displayFulfillmentStatus")),
        cancelled_at=maybe(moment, node.get("cancelledAt")),
        risk_level=risk_of(node.get("risk")).level,
        items=tuple(sorted(_item(n) for n in nodes(node.get("lineItems")))),
        ship_to=_one_line(node.get("shippingAddress")),
    )


def payment_status(value: str | None) -> Any:
    """OrderDisplayFinancialStatus in our words."""
    return value.lower() if value in _PAYMENT_STATUS else "unknown"


def fulfillment_status(value: str | None) -> Any:
    """OrderDisplayFulfillmentStatus in our words."""
    return _FULFILLMENT_STATUS.get(value or "", "unknown")


def _order_id(node: Json) -> str:
    return str(node.get("legacyResourceId") or number_of(node["id"]))


def _item(node: Json) -> tuple[str, int]:
    variant = maybe(number_of, (node.get("variant") or {}).get("id"))
    return node.get("sku") or variant or node.get("title") or "", node["quantity"]


def _one_line(node: Json | None) -> str | None:
    if not node:
        return None
    place = " ".join(filter(None, (node.get("zip"), node.get("city"))))
    parts = (node.get("address1"), node.get("address2"), place, node.get("provinceCode"), node.get("countryCodeV2"))
    return ", ".join(p for p in parts if p) or None
