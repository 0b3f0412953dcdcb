"""An order as the platform keeps it. Names follow SCAPI Orders 1.5.2; both API families are written from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from .attributes import JsonObject

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Money to two decimals."""
    return amount.quantize(CENT)


@dataclass(slots=True)
class Line:
    """A product line item. Money is per line, in the order's currency, `price` per unit and net."""

    id: str
    product_id: str
    name: str
    quantity: int
    price: Decimal
    shipment_id: str
    position: int
    discount: Decimal = Decimal(0)
    tax_rate: Decimal = Decimal("0.05")
    external_status: str | None = None
    external_text: str | None = None
    custom: JsonObject = field(default_factory=dict)

    @property
    def net(self) -> Decimal:
        """Before discounts and tax."""
        return cents(self.price * self.quantity)

    @property
    def after_discount(self) -> Decimal:
        """Net, less the discount."""
        return cents(self.net - self.discount)

    @property
    def tax(self) -> Decimal:
        """The tax on what is left after discounts."""
        return cents(self.after_discount * self.tax_rate)


@dataclass(slots=True)
class Shipment:
    """A shipment; the first one of an order is `me`."""

    id: str
    method: str
    address: JsonObject
    number: str | None = None
    status: str = "not_shipped"
    tracking: str | None = None
    cost: Decimal = Decimal("5.99")
    tax_rate: Decimal = Decimal("0.05")
    custom: JsonObject = field(default_factory=dict)

    @property
    def tax(self) -> Decimal:
        """The tax on the shipping cost."""
        return cents(self.cost * self.tax_rate)


@dataclass(slots=True)
class Payment:
    """A payment instrument with its transaction. `auth_status` is 0 OK, 1 ERROR, 2 WARN."""

    id: str
    method: str
    amount: Decimal
    card: JsonObject = field(default_factory=dict)
    transaction_id: str | None = None
    auth_status: int = 0
    auth_code: str = "AUTHORIZED"
    auth_message: str = ""
    gift_code: str | None = None
    custom: JsonObject = field(default_factory=dict)
    transaction_custom: JsonObject = field(default_factory=dict)


@dataclass(slots=True)
class Note:
    """An order note: OCAPI Shop only."""

    id: str
    by: str
    at: datetime
    subject: str
    text: str


@dataclass(slots=True)
class Order:
    """One order. `refuses` names the transitions that fail: place, cancel, undo-cancel, undo-fail."""

    number: str
    site: str
    created: datetime
    modified: datetime
    customer: JsonObject
    billing: JsonObject
    lines: list[Line]
    shipments: list[Shipment]
    payments: list[Payment]
    currency: str = "USD"
    status: str = "new"
    confirmation: str = "confirmed"
    export: str = "ready"
    payment: str = "not_paid"
    shipping: str = "not_shipped"
    channel: str = "storefront"
    created_by: str = "storefront"
    locale: str = "en_US"
    remote_host: str | None = "127.0.0.1"
    token: str = ""
    placed: datetime | None = None
    invoice: str | None = None
    external_no: str | None = None
    external_status: str | None = None
    external_text: str | None = None
    cancel_code: str | None = None
    cancel_text: str | None = None
    coupons: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    custom: JsonObject = field(default_factory=dict)
    reserved: bool = True
    refuses: set[str] = field(default_factory=set)
    locked: int = 0
    revision: int = 1
    hooked: list[Any] = field(default_factory=list)

    @property
    def products_net(self) -> Decimal:
        """All lines after discounts, without tax."""
        return sum((line.after_discount for line in self.lines), Decimal(0))

    @property
    def products_tax(self) -> Decimal:
        """The tax of all lines."""
        return sum((line.tax for line in self.lines), Decimal(0))

    @property
    def shipping_net(self) -> Decimal:
        """All shipping costs, without tax."""
        return sum((shipment.cost for shipment in self.shipments), Decimal(0))

    @property
    def shipping_tax(self) -> Decimal:
        """The tax of all shipping costs."""
        return sum((shipment.tax for shipment in self.shipments), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """All tax."""
        return self.products_tax + self.shipping_tax

    @property
    def net(self) -> Decimal:
        """The total without tax."""
        return self.products_net + self.shipping_net

    @property
    def total(self) -> Decimal:
        """What the shopper pays."""
        return self.net + self.tax

    @property
    def is_placed(self) -> bool:
        """Whether the order was ever placed: neither created nor failed."""
        return self.status not in {"created", "failed"}

    def lines_of(self, shipment: Shipment) -> list[Line]:
        """The lines of a shipment."""
        return [line for line in self.lines if line.shipment_id == shipment.id]
