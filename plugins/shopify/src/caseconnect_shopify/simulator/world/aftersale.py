"""Records of what follows a sale: refunds, returns with their exchange lines and goods sent back, disputes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import Line, Transaction


@dataclass(slots=True)
class RefundLine:
    """Units of a line that a refund covers; `sent` of them had been sent."""

    id: int
    line: Line
    quantity: int
    restock_type: str = "NO_RESTOCK"
    sent: int = 0
    location_id: int | None = None


@dataclass(slots=True)
class Refund:
    """A refund; money moved only by its transactions. `shipping` is the shop's money given back for the delivery."""

    id: int
    order_id: int
    created_at: datetime
    note: str | None
    lines: list[RefundLine] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    shipping: Decimal = Decimal(0)
    return_id: int | None = None
    notified: bool = False


@dataclass(slots=True)
class ReturnLine:
    """Units of a fulfilment line that come back. `parcel_line` is the id of that line."""

    id: int
    line: Line
    parcel_line: int
    quantity: int
    reason: str = "UNKNOWN"
    reason_note: str = ""
    customer_note: str | None = None
    definition: str | None = None
    fee_percent: float | None = None
    fee_id: int | None = None
    processed: int = 0
    refunded: int = 0


@dataclass(slots=True)
class ExchangeLine:
    """Units of a variant that the customer gets instead; an order line of its own once processed."""

    id: int
    variant_id: int | None
    quantity: int
    price: Decimal
    title: str
    sku: str | None = None
    discount: Decimal = Decimal(0)
    processed: int = 0
    line: Line | None = None


@dataclass(slots=True)
class Disposition:
    """What became of goods that came back."""

    id: int
    type: str
    quantity: int
    created_at: datetime


@dataclass(slots=True)
class ReverseLine:
    """Goods to come back with a reverse fulfilment order."""

    id: int
    return_line: ReturnLine
    total: int
    dispositions: list[Disposition] = field(default_factory=list)


@dataclass(slots=True)
class ReverseOrder:
    """A reverse fulfilment order: the way back of a return's goods."""

    id: int
    order_id: int
    lines: list[ReverseLine]
    status: str = "OPEN"


@dataclass(slots=True)
class Return:
    """A return. `status` is REQUESTED, OPEN, DECLINED, CLOSED or CANCELED."""

    id: int
    order_id: int
    name: str
    status: str
    created_at: datetime
    lines: list[ReturnLine]
    exchanges: list[ExchangeLine] = field(default_factory=list)
    shipping_fee: Decimal | None = None
    fee_id: int | None = None
    approved_at: datetime | None = None
    closed_at: datetime | None = None
    decline_reason: str | None = None
    decline_note: str | None = None
    reverse: list[ReverseOrder] = field(default_factory=list)


@dataclass(slots=True)
class Dispute:
    """A chargeback or inquiry on an order's payment, in the shop's money."""

    id: int
    type: str
    status: str
    order_id: int = 0
    amount: Decimal = Decimal(0)
    currency: str = "USD"
    reason: str = "FRAUDULENT"
    network_reason_code: str | None = None
    initiated_at: datetime | None = None
    evidence_due_by: datetime | None = None
    evidence_sent_on: datetime | None = None
    finalized_on: datetime | None = None
    evidence_id: int = 0
    evidence: dict[str, object] = field(default_factory=dict)
    files: list[int] = field(default_factory=list)
    submitted: bool = False
