"""Settings of the use case `complaints`."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

from pydantic import Field

from caseconnect.sdk.casework import Action, Actions, AppliesToAny, CaseworkSettings, Priority

Category = Literal["damaged", "late", "not_received", "wrong_item", "quality", "service", "other"]
"""What a complaint is about; its exception has the same name."""

CATEGORIES: tuple[Category, ...] = get_args(Category)


class ComplaintsSettings(CaseworkSettings):
    """Which complaints open a case, what it holds, and what the outcome does."""

    names: ClassVar[tuple[str, ...]] = CATEGORIES
    actions: ClassVar[tuple[Action, ...]] = (
        "refund",
        "replace",
        "credit",
        "ask_verification",
        "set_status",
        "notify",
        "close",
    )

    applies_to: AppliesToAny = Field(AppliesToAny(), description="Which orders are looked at.")
    categories: tuple[Category, ...] = Field(
        CATEGORIES, min_length=1, description="Categories that open a case; complaints of others open nothing."
    )
    join_hours: float = Field(
        72,
        ge=0,
        description="Hours in which further complaints about the same order go to its open case; 0: each has its own.",
    )
    ended: tuple[str, ...] = Field(
        ("withdrawn", "closed", "resolved", "done", "cancelled", "canceled"),
        description="Words of the complaint's own status by which it needs nobody any more.",
    )
    outcomes: dict[str, Actions] = Field(
        {
            "refund": ("refund",),
            "replacement": ("replace",),
            "credit": ("credit",),
            "resolved": ("close",),
            "rejected": ("close",),
        },
        description="What each outcome of the case definition does: an action, or a list of them in their order. "
        "Upper and lower case are the same. An outcome that is not named here is not acted on: it alerts.",
    )
    priority: dict[str, Priority] = Field(
        {"not_received": "high", "damaged": "high"},
        description="Priority by category; others are normal. The highest of a case's complaints counts.",
    )
    title: str = Field(
        "Complaint about order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    description: str = Field(
        "{findings}\n\n{request}\n\n{facts}\n\n{lines}\n\n{shipments}\n\n{customer}\n\n{history}\n\n{notes}\n\n{payments}",
        min_length=1,
        description="Description of the case: texts of the tenant, and names in braces for what is known.",
    )
