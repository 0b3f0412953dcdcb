"""Bodies of `draft_orders/*`, after Shopify's published samples (2026-07)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world.drafts import Discount, Draft, DraftLine
from caseconnect_shopify.simulator.world.records import ZERO, gid

from .parts import Body, address_body, customer_body, local, without

if TYPE_CHECKING:
    from caseconnect_shopify.simulator.world.shop import Shop


def _discount(discount: Discount | None, currency: str) -> Body | None:
    if discount is None:
        return None
    return {
        "description": discount.description or discount.title,
        "value": str(discount.value),
        "title": discount.title,
        "amount": money.spell_rest(discount.amount, currency),
        "value_type": discount.type.lower(),
    }


def _line(draft: Draft, line: DraftLine) -> Body:
    return {
        "id": line.id,
        "variant_id": line.variant_id,
        "product_id": line.product_id,
        "title": line.title,
        "variant_title": line.variant_title,
        "sku": line.sku,
        "vendor": None,
        "quantity": line.quantity,
        "requires_shipping": line.requires_shipping,
        "taxable": line.taxable,
        "gift_card": False,
        "fulfillment_service": "manual",
        "grams": line.grams,
        "tax_lines": [],
        "applied_discount": _discount(line.discount, draft.currency),
        "name": f"{line.title} - {line.variant_title}" if line.variant_title else line.title,
        "properties": [{"name": n, "value": v} for n, v in line.attributes],
        "custom": line.variant_id is None,
        "price": money.spell_rest(line.unit, draft.currency),
        "admin_graphql_api_id": gid("DraftOrderLineItem", line.id),
    }


def draft_body(shop: Shop, draft: Draft) -> Body:
    """`draft_orders/create` and `update`."""
    shipping = draft.shipping
    body: Body = {
        "id": draft.id,
        "note": draft.note,
        "email": draft.email,
        "taxes_included": False,
        "currency": draft.presentment_currency,
        "invoice_sent_at": local(shop, draft.invoice_sent_at),
        "created_at": local(shop, draft.created_at),
        "updated_at": local(shop, draft.updated_at),
        "tax_exempt": draft.tax_exempt,
        "completed_at": local(shop, draft.completed_at),
        "name": draft.name,
        "allow_discount_codes_in_checkout?": False,
        "b2b?": False,
        "status": draft.status.lower(),
        "line_items": [_line(draft, x) for x in draft.lines],
        "api_client_id": None,
        "invoice_url": f"https://{shop.domain}/{shop.id}/invoices/sim{draft.id}",
        "created_on_api_version_handle": None,
        "applied_discount": _discount(draft.discount, draft.currency),
        "order_id": draft.order_id,
        "shipping_line": {
            "custom": True,
            "handle": None,
            "title": shipping[0],
            "price": money.spell_rest(shipping[1], draft.currency),
        }
        if shipping
        else None,
        "tax_lines": [],
        "tags": ", ".join(draft.tags),
        "note_attributes": [{"name": n, "value": v} for n, v in draft.attributes],
        "total_price": money.spell_rest(draft.total, draft.currency),
        "subtotal_price": money.spell_rest(draft.subtotal, draft.currency),
        "total_tax": money.spell_rest(ZERO, draft.currency),
        "payment_terms": None,
        "admin_graphql_api_id": gid("DraftOrder", draft.id),
        "shipping_address": address_body(shop, draft.shipping_address),
        "billing_address": address_body(shop, draft.billing),
    }
    if draft.customer:
        body["customer"] = customer_body(shop, draft.customer)
    return without(shop, body, ("email",))
