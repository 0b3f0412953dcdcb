"""Undoing what a rule opened: a case that no person touched is closed, its matter's holds are given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from caseconnect.host.journal import Journal
from caseconnect.host.journal.errors import Conflict
from caseconnect.host.journal.records import MatterRow
from caseconnect.models import Case
from caseconnect.models.base import Record
from caseconnect.sdk.casework.second import touched
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import ConnectError

Fetch = Callable[[str, Need], Awaitable[Record]]
"""fetch(tenant, need): the fact as it is now. Raises the errors of the SDK."""


async def undo(journal: Journal, fetch: Fetch, ask: dict[str, Any], now: Callable[[], datetime]) -> dict[str, Any]:
    """Undo one matter, or with `yes` false say what would become of it. Never one that a person had to do with.

    `state`: `would close`, `closing` (its case is told so and closed, the matter follows), `closed` (there was no
    case), or `kept` with `why`.
    """
    matter = journal.matter(ask["matter"])
    if matter is None or matter.state != "open":
        return {"state": "kept", "why": "its matter is not open any more"}
    why = await _why_not(journal, fetch, matter)
    if why:
        return {"state": "kept", "why": why}
    if not ask["yes"]:
        return {"state": "would close", "why": ""}
    try:
        return {"state": await journal.undo(matter.id, ask["reason"], ask["by"], now()), "why": ""}
    except Conflict as error:
        return {"state": "kept", "why": str(error)}


async def _why_not(journal: Journal, fetch: Fetch, matter: MatterRow) -> str:
    if matter.acted_on is not None:
        return f"its outcome {matter.acted_on.outcome!r} was acted on"
    if matter.case is None:
        asked = [c for c in journal.around(matter.id)[0] if c.kind == "OpenCase"]
        if asked and asked[-1].state not in ("planned", "refused", "superseded"):
            return f"its case is being opened ({asked[-1].state}): try again when that is over"
        return ""
    try:
        case = await fetch(matter.key.tenant, Need(fact="case", subject=matter.case))
    except ConnectError as error:
        return f"its case cannot be read: {error}"
    return _touched(case)


def _touched(case: Record) -> str:
    if not isinstance(case, Case):
        return "its case cannot be read"
    if case.closed:
        return "its case is closed already"
    return "a person worked on its case" if touched(case) else ""
