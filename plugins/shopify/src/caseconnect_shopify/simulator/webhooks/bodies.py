"""REST-shaped webhook bodies, as API 2026-10 sends them: numeric ids, money as `"20.00"`, times in the shop's zone.

Order bodies hold neither risk nor transactions. For an app without access to protected customer data the personal keys
are absent, not null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world.bulk import BulkOperation
from caseconnect_shopify.simulator.world.drafts import Draft
from caseconnect_shopify.simulator.world.records import (
    ZERO,
    Customer,
    Dispute,
    Fulfillment,
    FulfillmentEvent,
    Order,
    Refund,
    Transaction,
    gid,
)

from . import returns
from .drafts import draft_body
from .goods import fulfillment_body, fulfillment_event_body, refund_body, risk_body, transaction_body
from .parts import Body, address_body, customer_body, line_body, local, money_set, without

if TYPE_CHECKING:
    from caseconnect_shopify.simulator.world.shop import Shop

ORDER_PERSONAL = ("email", "phone", "contact_email", "order_status_url")


def build(shop: Shop, topic: str, resource: Any) -> Body:
    """The body of a topic. `resource` is the record it is about, or a dict that is sent as it is."""
    if isinstance(resource, dict):
        return resource
    maker = _MAKERS.get(type(resource))
    if maker is None:
        raise ValueError(f"No webhook body is known for {type(resource).__name__} under {topic}.")
    return maker(shop, resource)


def _amounts(order: Order) -> Body:
    amounts = {
        "current_shipping_price": order.shipping,
        "current_subtotal_price": min(money.subtotal(order), money.current_total(order)),
        "current_total_discounts": money.discounts(order),
        "current_total_price": money.current_total(order),
        "current_total_tax": order.tax,
        "subtotal_price": money.subtotal(order),
        "total_discounts": money.discounts(order),
        "total_line_items_price": money.lines_total(order),
        "total_price": money.total(order),
        "total_tax": order.tax,
    }
    body: Body = {name: money.spell_rest(value, order.currency) for name, value in amounts.items()}
    body |= {f"{name}_set": money_set(order, value) for name, value in amounts.items()}
    body.pop("current_shipping_price")
    body["total_shipping_price_set"] = money_set(order, order.shipping)
    body["total_outstanding"] = money.spell_rest(money.outstanding(order), order.currency)
    body["total_tip_received"] = money.spell_rest(ZERO, order.currency)
    return body


def order_body(shop: Shop, order: Order) -> Body:
    """The REST order of all `orders/*` topics that carry an order."""
    fulfilled = {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}.get(money.fulfillment_status(order))
    status = money.financial_status(order)
    body: Body = {
        "id": order.id,
        "admin_graphql_api_id": gid("Order", order.id),
        "app_id": None,
        "browser_ip": order.client_ip,
        "buyer_accepts_marketing": False,
        "cancel_reason": order.cancel_reason.lower() if order.cancel_reason else None,
        "cancelled_at": local(shop, order.cancelled_at),
        "cart_token": None,
        "checkout_token": None,
        "client_details": None,
        "closed_at": local(shop, order.closed_at),
        "confirmation_number": f"SIM{order.number}",
        "confirmed": order.confirmed,
        "contact_email": order.email,
        "created_at": local(shop, order.created_at),
        "currency": order.currency,
        "customer_locale": order.customer.locale if order.customer else None,
        "discount_codes": [
            {"code": c, "amount": money.spell_rest(a, order.currency), "type": "fixed_amount"}
            for c, a in order.discount_codes
        ],
        "email": order.email,
        "estimated_taxes": False,
        "financial_status": status.lower() if status else None,
        "fulfillment_status": fulfilled,
        "location_id": None,
        "name": order.name,
        "note": order.note,
        "note_attributes": [{"name": n, "value": v} for n, v in order.attributes],
        "number": order.number - 1000,
        "order_number": order.number,
        "order_status_url": f"https://{shop.domain}/{shop.id}/orders/sim{order.id}/authenticate",
        "payment_gateway_names": list(dict.fromkeys(t.gateway for t in order.transactions)),
        "phone": order.phone,
        "po_number": order.po_number,
        "presentment_currency": order.presentment_currency,
        "processed_at": local(shop, order.processed_at),
        "referring_site": None,
        "source_name": order.source_name,
        "tags": ", ".join(order.tags),
        "tax_exempt": False,
        "tax_lines": [],
        "taxes_included": False,
        "test": order.test,
        "token": f"sim{order.id}",
        "total_weight": sum(line.grams * line.quantity for line in order.lines),
        "updated_at": local(shop, order.updated_at),
        "user_id": None,
        "discount_applications": [],
        "fulfillments": [fulfillment_body(shop, f) for f in order.fulfillments],
        "line_items": [line_body(order, line) for line in order.lines],
        "payment_terms": None,
        "refunds": [refund_body(shop, r) for r in order.refunds],
        "shipping_lines": _shipping_lines(order),
        "returns": [returns.whole(order, r) for r in order.returns],
        "line_item_groups": [],
    } | _amounts(order)
    if order.billing:
        body["billing_address"] = address_body(shop, order.billing)
    if order.shipping_address:
        body["shipping_address"] = address_body(shop, order.shipping_address)
    if order.customer:
        body["customer"] = customer_body(shop, order.customer)
    return without(shop, body, ORDER_PERSONAL)


def _shipping_lines(order: Order) -> list[Body]:
    if not order.shipping_address:
        return []
    price = money.spell_rest(order.shipping, order.currency)
    line: Body = {"id": order.id + 1, "title": order.shipping_title, "code": order.shipping_title, "source": "shopify"}
    line |= {"price": price, "price_set": money_set(order, order.shipping), "is_removed": False, "tax_lines": []}
    return [line | {"discounted_price": price, "discounted_price_set": money_set(order, order.shipping)}]


def metafields(shop: Shop, order: Order, namespaces: Iterable[str]) -> list[Body]:
    """The `metafields` key that a subscription with `metafieldNamespaces` adds to an order body."""
    wanted = set(namespaces)
    return [
        {
            "id": m.id,
            "namespace": m.namespace,
            "key": m.key,
            "value": m.value,
            "type": m.type,
            "owner_id": order.id,
            "owner_resource": "order",
            "created_at": local(shop, m.created_at),
            "updated_at": local(shop, m.updated_at),
            "admin_graphql_api_id": gid("Metafield", m.id),
        }
        for m in order.metafields.values()
        if m.namespace in wanted
    ]


def dispute_body(shop: Shop, dispute: Dispute) -> Body:
    """`disputes/*`: twelve flat keys, no `admin_graphql_api_id`."""
    return {
        "id": dispute.id,
        "order_id": dispute.order_id,
        "type": dispute.type.lower(),
        "amount": money.spell_rest(dispute.amount, dispute.currency),
        "currency": dispute.currency,
        "reason": dispute.reason.lower(),
        "network_reason_code": dispute.network_reason_code,
        "status": dispute.status.lower(),
        "evidence_due_by": local(shop, dispute.evidence_due_by),
        "evidence_sent_on": local(shop, dispute.evidence_sent_on),
        "finalized_on": local(shop, dispute.finalized_on),
        "initiated_at": local(shop, dispute.initiated_at),
    }


def bulk_body(shop: Shop, operation: BulkOperation) -> Body:
    """`bulk_operations/finish`: no address of the result, which must be asked for."""
    return {
        "admin_graphql_api_id": gid("BulkOperation", operation.id),
        "completed_at": local(shop, operation.completed_at),
        "created_at": local(shop, operation.created_at),
        "error_code": operation.error_code.lower() if operation.error_code else None,
        "status": operation.status.lower(),
        "type": "query",
    }


_MAKERS: dict[type, Callable[[Any, Any], Body]] = {
    Order: order_body,
    Customer: customer_body,
    Fulfillment: fulfillment_body,
    FulfillmentEvent: fulfillment_event_body,
    Transaction: transaction_body,
    Refund: refund_body,
    BulkOperation: bulk_body,
    Dispute: dispute_body,
    Draft: draft_body,
    tuple: risk_body,
}
