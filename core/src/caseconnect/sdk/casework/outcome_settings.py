"""What the outcomes of cases do, as a tenant file says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from caseconnect.sdk.components import Settings

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

StatusKind = Literal["order", "confirmation", "payment", "shipping", "export", "external"]
"""A status of an order, as `SetOrderStatus` knows it."""


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


class OutcomeSettings(Settings):
    """What the outcomes of cases do: for a use case that carries them out, whoever opened the case."""

    actions: ClassVar[tuple[Action, ...]] = ("release", "cancel", "ask_verification", "set_status", "notify", "close")
    """What its outcomes may do."""

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

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """An editor offers the actions of this use case alone."""
        schema = handler(core)
        outcomes = handler.resolve_ref_schema(schema)["properties"]["outcomes"]
        outcomes["additionalProperties"]["items"]["enum"] = list(cls.actions)
        return schema

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
    def _whole(self) -> OutcomeSettings:
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

    def has_conditions(self) -> bool:
        """Whether the tenant's own conditions may have found something."""
        return False


def of_outcome(found: Mapping[str, Any], outcome: str) -> Any:
    """What is said of an outcome, however it is written; None when nothing is."""
    return next((value for name, value in found.items() if _fold(name) == _fold(outcome)), None)


def _fold(outcome: str) -> str:
    return outcome.strip().casefold()
