"""The parts of the daemon that run side by side: one that ends by itself ends the daemon, as a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from caseconnect.host.faults import told
from caseconnect.sdk.errors import ConnectError


async def until_stopped(stop: asyncio.Event, parts: Collection[asyncio.Task[None]]) -> None:
    """Wait until it is to stop. `ConnectError` when one of `parts` has ended before, by an error or without one."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopping, *parts], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    if stop.is_set():
        return
    for part in parts:
        if part.done():
            error = None if part.cancelled() else part.exception()
            why = told(error) if error else "without an error"
            raise ConnectError(
                f"a part of the daemon has ended ({part.get_name()}: {why}): nothing is lost; start `connect serve`"
                " again, and report this if it comes back"
            ) from error
