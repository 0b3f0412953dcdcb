"""Settings of the use case `warranty_claims`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from caseconnect.models import Record, WarrantyClaim
from caseconnect.sdk.casework import Action, Actions, AppliesToAny, CaseworkSettings

ExceptionName = Literal[
    "in_warranty", "warranty_over", "warranty_unknown", "order_unknown", "not_in_order", "given_back", "claimed_twice"
]
"""What this use case finds."""

EXCEPTIONS: tuple[ExceptionName, ...] = get_args(ExceptionName)

ALL_OTHERS = "*"


class WarrantyClaimsSettings(CaseworkSettings):
    """How long the warranty is, which claims need no review, and what their cases hold."""

    names: ClassVar[tuple[str, ...]] = EXCEPTIONS
    item: ClassVar[type[Record] | None] = WarrantyClaim
    actions: ClassVar[tuple[Action, ...]] = (
        "as_requested",
        "replace",
        "refund",
        "credit",
        "ask_verification",
        "notify",
        "close",
    )

    warranty_months: dict[str, Annotated[int, Field(ge=0, le=1200)]] = Field(
        {ALL_OTHERS: 24},
        description="Months of warranty from the day of the order, by how the SKU begins, such as CAM-: 36; '*' for "
        "all others. The longest beginning counts. 0: none.",
    )
    no_review: tuple[ExceptionName, ...] = Field(
        (),
        description="A claim of which only this is found opens no case, such as in_warranty. Empty: every claim does.",
    )
    applies_to: AppliesToAny = Field(AppliesToAny(), description="Which orders a claim may be about.")
    finished: tuple[str, ...] = Field(
        ("closed", "resolved", "withdrawn", "canceled", "cancelled"),
        description="Status words of a claim that needs nobody any more. Upper and lower case are the same.",
    )
    outcomes: dict[str, Actions] = Field(
        {
            "approved": ("as_requested",),
            "replace": ("replace",),
            "refund": ("refund",),
            "credit": ("credit",),
            "repair": ("close",),
            "verify": ("ask_verification",),
            "declined": ("close",),
        },
        description="What each outcome of the case definition does: an action, or a list of them in their order. "
        "Upper and lower case are the same. An outcome that is not named here is not acted on: it alerts. "
        "as_requested: replace or refund, as the shopper wishes; a repair is arranged by hand.",
    )
    title: str = Field(
        "Warranty claim, order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    description: str = Field(
        "{findings}\n\n{request}\n\n{facts}\n\n{lines}\n\n{shipments}\n\n{payments}\n\n{customer}\n\n{history}",
        min_length=1,
        description="Description of the case: texts of the tenant, and names in braces for what is known.",
    )
