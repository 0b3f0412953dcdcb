"""Settings that use cases share: which orders, what the case holds, and what its outcomes do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from caseconnect.models import Record
from caseconnect.sdk.casework.outcome_settings import OutcomeSettings
from caseconnect.sdk.components import Settings
from caseconnect.sdk.conditions import Condition, about

Priority = Literal["low", "normal", "high", "urgent"]
"""Priority of a case, rising."""

PLACEHOLDERS: dict[str, str] = {
    "order": "the order's number",
    "order_id": "the platform's id of the order",
    "shop": "name of the connection the order came from",
    "total": "amount and currency",
    "channel": "where it was placed",
    "exceptions": "what was found, in words",
    "findings": "what was found, one line each, with the facts",
    "request": "what was asked for or complained of, with its texts (personal)",
    "facts": "number, dates, totals and states of the order, with its link",
    "lines": "what was bought",
    "payments": "payment transactions, with the last digits of the card (personal)",
    "risk": "risk level, recommendation and indicators",
    "addresses": "billing and shipping address (personal)",
    "customer": "the shopper's profile (personal)",
    "history": "the shopper's other orders and where they went (personal)",
    "shipments": "what was shipped, with tracking",
    "notes": "what shopper, staff and programs noted on the order (personal)",
}
"""Names that may stand in braces in a title, a description or an attribute."""

SHORT_PLACEHOLDERS = ("order", "order_id", "shop", "total", "channel", "exceptions")
"""Those that may stand in a title or an attribute: short, and never personal, because lists show them."""

CONDITION = "condition"
"""The exception of findings that a tenant's own conditions make."""

EVERY = "*"
"""In settings by exception: all that are not named."""

_BRACED = re.compile(r"\{([^{}]*)\}")


def _only(allowed: Iterable[str], text: str) -> str:
    unknown = [name for name in _BRACED.findall(text) if name not in allowed]
    if unknown:
        raise ValueError(f"placeholder {{{unknown[0]}}} is not allowed here: allowed are {', '.join(allowed)}")
    return text


class AppliesTo(Settings):
    """Which orders a use case looks at. Upper and lower case are the same."""

    test_orders: bool = Field(False, description="Look at test orders too.")
    companies: bool = Field(True, description="Look at orders of companies (B2B).")
    payment_terms: bool = Field(False, description="Look at orders that are paid later too, such as net 30.")
    preorders: bool = Field(False, description="Look at pre-orders too.")
    channels: tuple[str, ...] = Field((), description="Only orders from these channels; empty: from all.")
    except_channels: tuple[str, ...] = Field(("pos",), description="Not orders from these channels.")
    markets: tuple[str, ...] = Field((), description="Only orders placed on these markets or sites; empty: on all.")
    except_markets: tuple[str, ...] = Field((), description="Not orders placed on these markets or sites.")
    except_tags: tuple[str, ...] = Field((), description="Not orders with one of these tags.")
    except_delivery: tuple[str, ...] = Field(
        ("pickup", "digital"),
        description="Not orders that are delivered in these ways only: pickup, digital, shipping, local and more. "
        "An order that is also delivered in another way is looked at.",
    )


class AppliesToAny(AppliesTo):
    """Which orders an item may be about: by default all but test orders, however they were sold and delivered."""

    payment_terms: bool = Field(True, description="Look at orders that are paid later too, such as net 30.")
    preorders: bool = Field(True, description="Look at pre-orders too.")
    except_channels: tuple[str, ...] = Field((), description="Not orders from these channels.")
    except_delivery: tuple[str, ...] = Field(
        (), description="Not orders that are delivered in these ways only: pickup, digital, shipping, local and more."
    )


class CaseworkSettings(OutcomeSettings):
    """Base of the settings of a use case that opens cases and carries out their outcomes."""

    names: ClassVar[tuple[str, ...]] = ()
    """Names of the use case's exceptions."""

    item: ClassVar[type[Record] | None] = None
    """Model of the items that conditions may look at."""

    applies_to: AppliesTo = Field(AppliesTo(), description="Which orders are looked at.")
    only_if: dict[str, Condition] = Field(
        {}, description="Conditions (CEL) by exception, '*' for all others: it counts only where its condition holds."
    )
    also: dict[str, Condition] = Field(
        {}, description="Conditions (CEL) by a name of yours: where one holds, that is the exception `condition`."
    )
    settle_minutes: dict[str, Annotated[int, Field(ge=1)]] = Field(
        {}, description="Minutes for which an exception waits before it counts, '*' for all others: it may go away."
    )
    title: str = Field(
        "Order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    description: str = Field(
        "{findings}\n\n{facts}\n\n{lines}\n\n{payments}\n\n{addresses}\n\n{customer}\n\n{history}\n\n{shipments}",
        min_length=1,
        description="Description of the case: texts of the tenant, and names in braces for what is known.",
    )
    definition: str = Field("", description="Which of the connection's case definitions; empty: its first.")
    priority: dict[str, Priority] = Field(
        {}, description="Priority by exception; others are normal. The highest of a case's findings counts."
    )
    owner: dict[str, str] = Field(
        {}, description="Who or which queue works on it, by exception; '*' for all others. The first finding counts."
    )
    due_hours: dict[str, Annotated[int, Field(ge=1)]] = Field(
        {}, description="Hours until it is due, by exception; '*' for all others. The shortest of its findings counts."
    )
    attributes: dict[str, str] = Field(
        {},
        description="Further attributes of the case, by name: text that may hold what a title may.",
    )
    snapshot: Literal["full", "without_personal", "none"] = Field(
        "without_personal",
        description="The order, customer and history as a JSON document on the case: full, without_personal or none.",
    )
    when_resolved: Literal["note", "close"] = Field(
        "note", description="What becomes of the case when its ground is gone by itself: a comment, or it is closed."
    )

    @field_validator("title")
    @classmethod
    def _fillable_title(cls, text: str) -> str:
        return _only(SHORT_PLACEHOLDERS, text)

    @field_validator("description")
    @classmethod
    def _fillable_description(cls, text: str) -> str:
        return _only(PLACEHOLDERS, text)

    @field_validator("attributes")
    @classmethod
    def _fillable_attributes(cls, texts: dict[str, str]) -> dict[str, str]:
        return {name: _only(SHORT_PLACEHOLDERS, text) for name, text in texts.items()}

    @field_validator("only_if", "also", mode="before")
    @classmethod
    def _conditions(cls, found: Any) -> Any:
        return about(cls.item)(found)

    @field_validator("priority", "owner", "due_hours", "only_if", "settle_minutes")
    @classmethod
    def _known_exceptions(cls, found: dict[str, Any]) -> dict[str, Any]:
        allowed = (*cls.names, CONDITION, EVERY)
        unknown = sorted(set(found) - set(allowed))
        if unknown:
            raise ValueError(f"unknown exception {unknown[0]!r}: allowed are {', '.join(allowed)}")
        return found

    def has_conditions(self) -> bool:
        """Whether the tenant's own conditions may have found something."""
        return bool(self.also)
