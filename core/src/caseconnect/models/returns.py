"""A return as the shopper asked for it and as far as it got."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.models.base import Record, Text, Utc, personal
from caseconnect.models.document import File
from caseconnect.models.money import Money

ReturnStatus = Literal["requested", "open", "declined", "closed", "canceled", "unknown"]


class ReturnLine(Record):
    """So many of one line of the order that come back."""

    line_id: str | None = Field(None, description="Id of the order's line; None if the shopper only named a product.")
    sku: str | None = None
    title: str | None = None
    quantity: int = 1
    reason: str | None = Field(None, description="In the platform's own words, lower case.")
    note: Text | None = personal(description="What the shopper wrote.")
    unit_price: Money | None = None
    final_sale: bool = False


class ReturnRequest(Record):
    """A return as read now. `open`: approved, goods on their way; `closed`: handled to the end."""

    id: str
    name: str = ""
    order_id: str | None = None
    order_number: str | None = Field(None, description="The order as the shopper wrote it.")
    status: ReturnStatus = "unknown"
    requested_at: Utc | None = None
    lines: tuple[ReturnLine, ...] = ()
    value: Money | None = Field(None, description="What the lines were bought for.")
    proof_of_purchase: bool | None = Field(None, description="None: nobody asked for it.")
    wish: Literal["refund", "exchange", "repair", "unknown"] = "unknown"
    note: Text | None = personal(description="What the shopper wrote.")
    email: Text | None = personal(description="Address the shopper gave.")
    decline_reason: str | None = None
    refunded: Money | None = Field(None, description="What was given back for it so far.")
    files: tuple[File, ...] = personal((), description="What was sent along.")
    admin_url: str | None = None
