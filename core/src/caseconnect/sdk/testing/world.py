"""What a plugin tells the contract tests about its simulated platform."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from caseconnect.sdk.commands import Command
from caseconnect.sdk.decisions import Need


class World(ABC):
    """One simulated platform, in a known state. A new one is made for each test, inside virtual time.

    `app` is its ASGI application, `settings` what a tenant file would say (plain data, secrets by `{env: NAME}`),
    `secrets` the value of each NAME. `connection` is the connection's name in subjects. Keep pages as small as
    the settings allow, so that three changes need two pages.
    """

    app: Any
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    connection: ClassVar[str] = "shop"

    personal: ClassVar[Sequence[str]] = ()
    """Personal data that this world holds (an e-mail address, a name): never to be seen in a log, error or URL."""

    def end_tokens(self) -> bool:
        """Make every access token useless before its time. False: the platform has no such tokens."""
        return False

    def throttle(self) -> bool:
        """Refuse the next request as too many, in the platform's own way. False: it answers a plain 429."""
        return False


@dataclass(frozen=True)
class Pushed:
    """A webhook request as the platform sends it. `topic`: the last part of its path, where no header has it."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    topic: str = ""


class SourceWorld(World):
    """A platform to read from. It begins with at least one thing that is older than the connection."""

    overlap: ClassVar[timedelta] = timedelta(minutes=10)
    """At least the source's overlap: a change older than this before the newest one is not read again."""

    index_lag: ClassVar[timedelta] = timedelta(0)
    """How late the platform's own search or listing shows a change."""

    absent: ClassVar[str] = "999999999999"
    """An id that nothing has."""

    @abstractmethod
    async def change(self, n: int) -> str:
        """Make or change the thing number `n` (0, 1, 2, ...) and return its id, as events name it."""

    def watch(self) -> Sequence[str]:
        """Ids of the open cases that the host would name to `read`."""
        return ()

    async def pushed(self) -> Sequence[Pushed]:
        """Samples of webhook requests, signed. None: the platform pushes nothing."""
        return ()

    @abstractmethod
    def needs(self) -> Sequence[Need]:
        """One need, that can be met, for each kind of fact that the source supplies."""


class ToldWorld(World):
    """Somebody who pushes, and whom nobody can ask."""

    app: Any = None

    @abstractmethod
    async def pushed(self) -> Sequence[Pushed]:
        """Samples of webhook requests, signed; of mails, without headers."""


class SinkWorld(World):
    """A platform to act on, with a ledger of effects that is kept apart from its answers."""

    @abstractmethod
    def command(self, kind: type[Command]) -> Command:
        """Make ready what a command of this kind needs, and return one that can be carried out now, target filled."""

    @abstractmethod
    def refused(self, kind: type[Command]) -> Command | None:
        """A command of this kind that the platform cannot carry out, now or ever. None: there is no such case."""

    @abstractmethod
    def effects(self) -> Sequence[Any]:
        """What was changed there since this world began, by the API, in order."""
