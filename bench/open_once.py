"""Leave commands open and be killed: `python -m bench.open_once FOLDER COMMANDS`. One of `_BEGUN` is being sent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import uvloop

from bench import tenant
from bench.platforms import utc_now
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.journal.records import Ask, DecidedBy, MatterKey, MatterRow, Verdict
from caseconnect.sdk.commands import UpdateCase
from caseconnect.sdk.subjects import Subject

_BEGUN = 20
_AT_ONCE = 256


async def leave_open(folder: Path, commands: int) -> None:
    """Plan one update of each of so many cases, begin some, and die."""
    journal = SqliteJournal.open(folder / "journal.db", threaded=True)
    numbers = iter(range(commands))

    async def plan() -> None:
        for number in numbers:
            (key,) = await journal.decided(_update(number))
            if number % _BEGUN == 0:
                await journal.began(key, "planned", utc_now(), utc_now() + timedelta(seconds=30))

    await asyncio.gather(*(plan() for _ in range(_AT_ONCE)))
    os.kill(os.getpid(), signal.SIGKILL)


def _update(number: int) -> Verdict:
    order = Subject("shop", "order", f"open-{number}")
    key = MatterKey(tenant.NAME, order, "order_review", "", False)
    matter = MatterRow(
        f"open{number}", key, 1, "live", "open", "status_updates", f"bench/open/{number}", ("status_updates",), (),
        "cases", case=Subject("cases", "case", f"c{number}"), opened_at=utc_now(),
    )  # fmt: skip
    ask = Ask(matter.id, "status_updates", UpdateCase(attributes={"progress": "shipped"}), "cases", "planned", "g")
    decided = (DecidedBy("status_updates", "shipped"),)
    return Verdict(tenant.NAME, order, (), utc_now(), decided, (matter,), (ask,))


if __name__ == "__main__":
    uvloop.run(leave_open(Path(sys.argv[1]), int(sys.argv[2])))
