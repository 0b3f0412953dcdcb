"""Webhook topics: the header's spelling (`orders/create`) and the enum's (`ORDERS_CREATE`)."""

from __future__ import annotations

RESOURCES = (
    "app_purchases_one_time",
    "app_scopes",
    "app_subscriptions",
    "bulk_operations",
    "collection_listings",
    "company_contact_roles",
    "company_contacts",
    "company_locations",
    "customer_groups",
    "customer_payment_methods",
    "customers_marketing_consent",
    "draft_orders",
    "fulfillment_events",
    "fulfillment_holds",
    "fulfillment_orders",
    "inventory_items",
    "inventory_levels",
    "metafield_definitions",
    "order_transactions",
    "payment_schedules",
    "payment_terms",
    "product_listings",
    "reverse_deliveries",
    "reverse_fulfillment_orders",
    "subscription_billing_attempts",
    "subscription_contracts",
    "tender_transactions",
)
DOTTED = {"customer.tags_added": "CUSTOMER_TAGS_ADDED", "customer.tags_removed": "CUSTOMER_TAGS_REMOVED"}


def enum_of(topic: str) -> str:
    """`orders/create` -> `ORDERS_CREATE`."""
    return DOTTED.get(topic) or topic.replace("/", "_").replace(".", "_").upper()


def topic_of(enum: str) -> str:
    """`FULFILLMENT_HOLDS_ADDED` -> `fulfillment_holds/added`."""
    for dotted, name in DOTTED.items():
        if name == enum:
            return dotted
    low = enum.lower()
    resource = next((r for r in RESOURCES if low.startswith(f"{r}_")), None) or low.partition("_")[0]
    return f"{resource}/{low[len(resource) + 1 :]}"


def known_topic(topic: str) -> str:
    """The topic in the header's spelling, from either. ValueError when it is neither."""
    if "/" in topic or topic in DOTTED:
        return topic
    if topic.isupper():
        return topic_of(topic)
    raise ValueError(f"{topic!r} is not a webhook topic. Write it as in the header, for example 'orders/create'.")
