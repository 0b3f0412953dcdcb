"""What goes through the journal's port: plain records, the same for every journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from caseconnect.host.journal.rules import FREE, CapRule, StormRule
from caseconnect.models.base import Record
from caseconnect.sdk.commands import Command
from caseconnect.sdk.decisions import ActedOn, Finding, Timer
from caseconnect.sdk.deliveries import Delivery
from caseconnect.sdk.events import Event
from caseconnect.sdk.subjects import Subject

Mode = Literal["observe", "cases", "live"]


@dataclass(frozen=True)
class NewDelivery:
    """A delivery to be stored. `seen`: what comes of it is only remembered, and opens nothing."""

    tenant: str
    connection: str
    topic: str
    delivery_id: str
    received_at: datetime
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    polled: bool = False
    seen: bool = False


@dataclass(frozen=True)
class Receipt:
    """What became of it: `duplicate` was suppressed; `flagged`: its id came before with another body."""

    seq: int
    status: Literal["stored", "reference", "duplicate"]
    flagged: bool = False


@dataclass(frozen=True)
class CursorMove:
    """The cursor that covers a page, saved in the commit of its deliveries."""

    tenant: str
    connection: str
    cursor: str


@dataclass(frozen=True)
class StoredDelivery:
    """A delivery that waits to be parsed and resolved."""

    seq: int
    tenant: str
    delivery: Delivery
    tries: int


@dataclass(frozen=True)
class Resolved:
    """An event with the lane it belongs to and the aliases learned on the way."""

    event: Event
    lane: Subject
    aliases: tuple[Subject, ...] = ()


@dataclass(frozen=True)
class DeliveryResult:
    """How a delivery ends, or that it waits: `due` set and the rest empty.

    `masked` is what stands in the place of its body once it is parsed; None: nothing does.
    """

    seq: int
    state: Literal["events", "ignored", "parked", "waiting"]
    reason: str = ""
    events: tuple[Resolved, ...] = ()
    due: datetime | None = None
    masked: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class StoredEvent:
    """An event at the head of its lane. `event` is None when its type is unknown to this program.

    `replayed`: a person took it, or the delivery that it came by, up again. `seen`: its delivery is marked as seen.
    """

    seq: int
    tenant: str
    lane: Subject
    event: Event | None
    tries: int
    kind: str
    replayed: bool = False
    seen: bool = False


@dataclass(frozen=True)
class MatterKey:
    """What makes a matter one. `item`: "kind/id" of what it is about, or empty. Observe matters block no others."""

    tenant: str
    subject: Subject
    topic: str
    item: str = ""
    observe: bool = False


@dataclass(frozen=True)
class AddedFinding:
    """A finding with the use case that made it."""

    by: str
    finding: Finding


@dataclass(frozen=True)
class MatterRow:
    """A matter as it is stored."""

    id: str
    key: MatterKey
    episode: int
    mode: Mode
    state: Literal["open", "closed"]
    owner: str
    reference: str
    uses: tuple[str, ...]
    findings: tuple[AddedFinding, ...]
    cases: str
    case: Subject | None = None
    case_number: str | None = None
    case_url: str | None = None
    stage: str | None = None
    acted_on: ActedOn | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Ask:
    """A command that a use case asks for, with all that planning needs.

    `birth` is what the mode and the rules allow: planned, withheld or parked. `ground` tells whether a
    refused one may be asked again, or a hold that a person took off; that one only if it comes with a `fresh` finding,
    which the matter did not have. `storm`: what a case is counted under. `incident`: the one that it joined instead.
    """

    matter: str
    use: str
    command: Command
    connection: str
    birth: Literal["planned", "withheld", "parked"]
    ground: str
    note: str = ""
    fresh: bool = True
    caps: tuple[CapRule, ...] = FREE
    storm: StormRule | None = None
    incident: str = ""


@dataclass(frozen=True)
class Observation:
    """A slot's value as the platform shows it now, read at `at`."""

    connection: str
    target: Subject
    field: str
    value: str
    at: datetime


@dataclass(frozen=True)
class DecidedBy:
    """One use case's answer to one event. Its timers are those of `item`, the item that it was asked about."""

    use: str
    reason: str
    matter: str | None = None
    item: str = ""
    timers: tuple[Timer, ...] = ()
    cancel_timers: tuple[str, ...] = ()
    alert: str | None = None
    alert_kind: str = ""
    decision: dict[str, Any] | None = None


@dataclass(frozen=True)
class Verdict:
    """All that one lane's turn decided: written in one commit, with the events that it is about.

    `revokes`: keys of planned commands that must not go out any more.
    """

    tenant: str
    lane: Subject
    events: tuple[int, ...]
    at: datetime
    answers: tuple[DecidedBy, ...]
    matters: tuple[MatterRow, ...] = ()
    asks: tuple[Ask, ...] = ()
    facts: tuple[tuple[str, Subject, Record], ...] = ()
    observed: tuple[Observation, ...] = ()
    labels: tuple[str, ...] = ()
    revokes: tuple[str, ...] = ()
    slot_limit: int = 6
    passed_on: tuple[Resolved, ...] = ()


@dataclass(frozen=True)
class StoredCommand:
    """A command as it is stored.

    `lost`: how many attempts ended in an unknown outcome; `taken`: how many were accepted; `before`: what was there
    before its slot was ours; `doubted`: it may have been sent by a journal that this one is a former state of.
    """

    key: str
    seq: int
    tenant: str
    matter: str
    use: str
    kind: str
    name: str
    connection: str
    target: Subject | None
    state: str
    command: Command
    attempt: int
    looked: int
    sent_at: datetime | None
    deadline_at: datetime | None
    created_at: datetime
    due: datetime
    note: str
    data: dict[str, Any]
    reference: str
    case: Subject | None
    first_sent_at: datetime | None = None
    lost: int = 0
    taken: int = 0
    before: dict[str, Any] = field(default_factory=dict)
    doubted: bool = False

    @property
    def may_have_happened(self) -> bool:
        """An attempt that has ended may have had its effect, or may have it yet."""
        return self.lost + self.taken > 0


@dataclass(frozen=True)
class Settlement:
    """A change of a command's state, with its evidence. `by` is 'connect' or a person's name.

    `quiet`: it ends with its matter, so nobody has to be told.
    """

    key: str
    was: str
    becomes: str
    at: datetime
    note: str = ""
    by: str = "connect"
    data: dict[str, Any] = field(default_factory=dict)
    aliases: tuple[Subject, ...] = ()
    due: datetime | None = None
    deadline_at: datetime | None = None
    looked: int = 0
    quiet: bool = False


@dataclass(frozen=True)
class NewAlert:
    """Something a person must know. One row per cause until it is closed."""

    tenant: str
    cause: str
    title: str
    link: str = ""


@dataclass(frozen=True)
class Brake:
    """A pause. `scope` is tenant, flow, connection, command or access (every call to a connection); `name` what is
    paused within it.
    """

    tenant: str
    scope: Literal["tenant", "flow", "connection", "command", "access"]
    name: str
    reason: str
    by: str
    at: datetime
