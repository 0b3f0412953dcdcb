"""Settings of the use case `adopted_cases`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from caseconnect.models import Case
from caseconnect.sdk.casework import Action, Actions, OutcomeSettings
from caseconnect.sdk.order_names import plain

EXCEPTIONS = ("agent_case", "not_found", "worked_elsewhere")
"""What this use case finds: a case about an order, one about none, and one about an order that has a case."""


class AdoptedCasesSettings(OutcomeSettings):
    """Which attributes of a case name its order, and whether its outcomes are carried out."""

    actions: ClassVar[tuple[Action, ...]] = ("cancel", "refund", "replace", "credit", "set_status", "notify", "close")

    number_in: str = Field(
        "order_number",
        min_length=1,
        description="Attribute of the case, by its canonical name, with the order's number. A case without is left.",
    )
    shop_in: str = Field(
        "shop", min_length=1, description="Attribute of the case, by its canonical name, that says which shop."
    )
    shops: dict[str, str] = Field(
        min_length=1,
        description="What may stand in `shop_in`, and the connection that it means. Upper and lower case are the same. "
        "Where all mean one connection, an empty attribute means it, too.",
    )
    look_again_minutes: int = Field(
        2,
        ge=1,
        description="Minutes after which an order that is not found is looked for once more, before it is said.",
    )
    decisions: bool = Field(
        False,
        description="Carry out outcomes of these cases, as `outcomes` says. Else the case is told that it is not.",
    )
    outcomes: dict[str, Actions] = Field(
        {},
        description="What each outcome of the case definition does, where `decisions` is true. Upper and lower case "
        "are the same. An outcome that is not named here is not acted on: it alerts.",
    )

    @model_validator(mode="after")
    def _decides(self) -> AdoptedCasesSettings:
        if self.decisions and not self.outcomes:
            raise ValueError("decisions: true needs outcomes: {OUTCOME: [ACTION]}")
        if self.outcomes and not self.decisions:
            raise ValueError("outcomes counts only with decisions: true")
        return self

    def number_of(self, case: Case) -> str:
        """The number that stands in the case; empty when none does."""
        return plain(case.attributes.get(self.number_in, ""))

    def shop_of(self, case: Case) -> str | None:
        """The connection that the case names; None when it names none of `shops`."""
        said = case.attributes.get(self.shop_in, "").strip().casefold()
        known = {word.strip().casefold(): connection for word, connection in self.shops.items()}
        if not said and len(set(known.values())) == 1:
            return next(iter(known.values()))
        return known.get(said)
