"""Rules for what a source tells of the time before its connection."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from datetime import datetime, timedelta
from typing import Any

from caseconnect.sdk.deliveries import Polled
from caseconnect.sdk.testing.reading import ENDLESS, change_and_wait, ids_of
from caseconnect.sdk.testing.rig import ContractBroken, Rig, in_virtual_time, not_applicable, require
from caseconnect.sdk.testing.world import SourceWorld


class PastRules:
    """Rules for `SourceSpec.history` and `SourceSpec.expected`."""

    @abstractmethod
    def rig(self) -> Rig[SourceWorld]:
        """A new world and the wire to it."""

    @in_virtual_time
    async def test_expected_is_about_what_history_gives(self) -> None:
        """An estimate that is shown before a backfill: nothing where nothing is, else near what comes, and the same
        when asked twice."""
        rig = self.rig()
        if rig.spec.history is None or rig.spec.expected is None:
            raise not_applicable("the source offers no history, or does not estimate it")
        await asyncio.sleep(2 * rig.world.overlap.total_seconds())
        since = rig.now()
        changed = [await change_and_wait(rig, n) for n in range(3)]
        async with rig.started() as source:
            about = [await rig.spec.expected(source, since) for _ in range(2)]
            later = await rig.spec.expected(source, rig.now() + timedelta(days=1))
            items = await _all_of(rig, source, since)
            told = ids_of(source, items, rig)
        require(all(type(n) is int for n in (*about, later)), f"expected() gave {about[0]!r}, not a whole number")
        require(set(changed) <= told, f"history() never gave {sorted(set(changed) - told)}")
        require(about[0] == about[1], f"expected() gave {about[0]}, then {about[1]} of the same")
        near = len(changed) <= about[0] <= 2 * len(items)
        require(near, f"expected() gave {about[0]}, of {len(changed)} changes that came as {len(items)} items")
        require(later == 0, f"expected() gave {later} for what has not happened yet")


async def _all_of(rig: Rig[SourceWorld], source: Any, since: datetime) -> list[Polled]:
    """All pages of `history`, as the host reads them: one without items is waited for."""
    items: list[Polled] = []
    cursor: str | None = None
    for _ in range(ENDLESS):
        page = await rig.spec.history(source, since, cursor)
        items, cursor = [*items, *page.items], page.cursor
        if not page.more:
            return items
        await asyncio.sleep(0 if page.items else 60)
    raise ContractBroken(f"history() says `more` for ever: {ENDLESS} pages and no end")
