"""Canonical events. The envelope uses the CloudEvents names (id, source, type, subject, time).

An order event only says *look*: what is decided on is the order as read now, so the order in which events
arrive cannot matter. `refs` are further names of the same thing, tried in turn when `subject` is not a root.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from caseconnect.models.base import Record, Utc
from caseconnect.models.requests import (
    ApprovalRequest,
    Complaint,
    CustomerReply,
    Dispute,
    PrivacyRequest,
    ShipmentReport,
    WarrantyClaim,
)
from caseconnect.models.returns import ReturnRequest
from caseconnect.sdk.subjects import Subject


class Event(Record):
    """The envelope. `id` is unique per source; the journal gives it when a plugin leaves it empty."""

    type: str
    version: int = 1
    id: str = ""
    source: str = Field("", description="The connection, or 'connect' for the host's own events.")
    subject: Subject
    refs: tuple[Subject, ...] = ()
    time: Utc = Field(description="When it happened on the platform, not when it arrived.")


class OrderChanged(Event):
    """Something about an order changed. `hint` is the platform's own word for it (a webhook topic, 'poll')."""

    type: Literal["OrderChanged"] = "OrderChanged"
    hint: str = ""


class ItemEvent(Event):
    """Something about one item: a return, a dispute, a complaint. `item` names it; `subject` the order if known.

    An item that no platform keeps is told by the event itself: `told()`. The host keeps the newest telling of every
    item, and serves it as that fact whenever a decision needs it.
    """

    item: Subject

    def told(self) -> Record | None:
        """The item's record, when the event brings it; its fact kind is the item's kind."""
        return None


class ReturnChanged(ItemEvent):
    """A return was asked for, or something about it changed. Fact: 'return'."""

    type: Literal["ReturnChanged"] = "ReturnChanged"
    hint: str = ""
    record: ReturnRequest | None = Field(None, repr=False)

    def told(self) -> Record | None:
        """The return, if the event brings it."""
        return self.record


class DisputeChanged(ItemEvent):
    """A chargeback, or what a shopper disputes, began or changed. Fact: 'dispute'."""

    type: Literal["DisputeChanged"] = "DisputeChanged"
    hint: str = ""
    record: Dispute | None = Field(None, repr=False)

    def told(self) -> Record | None:
        """The dispute, if the event brings it."""
        return self.record


class ComplaintChanged(ItemEvent):
    """A shopper complains. Fact: 'complaint'."""

    type: Literal["ComplaintChanged"] = "ComplaintChanged"
    record: Complaint | None = Field(None, repr=False)

    def told(self) -> Record | None:
        """The complaint, if the event brings it."""
        return self.record


class ClaimChanged(ItemEvent):
    """A shopper makes a warranty claim, or it changed. Fact: 'claim'."""

    type: Literal["ClaimChanged"] = "ClaimChanged"
    record: WarrantyClaim | None = Field(None, repr=False)

    def told(self) -> Record | None:
        """The claim, if the event brings it."""
        return self.record


class ApprovalRequested(ItemEvent):
    """Somebody asks to be allowed to give value away. Fact: 'approval'."""

    type: Literal["ApprovalRequested"] = "ApprovalRequested"
    record: ApprovalRequest | None = Field(None, repr=False)

    def told(self) -> Record | None:
        """The request, if the event brings it."""
        return self.record


class ShipmentReported(ItemEvent):
    """A carrier or a warehouse told something of a parcel. Fact: 'shipment'."""

    type: Literal["ShipmentReported"] = "ShipmentReported"
    record: ShipmentReport | None = Field(None, repr=False)

    def told(self) -> Record | None:
        """The report, if the event brings it."""
        return self.record


class CustomerReplied(ItemEvent):
    """A shopper wrote, or added files. Fact: 'reply'.

    With a `reference` it is for that matter alone; else it is offered to every open matter of the subject.
    """

    type: Literal["CustomerReplied"] = "CustomerReplied"
    reference: str | None = None
    record: CustomerReply | None = Field(None, repr=False)

    def told(self) -> Record | None:
        """The message, if the event brings it."""
        return self.record


class CustomerChanged(Event):
    """Something about a customer changed: profile, tags, merged with another (`refs` names it)."""

    type: Literal["CustomerChanged"] = "CustomerChanged"
    hint: str = ""


class PrivacyRequested(Event):
    """A platform passes on a request about personal data. The host carries it out and keeps a receipt."""

    type: Literal["PrivacyRequested"] = "PrivacyRequested"
    record: PrivacyRequest = Field(repr=False)


class ConnectionEnded(Event):
    """The platform says that it is over: the app was uninstalled, access was withdrawn. The connection pauses."""

    type: Literal["ConnectionEnded"] = "ConnectionEnded"
    hint: str = ""


class CaseChanged(Event):
    """Something about a case changed. `reference` is our own reference if the platform's record shows it."""

    type: Literal["CaseChanged"] = "CaseChanged"
    reference: str | None = None


CHANGED = "changed"
"""In the data of a refusal: what is another than the command expected, such as case.outcome."""

ANSWERED = "answered_by"
"""In `CommandSettled.data`: the person who refused it by hand, and so need not be told."""


class CommandSettled(Event):
    """One of the matter's commands ended: done, refused or parked. Written by the host to the matter's owner."""

    type: Literal["CommandSettled"] = "CommandSettled"
    matter: str
    key: str
    kind: str
    name: str = ""
    state: Literal["done", "refused", "parked"]
    note: str = ""
    data: dict[str, Any] = Field(default_factory=dict)


class TimerFired(Event):
    """A timer of a use case came due. `due` is when it should have; `matter` is empty if none was open then.

    `item` is that of the matter that the use case was asked about ("return/7"), empty for the whole subject.
    """

    type: Literal["TimerFired"] = "TimerFired"
    use: str
    matter: str = ""
    item: str = ""
    name: str
    due: Utc


EVENTS: dict[str, type[Event]] = {
    event.model_fields["type"].default: event
    for event in (
        OrderChanged,
        ReturnChanged,
        DisputeChanged,
        ComplaintChanged,
        ClaimChanged,
        ApprovalRequested,
        ShipmentReported,
        CustomerReplied,
        CustomerChanged,
        PrivacyRequested,
        ConnectionEnded,
        CaseChanged,
        CommandSettled,
        TimerFired,
    )
}
"""Every event type by name. An unknown type read from the journal is parked, never guessed at."""
