"""Settings that use cases share: which orders, what the case holds, and what its outcomes do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from caseconnect.models import Record
from caseconnect.sdk.components import Settings
from caseconnect.sdk.conditions import Condition, about

Action = Literal[
    "release",
    "cancel",
    "ask_verification",
    "approve_return",
    "decline_return",
    "refund",
    "exchange",
    "replace",
    "credit",
    "points",
    "as_requested",
    "correct_profile",
    "submit_evidence",
    "set_status",
    "notify",
    "close",
]
"""What an outcome may ask for."""


def _listed(found: Any) -> Any:
    return (found,) if isinstance(found, str) else found


Actions = Annotated[tuple[Action, ...], BeforeValidator(_listed), Field(min_length=1)]
"""One action, or several in the order in which they are carried out."""

Priority = Literal["low", "normal", "high", "urgent"]
"""Priority of a case, rising."""

StatusKind = Literal["order", "confirmation", "payment", "shipping", "export", "external"]
"""A status of an order, as `SetOrderStatus` knows it."""

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


class Answers(Settings):
    """Attributes of the case, by their canonical names, in which the agent writes what belongs to the outcome."""

    amount: str = Field(
        "approved_amount", description="How much: 20.00, or 20.00 EUR. Empty in the case: what was asked for."
    )
    lines: str = Field(
        "approved_lines", description="For which goods: SKU x 2; OTHER-SKU. Empty in the case: those asked for."
    )
    items: str = Field(
        "exchange_items", description="What is sent instead: SKU x 2; OTHER-SKU. Empty in the case: the same goods."
    )
    points: str = Field("approved_points", description="How many loyalty points. Empty in the case: as asked for.")
    reason: str = Field("customer_reason", description="What the shopper is told as the reason.")


class CaseworkSettings(Settings):
    """Base of the settings of a use case that opens cases and carries out their outcomes."""

    names: ClassVar[tuple[str, ...]] = ()
    """Names of the use case's exceptions."""

    item: ClassVar[type[Record] | None] = None
    """Model of the items that conditions may look at."""

    actions: ClassVar[tuple[Action, ...]] = ("release", "cancel", "ask_verification", "set_status", "notify", "close")
    """What its outcomes may do."""

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
    outcomes: dict[str, Actions] = Field(
        {"approved": ("release",), "rejected": ("cancel",), "verify": ("ask_verification",)},
        description="What each outcome of the case definition does: an action, or a list of them in their order. "
        "Upper and lower case are the same. An outcome that is not named here is not acted on: it alerts.",
    )
    messages: dict[str, str] = Field(
        {},
        description="Templates of messages to the shopper, by outcome, or by action (notify, ask_verification) for "
        "every outcome.",
    )
    statuses: dict[str, dict[StatusKind, str]] = Field(
        {}, description="What set_status sets, by outcome: the order's statuses, in the platform's own words."
    )
    answers: Answers = Field(Answers(), description="Where in the case the agent writes amounts, goods and reasons.")
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

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """An editor offers the actions of this use case alone."""
        schema = handler(core)
        outcomes = handler.resolve_ref_schema(schema)["properties"]["outcomes"]
        outcomes["additionalProperties"]["items"]["enum"] = list(cls.actions)
        return schema

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

    @field_validator("outcomes")
    @classmethod
    def _possible(cls, outcomes: dict[str, Actions]) -> dict[str, Actions]:
        folded = [_fold(name) for name in outcomes]
        double = next((name for name in outcomes if folded.count(_fold(name)) > 1), None)
        if double is not None:
            raise ValueError(f"outcome {double!r} is named twice: upper and lower case are the same")
        for name, actions in outcomes.items():
            foreign = next((a for a in actions if a not in cls.actions), None)
            if foreign is not None:
                raise ValueError(f"outcome {name!r}: {foreign} is not for this use case: {', '.join(cls.actions)} are")
            twice = next((a for a in actions if actions.count(a) > 1), None)
            if twice is not None:
                raise ValueError(f"outcome {name!r}: {twice} stands there twice")
        return outcomes

    @model_validator(mode="after")
    def _whole(self) -> CaseworkSettings:
        for name, actions in self.outcomes.items():
            if "notify" in actions and self.message(name, "notify") is None:
                raise ValueError(f"outcome {name!r} says notify: name its template, messages: {{{name}: TEMPLATE}}")
            if "set_status" in actions and not of_outcome(self.statuses, name):
                raise ValueError(f"outcome {name!r} says set_status: to what? statuses: {{{name}: {{KIND: VALUE}}}}")
        return self

    def does(self, outcome: str) -> Actions | None:
        """What `outcomes` says of this outcome, or None."""
        found: Actions | None = of_outcome(self.outcomes, outcome)
        return found

    def message(self, outcome: str, action: str) -> str | None:
        """The template for an outcome, else for the action; None when there is none."""
        return of_outcome(self.messages, outcome) or self.messages.get(action)

    def sends_evidence(self) -> bool:
        """Whether evidence goes to the bank at once and for good, rather than being kept for the day that it is due."""
        return False

    def asked(self) -> frozenset[Action]:
        """All that the outcomes may do."""
        return frozenset(action for actions in self.outcomes.values() for action in actions)


def of_outcome(found: Mapping[str, Any], outcome: str) -> Any:
    """What is said of an outcome, however it is written; None when nothing is."""
    return next((value for name, value in found.items() if _fold(name) == _fold(outcome)), None)


def _fold(outcome: str) -> str:
    return outcome.strip().casefold()
