"""Records of goods on their way: fulfilment orders with their holds, parcels, carriers' scans."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import Line


@dataclass(slots=True)
class Hold:
    """A hold on a fulfilment order. `app_id` None means that a person of the shop set it."""

    id: int
    reason: str
    reason_notes: str | None
    handle: str | None
    app_id: int | None
    external_id: str | None = None


@dataclass(slots=True)
class FulfillmentOrderLine:
    """How many units of an order line this fulfilment order is for."""

    id: int
    line: Line
    total: int
    remaining: int


@dataclass(slots=True)
class FulfillmentOrder:
    """Goods of an order to be sent together."""

    id: int
    order_id: int
    created_at: datetime
    updated_at: datetime
    lines: list[FulfillmentOrderLine]
    status: str = "OPEN"
    request_status: str = "UNSUBMITTED"
    fulfill_at: datetime | None = None
    fulfill_by: datetime | None = None
    location_id: int = 1
    progress: bool = False
    holds: list[Hold] = field(default_factory=list)


@dataclass(slots=True)
class FulfillmentEvent:
    """What a carrier said about a parcel."""

    id: int
    fulfillment_id: int
    order_id: int
    status: str
    happened_at: datetime
    created_at: datetime
    message: str | None = None
    city: str | None = None
    province: str | None = None
    country: str | None = None
    zip: str | None = None
    estimated_delivery_at: datetime | None = None


@dataclass(slots=True)
class Fulfillment:
    """A parcel."""

    id: int
    order_id: int
    name: str
    created_at: datetime
    updated_at: datetime
    lines: list[tuple[int, Line, int]]
    fulfillment_order_ids: list[int]
    status: str = "SUCCESS"
    display_status: str = "FULFILLED"
    company: str | None = None
    numbers: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    estimated_delivery_at: datetime | None = None
    delivered_at: datetime | None = None
    in_transit_at: datetime | None = None
    events: list[FulfillmentEvent] = field(default_factory=list)
