"""Settings of the use case `order_exceptions`."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

from pydantic import Field

from caseconnect.sdk.casework import CaseworkSettings, Priority

ExceptionName = Literal[
    "payment_failure", "address_mismatch", "duplicate_order", "suspected_fraud", "partial_fulfillment"
]
"""What this use case finds."""

EXCEPTIONS: tuple[ExceptionName, ...] = get_args(ExceptionName)


class OrderExceptionsSettings(CaseworkSettings):
    """When an order is an exception, and what its case holds."""

    names: ClassVar[tuple[str, ...]] = EXCEPTIONS

    exceptions: tuple[ExceptionName, ...] = Field(
        EXCEPTIONS, description="The exceptions that are looked for; one that is left out is off."
    )
    hold_for: tuple[ExceptionName, ...] = Field(
        (), description="Exceptions for which the order is held until its case has an outcome."
    )
    priority: dict[str, Priority] = Field(
        {"suspected_fraud": "high"},
        description="Priority by exception; others are normal. The highest of a case's findings counts.",
    )
    payment_error_codes: tuple[str, ...] = Field(
        (),
        description="Error codes of a failed payment that count, such as card_declined; empty: all. "
        "A failure without a code always counts.",
    )
    payment_statuses: tuple[Literal["expired", "voided"], ...] = Field(
        ("expired", "voided"), description="Payment states of the order that count without a failed transaction."
    )
    address_checks: tuple[Literal["differs", "validation_error", "validation_warning", "avs"], ...] = Field(
        ("differs", "validation_error"),
        description="What counts as a mismatch: differs (the platform says that billing and shipping address are not "
        "the same), validation_error or validation_warning (its check of the shipping address), avs (the card "
        "network's code is one of avs_codes).",
    )
    avs_codes: tuple[str, ...] = Field(
        ("N",),
        description="Address verification codes that count with avs. N: neither street nor postal code; "
        "A, W, Z: one of the two only.",
    )
    duplicate_minutes: int = Field(
        60, ge=1, description="Minutes within which the same items at the same total are a duplicate."
    )
    duplicate_check_hours: int = Field(
        72, ge=1, description="An order older than this, in hours, is not compared any more: it spares reads."
    )
    risk_levels: tuple[Literal["low", "medium", "high"], ...] = Field(
        ("high",), description="Risk levels that are a suspicion of fraud."
    )
    partial_hours: int = Field(
        48, ge=0, description="Hours after the last shipment, after which a partly shipped order is an exception."
    )
