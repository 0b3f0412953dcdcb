"""From staging to production: single items, by granular replication (SCAPI 1.0). What is written to production alone is
overwritten by the next replication (sfcc.md §10); where there is no staging instance, there is nothing to publish.
"""

from __future__ import annotations

from typing import Any, Final

from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import TransientError

from .client import REPLICATIONS, Json, part
from .faults import Refused
from .writing import Attempt, Desk

_BUSY: Final = frozenset({"ReplicationRunning", "TooManyQueued", "LimitExceeded"})
_WAIT: Final = 60.0
"""Seconds until the next try while a replication runs."""


async def publish(desk: Desk, attempt: Attempt, item: Json) -> Outcome:
    """Queue one item. Accepted: production does not show it yet."""
    if desk.staging is None:
        return Outcome(state="done")
    try:
        found = await attempt.write(_queue(desk, item))
    except Refused as refused:
        if refused.code == "PublishedTwice":
            return Outcome(state="accepted", note="it is queued for publishing already")
        raise
    process = found.get("id") if isinstance(found, dict) else None
    return Outcome(state="accepted", note="queued for publishing", data={"process": str(process)} if process else {})


async def publishing(desk: Desk, process: Any) -> Sighting:
    """How the publishing of what production does not show yet stands."""
    if desk.staging is None or not process:
        return Sighting(seen=False)
    path = f"/granular-processes/{part(str(process))}"
    found = await desk.staging.scapi(REPLICATIONS, "GET", path)
    status = str(found.get("status")) if isinstance(found, dict) else ""
    if status == "failed":
        return Sighting(seen=False, failed=True, note="staging could not publish it: see Merchant Tools > Replication")
    return Sighting(seen=False, note=f"publishing: {status or 'unknown'}")


async def _queue(desk: Desk, item: Json) -> Any:
    staging = desk.editing
    try:
        return await staging.scapi(REPLICATIONS, "POST", "/granular-processes", body=item)
    except Refused as refused:
        if refused.code in _BUSY:
            raise TransientError(str(refused), retry_after=_WAIT) from refused
        raise
