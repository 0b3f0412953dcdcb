"""What a plugin offers: specs (data) and the working objects that they build.

From a spec are derived: `connect list-plugins`, validation of tenant files, the JSON Schema for editors,
the reference pages and the contract tests. Source, sink and trigger of one platform share name and settings.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from caseconnect.models.base import Record, Utc
from caseconnect.sdk.commands import Command
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed
from caseconnect.sdk.events import Event, ItemEvent
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.wakes import Deliver as Deliver
from caseconnect.sdk.wakes import Every as Every
from caseconnect.sdk.wakes import Listener as Listener
from caseconnect.sdk.wakes import Pushed as Pushed
from caseconnect.sdk.wakes import UploadPage as UploadPage
from caseconnect.sdk.wakes import Webhook as Webhook

Stability = Literal["experimental", "beta", "stable"]


class Settings(BaseModel):
    """Base of all settings: an unknown key is an error; every field has a description."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", hide_input_in_errors=True)


class Repeat(Enum):
    """How a repeat is safe after its outcome is unknown (DESIGN §3). Of `money` only what has a `KEY` is sent again."""

    KEY = "key"
    """The platform honours our key within `key_window`: resend; after it look, and never resend."""
    STATE = "state"
    """Read, then set if still wanted."""
    READ = "read"
    """Look after a quiet time; absent on two reads a minute apart: one more attempt, then a person."""
    PERSON = "person"
    """Parked with the evidence."""


class Outcome(Record):
    """What became of an attempt. `accepted`: taken, effect not seen yet; the host verifies until `done`."""

    state: Literal["done", "accepted", "refused"]
    note: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    aliases: tuple[Subject, ...] = ()


class Sighting(Record):
    """Answer of `verify`. `seen` None: it cannot be told; `failed`: it was taken and then came to nothing."""

    seen: bool | None
    failed: bool = False
    note: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    aliases: tuple[Subject, ...] = ()


class Choices(Record):
    """The outcomes that an agent can choose in a case of a definition, in the words that flows are told. `definition`
    is its name on the connection; empty: the first."""

    definition: str = ""
    outcomes: tuple[str, ...]


class Check(Record):
    """One step of `connect check --live`. `choices`: what a case definition offers, which is compared with the flows;
    None where this step does not know. `state` is a digest of what was found, where a change of it matters: the
    host makes the source's check daily, and tells when it is another one than ever before. `ends_at`: when the platform
    ends what was looked at (a version of its API, credentials), as far as that is known; it is told before."""

    step: str
    ok: bool
    note: str = ""
    state: str = ""
    ends_at: Utc | None = None
    choices: Choices | None = None


class Source(Protocol):
    """Reads one platform for one connection. May be an async context manager; the host enters and leaves it.

    Every method may raise the errors of `caseconnect.sdk.errors`. `parse` is pure and sync.
    """

    async def check(self) -> Sequence[Check]:
        """Try the connection step by step, changing nothing."""

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        """The next page of changes after `cursor` (None: begin at now). `watch` are ids of our open cases.

        The host saves `Page.cursor` in the commit of the page's deliveries, and calls again while `Page.more`.
        """

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        """Events of a delivery, or why there are none. Raise `PermanentError` for a body that cannot be read."""

    async def root(self, alias: Subject) -> Subject | None:
        """The subject that `alias` belongs to; itself when it stands alone; None when it cannot be told now."""

    async def fetch(self, need: Need) -> Record:
        """The fact as it is now. `PermanentError` when there is no such thing."""


class Identified(Protocol):
    """What a source has besides `Source` if its platform tells whose account it is.

    The host asks once before the first command is sent, and daily. An account that is another one than
    `SourceSpec.account` says cuts the connection off until a person has looked.
    """

    async def identity(self) -> str:
        """The account's name in the form of `SourceSpec.account`, as the platform itself says it."""


class Sink(Protocol):
    """Carries commands out on one platform for one connection. May be an async context manager.

    The host has committed `sending` before `execute` is called and never calls it twice at once for one key.
    """

    async def check(self) -> Sequence[Check]:
        """Try what the commands need (scopes, attributes), changing nothing."""

    async def execute(self, command: Command, key: str) -> Outcome:
        """One attempt. Raise `TransientError` only if there was surely no effect, `UnknownOutcome` in doubt."""

    async def verify(self, command: Command, key: str) -> Sighting:
        """Look whether the command has had its effect. Changes nothing."""


class Remembers(Protocol):
    """What a sink has besides `Sink` if its platform forgets what was there before ours: a suppression, a notice.

    The host asks before it sends a command that sets a slot, and commits the answer with `sending`; else `before` in
    the outcome's data counts. The command that undoes gets it as `receipt["before"]`, also if an answer was lost.
    """

    async def before(self, command: Command) -> Mapping[str, Any]:
        """What is there now, as plain data; nothing if there is nothing to restore. Changes nothing."""


@dataclass(frozen=True)
class Pacing:
    """How fast one remote account may be asked: `rate` requests (or cost points) a second, `burst` at once."""

    rate: float
    burst: float


Setup = Callable[[Any, Resources, str], Awaitable[Sequence[Check]]]
"""setup(settings, resources, address): `address` is where webhooks reach this connection; empty if they cannot."""

History = Callable[[Any, datetime, str | None], Awaitable[Page]]
"""history(source, since, cursor): a page of what changed after `since`; `cursor` None: the first one.

A page without items that says `more`: the platform is still at work on it; the host waits, and asks again.
"""


Expected = Callable[[Any, datetime], Awaitable[int]]
"""expected(source, since): about how many items `history` will give; it is shown before, and may be a little off."""


@dataclass(frozen=True)
class _Spec:
    name: str
    summary: str
    settings: type[Settings]
    stability: Stability = "beta"
    since: str = "0.1"
    example: str = ""


@dataclass(frozen=True)
class SourceSpec(_Spec):
    """A source. `roots` are the kinds that are subjects by themselves; `account` names the remote account.

    `tells` are fact kinds that its events bring with them (`ItemEvent.told`): the host keeps the newest telling and
    serves it, `fetch` is not asked. `setup` makes on the platform what the connection
    needs (subscriptions to `address`, definitions of attributes), tells each step, and may be repeated. `history`
    reads what is older than the connection, page by page, and `expected` says before about how much that is.
    """

    build: Callable[[Any, Resources], Source] = field(kw_only=True)
    account: Callable[[Any], str] = field(kw_only=True)
    emits: frozenset[type[Event]] = field(kw_only=True)
    facts: Mapping[str, type[Record]] = field(kw_only=True)
    roots: frozenset[str] = field(kw_only=True)
    pacing: Pacing = field(kw_only=True)
    tells: frozenset[str] = frozenset()
    setup: Setup | None = None
    history: History | None = None
    expected: Expected | None = None


@dataclass(frozen=True)
class SinkSpec(_Spec):
    """A sink. `lateness`: how long after its deadline a request may still land; `index_lag`: how late reads see it."""

    build: Callable[[Any, Resources], Sink] = field(kw_only=True)
    commands: Mapping[type[Command], Repeat] = field(kw_only=True)
    deadline: timedelta = timedelta(seconds=30)
    lateness: timedelta = timedelta(seconds=120)
    index_lag: timedelta = timedelta(seconds=0)
    key_window: timedelta = timedelta(hours=12)
    settle_within: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class TriggerSpec(_Spec):
    """What wakes the source of the same name. A tenant file may give another schedule under `poll:`.

    `wakes` answers at most one `Webhook`: a connection has one address, `/hooks/TENANT/CONNECTION`, for all topics.
    `ways` are listeners that settings may choose, by name, where their stability is not the trigger's own.
    """

    wakes: Callable[[Any], Sequence[Webhook | Every | Listener]] = field(kw_only=True)
    ways: Mapping[str, Stability] = field(default_factory=dict)


Decide = Callable[[Event, Matter, Facts, Any, datetime], Decision | Needs]
"""decide(event, matter, facts, settings, now): pure and sync."""


Joins = Callable[[ItemEvent, Matter, Any], bool]
"""joins(event, matter, settings): whether an item without a matter goes to this open one of the same subject."""


@dataclass(frozen=True)
class TransformSpec(_Spec):
    """A use case. `topic` groups exceptions worked in one case; `uses` is every command it may ask for.

    `exceptions` lists the names of its findings. `by_item`: each item (a return, a dispute) is a matter of its own.
    What concerns the whole subject (an order event, a reply, a timer without an item) is then offered for every open
    one; with none open once without an item: that may set timers and opens nothing. `of_whole`: exceptions about the
    whole subject all the same; with some it is always asked without an item, too. `joins`: a new item may go to an
    open matter of its subject instead; the event's item is then another than the matter's. `asks`: what connections
    must carry out for it under given settings; None: all of `uses`. `optional`: facts that it can do without.
    `may_come`: events of `handles` that it goes without where no connection sends them. `begins_at_case`: it takes case
    events that have no matter; `follows`: it is offered case events and settled commands of all, last; what else it
    handles, for every open matter of the subject whatever its topic, and for its own topic when none is open.
    `looks_at`: what it opens cases for under given settings, in words, and the setting that says so: another use case
    of another topic that says the same words opens a second case for one thing, and `connect check` warns.
    """

    topic: str = field(kw_only=True)
    handles: frozenset[type[Event]] = field(kw_only=True)
    needs: frozenset[str] = field(kw_only=True)
    uses: frozenset[type[Command]] = field(kw_only=True)
    decide: Decide = field(kw_only=True)
    exceptions: tuple[str, ...] = ()
    by_item: bool = False
    of_whole: tuple[str, ...] = ()
    joins: Joins | None = None
    asks: Callable[[Any], frozenset[type[Command]]] | None = None
    looks_at: Callable[[Any], Mapping[str, str]] | None = None
    optional: frozenset[str] = frozenset()
    may_come: frozenset[type[Event]] = frozenset()
    begins_at_case: bool = False
    follows: bool = False


@dataclass(frozen=True)
class SimulatorSpec:
    """A stand-in of a platform. `app` makes an ASGI application from a plain mapping of options."""

    name: str
    summary: str
    app: Callable[[Mapping[str, Any]], Any]
    stability: Stability = "beta"
    since: str = "0.1"


S = TypeVar("S", contravariant=True)


class Registrar(Protocol, Generic[S]):
    """What a hook is handed."""

    def add(self, spec: S) -> None:
        """Offer one component. `PluginError` if the spec is unfit or the name is taken."""
