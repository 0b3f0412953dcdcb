"""A source read as the host reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from caseconnect.sdk.deliveries import Delivery, Page, Parsed, Polled
from caseconnect.sdk.testing.rig import Rig, require
from caseconnect.sdk.testing.world import SourceWorld

ENDLESS = 200
"""Pages after which nobody believes that there is an end."""


@dataclass
class Reading:
    """The pages that one process read, one after another."""

    pages: list[Page]

    @property
    def items(self) -> list[Polled]:
        """All items."""
        return [i for p in self.pages for i in p.items]

    @property
    def cursor(self) -> str:
        """The last cursor."""
        return self.pages[-1].cursor


async def read_on(source: Any, cursor: str | None, rig: Rig[SourceWorld]) -> Reading:
    """Read until there is no more, as the host does."""
    pages: list[Page] = []
    while not pages or pages[-1].more:
        require(len(pages) < ENDLESS, f"read() says `more` for ever: {ENDLESS} pages and no end")
        pages.append(await source.read(cursor, rig.world.watch()))
        cursor = pages[-1].cursor
        require(type(cursor) is str and cursor != "", f"the cursor of a page must be text, not {cursor!r}")
    return Reading(pages)


def polled(item: Polled, rig: Rig[SourceWorld]) -> Delivery:
    """The delivery that the host makes of a polled item."""
    return Delivery(rig.world.connection, item.kind, item.delivery_id, rig.now(), item.body, headers={}, polled=True)


def ids_of(source: Any, items: Iterable[Polled], rig: Rig[SourceWorld]) -> set[str]:
    """Ids that the events of these items name."""
    found: set[str] = set()
    for item in items:
        parsed = source.parse(polled(item, rig))
        if isinstance(parsed, Parsed):
            found |= {s.id for e in parsed.events for s in (e.subject, *e.refs)}
    return found


async def change_and_wait(rig: Rig[SourceWorld], n: int) -> str:
    """A change, and so much time that it can be seen and lies behind the overlap."""
    changed = await rig.world.change(n)
    await asyncio.sleep(2 * rig.world.overlap.total_seconds() + rig.world.index_lag.total_seconds())
    return changed
