"""Settings of the custom objects that shoppers' forms and the cartridge's job write.

B2C Commerce has no standard object for returns, complaints, claims and disputes (sfcc.md §8). The defaults are the
types and attributes that `cartridges/int_caseconnect` brings; each can be another.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.sdk.components import Settings

_NONE = "empty: it has none"
_TYPE = "Id of the custom object type (its key is a string); empty: there is none."


class ObjectSettings(Settings):
    """What all these types share. Attributes are named by their ids, without `c_`."""

    type: str = Field("", description=_TYPE)
    scope: Literal["site", "organization"] = Field("site", description="Storage scope of the type.")
    order_number: str = Field("orderNo", description="Attribute with the order's number.")
    status: str = Field("status", description="Attribute that tells where it stands.")


class FormSettings(ObjectSettings):
    """What a shopper's form writes."""

    email: str = Field("customerEmail", description=f"Attribute with the shopper's e-mail address; {_NONE}.")
    name: str = Field("customerName", description=f"Attribute with the shopper's name; {_NONE}.")
    phone: str = Field("customerPhone", description=f"Attribute with the shopper's telephone number; {_NONE}.")
    locale: str = Field("locale", description=f"Attribute with the language of the form; {_NONE}.")
    text: str = Field("comment", description=f"Attribute with what the shopper wrote; {_NONE}.")
    files: str = Field("documents", description=f"Attribute with the uploaded files, as JSON; {_NONE}.")
    case: str = Field("caseNumber", description=f"Attribute for the number of the case; {_NONE}.")


class ReturnObjects(FormSettings):
    """Returns."""

    type: str = Field("CaseConnectReturn", description=_TYPE)
    items: str = Field(
        "items", description="Attribute with the lines, as JSON: [{itemId or productId, quantity, reason, note}]."
    )
    reason: str = Field("reason", description=f"Attribute with the reason of lines that name none; {_NONE}.")
    proof: str = Field("proofOfPurchase", description=f"Attribute that tells whether there is a proof; {_NONE}.")
    wish: str = Field("wish", description=f"Attribute with refund, exchange or repair; {_NONE}.")
    decline_reason: str = Field("declineReason", description=f"Attribute with why it was declined; {_NONE}.")
    words: dict[str, Literal["requested", "open", "declined", "closed", "canceled"]] = Field(
        {
            "new": "requested",
            "requested": "requested",
            "approved": "open",
            "open": "open",
            "declined": "declined",
            "closed": "closed",
            "done": "closed",
            "canceled": "canceled",
            "cancelled": "canceled",
        },
        description="The type's status words, lower case -> ours; any other is unknown.",
    )


class ComplaintObjects(FormSettings):
    """Complaints."""

    type: str = Field("CaseConnectComplaint", description=_TYPE)
    category: str = Field("kind", description="Attribute with damaged, late, not_received, wrong_item, quality, …")
    subject: str = Field("subject", description=f"Attribute with the headline; {_NONE}.")
    skus: str = Field("skus", description=f"Attribute with the products; {_NONE}.")
    tracking: str = Field("trackingNumber", description=f"Attribute with the tracking number; {_NONE}.")


class ClaimObjects(FormSettings):
    """Warranty claims."""

    type: str = Field("CaseConnectClaim", description=_TYPE)
    text: str = Field("defect", description=f"Attribute with what the shopper wrote; {_NONE}.")
    product: str = Field("productId", description="Attribute with the product.")
    serial_number: str = Field("serialNumber", description=f"Attribute with the serial number; {_NONE}.")
    purchased_at: str = Field("purchasedAt", description=f"Attribute with the day of purchase; {_NONE}.")
    wish: str = Field("wish", description=f"Attribute with repair, replacement or refund; {_NONE}.")


class DisputeObjects(FormSettings):
    """Disputes over an account or a bill."""

    type: str = Field("CaseConnectDispute", description=_TYPE)
    kind: str = Field("kind", description="Attribute with duplicate_charge, refund, loyalty, profile, billing, …")
    amount: str = Field("amount", description=f"Attribute with the amount; {_NONE}.")
    currency: str = Field("currency", description=f"Attribute with its currency; {_NONE}.")
    points: str = Field("points", description=f"Attribute with the points that are missing; {_NONE}.")
    customer: str = Field(
        "customerNo", description=f"Attribute with the number of the profile that handed it in; {_NONE}."
    )
    corrections: str = Field(
        "corrections", description=f"Attribute with profile fields as they should be, as JSON; {_NONE}."
    )


class ActionObjects(ObjectSettings):
    """What the cartridge's job is asked to do, and what it answered."""

    type: str = Field("CaseConnectAction", description=_TYPE)
    action: str = Field("action", description="Attribute with the action, such as refund.")
    payload: str = Field("payload", description="Attribute with its details, as JSON.")
    result: str = Field("result", description="Attribute with what the job answered.")
    finished_at: str = Field("finishedAt", description="Attribute with the time of the answer.")


class FileSettings(Settings):
    """Files that the forms uploaded, read over WebDAV with OCAPI's client (its WebDAV permission: read)."""

    folder: str = Field(
        "src/caseconnect",
        pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$",
        description="Folder of IMPEX that the forms write to; no file outside of it is read.",
    )
    max_bytes: int = Field(10_000_000, gt=0, le=25_000_000, description="A larger file is not read.")
    types: tuple[str, ...] = Field(
        ("image/jpeg", "image/png", "image/gif", "image/webp", "image/heic", "application/pdf", "text/plain"),
        description="Content types that are taken; a file's first bytes decide what it is.",
    )
