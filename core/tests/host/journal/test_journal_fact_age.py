from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from journal_desk import ORDER, START

from caseconnect.host.pipeline.facts import Fetcher
from caseconnect.host.pipeline.live import LiveTenant
from caseconnect.models.base import Record
from caseconnect.sdk.decisions import Missing, Need


@dataclass
class _Clock:
    at: datetime = START
    log: Any = None
    tenants: dict[str, Any] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.at


class _Slow(Fetcher):
    gate: asyncio.Event

    async def _fetch(self, tenant: LiveTenant, need: Need) -> Record:
        await self.gate.wait()
        return Missing(why="so")


def test_a_reading_that_was_joined_is_as_old_as_it_is() -> None:
    """Else a hold that was confirmed meanwhile would look taken off, and its claims would end."""

    async def run() -> tuple[datetime, datetime]:
        clock = _Clock()
        fetcher = _Slow(clock)  # type: ignore[arg-type] # all of the context that it needs
        fetcher.gate = asyncio.Event()
        acme = LiveTenant(SimpleNamespace(name="acme"), {}, START)  # type: ignore[arg-type] # as above
        need = Need(fact="order", subject=ORDER)
        first = asyncio.create_task(fetcher.fetch(acme, need))
        await asyncio.sleep(0)
        clock.at += timedelta(seconds=5)
        second = asyncio.create_task(fetcher.fetch(acme, need))
        await asyncio.sleep(0)
        fetcher.gate.set()
        return (await first)[1], (await second)[1]

    assert asyncio.run(run()) == (START, START)
