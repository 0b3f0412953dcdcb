"""Settings of the use case `approvals`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from caseconnect.models import ApprovalRequest, Record
from caseconnect.sdk.casework import Action, Actions, Answers, AppliesToAny, CaseworkSettings

EXCEPTIONS = ("needs_approval", "within_limits", "around_the_gate")
"""What this use case finds: a request that waits for a person, one that needs none, a refund without a request."""

Kind = Literal["refund", "replacement", "credit"]
Amount = Annotated[Decimal, Field(gt=0)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class AppliesToRefunds(AppliesToAny):
    """Which orders' refunds are watched: by default all but those of test orders and of tills."""

    except_channels: tuple[str, ...] = Field(("pos",), description="Not orders from these channels.")


class ApprovalsSettings(CaseworkSettings):
    """Which requests need approval, who may give it, and how long they wait."""

    names: ClassVar[tuple[str, ...]] = EXCEPTIONS
    item: ClassVar[type[Record] | None] = ApprovalRequest
    actions: ClassVar[tuple[Action, ...]] = ("as_requested", "notify", "close")

    outcomes: dict[str, Actions] = Field(
        {"approved": ("as_requested",), "rejected": ("close",)},
        description="What each outcome of the case definition does: as_requested carries out exactly what the case "
        "shows, notify writes to the shopper, close does nothing. An outcome that is not named here alerts.",
    )
    kinds: tuple[Kind, ...] = Field(
        ("refund", "replacement", "credit"),
        min_length=1,
        description="What may be asked for; a request of another kind opens a case, and nothing of it is carried out.",
    )
    free_up_to: dict[Currency, Amount] = Field(
        {},
        description="Amount by currency up to which nobody is asked: it is carried out at once. Empty: all are asked.",
    )
    applies_to: AppliesToRefunds = Field(
        AppliesToRefunds(), description="Of which orders refunds are watched, and conditions count."
    )
    report_refunds: bool = Field(
        True,
        description="Open a case for a refund that was made in the shop without a request, above free_up_to of its "
        "currency. Connect's own refunds do not count. Without free_up_to nothing is watched.",
    )
    free_per_month: dict[Currency, Amount] = Field(
        {},
        description="How much of that one customer may have in a calendar month (UTC), by currency; more is parked.",
    )
    four_eyes: bool = Field(
        False, description="Who asked must not be who approves, and both must be known. It needs `people`."
    )
    people: dict[str, str] = Field(
        {},
        description="Who asks, as the requests name them, and as case management names the same person (`decided_by` "
        "of a case). Who approves must be in it, too.",
    )
    expires_hours: int = Field(72, ge=1, description="Hours after which a request that nobody decided is refused.")
    answers: Answers = Field(
        Answers(amount="", lines="", items="", points=""),
        description="Only `reason` counts here: an approval binds exactly what the case shows.",
    )
    title: str = Field(
        "Approve for order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    description: str = Field(
        "{request}\n\n{findings}\n\n{facts}\n\n{lines}\n\n{payments}\n\n{customer}\n\n{history}\n\n{shipments}",
        min_length=1,
        description="Description of the case: texts of the tenant, and names in braces for what is known.",
    )

    @model_validator(mode="after")
    def _provable(self) -> ApprovalsSettings:
        if self.four_eyes and not self.people:
            raise ValueError(
                "four_eyes needs to know who is who: people: {NAME IN REQUESTS: NAME IN CASE MANAGEMENT}, for everyone "
                "who asks or approves"
            )
        named = [n for n in ("amount", "lines", "items", "points") if getattr(self.answers, n)]
        if named:
            raise ValueError(f"answers.{named[0]}: an approval binds what the case shows, nothing can be changed by it")
        if self.free_per_month and not set(self.free_per_month) >= set(self.free_up_to):
            lacking = ", ".join(sorted(set(self.free_up_to) - set(self.free_per_month)))
            raise ValueError(f"free_per_month has no amount for {lacking}, which free_up_to has")
        return self
