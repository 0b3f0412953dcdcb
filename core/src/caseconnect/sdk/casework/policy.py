"""Settings that use cases about orders share, and what names such a use case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from caseconnect.sdk.components import Settings

Action = Literal["release", "cancel", "ask_verification"]
"""What an outcome may ask for."""

Priority = Literal["low", "normal", "high", "urgent"]
"""Priority of a case, rising."""

HoldCause = Literal["fraud", "address", "payment", "other"]
"""Why goods are kept back, as `HoldOrder.cause` knows it."""

PLACEHOLDERS: dict[str, str] = {
    "order": "the order's number",
    "order_id": "the platform's id of the order",
    "shop": "name of the connection the order came from",
    "total": "amount and currency",
    "channel": "where it was placed",
    "exceptions": "what was found, in words",
    "findings": "what was found, one line each, with the facts",
    "facts": "number, dates, totals and states of the order, with its link",
    "lines": "what was bought",
    "payments": "payment transactions, with the last digits of the card (personal)",
    "risk": "risk level, recommendation and indicators",
    "addresses": "billing and shipping address (personal)",
    "customer": "the shopper's profile (personal)",
    "history": "the shopper's other orders and where they went (personal)",
    "shipments": "what was shipped, with tracking",
}
"""Names that may stand in braces in a title, a description or an attribute."""

SHORT_PLACEHOLDERS = ("order", "order_id", "shop", "total", "channel", "exceptions")
"""Those that may stand in a title or an attribute: short, and never personal, because lists show them."""

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
    markets: tuple[str, ...] = Field(
        (), description="Only orders placed on these markets (on SFCC: sites); empty: on all."
    )
    except_markets: tuple[str, ...] = Field((), description="Not orders placed on these markets.")
    except_tags: tuple[str, ...] = Field((), description="Not orders with one of these tags.")
    except_delivery: tuple[str, ...] = Field(
        ("pickup", "digital"),
        description="Not orders that are delivered in these ways only: pickup, digital, shipping, local and more. "
        "An order that is also delivered in another way is looked at.",
    )


class CaseworkSettings(Settings):
    """Base of the settings of a use case that opens cases about orders and carries out their outcomes."""

    names: ClassVar[tuple[str, ...]] = ()
    """Names of the use case's exceptions."""

    applies_to: AppliesTo = Field(AppliesTo(), description="Which orders are looked at.")
    outcomes: dict[str, Action] = Field(
        {"approved": "release", "rejected": "cancel", "verify": "ask_verification"},
        description="What each outcome of the case definition does: release, cancel or ask_verification. "
        "Upper and lower case are the same. An outcome that is not named here is not acted on: it alerts.",
    )
    title: str = Field(
        "Order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    description: str = Field(
        "{findings}\n\n{facts}\n\n{lines}\n\n{payments}\n\n{addresses}\n\n{customer}\n\n{history}\n\n{shipments}",
        min_length=1,
        description="Description of the case: texts of the tenant and the sections of the README in braces.",
    )
    priority: dict[str, Priority] = Field(
        {}, description="Priority by exception; others are normal. The highest of a case's findings counts."
    )
    attributes: dict[str, str] = Field(
        {},
        description="Further attributes of the case, by name: text that may hold what a title may.",
    )
    snapshot: Literal["full", "without_personal", "none"] = Field(
        "without_personal",
        description="The order, customer and history as a JSON document on the case: full, without_personal or none.",
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

    @field_validator("priority")
    @classmethod
    def _known_exceptions(cls, priority: dict[str, Priority]) -> dict[str, Priority]:
        unknown = sorted(set(priority) - set(cls.names))
        if unknown:
            raise ValueError(f"unknown exception {unknown[0]!r}: allowed are {', '.join(cls.names)}")
        return priority

    @field_validator("outcomes")
    @classmethod
    def _distinct(cls, outcomes: dict[str, Action]) -> dict[str, Action]:
        folded = [_fold(name) for name in outcomes]
        double = next((name for name in outcomes if folded.count(_fold(name)) > 1), None)
        if double is not None:
            raise ValueError(f"outcome {double!r} is named twice: upper and lower case are the same")
        return outcomes

    def action(self, outcome: str) -> Action | None:
        """What `outcomes` says of this outcome, or None."""
        return next((act for name, act in self.outcomes.items() if _fold(name) == _fold(outcome)), None)


def _fold(outcome: str) -> str:
    return outcome.strip().casefold()


@dataclass(frozen=True)
class UseCase:
    """What the shared functions must know of a use case: name, exceptions, and the causes it gives to commands."""

    name: str
    exceptions: tuple[str, ...]
    cancel_cause: Literal["fraud", "other"] = "other"
    hold_causes: Mapping[str, HoldCause] = field(default_factory=dict)
