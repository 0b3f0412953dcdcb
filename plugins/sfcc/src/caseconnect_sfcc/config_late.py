"""Settings of what only time reveals: orders that stay in a state for too long (sfcc.md §15)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field, field_validator

from caseconnect.sdk.components import Settings

STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "status": ("created", "new", "open", "completed", "cancelled", "replaced", "failed"),
    "confirmation_status": ("confirmed", "not_confirmed"),
    "export_status": ("exported", "not_exported", "ready", "failed"),
    "payment_status": ("paid", "part_paid", "not_paid"),
    "shipping_status": ("shipped", "part_shipped", "not_shipped"),
}
"""Values of an order's statuses in OCAPI 25.6."""


class LateRule(Settings):
    """Orders that are still in a state some hours after they were made, or after their last change."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Name of the rule; the event's hint shows it.")
    after: float = Field(gt=0, le=24 * 90, description="Hours.")
    since: Literal["creation_date", "last_modified"] = Field(
        "creation_date", description="What the hours count from. The last change: each change begins them anew."
    )
    where: dict[str, tuple[str, ...]] = Field(
        min_length=1, description="Status -> values; every status must have one of its values."
    )

    @field_validator("where")
    @classmethod
    def _known(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, wanted in value.items():
            if name not in STATES:
                raise ValueError(f"{name!r} is no status of an order; there are {', '.join(STATES)}")
            wrong = [each for each in wanted if each not in STATES[name]]
            if wrong or not wanted:
                raise ValueError(f"{name} takes one or more of {', '.join(STATES[name])}")
        return value


_PLACED: Final = ("new", "open")
LATE: Final = (
    LateRule(name="payment_stuck", after=1, where={"status": ("created",)}),
    LateRule(name="not_paid", after=2, where={"status": _PLACED, "payment_status": ("not_paid",)}),
    LateRule(name="not_confirmed", after=4, where={"status": _PLACED, "confirmation_status": ("not_confirmed",)}),
    LateRule(
        name="not_exported",
        after=4,
        where={
            "status": _PLACED,
            "confirmation_status": ("confirmed",),
            "export_status": ("not_exported", "ready", "failed"),
        },
    ),
    LateRule(
        name="not_shipped",
        after=72,
        where={"status": _PLACED, "export_status": ("exported",), "shipping_status": ("not_shipped", "part_shipped")},
    ),
    LateRule(
        name="shipment_unconfirmed",
        after=24,
        since="last_modified",
        where={"status": _PLACED, "shipping_status": ("shipped",)},
    ),
)
"""The rules that hold when a tenant file says nothing."""
