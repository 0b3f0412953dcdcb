"""What several webhook bodies share: money, times, addresses, customers, lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world.records import Address, Customer, Line, Order, gid

if TYPE_CHECKING:
    from caseconnect_shopify.simulator.world.shop import Shop

Body = dict[str, Any]
ADDRESS_SAFE = ("country", "country_code", "province", "province_code")
CUSTOMER_PERSONAL = ("email", "phone", "first_name", "last_name")


def local(shop: Shop, moment: datetime | None) -> str | None:
    """A time as webhooks write it: with the shop's offset."""
    return moment.astimezone(shop.zone).isoformat(timespec="seconds") if moment else None


def money_set(order: Order, amount: Decimal, currency_key: str = "currency_code") -> Body:
    """An amount in the shop's and the customer's currency."""
    seen = money.in_presentment(order, amount)
    return {
        "shop_money": {"amount": money.spell_rest(amount, order.currency), currency_key: order.currency},
        "presentment_money": {
            "amount": money.spell_rest(seen, order.presentment_currency),
            currency_key: order.presentment_currency,
        },
    }


def address_body(shop: Shop, address: Address | None) -> Body | None:
    """An address; only country and province without access to personal data."""
    if address is None:
        return None
    names = "first_name address1 phone city zip province country last_name address2 company latitude longitude"
    body: Body = {n: getattr(address, n) for n in names.split()}
    body |= {"name": address.name, "country_code": address.country_code, "province_code": address.province_code}
    return body if shop.personal_data else {k: body[k] for k in ADDRESS_SAFE}


def without(shop: Shop, body: Body, keys: Iterable[str]) -> Body:
    """The body, less these keys when the app has no access to personal data."""
    if not shop.personal_data:
        for key in keys:
            body.pop(key, None)
    return body


def customer_body(shop: Shop, customer: Customer) -> Body:
    """A customer as order and customer topics show it: without tags, order count and spend."""
    body: Body = {
        "id": customer.id,
        "created_at": local(shop, customer.created_at),
        "updated_at": local(shop, customer.updated_at),
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "state": customer.state.lower(),
        "note": customer.note,
        "verified_email": customer.verified_email,
        "multipass_identifier": None,
        "tax_exempt": customer.tax_exempt,
        "email": customer.email,
        "phone": customer.phone,
        "currency": shop.currency,
        "tax_exemptions": [],
        "admin_graphql_api_id": gid("Customer", customer.id),
    }
    if customer.addresses:
        first = customer.addresses[0]
        body["default_address"] = {"id": first.id, "customer_id": customer.id, "default": True} | (
            address_body(shop, first) or {}
        )
    return without(shop, body, CUSTOMER_PERSONAL)


def line_body(order: Order, line: Line) -> Body:
    """A line item."""
    left = line.open
    status = None if not line.fulfilled else "partial" if left else "fulfilled"
    return {
        "id": line.id,
        "admin_graphql_api_id": gid("LineItem", line.id),
        "current_quantity": line.quantity - line.removed,
        "fulfillable_quantity": left,
        "fulfillment_service": "manual",
        "fulfillment_status": status,
        "gift_card": line.gift_card,
        "grams": line.grams,
        "name": line.name,
        "price": money.spell_rest(line.price, order.currency),
        "price_set": money_set(order, line.price),
        "product_exists": line.product_id is not None,
        "product_id": line.product_id,
        "properties": [{"name": n, "value": v} for n, v in line.attributes],
        "quantity": line.quantity,
        "requires_shipping": line.requires_shipping,
        "sku": line.sku,
        "taxable": line.taxable,
        "title": line.title,
        "total_discount": money.spell_rest(line.discount, order.currency),
        "total_discount_set": money_set(order, line.discount),
        "variant_id": line.variant_id,
        "variant_inventory_management": None,
        "variant_title": line.variant_title,
        "vendor": line.vendor,
        "tax_lines": [],
        "duties": [],
        "discount_allocations": [],
    }
