"""The shape of a tenant's own tests, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from caseconnect.host.tenants.durations import Duration
from caseconnect.host.tenants.file_models import Mode, Part
from caseconnect.models.base import Record, Utc
from caseconnect.sdk.commands import OpenCase
from caseconnect.sdk.events import Event
from caseconnect.sdk.subjects import Subject


class TestPart(Part):
    """One test."""

    __test__ = False

    name: str = Field(min_length=1, description="What should be so, in a sentence.")
    given: Any = Field(description="What is given: clock, facts, events.")
    expect: Any = Field(description="What should come of it.")


class GivenPart(Part):
    """What is given."""

    now: Utc = Field(description="The clock at the first event. With UTC offset.")
    mode: Mode | None = Field(None, description="The mode of all flows; default: as the tenant file says.")
    facts: Any = Field(None, description="By subject and kind the records that can be read from the beginning.")
    events: Any = Field(description="What comes, in order: canonical events.")


class StepPart(Part):
    """One event, or only time that goes by."""

    type: str | None = Field(None, description="The event's type; without it only time goes by, and timers fire.")
    after: Duration = Field(timedelta(0), description="How long after the one before.")
    facts: Any = Field(None, description="What can be read from now on: as `facts` of `given`, over it.")


class ExpectPart(Part):
    """What should come of it. What is left out is not looked at; `cases` are all that there are."""

    cases: Any = Field(None, description="The cases that open, all of them: `use`, `exceptions`, fields; [] is none.")
    commands: Any = Field(None, description="Commands that are asked for: `kind`, `use`, `state`, fields.")
    never: tuple[str, ...] = Field((), description="Kinds of commands that are not asked for.")
    says: tuple[str, ...] = Field((), description="Texts, each of which is in the reason of some verdict.")


class WantedPart(Part):
    """A case or a command that should be there. Beside these keys any field of the command."""

    kind: str = Field(OpenCase.kind, description="Kind of command.")
    use: str | None = Field(None, description="The use case that asked for it.")
    state: Literal["planned", "withheld", "parked", "done", "superseded"] | None = Field(
        None, description="planned: it would go out; withheld: the mode keeps it back; parked: a person decides."
    )
    exceptions: tuple[str, ...] = Field((), description="Exceptions of that use case that its matter has.")


Facts = dict[tuple[str, Subject], Record]


@dataclass(frozen=True)
class Step:
    """Time goes by; then an event, if there is one. `facts` can be read from then on."""

    after: timedelta
    event: Event | None
    facts: Facts = field(repr=False)


@dataclass(frozen=True)
class Wanted:
    """A command that should be there; `fields` as JSON has them."""

    part: WantedPart
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        by = f" by {self.part.use}" if self.part.use else ""
        why = f" ({', '.join(self.part.exceptions)})" if self.part.exceptions else ""
        state = {"state": self.part.state} if self.part.state else {}
        said = ", ".join(f"{name} {value!r}" for name, value in {**state, **self.fields}.items())
        return f"{self.part.kind}{by}{why}" + (f" with {said}" if said else "")


@dataclass(frozen=True)
class Written:
    """A test as it is written. `cases` None: they are not looked at."""

    name: str
    line: int
    now: datetime
    mode: Mode | None
    facts: Facts = field(repr=False)
    steps: tuple[Step, ...] = ()
    cases: tuple[Wanted, ...] | None = None
    commands: tuple[Wanted, ...] = ()
    never: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
