"""Everything that `connect demo` plays: the shop's day and the fifteen flows, and a storm when these are decided."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from caseconnect.host.journal import SqliteJournal
from caseconnect_demo import rows_more, rows_sfcc, rows_shopify
from caseconnect_demo.day import DAY
from caseconnect_demo.evidence import Evidence, gather
from caseconnect_demo.house import House
from caseconnect_demo.playing import Day
from caseconnect_demo.stage import Played, Row, Tell, World, play

FLOWS: tuple[Row, ...] = (*rows_sfcc.ROWS, *rows_shopify.ROWS)
"""The fifteen flows."""

OTHERS: tuple[Row, ...] = (*rows_more.ROWS, rows_more.STORM)
"""What is played beside them."""

THE_DAY = "day"
PARTS: tuple[str, ...] = (*(row.id for row in (*FLOWS, *OTHERS)), THE_DAY)
"""What `--rows` may name."""


@dataclass(frozen=True)
class Whole:
    """What is left when all is played: each flow as it went, and the day's evidence if it was played."""

    played: tuple[Played, ...]
    evidence: Evidence | None


async def play_all(house: House, journal: SqliteJournal, parts: Sequence[str], tell: Tell) -> Whole:
    """Play these parts."""
    rows = [row for row in (*FLOWS, *OTHERS) if row.id in parts]
    world = World(house, journal, frozenset(row.tenant for row in rows))
    world.undecided |= {row.id for row in rows if row is not rows_more.STORM}
    day = Day(house, DAY, journal, tell) if THE_DAY in parts else None
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(world.watch())
            playing = group.create_task(day.play()) if day else None
            tasks = [group.create_task(play(row, world, tell)) for row in rows]
            played = [await task for task in tasks]
            if playing:
                await playing
            watching.cancel()
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return Whole(tuple(played), await gather(house, journal, day) if day else None)
