"""What shoppers, staff, banks and carriers ask or tell, as it came: no platform has a fixed form for these."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.models.base import Record, Text, Utc, personal
from caseconnect.models.document import File
from caseconnect.models.money import Money


class _Told(Record):
    """What they share."""

    id: str
    order_id: str | None = Field(None, description="The order as the platform knows it; None if it is not known.")
    order_number: str | None = Field(None, description="The order as the shopper wrote it.")
    email: Text | None = personal(description="Address the shopper gave.")
    name: Text | None = personal(description="Name the shopper gave.")
    phone: Text | None = personal(description="Telephone number the shopper gave.")
    locale: str | None = Field(None, description="BCP 47 tag of the shopper's language.")
    text: Text = personal("", description="What was written.")
    created_at: Utc | None = None
    files: tuple[File, ...] = personal((), description="What was sent along.")
    status: str | None = Field(None, description="Where it stands, in the words of where it came from.")
    attributes: dict[str, Text] = personal({}, description="What else came, by name.")


class Complaint(_Told):
    """A complaint: damaged, late, wrong or disappointing goods."""

    category: Literal["damaged", "late", "not_received", "wrong_item", "quality", "service", "other"] = "other"
    subject: Text = personal("", description="Headline.")
    skus: tuple[str, ...] = ()
    tracking_numbers: tuple[str, ...] = ()


class WarrantyClaim(_Told):
    """A warranty claim with what it is about and the papers."""

    sku: str | None = None
    product: str | None = None
    serial_number: str | None = personal(description="Serial number of the piece.")
    purchased_at: Utc | None = None
    defect: Text = personal("", description="What is wrong with it, in the shopper's words.")
    wish: Literal["repair", "replacement", "refund", "unknown"] = "unknown"


class Dispute(_Told):
    """A dispute over money or account: a chargeback of a bank, or what a shopper disputes."""

    kind: Literal["chargeback", "inquiry", "duplicate_charge", "refund", "loyalty", "profile", "billing", "other"]
    reason: str | None = Field(None, description="In the platform's or network's own words, lower case.")
    amount: Money | None = None
    evidence_due_at: Utc | None = None
    finalized_at: Utc | None = None
    points: int | None = Field(None, description="Loyalty points that are missing.")
    customer_id: str | None = Field(None, description="The shopper's profile, if whoever sent it knows; else None.")
    corrections: dict[str, Text] = personal({}, description="Profile fields as they should be.")


class ApprovalRequest(_Told):
    """Somebody wants to give value away and has to be allowed to."""

    action: Literal["refund", "replacement", "credit"]
    amount: Money | None = None
    lines: tuple[tuple[str, int], ...] = Field((), description="(id of the order's line, or SKU; quantity).")
    reason: Text | None = personal(description="Why, in words.")
    draft: str | None = Field(
        None, description="The draft order that waits for it, by its id: approved, it is completed; else it is deleted."
    )
    requested_by: str | None = Field(None, description="Who asks: staff, by the name that their system gives them.")


class ShipmentReport(_Told):
    """What a carrier or a warehouse says of a parcel."""

    tracking_number: str | None = None
    carrier: str | None = None
    happened_at: Utc | None = None
    place: Text | None = personal(description="Where that was.")


class CustomerReply(_Told):
    """The shopper answers, by mail, form or upload link. `reference` names the matter if the message shows it."""

    reference: str | None = None
    case_id: str | None = None


class PrivacyRequest(_Told):
    """A request about personal data of one shopper, or of the whole shop when no shopper is named."""

    action: Literal["access", "erase"]
    customer_id: str | None = None
    order_ids: tuple[str, ...] = ()
