"""The journal's verbs for the console: clicks, proposals, changed caps, tokens, and what waits behind a pause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from caseconnect.host.journal import api_tokens, cap_changes, caps, clicks, queueing
from caseconnect.host.journal.api_tokens import ApiToken
from caseconnect.host.journal.cap_changes import CapChange, CapUse
from caseconnect.host.journal.clicks import Click, GivenAway, Proposal
from caseconnect.host.journal.part import SqlitePart
from caseconnect.host.journal.queueing import FIRST, Queue
from caseconnect.host.journal.rules import CapRule


class ConsoleVerbs(Protocol):
    """The part of the journal's port that the console asks for."""

    async def clicked(self, new: Click) -> int:
        """Write a click down, before it is carried out; its number."""

    async def click_ended(self, seq: int, result: str, now: datetime) -> None:
        """How a click ended."""

    def clicks(
        self, tenant: str | None = None, names: Sequence[str] = (), before: int | None = None, limit: int = 200
    ) -> list[Click]:
        """The newest clicks, newest first; of a tenant, about any of `names`, older than the one numbered `before`."""

    def given_away(self, who: str, after: datetime, now: datetime) -> GivenAway:
        """What somebody gave away by clicks of their own, and by tokens that they made, after a moment."""

    async def propose(self, new: Proposal) -> int:
        """Write down what one person proposes; its number."""

    async def end_proposal(self, seq: int, state: str, by: str, note: str, now: datetime) -> None:
        """End an open proposal; never confirmed by who made it."""

    def proposals(self, now: datetime, *, ended: int = 0) -> list[Proposal]:
        """The open proposals, and the newest that are ended."""

    def proposal(self, seq: int, now: datetime) -> Proposal | None:
        """One proposal."""

    async def change_cap(self, new: CapChange) -> None:
        """Override a limit of a cap."""

    async def take_back_cap(
        self, tenant: str, cap: str, per: str, what: str, reason: str, by: str, now: datetime
    ) -> None:
        """What the tenant file says holds again."""

    def cap_changes(self, tenant: str | None, now: datetime) -> list[CapChange]:
        """The changes of caps that are in force."""

    def cap_uses(self, tenant: str, rules: Sequence[CapRule], now: datetime) -> list[CapUse]:
        """How much of each limit is used now."""

    async def add_token(self, hashed: str, new: ApiToken) -> int:
        """Keep a token of the API by its hash."""

    async def revoke_token(self, name: str, by: str, now: datetime) -> None:
        """End a token of the API."""

    def token_of(self, hashed: str, now: datetime) -> ApiToken | None:
        """The token with that hash, if it is good now."""

    def tokens(self) -> list[ApiToken]:
        """All tokens of the API."""

    def held_back(self, tenant: str, scope: str, name: str, limit: int = FIRST) -> Queue:
        """What goes out when a pause ends, in order; the first one by one, all of it summed."""

    def under_cap(self, tenant: str, cause: str, limit: int = -1) -> list[str]:
        """Keys of what is parked under a cap or in an incident, the first asked for first."""

    def kept_by(self, key: str) -> tuple[str, tuple[str, ...]]:
        """(cause, caps): what it is parked under, and the caps of which it takes nothing until it is retried."""


class SqliteConsole(SqlitePart):
    """`ConsoleVerbs` on SQLite."""

    async def clicked(self, new: Click) -> int:
        """See `ConsoleVerbs`."""
        return int(await self._write("click", lambda db: clicks.clicked(db, new)))

    async def click_ended(self, seq: int, result: str, now: datetime) -> None:
        """See `ConsoleVerbs`."""
        await self._write("click", lambda db: clicks.click_ended(db, seq, result, now))

    def clicks(
        self, tenant: str | None = None, names: Sequence[str] = (), before: int | None = None, limit: int = 200
    ) -> list[Click]:
        """See `ConsoleVerbs`."""
        return clicks.clicks(self._db(), tenant, names, before, limit)

    def given_away(self, who: str, after: datetime, now: datetime) -> GivenAway:
        """See `ConsoleVerbs`."""
        return clicks.given_away(self._db(), who, after, now)

    async def propose(self, new: Proposal) -> int:
        """See `ConsoleVerbs`."""
        return int(await self._write("click", lambda db: clicks.propose(db, new)))

    async def end_proposal(self, seq: int, state: str, by: str, note: str, now: datetime) -> None:
        """See `ConsoleVerbs`."""
        await self._write("click", lambda db: clicks.end_proposal(db, seq, state, by, note, now))

    def proposals(self, now: datetime, *, ended: int = 0) -> list[Proposal]:
        """See `ConsoleVerbs`."""
        return clicks.proposals(self._db(), now, ended=ended)

    def proposal(self, seq: int, now: datetime) -> Proposal | None:
        """See `ConsoleVerbs`."""
        return clicks.proposal(self._db(), seq, now)

    async def change_cap(self, new: CapChange) -> None:
        """See `ConsoleVerbs`."""
        await self._write("cap", lambda db: cap_changes.change_cap(db, new))

    async def take_back_cap(
        self, tenant: str, cap: str, per: str, what: str, reason: str, by: str, now: datetime
    ) -> None:
        """See `ConsoleVerbs`."""
        await self._write("cap", lambda db: cap_changes.take_back(db, tenant, cap, per, what, reason, by, now))

    def cap_changes(self, tenant: str | None, now: datetime) -> list[CapChange]:
        """See `ConsoleVerbs`."""
        return cap_changes.changes(self._db(), tenant, now)

    def cap_uses(self, tenant: str, rules: Sequence[CapRule], now: datetime) -> list[CapUse]:
        """See `ConsoleVerbs`."""
        return cap_changes.uses(self._db(), tenant, rules, now)

    async def add_token(self, hashed: str, new: ApiToken) -> int:
        """See `ConsoleVerbs`."""
        return int(await self._write("click", lambda db: api_tokens.add_token(db, hashed, new)))

    async def revoke_token(self, name: str, by: str, now: datetime) -> None:
        """See `ConsoleVerbs`."""
        await self._write("click", lambda db: api_tokens.revoke_token(db, name, by, now))

    def token_of(self, hashed: str, now: datetime) -> ApiToken | None:
        """See `ConsoleVerbs`."""
        return api_tokens.token_of(self._db(), hashed, now)

    def tokens(self) -> list[ApiToken]:
        """See `ConsoleVerbs`."""
        return api_tokens.tokens(self._db())

    def held_back(self, tenant: str, scope: str, name: str, limit: int = FIRST) -> Queue:
        """See `ConsoleVerbs`."""
        return queueing.held_back(self._db(), tenant, scope, name, limit)

    def under_cap(self, tenant: str, cause: str, limit: int = -1) -> list[str]:
        """See `ConsoleVerbs`."""
        return caps.waiting(self._db(), tenant, cause, limit)

    def kept_by(self, key: str) -> tuple[str, tuple[str, ...]]:
        """See `ConsoleVerbs`."""
        return caps.kept_by(self._db(), key)
