"""Settings of the use case `fulfillment`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from caseconnect.sdk.casework import Action, Actions, CaseworkSettings, Priority

ExceptionName = Literal[
    "not_shipped", "late_in_transit", "not_confirmed", "partly_shipped", "failed_delivery", "delivered_not_received"
]
"""What this use case finds."""

EXCEPTIONS: tuple[ExceptionName, ...] = get_args(ExceptionName)

Hours = Annotated[int, Field(ge=1)]


class FulfillmentSettings(CaseworkSettings):
    """When shipping an order goes wrong, what its case holds, and how its end reaches the order."""

    names: ClassVar[tuple[str, ...]] = EXCEPTIONS
    actions: ClassVar[tuple[Action, ...]] = ("set_status", "notify", "refund", "replace", "credit", "cancel", "close")

    exceptions: tuple[ExceptionName, ...] = Field(
        EXCEPTIONS, description="The exceptions that are looked for; one that is left out is off."
    )
    outcomes: dict[str, Actions] = Field(
        {"resolved": ("close",), "refund": ("refund",), "replace": ("replace",), "cancelled": ("cancel",)},
        description="What each outcome of the case definition does: an action, or a list of them in their order. "
        "Upper and lower case are the same. An outcome that is not named here is not acted on: it alerts.",
    )
    title: str = Field(
        "Shipping of order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    description: str = Field(
        "{findings}\n\n{shipments}\n\n{facts}\n\n{lines}\n\n{addresses}\n\n{customer}\n\n{payments}\n\n{history}",
        min_length=1,
        description="Description of the case: texts of the tenant, and names in braces for what is known.",
    )
    priority: dict[str, Priority] = Field(
        {"delivered_not_received": "high"},
        description="Priority by exception; others are normal. The highest of a case's findings counts.",
    )
    ship_within_hours: dict[str, Hours] = Field(
        {"shipping": 72, "local": 72},
        description="not_shipped: hours from payment to the first shipment, by kind of delivery (shipping, local, "
        "pickup, digital, ...); '*' for all others. The shortest of an order's kinds counts; a kind that is not named "
        "is not looked at; an order that tells none counts as shipping.",
    )
    rest_within_hours: Hours = Field(
        72, description="partly_shipped: hours from the last shipment until the rest must follow."
    )
    confirm_within_hours: Hours = Field(
        24, description="not_confirmed: hours after which a shipment without a tracking number is an exception."
    )
    late_after_hours: int = Field(
        24, ge=0, description="late_in_transit: hours that the estimated delivery may be passed by."
    )
    no_scan_hours: dict[str, Hours] = Field(
        {"*": 120},
        description="late_in_transit: hours without a scan of a parcel that was scanned before, by carrier; '*' for "
        "all others; a carrier that is not named is not looked at.",
    )
    deliver_within_hours: dict[str, Hours] = Field(
        {},
        description="late_in_transit: hours from shipping to delivery where no delivery is estimated, by carrier; '*' "
        "for all others. Only for shops that are told of deliveries. Empty: off.",
    )
    failed_statuses: tuple[str, ...] = Field(
        ("failure", "failed", "returned", "return_to_sender", "undeliverable", "lost", "not_delivered"),
        description="failed_delivery: a carrier's words, lower case, for a delivery that came to nothing.",
    )
    attempt_statuses: tuple[str, ...] = Field(
        ("attempted_delivery", "delivery_attempted"),
        description="failed_delivery: a carrier's words, lower case, for an attempt to deliver that failed.",
    )
    failed_attempts: int = Field(2, ge=1, description="failed_delivery: failed attempts that are an exception.")
    complaint_categories: tuple[Literal["not_received", "late"], ...] = Field(
        ("not_received",),
        description="delivered_not_received: categories of complaints that are compared with what the carrier says.",
    )
    compare_days: int = Field(
        14,
        ge=1,
        description="delivered_not_received: days for which a complaint is compared again daily, until a delivery is "
        "reported.",
    )
