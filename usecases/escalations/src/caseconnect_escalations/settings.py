"""Settings of the use case `escalations`."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator, model_validator

from caseconnect.sdk.casework import Action, Actions, AppliesToAny, CaseworkSettings, Priority
from caseconnect.sdk.components import Settings
from caseconnect.sdk.conditions import Condition

ExceptionName = Literal["vip", "large_value", "repeated_failures"]
"""What this use case finds."""

EXCEPTIONS: tuple[ExceptionName, ...] = get_args(ExceptionName)

FailureKind = Literal["declined", "cancelled", "refunded", "late", "complaint"]
"""What a shopper may have met with: see the README for what each platform tells of it."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

DAY = 24 * 60
"""Minutes of a day."""

_LEAST = 60
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
WorkingHours = Annotated[float, Field(gt=0, le=1000)]


class Failures(Settings):
    """When a shopper has met with too much."""

    count: int = Field(3, ge=1, description="Orders with a failure, this one included, from which it counts.")
    days: int = Field(90, ge=1, description="Days in which these orders were placed, counted back from now.")
    kinds: tuple[FailureKind, ...] = Field(
        get_args(FailureKind),
        description="What counts as a failure: declined (payment), cancelled (by the shop), refunded, late, complaint. "
        "Empty: off.",
    )
    except_reasons: tuple[str, ...] = Field(
        ("customer", "fraud"),
        description="Orders that were cancelled for these reasons, in the platform's words, are no failure of yours.",
    )


@lru_cache(maxsize=256)
def spans_of(text: str) -> tuple[tuple[int, int], ...]:
    """'09:00-12:00, 13:00-17:00' as minutes of the day; nothing where it cannot be read."""
    found = [_SPAN.fullmatch(part.strip()) for part in text.split(",")]
    if not all(found):
        return ()
    numbers = [[int(n) for n in match.groups()] for match in found if match]
    if any(minute > 59 for n in numbers for minute in (n[1], n[3])):
        return ()
    return tuple((n[0] * 60 + n[1], n[2] * 60 + n[3]) for n in numbers)


class Calendar(Settings):
    """When somebody works. Deadlines and steps count working hours alone."""

    time_zone: ZoneInfo = Field(ZoneInfo("UTC"), description="IANA name of the time zone, such as Europe/Berlin.")
    hours: dict[Weekday, str] = Field(
        {},
        description="Working hours by day (mon to sun), such as 09:00-17:00, or 09:00-12:00, 13:00-17:00. A day that "
        "is left out is free; empty: every hour of every day counts.",
    )
    holidays: frozenset[date] = Field(frozenset(), description="Days on which nobody works, such as 2026-12-25.")

    @field_validator("hours")
    @classmethod
    def _readable(cls, hours: dict[Weekday, str]) -> dict[Weekday, str]:
        for day, text in hours.items():
            spans = spans_of(text)
            ordered = all(one[1] <= two[0] for one, two in pairwise(spans))
            if not spans or not ordered or not all(0 <= begin < end <= DAY for begin, end in spans):
                raise ValueError(f"{day}: {text!r} is not understood: write 09:00-17:00, or 09:00-12:00, 13:00-17:00")
        if hours and sum(end - begin for text in hours.values() for begin, end in spans_of(text)) < _LEAST:
            raise ValueError("there is less than an hour of work in a week")
        return hours


class Step(Settings):
    """What happens to an escalated case that has no outcome yet."""

    after_hours: WorkingHours = Field(description="Working hours after the escalation.")
    comment: str = Field("", description="Said on the case; empty: that nobody has decided yet.")
    priority: Priority | None = Field(None, description="Raised to this, if it is lower.")
    owner: str = Field("", description="Who or which queue works on it from now on; empty: stays.")


class EscalationsSettings(CaseworkSettings):
    """Whose cases come first, who works on them until when, and what happens if nobody does."""

    names: ClassVar[tuple[str, ...]] = EXCEPTIONS
    actions: ClassVar[tuple[Action, ...]] = (
        "release",
        "cancel",
        "refund",
        "replace",
        "credit",
        "ask_verification",
        "set_status",
        "notify",
        "close",
    )

    applies_to: AppliesToAny = Field(AppliesToAny(), description="Which orders, and cases about them, are looked at.")
    opens: tuple[ExceptionName, ...] = Field(
        ("repeated_failures",),
        description="What opens a case where none is open: vip, large_value, repeated_failures. The others only raise "
        "cases that are open. A condition of `also` always opens one.",
    )
    vip_tags: tuple[str, ...] = Field(("vip",), description="Tags of a customer or an order that make a VIP.")
    vip_attributes: dict[str, tuple[str, ...]] = Field(
        {}, description="Attributes of a customer or an order that make a VIP: name to values, such as tier: [gold]."
    )
    vip_if: Condition | None = Field(None, description="Condition (CEL) that makes a VIP.")
    large_value: dict[Currency, Annotated[Decimal, Field(gt=0)]] = Field(
        {}, description="Total from which an order is large, by currency of the shop, such as EUR: 5000. Empty: off."
    )
    failures: Failures = Field(Failures(), description="When a shopper has met with too much.")
    steps: tuple[Step, ...] = Field(
        (
            Step(after_hours=6, comment="Nobody has decided yet, and the deadline is near.", priority=None, owner=""),
            Step(after_hours=8, comment="Nobody has decided in time.", priority="urgent", owner=""),
        ),
        description="What happens to an escalated case without an outcome, by working hours. The clock stands still "
        "while the case waits for the customer.",
    )
    calendar: Calendar = Field(Calendar(), description="When somebody works.")
    outcomes: dict[str, Actions] = Field(
        {"approved": ("close",), "rejected": ("close",), "resolved": ("close",), "verify": ("ask_verification",)},
        description="What each outcome of the case definition does, in cases that this use case opened and nothing "
        "else was found in. An outcome that is not named here is not acted on: it alerts.",
    )
    title: str = Field(
        "Escalation of order {order}: {exceptions}",
        min_length=1,
        description="Title of the case; may hold {order}, {order_id}, {shop}, {total}, {channel} and {exceptions}.",
    )
    priority: dict[str, Priority] = Field(
        {"*": "high"},
        description="Priority by exception, '*' for all others; a case that has a higher one keeps it.",
    )
    due_hours: dict[str, Annotated[int, Field(ge=1, le=1000)]] = Field(
        {"*": 8},
        description="Working hours until it is due, by exception, '*' for all others; an earlier deadline stays.",
    )

    @field_validator("vip_attributes", mode="before")
    @classmethod
    def _listed(cls, found: Any) -> Any:
        if not isinstance(found, dict):
            return found
        return {name: (value,) if isinstance(value, str) else value for name, value in found.items()}

    @model_validator(mode="after")
    def _rising(self) -> EscalationsSettings:
        hours = [step.after_hours for step in self.steps]
        if hours != sorted(set(hours)):
            raise ValueError("steps: after_hours must rise from step to step")
        return self
