"""Closing a case, as the settings say that it is done."""

from __future__ import annotations

import copy

from caseconnect.sdk.commands import CloseCase
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import PermanentError

from .casetypes import CaseType
from .composing import edit_of
from .dotted import put
from .mapping import case_of

_BY_HAND = (
    "cases are not closed by Connect here (`close.by: none`): close it in Core Case, or set `close.by` to call with "
    "`paths.close_case`, or to status with `fields.status` and `close.status`"
)


async def close_case(kind: CaseType, case: str, command: CloseCase) -> Outcome:
    """Close a case. Closed already is done, whoever did it."""
    settings, way = kind.settings, kind.settings.close
    status = way.status or next(iter(settings.closed_statuses), "")
    if way.by == "none":
        raise PermanentError(_BY_HAND)
    if way.by == "status" and not (settings.fields.status and status):
        raise PermanentError("`close.by: status` needs `fields.status` and `close.status`")
    document, etag = await kind.client.read_case(case)
    if case_of(document, settings).closed:
        return Outcome(state="done", note="it was closed already")
    said = {way.note: command.note} if way.note else {}
    if way.by == "status":
        values = {settings.fields.status: status, **said}
        await kind.client.edit_case(case, edit_of(document, values, settings), etag)
    else:
        body = copy.deepcopy(way.body)
        for path, text in said.items():
            put(body, path, text)
        await kind.client.close_case(case, body)
    return Outcome(state="done")


async def see_closed(kind: CaseType, case: str) -> Sighting:
    """Whether the case is closed."""
    document, _ = await kind.client.read_case(case)
    return Sighting(seen=case_of(document, kind.settings).closed)
