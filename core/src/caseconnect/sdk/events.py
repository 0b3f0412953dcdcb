"""Canonical events. The envelope uses the CloudEvents names (id, source, type, subject, time).

An order event only says *look*: what is decided on is the order as read now, so the order in which events
arrive cannot matter. `refs` are further names of the same thing, tried in turn when `subject` is not a root.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from caseconnect.models.base import Record, Utc
from caseconnect.sdk.subjects import Subject


class Event(Record):
    """The envelope. `id` is unique per source; the journal gives it when a plugin leaves it empty."""

    type: str
    version: int = 1
    id: str = ""
    source: str = Field("", description="The connection, or 'connect' for the host's own events.")
    subject: Subject
    refs: tuple[Subject, ...] = ()
    time: Utc = Field(description="When it happened on the platform, not when it arrived.")


class OrderChanged(Event):
    """Something about an order changed. `hint` is the platform's own word for it (a webhook topic, 'poll')."""

    type: Literal["OrderChanged"] = "OrderChanged"
    hint: str = ""


class CaseChanged(Event):
    """Something about a case changed. `reference` is our own reference if the platform's record shows it."""

    type: Literal["CaseChanged"] = "CaseChanged"
    reference: str | None = None


class CommandSettled(Event):
    """One of the matter's commands ended: done, refused or parked. Written by the host to the matter's owner."""

    type: Literal["CommandSettled"] = "CommandSettled"
    matter: str
    key: str
    kind: str
    name: str = ""
    state: Literal["done", "refused", "parked"]
    note: str = ""
    data: dict[str, Any] = Field(default_factory=dict)


class TimerFired(Event):
    """A timer of a use case came due. `due` is when it should have; `matter` is empty if none was open then."""

    type: Literal["TimerFired"] = "TimerFired"
    use: str
    matter: str = ""
    name: str
    due: Utc


EVENTS: dict[str, type[Event]] = {
    "OrderChanged": OrderChanged,
    "CaseChanged": CaseChanged,
    "CommandSettled": CommandSettled,
    "TimerFired": TimerFired,
}
"""Every event type by name. An unknown type read from the journal is parked, never guessed at."""
