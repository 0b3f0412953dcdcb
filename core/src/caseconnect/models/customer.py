"""The shopper, and what else the shopper bought."""

from __future__ import annotations

from pydantic import Field

from caseconnect.models.base import Record, Text, Utc, personal
from caseconnect.models.money import Money
from caseconnect.models.order import FulfillmentStatus, PaymentStatus, RiskLevel


class Customer(Record):
    """A shopper's profile; absent for guests."""

    id: str
    name: Text | None = personal(description="Full name.")
    email: Text | None = personal(description="E-mail address.")
    phone: Text | None = personal(description="Telephone number.")
    created_at: Utc | None = None
    orders_count: int | None = None
    total_spent: Money | None = None
    tags: tuple[str, ...] = ()
    locale: str | None = None
    attributes: dict[str, Text] = personal({}, description="Further attributes that the connection's settings name.")
    credit: tuple[Money, ...] = Field((), description="Store credit, by currency.")
    note: Text | None = personal(description="Staff's note.")


class OrderSummary(Record):
    """One earlier or later order of the same shopper."""

    id: str
    number: str
    created_at: Utc
    total: Money
    payment_status: PaymentStatus = "unknown"
    fulfillment_status: FulfillmentStatus = "unknown"
    cancelled_at: Utc | None = None
    cancel_reason: str | None = Field(None, description="In the platform's own words, lower case; None if not told.")
    declined: bool = Field(False, description="A payment for it failed, whatever came later.")
    risk_level: RiskLevel = "none"
    items: tuple[tuple[str, int], ...] = Field((), description="(sku or variant or title, quantity), sorted.")
    ship_to: Text | None = personal(description="One line: where it went.")


class OrderHistory(Record):
    """A shopper's other orders, those that hold a product, or those of a number; newest first, not more than asked."""

    key: str = Field(description="How they were found: 'customer', 'email', 'phone', 'product', 'number' or 'none'.")
    orders: tuple[OrderSummary, ...] = ()
    complete: bool = Field(True, description="False when there were more than were read.")
