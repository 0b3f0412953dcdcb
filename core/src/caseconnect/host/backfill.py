"""What is older than a connection, read page by page and stored like polled deliveries: `connect backfill`.

The place it has come to is kept in the commit of each page, so a run that was ended goes on where it was. What was
stored already, by whatever way, is stored once; `go_live` decides as ever what of it opens cases, or it is
marked as seen and opens none.

It goes below what is live: it reads behind all other work, and stores no more while the daemon has work for a while.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from caseconnect.host.pipeline.context import backoff
from caseconnect.host.pipeline.live import PATIENCE, TransportFor, guarded
from caseconnect.host.pipeline.poll import check_page
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.trial import built
from caseconnect.sdk.components import History
from caseconnect.sdk.deliveries import Page, Polled
from caseconnect.sdk.errors import ConnectError, PermanentError, TransientError, UnknownOutcome
from caseconnect.sdk.pace import BACKGROUND, priority
from caseconnect.sdk.secrets import Secrets

_WAIT = 3.0
_TRIES = 8

_AT_ONCE = 200
_AHEAD = 500

Store = Callable[[dict[str, Any]], Awaitable[Mapping[str, int]]]
"""Stores items, as the control socket's verb `store` takes them; tells how many are `new`, how much is `waiting`."""


def place_of(connection: str) -> str:
    """Under which name the backfill's cursor is kept, beside the poll's own."""
    return f"{connection}/backfill"


def kept_place(text: str | None, since: datetime) -> str | None:
    """The cursor to go on from; None if there is none for this `since`."""
    kept = orjson.loads(text) if text else {}
    return kept.get("cursor") if kept.get("since") == since.isoformat() else None


@dataclass(frozen=True)
class Progress:
    """After a page: how many items were read, and how many of them the journal did not have. `waiting`: none yet."""

    read: int = 0
    new: int = 0
    waiting: bool = False


@dataclass(frozen=True)
class Backfill:
    """One run. `kept` is what the journal holds under `place_of(connection)`; `seen`: it is marked as seen."""

    tenant: Tenant
    connection: str
    since: datetime
    kept: str | None
    store: Store
    now: Callable[[], datetime]
    secrets: Secrets | None = None
    transport: TransportFor | None = None
    seen: bool = False

    async def expected(self) -> int | None:
        """About how many items a run from the beginning reads; None where the platform does not say now."""
        spec = self.tenant.connections[self.connection].source
        if spec is None or spec.expected is None:
            return None
        live = await built(self.tenant, self.now, secrets=self.secrets, transport=self.transport)
        try:
            doing = spec.expected(live.connections[self.connection].source, self.since)
            return await guarded(doing, plugin=self._platform, doing="estimate", deadline=PATIENCE)
        except TransientError:  # the run itself waits for what is down
            return None
        finally:
            await live.close()

    async def run(self) -> AsyncIterator[Progress]:
        """Read and store until there is no more. What the platform cannot do now is tried again for some minutes."""
        history = history_of(self.tenant, self.connection)
        live = await built(self.tenant, self.now, secrets=self.secrets, transport=self.transport)
        source, cursor, more = live.connections[self.connection].source, kept_place(self.kept, self.since), True
        read = new = 0
        try:
            while more:
                page = await self._page(history, source, cursor)
                new += await self._store(page, cursor)
                more, cursor = page.more, page.cursor
                read += len(page.items)
                waiting = more and not page.items
                yield Progress(read, new, waiting)
                if waiting:
                    await asyncio.sleep(_WAIT)
        except PermanentError:
            await self.store(self._ask((), ""))  # that place leads nowhere: the next run begins anew
            raise
        finally:
            await live.close()

    async def _page(self, history: History, source: object, cursor: str | None) -> Page:
        priority.set(BACKGROUND)
        for tries in range(_TRIES):
            try:
                doing = history(source, self.since, cursor)
                page = await guarded(doing, plugin=self._platform, doing="backfill", deadline=PATIENCE)
            except (TransientError, UnknownOutcome) as error:
                if tries == _TRIES - 1:
                    raise
                wait = backoff(timedelta(seconds=2), timedelta(minutes=2), tries, self.connection).total_seconds()
                await asyncio.sleep(max(wait, getattr(error, "retry_after", None) or 0.0))
            else:
                check_page(page, self._platform)
                return page
        raise AssertionError  # the last try has raised

    async def _store(self, page: Page, before: str | None) -> int:
        """Store a page, a few items at a time; the place moves with the last of them."""
        after = self._place(page.cursor) if page.more else ""
        pieces = [page.items[at : at + _AT_ONCE] for at in range(0, len(page.items), _AT_ONCE)] or [()]
        new = 0
        for number, piece in enumerate(pieces, 1):
            place = after if number == len(pieces) else self._place(before)
            told = await self.store(self._ask(piece, place))
            new += told["new"]
            while told["waiting"] > _AHEAD:
                await asyncio.sleep(_WAIT)
                told = await self.store(self._ask((), place))
        return new

    def _place(self, cursor: str | None) -> str:
        return orjson.dumps({"since": self.since.isoformat(), "cursor": cursor}).decode()

    def _ask(self, items: Sequence[Polled], cursor: str) -> dict[str, Any]:
        rows = [[i.kind, i.delivery_id, b64encode(i.body).decode()] for i in items]
        names = {"tenant": self.tenant.name, "connection": self.connection, "place": place_of(self.connection)}
        return {**names, "items": rows, "cursor": cursor, "seen": self.seen}

    @property
    def _platform(self) -> str:
        return self.tenant.connections[self.connection].platform


def history_of(tenant: Tenant, connection: str) -> History:
    """How the connection's history is read. `ConnectError` where its plugin knows no way."""
    spec = tenant.connections[connection].source
    if spec is None or spec.history is None:
        platform = tenant.connections[connection].platform
        raise ConnectError(f"{tenant.name}/{connection}: {platform} cannot read what is older than the connection")
    return spec.history
