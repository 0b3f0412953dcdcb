"""What the API takes and gives, as models: its OpenAPI document is written from them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from caseconnect.host.journal.queueing import FIRST

Number = Annotated[int, Field(ge=0, le=2**62)]
Text = Annotated[str, Field(max_length=500)]


class _Taken(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OfTenant(_Taken):
    """Of one tenant, or of all."""

    tenant: Text = Field("", description="Name of the tenant; empty: all.")


class OfSubject(_Taken):
    """About one order, case or other thing."""

    tenant: Text = Field(description="Name of the tenant.")
    subject: Text = Field(description="connection/kind/id, such as shop/order/1001.")


class Sought(_Taken):
    """What is looked for."""

    text: Text = Field(min_length=1, description="A subject, its id, the number of an order or a case, a reference.")


class OfPause(_Taken):
    """One pause."""

    tenant: Text = Field(description="Name of the tenant.")
    scope: Text = Field(description="tenant, flow, connection, command or access.")
    name: Text = Field(description="What is paused; the tenant's own name for `tenant`.")
    limit: int = Field(FIRST, ge=1, le=1000, description="So many of what waits one by one, the first to go.")


class OfClicks(_Taken):
    """Which clicks."""

    tenant: Text = Field("", description="Of this tenant only.")
    about: Text = Field("", description="About this subject, command or name only.")
    before: Number | None = Field(None, description="Older than the one with this number.")
    limit: int = Field(100, ge=1, le=500, description="At most so many, the newest first.")


class OfDays(_Taken):
    """How far back."""

    days: int = Field(7, ge=1, le=90, description="So many days back.")


class PlanAsked(_Taken):
    """The fields of an action; each takes a text, or a list of texts where it may be many."""

    fields: dict[Annotated[str, Field(max_length=40)], Text | Annotated[list[Text], Field(max_length=1000)]] = Field(
        description="As the action's table in the documentation says."
    )


class DoAsked(PlanAsked):
    """An action that was planned, to be done."""

    digest: Text = Field(description="Of the plan that was looked at: another one is refused.")
    reason: Text = Field("", description="Why; it is kept with the token's name.")


class Remark(_Taken):
    """Something said to a proposal."""

    reason: Text = Field("", description="It is kept with the token's name.")


class Given(BaseModel):
    """What the API gives."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Error(Given):
    """Why not, in words."""

    error: str


class StepGiven(Given):
    """One thing that would happen, in its turn."""

    about: str
    what: str
    effect: str
    tenant: str
    subject: str
    money: bool
    worth: str | None


class PlanGiven(Given):
    """What would happen. `more`: so many steps come after these; `second`: why it takes two people, or empty."""

    action: str
    title: str
    tenant: str
    steps: list[StepGiven]
    more: int
    sums: list[str]
    notes: list[str]
    role: str
    second: str
    digest: str


class EndedGiven(Given):
    """What became of an action, by what it was about."""

    result: str
    proposal: int | None
    done: dict[str, dict[str, Any]]
    failed: dict[str, str]


class ProposalGiven(Given):
    """What one person proposed. `state`: open, done, refused, withdrawn, expired or changed."""

    seq: int
    at: datetime
    until: datetime
    tenant: str
    who: str
    action: str
    plan: PlanGiven
    reason: str
    state: str
    ended_at: datetime | None
    ended_by: str | None
    note: str


class ClickGiven(Given):
    """What somebody did. An empty result: the daemon ended meanwhile."""

    seq: int
    at: datetime
    who: str
    role: str
    action: str
    through: str
    tenant: str
    about: list[str]
    fields: dict[str, Any]
    reason: str
    proposal: int | None
    ended_at: datetime | None
    result: str


class CapChangeGiven(Given):
    """What people changed of a limit; without `until` until it is taken back."""

    limit: Decimal
    reason: str
    by: str
    confirmed_by: str | None
    at: datetime
    until: datetime | None


class CapGiven(Given):
    """One limit of a cap, `per` hour or day, of `what`: count or a currency. `file`: what the tenant file says."""

    tenant: str
    cap: str
    per: str
    what: str
    used: Decimal
    limit: Decimal
    file: Decimal
    change: CapChangeGiven | None


class PauseGiven(Given):
    """A pause that is on."""

    tenant: str
    scope: str
    name: str
    reason: str
    by: str
    at: datetime


class QueuedGiven(Given):
    """A command behind a pause. `after`: something else goes first; `behind`: a connection has to work again."""

    key: str
    use: str
    kind: str
    connection: str
    target: str
    reference: str
    state: str
    money: bool
    worth: str | None
    after: bool
    due: datetime
    behind: str


class QueueGiven(Given):
    """What waits behind a pause: how many, what they give away, and the first of them."""

    count: int
    sums: list[str]
    first: list[QueuedGiven]


class FoundGiven(Given):
    """A subject that a text may mean."""

    tenant: str
    subject: str


class DoneGiven(Given):
    """It is done."""

    result: str
