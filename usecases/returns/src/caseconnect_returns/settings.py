"""Settings of the use case `returns`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, StringConstraints

from caseconnect.sdk.casework import Action, Actions, AppliesToAny, CaseworkSettings

ExceptionName = Literal["outside_policy", "no_proof", "high_value", "final_sale", "no_order", "return_request"]
"""What this use case finds."""

EXCEPTIONS: tuple[ExceptionName, ...] = get_args(ExceptionName)

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Thresholds = dict[Currency, Annotated[Decimal, Field(gt=0)]]


class ReturnsSettings(CaseworkSettings):
    """Which returns are reviewed, what their cases hold, and what the outcome does."""

    names: ClassVar[tuple[str, ...]] = EXCEPTIONS
    actions: ClassVar[tuple[Action, ...]] = (
        "approve_return",
        "decline_return",
        "as_requested",
        "refund",
        "exchange",
        "replace",
        "credit",
        "ask_verification",
        "set_status",
        "notify",
        "close",
    )

    applies_to: AppliesToAny = Field(AppliesToAny(), description="Which orders are looked at.")
    return_days: int | None = Field(
        30,
        ge=1,
        description="Days within which a return may be asked for, from delivery, else from shipment, else from the "
        "order; null: for ever.",
    )
    proof_of_purchase: Literal["if_asked", "required", "ignored"] = Field(
        "if_asked",
        description="if_asked: review returns whose form asked for a proof and got none; required: also those that "
        "nobody asked; ignored: none for that.",
    )
    high_value_return: Thresholds = Field(
        {}, description="Value of the goods from which a return is reviewed, by currency, such as EUR: 300. Empty: off."
    )
    high_value_order: Thresholds = Field(
        {},
        description="Total of the order from which each of its returns is reviewed, by currency of the shop. "
        "Empty: off.",
    )
    final_sale: bool = Field(True, description="Review returns of goods that the shop marked as final sale.")
    final_sale_skus: tuple[str, ...] = Field(
        (), description="SKUs of goods that are not taken back, such as GIFT-*; * stands for anything."
    )
    without_order: bool = Field(True, description="Review returns whose order is not known.")
    every_return: bool = Field(False, description="Review every return, also inside policy.")
    refund_when: Literal["goods_back", "approved"] = Field(
        "goods_back",
        description="When refund and credit are carried out: goods_back, once the shop closes the return or the case "
        "says so; or approved, at once. An exchange is made at once.",
    )
    goods_received: str = Field(
        "goods_received",
        min_length=1,
        description="Attribute of the case in which the agent writes yes when the goods are back, for shops and forms "
        "that do not tell it.",
    )
    outcomes: dict[str, Actions] = Field(
        {
            "approved": ("approve_return", "as_requested"),
            "refund": ("approve_return", "refund"),
            "exchange": ("approve_return", "exchange"),
            "declined": ("decline_return",),
            "rejected": ("decline_return",),
        },
        description="What each outcome of the case definition does: an action, or a list of them in their order. "
        "as_requested is the refund or the exchange that the shopper wants; a refund where that is not known. "
        "An outcome that is not named here is not acted on: it alerts.",
    )
    title: str = Field(
        "Return for order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    description: str = Field(
        "{findings}\n\n{request}\n\n{facts}\n\n{lines}\n\n{shipments}\n\n{payments}\n\n{customer}\n\n{history}",
        min_length=1,
        description="Description of the case: texts of the tenant, and names in braces for what is known.",
    )
