"""Caps: how many commands of a kind, and how much money, may go out an hour and a day before a person is asked.

And storms: how many cases of one exception, before the rest join one incident.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from caseconnect.host.tenants.durations import Duration
from caseconnect.sdk.commands import COMMANDS

MONEY = "money"
"""Stands for every kind of command that gives value away, counted together."""


def _limits(given: dict[str, Decimal]) -> dict[str, Decimal]:
    for name, limit in given.items():
        if name != "count" and not re.fullmatch("[A-Z]{3}", name):
            raise ValueError(f"{name!r} is neither `count` nor a currency such as EUR")
        if not limit.is_finite() or limit < 0 or (name == "count" and limit % 1):
            raise ValueError(f"{name!r} must be a {'whole ' * (name == 'count')}number, zero or more")
    return given


def _kinds(given: Mapping[str, Cap]) -> Mapping[str, Cap]:
    for name in given:
        if name != MONEY and name not in COMMANDS:
            near = get_close_matches(name, [MONEY, *COMMANDS], 1)
            raise ValueError(f"there is no kind of command {name!r}" + (f": did you mean {near[0]}?" if near else ""))
    return given


Window = Annotated[dict[str, Decimal], AfterValidator(_limits)]


class Cap(BaseModel):
    """What may go out of one kind of command. A currency that is not named is counted and not summed.

    Without `count`, money in such a currency is under the default count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hour: Window = Field(default_factory=dict, description='In any 60 minutes, such as `{count: 10, EUR: "1000.00"}`.')
    day: Window = Field(default_factory=dict, description="In any 24 hours, written alike.")

    @model_validator(mode="after")
    def _says_something(self) -> Cap:
        if not self.hour and not self.day:
            raise ValueError("say how many: `hour:` or `day:` with `count` or a currency")
        return self


class Storm(BaseModel):
    """When the cases of one exception are a storm: more than `cases` of them, asked for `within` that time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cases: int = Field(30, ge=1, description="So many get cases of their own.")
    within: Duration = Field(timedelta(minutes=10), gt=timedelta(0), description="In any span of that length.")


Caps = Annotated[dict[str, Cap], AfterValidator(_kinds)]
"""By kind of command, or `money`."""

DEFAULT = Cap(hour={"count": Decimal(20)}, day={"count": Decimal(100)})
"""For each flow, over all of its commands that give value away and that the tenant file limits neither by count nor by
their own currency."""
