"""What a use case is given and what it answers. All of it is data; deciding is pure and sync."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import Field, SerializeAsAny

from caseconnect.models.base import Record, Utc
from caseconnect.sdk.commands import Command
from caseconnect.sdk.subjects import Subject

R = TypeVar("R", bound=Record)


class Need(Record):
    """One fact that a decision wants. An optional one may come as `Missing`; a required one makes the lane wait."""

    fact: str
    subject: Subject
    required: bool = True
    fields: tuple[str, ...] = Field(
        (), description="All that is looked at: what costs further requests may be left out. Empty: the whole record."
    )


class Needs(Record):
    """Answer of `decide`: fetch these and ask again (at most three rounds)."""

    needs: tuple[Need, ...]


class Missing(Record):
    """An optional fact that could not be had, and why."""

    why: str


class Facts:
    """What was read for this decision, by fact kind and subject. Kept with the decision."""

    def __init__(self, found: Mapping[tuple[str, Subject], Record] | None = None) -> None:
        self._found = dict(found or {})

    def get(self, fact: str, subject: Subject, model: type[R]) -> R | Missing | None:
        """The fact; `Missing` when it could not be had; None when it was not asked for yet."""
        found = self._found.get((fact, subject))
        if found is None or isinstance(found, Missing | model):
            return found
        raise TypeError(f"fact {fact!r} of {subject} is a {type(found).__name__}, not a {model.__name__}")

    def lacking(self, needs: Iterable[Need]) -> tuple[Need, ...]:
        """Those of `needs` that were not fetched yet."""
        return tuple(n for n in needs if (n.fact, n.subject) not in self._found)

    def items(self) -> Iterator[tuple[tuple[str, Subject], Record]]:
        """Everything that was read."""
        return iter(self._found.items())


class Finding(Record):
    """One exception that was found. `arose_at` decides against `go_live` whether it counts at all."""

    exception: str
    ground: str = Field(description="`digest_of` the facts that raised it: the same never opens a second episode.")
    summary: str
    arose_at: Utc


class Timer(Record):
    """Wake this matter at `due`. A timer of the same name is replaced."""

    name: str
    due: Utc


class ActedOn(Record):
    """The decision in case management that this answer carries out; the same revision is never acted on twice."""

    outcome: str
    revision: str
    answers: str = Field("", description="`digest_of` what was written with the outcome. Empty: it was not kept.")


UNMAPPED = "unmapped:"
"""Begins the kind of the alert that an outcome is mapped to nothing; the outcome follows."""

IMPOSSIBLE = "impossible:"
"""Begins the kind of the alert that an outcome cannot be carried out as it stands; `matter_name` follows."""

REFUSED = "refused:"
"""Begins the kind of the alert that commands were refused; their kind follows."""


class Decision(Record):
    """What a use case answers, also when it does nothing. `reason` names the setting that decided."""

    reason: str = Field(min_length=1)
    findings: tuple[Finding, ...] = ()
    commands: tuple[SerializeAsAny[Command], ...] = ()
    timers: tuple[Timer, ...] = ()
    cancel_timers: tuple[str, ...] = ()
    stage: str | None = None
    acted_on: ActedOn | None = None
    revokes: tuple[str, ...] = Field(
        (),
        description="Keys (`CommandState.key`) of planned commands of this matter that must not go out any more, "
        "with those that were to follow them. They end as superseded in the commit of this decision; when one has left "
        "`planned` meanwhile, the decision is made again.",
    )
    close: bool = False
    alert: str | None = Field(None, description="Something a person must see: becomes an alert row.")
    alert_kind: str = Field(
        "",
        description="What alerts have in common that are one, such as `unmapped:yes`; default: the alert's own text.",
    )
    belongs_to: Subject | None = Field(
        None,
        description="The case that this is about turns out to belong to that subject, such as an order: the host keeps "
        "it in mind, and asks whoever begins at cases again there. For use cases that begin at a case.",
    )


def item_name(subject: Subject, item: Subject) -> str:
    """An item as matters of `subject` name it: 'kind/id', and 'connection:kind/id' if it came by another connection."""
    by = "" if item.connection == subject.connection else f"{item.connection}:"
    return f"{by}{item.kind}/{item.id}"


def matter_name(subject: Subject, item: str) -> str:
    """What a matter of `subject` is about, as the kind of an alert names it."""
    return f"{subject}:{item}" if item else str(subject)


def item_of(subject: Subject, name: str) -> Subject:
    """The item that matters of `subject` call by that name."""
    place, _, id_ = name.partition("/")
    connection, _, kind = place.rpartition(":")
    return Subject(connection or subject.connection, kind, id_)


@dataclass(frozen=True)
class CaseRef:
    """The case of a matter."""

    subject: Subject
    number: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class OtherCase:
    """The case of another open matter of the same subject, and what that one is about."""

    case: CaseRef
    topic: str
    item: str = ""


@dataclass(frozen=True)
class CommandState:
    """A command of the matter as far as it got. `state` is a state of PIPELINE.md."""

    kind: str
    name: str
    state: str
    by: str
    key: str


@dataclass(frozen=True)
class Matter:
    """What a case is about, as the use case sees it.

    `state` is 'none' when there is no open one and never was; a closed one is shown as it was left. `beside` are the
    other items of the same subject and topic that had a matter, open or closed: an order's earlier claims.
    `other_cases` are the cases of other open matters of the same subject, whatever their topic.
    """

    subject: Subject
    topic: str
    item: str = ""
    state: Literal["none", "open", "closed"] = "none"
    episode: int = 0
    id: str = ""
    owner: str = ""
    reference: str = ""
    mode: Literal["observe", "cases", "live"] = "observe"
    case: CaseRef | None = None
    stage: str | None = None
    findings: tuple[Finding, ...] = ()
    commands: tuple[CommandState, ...] = ()
    claims: frozenset[str] = frozenset()
    timers: frozenset[str] = frozenset()
    acted_on: ActedOn | None = None
    opened_at: datetime | None = None
    seen_grounds: frozenset[str] = field(default_factory=frozenset)
    beside: tuple[Subject, ...] = ()
    other_cases: tuple[OtherCase, ...] = ()

    def is_open(self) -> bool:
        """True while the matter is worked on."""
        return self.state == "open"

    @property
    def about(self) -> Subject | None:
        """The item that the matter is about, such as a return; None when it is about the whole subject."""
        return item_of(self.subject, self.item) if self.item else None

    def has(self, exception: str, ground: str) -> bool:
        """The open matter holds this finding already."""
        return any(f.exception == exception and f.ground == ground for f in self.findings)

    def may_open(self, finding: Finding) -> bool:
        """No open matter, and a ground that no earlier episode had: a risk that stays high does not hold again."""
        return self.state != "open" and finding.ground not in self.seen_grounds

    def command(self, kind: str, name: str = "") -> CommandState | None:
        """The newest command of that kind and name, or None."""
        return next((c for c in reversed(self.commands) if (c.kind, c.name) == (kind, name)), None)
