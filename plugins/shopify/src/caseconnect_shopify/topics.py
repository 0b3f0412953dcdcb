"""What this version makes of each webhook topic (Admin API 2026-10; topic names as in `X-Shopify-Topic`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from caseconnect_shopify.parts import Json

ORDER_ID_AT: Final[Mapping[str, tuple[str, ...]]] = {
    "orders/create": ("id",),
    "orders/updated": ("id",),
    "orders/paid": ("id",),
    "orders/cancelled": ("id",),
    "orders/fulfilled": ("id",),
    "orders/partially_fulfilled": ("id",),
    "orders/edited": ("order_edit.order_id",),
    "orders/risk_assessment_changed": ("order_id", "admin_graphql_api_order_id"),
    "orders/shopify_protect_eligibility_changed": ("order_id", "id"),
    "order_transactions/create": ("order_id",),
    "fulfillments/create": ("order_id",),
    "fulfillments/update": ("order_id",),
    "fulfillment_events/create": ("order_id",),
    "fulfillment_events/delete": ("order_id",),
    "refunds/create": ("order_id",),
    "disputes/create": ("order_id",),
    "disputes/update": ("order_id",),
}
"""Where the body of a topic names its order."""

FAMILIES: Final = ("fulfillment_orders/", "fulfillment_holds/", "returns/")
"""Topics whose bodies differ from one another; the order or one of its parts is looked for in them."""

_CUSTOMERS = "customers are read with their orders; no flow begins at a customer's own record"
_DRAFTS = "a draft is no order yet; the order that it becomes brings its own webhooks"
_CATALOGUE = "no flow of this version works on products, stock or prices"
_PLATFORM = "no flow of this version works on the shop's own settings, apps or channels"
_BUYING = "a basket or checkout is no order yet; the order that it becomes brings its own webhooks"
_SUBSCRIPTIONS = "no flow of this version works on subscriptions; the orders that they make bring their own webhooks"
_PRIVACY = "this version neither answers nor carries out privacy requests by itself: a person has to, within 30 days"

EXACT: Final[Mapping[str, str]] = {
    "orders/delete": "the order was deleted at Shopify: nothing is left to read, hold or cancel",
    "orders/link_requested": "a shopper asked for the link to an order: nothing about the order changed",
    "app/uninstalled": "the app was removed from the shop; this shows as refused credentials at the next request",
    "bulk_operations/finish": "this version starts no bulk operations",
    "customers/data_request": f"Shopify passes on a customer's wish to see what is stored; {_PRIVACY}",
    "customers/redact": f"Shopify asks to erase what is stored of a customer; {_PRIVACY}",
    "shop/redact": f"Shopify asks to erase what is stored of this shop; {_PRIVACY}",
    "reverse_deliveries/attach_deliverable": "no flow of this version follows a return's way back",
    "reverse_fulfillment_orders/dispose": "no flow of this version follows a return's way back",
    "tender_transactions/create": "the same payment comes as order_transactions/create",
    "subscription_billing_attempts/failure": _SUBSCRIPTIONS,
}
"""Topics that no flow uses, each with the reason that people read."""

PREFIXES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("customers", "customer", "customer_groups", "customer_payment_methods", "customer_account_settings"),
        _CUSTOMERS,
    ),
    **dict.fromkeys(("customers_marketing_consent", "customers_email_marketing_consent", "segments"), _CUSTOMERS),
    **dict.fromkeys(("companies", "company_contacts", "company_contact_roles", "company_locations"), _CUSTOMERS),
    "draft_orders": _DRAFTS,
    **dict.fromkeys(("carts", "checkouts", "shipping_addresses"), _BUYING),
    **dict.fromkeys(
        ("products", "product_feeds", "product_listings", "product_publications", "variants", "collections"), _CATALOGUE
    ),
    **dict.fromkeys(("collection_listings", "collection_publications", "scheduled_product_listings"), _CATALOGUE),
    **dict.fromkeys(("inventory_items", "inventory_levels", "inventory_shipments", "inventory_transfers"), _CATALOGUE),
    **dict.fromkeys(("discounts", "selling_plan_groups", "metaobjects", "metafield_definitions"), _CATALOGUE),
    **dict.fromkeys(("app", "app_purchases_one_time", "app_scopes", "app_subscriptions", "audit_events"), _PLATFORM),
    **dict.fromkeys(
        ("channels", "domains", "locales", "locations", "markets", "profiles", "shop", "themes"), _PLATFORM
    ),
    **dict.fromkeys(("tax_services", "delivery_promise_settings"), _PLATFORM),
    **dict.fromkeys(("finance_app_staff_member", "finance_kyc_information"), _PLATFORM),
    **dict.fromkeys(("payment_schedules", "payment_terms"), "no flow of this version works on payment terms"),
    **dict.fromkeys(
        (
            "subscription_billing_attempts",
            "subscription_billing_cycles",
            "subscription_billing_cycle_edits",
            "subscription_contracts",
        ),
        _SUBSCRIPTIONS,
    ),
}
"""The same for whole families, by what stands before the slash or the dot."""


def why_unused(topic: str) -> str | None:
    """Why no flow uses this topic; None when it is used, or not known."""
    if topic in EXACT:
        return EXACT[topic]
    family = topic.replace(".", "/").split("/", 1)[0]
    return PREFIXES.get(family)


def find(body: Json, path: str) -> object:
    """The value at a dotted path, or None."""
    value: object = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
