"""Settings of the use case `fraud_review`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, StringConstraints

from caseconnect.sdk.casework import CaseworkSettings, Priority

ExceptionName = Literal["high_risk", "high_value"]
"""What this use case finds."""

EXCEPTIONS: tuple[ExceptionName, ...] = get_args(ExceptionName)

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class FraudReviewSettings(CaseworkSettings):
    """When an order is reviewed before it ships, and what its case holds."""

    names: ClassVar[tuple[str, ...]] = EXCEPTIONS

    risk_level: Literal["low", "medium", "high", "off"] = Field(
        "high", description="Risk level from which an order is reviewed; off: the level does not count."
    )
    recommendations: tuple[Literal["cancel", "investigate"], ...] = Field(
        ("cancel", "investigate"),
        description="Recommendations of the fraud service for which an order is reviewed whatever its level; "
        "empty: they do not count.",
    )
    high_value: dict[Currency, Annotated[Decimal, Field(gt=0)]] = Field(
        {}, description="Total from which an order is reviewed, by currency of the shop, such as EUR: 1000. Empty: off."
    )
    hold: bool = Field(
        True, description="Hold the order when its case opens, as far as it is not shipped, until there is an outcome."
    )
    title: str = Field(
        "Review order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    description: str = Field(
        "{findings}\n\n{risk}\n\n{facts}\n\n{customer}\n\n{payments}\n\n{addresses}\n\n{history}\n\n{lines}\n\n{shipments}",
        min_length=1,
        description="Description of the case: texts of the tenant, and names in braces for what is known.",
    )
    priority: dict[str, Priority] = Field(
        {"high_risk": "high"},
        description="Priority by exception; others are normal. The highest of a case's findings counts.",
    )
    snapshot: Literal["full", "without_personal", "none"] = Field(
        "full",
        description="The order, customer and history as a JSON document on the case: full, without_personal or none.",
    )
