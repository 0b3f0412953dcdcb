"""What this version makes of each webhook topic (Admin API 2026-10; topic names as in `X-Shopify-Topic`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from caseconnect.sdk.events import (
    ApprovalRequested,
    ConnectionEnded,
    CustomerChanged,
    DisputeChanged,
    Event,
    OrderChanged,
    PrivacyRequested,
    ReturnChanged,
)
from caseconnect_shopify.parts import Json


@dataclass(frozen=True)
class Topic:
    """A topic that becomes an event: where its body names the subject, and the scopes of which Shopify asks for one.

    The scopes are those of the enum `WebhookSubscriptionTopic`, Admin API 2026-10. `listed` False: it is not in that
    enum, so it is set in the app's own configuration and not by the API.
    """

    event: type[Event]
    at: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    listed: bool = True


_ORDERS = ("read_orders",)
_GOODS = ("read_fulfillments",)
_TO_SHIP = (
    "read_merchant_managed_fulfillment_orders",
    "read_third_party_fulfillment_orders",
    "read_assigned_fulfillment_orders",
)
_RETURNS = ("read_returns",)
_DISPUTES = ("read_shopify_payments_disputes",)
_PEOPLE = ("read_customers",)

_TO_SHIP_WORDS = """
    cancellation_request_accepted cancellation_request_rejected cancellation_request_submitted cancelled
    fulfillment_request_accepted fulfillment_request_rejected fulfillment_request_submitted
    fulfillment_service_failed_to_complete hold_released line_items_prepared_for_local_delivery
    line_items_prepared_for_pickup manually_reported_progress_stopped merged moved order_routing_complete
    placed_on_hold progress_reported rescheduled scheduled_fulfillment_order_ready split
"""

TOPICS: Final[Mapping[str, Topic]] = {
    **{
        f"orders/{what}": Topic(OrderChanged, ("id",), _ORDERS)
        for what in ("create", "updated", "paid", "cancelled", "fulfilled", "partially_fulfilled")
    },
    "orders/edited": Topic(OrderChanged, ("order_edit.order_id",), _ORDERS),
    "orders/risk_assessment_changed": Topic(OrderChanged, ("order_id", "admin_graphql_api_order_id"), _ORDERS),
    "orders/shopify_protect_eligibility_changed": Topic(OrderChanged, ("order_id", "id"), _ORDERS),
    "order_transactions/create": Topic(OrderChanged, ("order_id",), _ORDERS),
    "refunds/create": Topic(OrderChanged, ("order_id",), _ORDERS),
    **{f"fulfillments/{what}": Topic(OrderChanged, ("order_id",), _GOODS) for what in ("create", "update")},
    **{f"fulfillment_events/{what}": Topic(OrderChanged, ("order_id",), _GOODS) for what in ("create", "delete")},
    **{f"fulfillment_holds/{what}": Topic(OrderChanged, (), _TO_SHIP[:2]) for what in ("added", "released")},
    **{f"fulfillment_orders/{what}": Topic(OrderChanged, (), _TO_SHIP) for what in _TO_SHIP_WORDS.split()},
    **{
        f"draft_orders/{what}": Topic(OrderChanged, ("order_id",), ("read_draft_orders",))
        for what in ("create", "update")
    },
    **{
        f"returns/{what}": Topic(ReturnChanged, ("order.id", "order_id"), _RETURNS)
        for what in ("request", "approve", "decline", "process", "update")
    },
    **{
        f"returns/{what}": Topic(ReturnChanged, ("order.id", "order_id"), (*_RETURNS, *_ORDERS))
        for what in ("cancel", "close", "reopen")
    },
    **{f"disputes/{what}": Topic(DisputeChanged, ("order_id",), _DISPUTES) for what in ("create", "update")},
    **{
        f"customers/{what}": Topic(CustomerChanged, ("id",), _PEOPLE)
        for what in ("create", "update", "enable", "disable")
    },
    "customers/purchasing_summary": Topic(CustomerChanged, ("customerId", "customer_id", "id"), _PEOPLE),
    **{f"customer.{what}": Topic(CustomerChanged, ("customerId",), _PEOPLE) for what in ("tags_added", "tags_removed")},
    "customers/merge": Topic(CustomerChanged, ("admin_graphql_api_customer_kept_id",), ("read_customer_merge",)),
    "customers/data_request": Topic(PrivacyRequested, listed=False),
    "customers/redact": Topic(PrivacyRequested, listed=False),
    "shop/redact": Topic(PrivacyRequested, listed=False),
    "app/uninstalled": Topic(ConnectionEnded),
}
"""Every topic that becomes an event."""

LISTED: Final = tuple(name for name, topic in TOPICS.items() if topic.listed)
"""Those that the API can subscribe to."""

POLLED: Final[Mapping[str, Topic]] = {
    "orders/poll": Topic(OrderChanged, ("legacyResourceId", "id")),
    "returns/poll": Topic(ReturnChanged, ("order.id",)),
    "disputes/poll": Topic(DisputeChanged, ("order.id",)),
    "customers/poll": Topic(CustomerChanged, ("id",)),
    "approvals/poll": Topic(ApprovalRequested, ("order.id",)),
    "drafts/poll": Topic(ApprovalRequested, ("order.id",)),
}
"""Kinds of the items that reading and backfill give."""

PARTS: Final = ("fulfillment_orders/", "fulfillment_holds/")
"""Topics that name parts of an order only; their bodies differ, so any part is looked for in them."""

_LIKE: Final[Mapping[str, Topic]] = {
    "fulfillment_orders/": Topic(OrderChanged, ("order.id", "order_id"), _TO_SHIP),
    "fulfillment_holds/": Topic(OrderChanged, ("order.id", "order_id"), _TO_SHIP[:2]),
    "returns/": Topic(ReturnChanged, ("order.id", "order_id"), _RETURNS),
}
"""What a topic of these families is that is younger than this version."""


def known(topic: str) -> Topic | None:
    """What becomes of a topic's deliveries; None when no event."""
    found = TOPICS.get(topic) or POLLED.get(topic)
    return found or next((like for family, like in _LIKE.items() if topic.startswith(family)), None)


def enum_of(topic: str) -> str:
    """The topic's name in the API: `orders/create` -> `ORDERS_CREATE`."""
    return topic.replace("/", "_").replace(".", "_").upper()


_CUSTOMERS = "no flow of this version works on groups, companies, consents, segments or stored means of payment"
_CATALOGUE = "no flow of this version works on products, stock or prices"
_PLATFORM = "no flow of this version works on the shop's own settings, apps or channels"
_BUYING = "a basket or checkout is no order yet; the order that it becomes brings its own webhooks"
_SUBSCRIPTIONS = "no flow of this version works on subscriptions; the orders that they make bring their own webhooks"

EXACT: Final[Mapping[str, str]] = {
    "orders/delete": "the order was deleted at Shopify: nothing is left to read, hold or cancel",
    "orders/link_requested": "a shopper asked for the link to an order: nothing about the order changed",
    "bulk_operations/finish": "`connect backfill` itself asks how far its export is; exports of others are not ours",
    "customers/delete": "the customer was deleted at Shopify: nothing is left to read",
    "draft_orders/delete": "the draft was deleted before it became an order: one that waits for approval is polled",
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
    "customers_whats_app_marketing_consent": _CUSTOMERS,
    **dict.fromkeys(("companies", "company_contacts", "company_contact_roles", "company_locations"), _CUSTOMERS),
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
    if known(topic):
        return None
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
