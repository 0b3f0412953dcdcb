"""What every command of the sink stands on: the instance that is written to, and the writes of one attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol, TypeVar

from caseconnect.sdk.commands import Command
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.subjects import Subject

from .client import Json, SfccClient
from .config import SfccSettings
from .faults import Refused
from .places import OrderPlaces

T = TypeVar("T")

LONGEST_TEXT: Final = 4000
"""Longest value of a text attribute or note, in characters (OCAPI Shop `note.text`; sfcc.md §5.2)."""


class Work(Protocol):
    """One kind of command: carried out, looked for, and what it is about to change."""

    async def do(self, command: Any, key: str) -> Outcome:
        """One attempt; it looks first, so that what is so already is not sent again."""

    async def see(self, command: Any, key: str) -> Sighting:
        """Whether it is so. Changes nothing."""

    async def before(self, command: Any) -> Json:
        """What is there now and would have to be restored; empty for a command that is never undone."""


@dataclass(frozen=True)
class Desk:
    """What the works of one connection share. `staging` is where catalog and content are edited, if not here."""

    settings: SfccSettings
    client: SfccClient
    places: OrderPlaces
    staging: SfccClient | None = None

    @property
    def editing(self) -> SfccClient:
        """Where catalog and content are edited."""
        return self.staging or self.client


class Attempt:
    """The writes of one attempt. After the first that had an effect no later error may say 'surely no effect'."""

    def __init__(self) -> None:
        self.changed = False

    async def write(self, call: Awaitable[T]) -> T:
        """A call that changes something."""
        found = await self.look(call)
        self.changed = True
        return found

    async def look(self, call: Awaitable[T]) -> T:
        """A call that changes nothing, in the middle of an attempt."""
        try:
            return await call
        except ConnectError as error:
            if self.changed and not isinstance(error, UnknownOutcome):
                raise UnknownOutcome(f"a part was done, then: {error}") from error
            raise


class StateWork:
    """Base of works that leave nothing to restore."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def before(self, command: Any) -> Json:
        """Nothing."""
        return {}


async def found(call: Awaitable[Json], *absent: str) -> Json | None:
    """What the call reads; None when the platform says, by one of these codes, that it is not there."""
    try:
        return await call
    except Refused as refused:
        if refused.status == 404 and not refused.code:
            raise TransientError(f"{refused}: without the platform's own words nothing is taken as absent") from refused
        if refused.code not in absent:
            raise
        return None


def named(command: Command, *kinds: str, of: Subject | None = None) -> Subject:
    """What the command is about, which must be of one of these kinds."""
    target = of if of is not None else command.target
    if target is None or target.kind not in kinds:
        raise PermanentError(f"{command.kind} is about {' or '.join(kinds)}, not about {target}")
    return target


def order_no(command: Command) -> str:
    """The order that the command is about."""
    return named(command, "order").id


def place_of(subject: Subject) -> tuple[str, str]:
    """The two halves of an id that says where its thing is: site/key, or list/number."""
    first, _, rest = subject.id.partition("/")
    if not first or not rest:
        raise PermanentError(f"a {subject.kind} is named by its place and its key, such as RefArch/1001")
    return first, rest


def our_key(key: str) -> str:
    """Our command's key as a key of the platform: letters and digits, 34 characters, the same for each attempt."""
    return f"cc{sha256(key.encode()).hexdigest()[:32]}"


def writable(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text without what the platform's XML exports cannot hold, cut where it is too long."""
    plain = "".join(c for c in text if c in "\n\t" or (c >= " " and c != "\x7f" and not "\ud800" <= c <= "\udfff"))
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def attributes(values: Mapping[str, Any]) -> Json:
    """Attributes as documents carry them: with `c_`; an empty text clears."""
    return {f"c_{name}": None if value == "" else value for name, value in values.items()}
