"""An order as a rule sees it: what was bought, paid, shipped, and how risky it looks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.models.base import Record, Text, Utc, personal
from caseconnect.models.money import Money
from caseconnect.models.returns import ReturnRequest

PaymentStatus = Literal[
    "pending",
    "authorized",
    "partially_paid",
    "paid",
    "partially_refunded",
    "refunded",
    "voided",
    "expired",
    "unknown",
]
FulfillmentStatus = Literal["unfulfilled", "partially_fulfilled", "fulfilled", "on_hold", "unknown"]
RiskLevel = Literal["none", "low", "medium", "high", "pending", "unknown"]


class Address(Record):
    """A postal address. Every part may be absent: platforms withhold personal data."""

    name: Text | None = personal(description="Recipient.")
    company: Text | None = personal(description="Company.")
    line1: Text | None = personal(description="Street and number.")
    line2: Text | None = personal(description="Second line.")
    city: Text | None = personal(description="City.")
    province: str | None = None
    postal_code: Text | None = personal(description="Postal code.")
    country: str | None = Field(None, description="ISO 3166-1 alpha-2 code where the platform gives one.")
    phone: Text | None = personal(description="Telephone number.")
    validation: Literal["ok", "warning", "error"] | None = Field(
        None, description="What the platform's own address check said."
    )


class LineItem(Record):
    """One line of an order."""

    id: str
    title: str
    quantity: int
    sku: str | None = None
    product_id: str | None = None
    variant_id: str | None = None
    unfulfilled_quantity: int = 0
    refundable_quantity: int | None = None
    final_sale: bool = False
    requires_shipping: bool = True
    unit_price: Money | None = None
    total: Money | None = None


class Payment(Record):
    """One payment transaction of an order."""

    id: str
    kind: Literal["authorization", "capture", "sale", "refund", "void", "other"]
    status: Literal["success", "failure", "pending", "error", "unknown"]
    amount: Money
    presentment_amount: Money | None = Field(None, description="The same in the shopper's currency.")
    created_at: Utc
    gateway: str | None = None
    tender: Literal["card", "gift_card", "store_credit", "manual", "other"] = "other"
    error_code: str | None = Field(None, description="The platform's own code of a failure, lower case.")
    message: Text | None = None
    parent_id: str | None = None
    avs_result: str | None = Field(None, description="Address verification result code of the card network.")
    cvv_result: str | None = None
    card_brand: str | None = None
    card_last_digits: str | None = personal(description="Last digits of the card, never more than four.")


class RiskFact(Record):
    """One reason behind a risk level."""

    description: Text
    sentiment: Literal["positive", "neutral", "negative"] = "neutral"


class Risk(Record):
    """What fraud services say of an order, the worst level of them all."""

    level: RiskLevel = "none"
    recommendation: Literal["accept", "investigate", "cancel", "none"] = "none"
    provider: str | None = None
    facts: tuple[RiskFact, ...] = ()


class Hold(Record):
    """A reason why goods are kept back."""

    id: str
    reason: str
    handle: str | None = Field(None, description="The handle its maker gave it; ours starts with our prefix.")
    ours: bool = Field(False, description="True when this connection's app made it.")
    notes: Text | None = personal(description="What whoever made it wrote.")


class FulfillmentOrder(Record):
    """A part of an order that ships from one place, with the holds on it."""

    id: str
    status: Literal["open", "in_progress", "on_hold", "scheduled", "closed", "cancelled", "incomplete", "unknown"]
    remaining_quantity: int = 0
    holds: tuple[Hold, ...] = ()


class ShipmentEvent(Record):
    """One carrier scan."""

    status: str
    happened_at: Utc
    message: Text | None = personal(description="What the carrier says.")


class Shipment(Record):
    """What left the warehouse, with its tracking."""

    id: str
    status: str
    created_at: Utc
    carrier: str | None = None
    tracking_numbers: tuple[str, ...] = ()
    tracking_urls: tuple[str, ...] = ()
    estimated_delivery_at: Utc | None = None
    delivered_at: Utc | None = None
    events: tuple[ShipmentEvent, ...] = ()


class Refund(Record):
    """Money that went back."""

    id: str
    created_at: Utc
    total: Money
    presentment_total: Money | None = Field(None, description="The same in the shopper's currency.")
    note: Text | None = personal(description="Why, in words.")
    lines: tuple[tuple[str, int], ...] = Field((), description="(id of the order's line, quantity).")
    pending: bool = Field(False, description="The gateway has not said yet whether the money went.")
    ours: bool = Field(False, description="True when it bears the mark of a command of ours.")


class Order(Record):
    """An order as read now. Two reads of the same state are equal, so a digest of it can be compared."""

    id: str = Field(description="The platform's own id, whole.")
    number: str = Field(description="What people call it, such as '#1001'.")
    created_at: Utc
    updated_at: Utc
    cancelled_at: Utc | None = None
    cancel_reason: str | None = None
    closed_at: Utc | None = None
    test: bool = False
    channel: str | None = Field(None, description="Where it was placed: web, pos, draft, ...")
    total: Money = Field(description="What the order is worth now, in the shop's currency.")
    presentment_total: Money | None = Field(None, description="The same in the shopper's currency.")
    captured: Money | None = Field(
        None, description="Money taken and not given back, shop's currency; None if unknown."
    )
    refundable: Money | None = Field(
        None, description="What can still be given back, in the shopper's currency; None if unknown."
    )
    payment_status: PaymentStatus = "unknown"
    fulfillment_status: FulfillmentStatus = "unknown"
    email: Text | None = personal(description="The shopper's e-mail address.")
    phone: Text | None = personal(description="The shopper's telephone number.")
    locale: str | None = Field(None, description="BCP 47 tag of the shopper's language.")
    client_ip: str | None = personal(description="Address the order was placed from.")
    customer_id: str | None = None
    customer_name: Text | None = personal(description="The shopper's name.")
    billing_address: Address | None = None
    shipping_address: Address | None = None
    addresses_match: bool | None = Field(
        None, description="Billing equals shipping, as the platform says; None unknown."
    )
    note: Text | None = personal(description="Free text of shopper or staff.")
    tags: tuple[str, ...] = ()
    attributes: dict[str, Text] = personal({}, description="Further attributes that the connection's settings name.")
    statuses: dict[str, str] = Field(
        default_factory=dict, description="The platform's own status words by kind: order, export, confirmation, ..."
    )
    site: str | None = Field(None, description="Which of the platform's sites or markets it was placed on.")
    company: Text | None = personal(description="The buying company of a B2B order.")
    payment_terms: str | None = Field(None, description="Such as net_30; None: paid at once.")
    delivery: tuple[str, ...] = Field((), description="How it is delivered: shipping, pickup, local, digital, ...")
    preorder: bool = False
    returns: tuple[ReturnRequest, ...] = ()
    disputes: tuple[str, ...] = Field((), description="Ids of chargebacks and inquiries.")
    notes: tuple[Text, ...] = personal((), description="Notes of staff and programs, oldest first.")
    lines: tuple[LineItem, ...] = ()
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    risk: Risk = Risk()
    fulfillment_orders: tuple[FulfillmentOrder, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    admin_url: str | None = Field(None, description="Where staff see the order.")
