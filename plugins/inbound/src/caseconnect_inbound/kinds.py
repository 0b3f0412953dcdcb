"""The kinds of things that may come in, and which canonical record and event each becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from caseconnect.models import (
    ApprovalRequest,
    Complaint,
    CustomerReply,
    Dispute,
    Record,
    ReturnRequest,
    ShipmentReport,
    WarrantyClaim,
)
from caseconnect.sdk.events import (
    ApprovalRequested,
    ClaimChanged,
    ComplaintChanged,
    CustomerReplied,
    DisputeChanged,
    ItemEvent,
    ReturnChanged,
    ShipmentReported,
)
from caseconnect.sdk.subjects import Subject

KindName = Literal[
    "complaint", "return_request", "warranty_claim", "dispute", "approval_request", "shipment_event", "customer_reply"
]


@dataclass(frozen=True)
class Kind:
    """`fact` is the kind of the item's subject and of its fact. `ours`: it comes from a system, not from a shopper."""

    name: KindName
    fact: str
    record: type[Record]
    event: type[ItemEvent]
    ours: bool = False

    def happened(self, names: Sequence[Subject], time: datetime, item: Subject, record: Record) -> ItemEvent:
        """The event of `item`. The first of `names` that is known is the subject."""
        fields: dict[str, Any] = {"subject": names[0], "refs": tuple(names[1:]), "time": time, "item": item}
        if isinstance(record, CustomerReply):
            fields["reference"] = record.reference
        return self.event(**fields, record=record)


KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("complaint", "complaint", Complaint, ComplaintChanged),
        Kind("return_request", "return", ReturnRequest, ReturnChanged),
        Kind("warranty_claim", "claim", WarrantyClaim, ClaimChanged),
        Kind("dispute", "dispute", Dispute, DisputeChanged),
        Kind("approval_request", "approval", ApprovalRequest, ApprovalRequested, ours=True),
        Kind("shipment_event", "shipment", ShipmentReport, ShipmentReported, ours=True),
        Kind("customer_reply", "reply", CustomerReply, CustomerReplied),
    )
}
"""Every kind by name: the last part of its path `/in/{tenant}/{kind}`."""

ALL: Final[tuple[KindName, ...]] = get_args(KindName)
