"""The records of a shop. Ids are the numbers of gids, money is Decimal in the shop's currency, times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .aftersale import Dispute as Dispute
from .aftersale import Refund as Refund
from .aftersale import RefundLine as RefundLine
from .aftersale import Return as Return
from .parcels import Fulfillment as Fulfillment
from .parcels import FulfillmentEvent as FulfillmentEvent
from .parcels import FulfillmentOrder as FulfillmentOrder
from .parcels import FulfillmentOrderLine as FulfillmentOrderLine
from .parcels import Hold as Hold

ZERO = Decimal(0)


@dataclass(slots=True)
class Address:
    """A postal address with Shopify's own verdict on it (`validation`)."""

    id: int
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province: str | None = None
    province_code: str | None = None
    country: str | None = None
    country_code: str | None = None
    zip: str | None = None
    phone: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    validation: str = "NO_ISSUES"

    @property
    def name(self) -> str | None:
        """First and last name, or None when both are missing."""
        return " ".join(p for p in (self.first_name, self.last_name) if p) or None

    def place(self) -> tuple[str, ...]:
        """What two addresses must share to be the same place, without case and spacing."""
        parts = (self.address1, self.address2, self.city, self.province_code, self.country_code, self.zip)
        return tuple("".join((p or "").casefold().split()) for p in parts)


@dataclass(slots=True)
class Metafield:
    """One metafield of an order or a customer."""

    id: int
    owner_id: str
    namespace: str
    key: str
    type: str
    value: str
    digest: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Customer:
    """A customer; `prior_orders` and `prior_spent` stand for a history that is not in this shop's orders."""

    id: int
    created_at: datetime
    updated_at: datetime
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    note: str | None = None
    tags: list[str] = field(default_factory=list)
    verified_email: bool = True
    state: str = "DISABLED"
    locale: str = "en"
    tax_exempt: bool = False
    prior_orders: int = 0
    prior_spent: Decimal = ZERO
    addresses: list[Address] = field(default_factory=list)
    order_ids: list[int] = field(default_factory=list)
    metafields: dict[tuple[str, str], Metafield] = field(default_factory=dict)


@dataclass(slots=True)
class Line:
    """A line item. `removed` counts units taken out by an edit, a refund or a cancel, `returned` those of them
    that had been sent.
    """

    id: int
    order_id: int
    title: str
    quantity: int
    price: Decimal
    sku: str | None = None
    variant_title: str | None = None
    vendor: str | None = None
    product_id: int | None = None
    variant_id: int | None = None
    requires_shipping: bool = True
    taxable: bool = True
    gift_card: bool = False
    grams: int = 0
    discount: Decimal = ZERO
    attributes: list[tuple[str, str]] = field(default_factory=list)
    removed: int = 0
    fulfilled: int = 0
    returned: int = 0

    @property
    def open(self) -> int:
        """Units still to be sent."""
        return max(self.quantity - self.removed - self.fulfilled + self.returned, 0)

    @property
    def name(self) -> str:
        """Title and variant, as on a packing slip."""
        return f"{self.title} - {self.variant_title}" if self.variant_title else self.title


@dataclass(slots=True)
class Card:
    """Card details of a transaction, as Shopify shows them."""

    avs: str | None = None
    cvv: str | None = None
    bin: str | None = None
    company: str | None = "Visa"
    number: str | None = "•••• •••• •••• 4242"
    name: str | None = None
    expiration_month: int | None = None
    expiration_year: int | None = None
    wallet: str | None = None


@dataclass(slots=True)
class Transaction:
    """A movement of money on an order, or the attempt at one. `kind` and `status` are GraphQL enum values.

    `amount` is the shop's money; `presentment` is the customer's, None while it follows from the order's rate.
    `gift_card_id` and `account_id` name the gift card or store credit account that it moved.
    """

    id: int
    order_id: int
    kind: str
    status: str
    amount: Decimal
    gateway: str
    created_at: datetime
    test: bool = False
    error_code: str | None = None
    message: str | None = None
    parent_id: int | None = None
    authorization: str | None = None
    authorization_expires_at: datetime | None = None
    payment_id: str | None = None
    manual: bool = False
    card: Card | None = None
    presentment: Decimal | None = None
    gift_card_id: int | None = None
    account_id: int | None = None
    return_id: int | None = None


@dataclass(slots=True)
class Assessment:
    """A risk assessment; provider None is Shopify's own."""

    level: str
    facts: list[tuple[str, str]]
    created_at: datetime
    provider_id: int | None = None
    provider_title: str | None = None


@dataclass(slots=True)
class Order:
    """An order with everything that hangs on it. `payment_terms`: name, PaymentTermsType, days."""

    id: int
    number: int
    name: str
    created_at: datetime
    updated_at: datetime
    processed_at: datetime
    currency: str
    presentment_currency: str
    presentment_rate: Decimal
    lines: list[Line]
    shipping: Decimal = ZERO
    shipping_title: str = "Standard"
    tax: Decimal = ZERO
    customer: Customer | None = None
    email: str | None = None
    phone: str | None = None
    note: str | None = None
    po_number: str | None = None
    company: str | None = None
    payment_terms: tuple[str, str, int | None] | None = None
    delivery: str = "SHIPPING"
    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    discount_codes: list[tuple[str, Decimal]] = field(default_factory=list)
    source_name: str = "web"
    client_ip: str | None = None
    test: bool = False
    confirmed: bool = True
    edited: bool = False
    billing: Address | None = None
    shipping_address: Address | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    cancel_note: str | None = None
    closed_at: datetime | None = None
    return_status: str = "NO_RETURN"
    returns: list[Return] = field(default_factory=list)
    recommendation: str = "NONE"
    assessments: list[Assessment] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    fulfillment_orders: list[FulfillmentOrder] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    metafields: dict[tuple[str, str], Metafield] = field(default_factory=dict)


def gid(kind: str, number: int | str) -> str:
    """`gid://shopify/Order/1`."""
    return f"gid://shopify/{kind}/{number}"
