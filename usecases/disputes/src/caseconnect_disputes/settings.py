"""Settings of the use case `disputes`."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

from pydantic import Field

from caseconnect.models import Dispute, Record
from caseconnect.sdk.casework import Action, Actions, AppliesToAny, CaseworkSettings, Priority

Kind = Literal["chargeback", "inquiry", "duplicate_charge", "refund", "loyalty", "profile", "billing", "other"]
"""What may be disputed; each is found under its own name."""

ExceptionName = Literal[
    "chargeback",
    "inquiry",
    "duplicate_charge",
    "refund",
    "loyalty",
    "profile",
    "billing",
    "other",
    "confirmed_by_transactions",
    "unverified",
]
"""What this use case finds."""

KINDS: tuple[Kind, ...] = get_args(Kind)
EXCEPTIONS: tuple[ExceptionName, ...] = get_args(ExceptionName)


class DisputesSettings(CaseworkSettings):
    """Which disputes open a case, how a duplicate charge is confirmed, and what outcomes do."""

    names: ClassVar[tuple[str, ...]] = EXCEPTIONS
    item: ClassVar[type[Record] | None] = Dispute
    actions: ClassVar[tuple[Action, ...]] = (
        "as_requested",
        "refund",
        "credit",
        "points",
        "correct_profile",
        "submit_evidence",
        "ask_verification",
        "notify",
        "close",
    )

    kinds: tuple[Kind, ...] = Field(KINDS, min_length=1, description="Kinds of disputes that open a case.")
    duplicate_within_minutes: int = Field(
        60, ge=1, le=10_080, description="Two charges of one order are a duplicate when so many minutes lie between."
    )
    warn_hours: int = Field(
        48,
        ge=1,
        le=720,
        description="Hours before the evidence of a chargeback or an inquiry is due at which a comment and an alert "
        "warn, if nothing was handed in.",
    )
    send_evidence: bool = Field(
        False,
        description="submit_evidence sends it to the bank at once and for good; false: the platform keeps it, where "
        "staff can add to it, until it is due.",
    )
    applies_to: AppliesToAny = Field(AppliesToAny(), description="Which orders a dispute may be about.")
    finished: tuple[str, ...] = Field(
        (
            "won",
            "lost",
            "accepted",
            "prevented",
            "charge_refunded",
            "closed",
            "resolved",
            "withdrawn",
            "canceled",
            "cancelled",
        ),
        description="Status words of a dispute that needs nobody any more. Upper and lower case are the same.",
    )
    outcomes: dict[str, Actions] = Field(
        {
            "approved": ("as_requested",),
            "refund": ("refund",),
            "credit": ("credit",),
            "verify": ("ask_verification",),
            "accepted": ("close",),
            "declined": ("close",),
        },
        description="What each outcome of the case definition does: an action, or a list of them in their order. "
        "Upper and lower case are the same. An outcome that is not named here is not acted on: it alerts. "
        "as_requested: refund of a duplicate charge, a refund dispute or a bill; points and correct_profile where an "
        "outcome names them.",
    )
    priority: dict[str, Priority] = Field(
        {"chargeback": "urgent", "inquiry": "high", "confirmed_by_transactions": "high"},
        description="Priority by exception; others are normal. The highest of a case's findings counts.",
    )
    title: str = Field(
        "Dispute, order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    description: str = Field(
        "{findings}\n\n{request}\n\n{facts}\n\n{payments}\n\n{lines}\n\n{shipments}\n\n{addresses}\n\n{customer}"
        "\n\n{history}",
        min_length=1,
        description="Description of the case: texts of the tenant, and names in braces for what is known.",
    )

    def sends_evidence(self) -> bool:
        """As `send_evidence` says."""
        return self.send_evidence
