"""Comments of ours: written once, told again by the mark in their last line."""

from __future__ import annotations

from caseconnect.sdk.components import Outcome, Sighting

from .casetypes import CaseType
from .composing import marked, marker
from .dotted import get
from .mapping import text_of


async def comment_once(kind: CaseType, case: str, text: str, key: str) -> Outcome:
    """Write a comment unless it is there, as far as comments can be read."""
    if kind.client.dialect.offers("list_comments"):
        sighting = await find_comment(kind, case, key)
        if sighting.seen:
            return Outcome(state="done", note="it was there", data=sighting.data)
    return await write_comment(kind, case, text, key)


async def write_comment(kind: CaseType, case: str, text: str, key: str) -> Outcome:
    """Write a comment without looking."""
    keys = kind.settings.comments
    made = text_of(get(await kind.client.add_comment(case, marked(text, key, keys.limit)), keys.id))
    return Outcome(state="done", data={"comment_id": made} if made else {})


async def find_comment(kind: CaseType, case: str, key: str) -> Sighting:
    """Whether the comment is there."""
    if not kind.client.dialect.offers("list_comments"):
        return Sighting(seen=None, note="comments cannot be read: `paths.list_comments` is empty")
    keys, mark = kind.settings.comments, marker(key)
    for row in await kind.client.comments(case):
        if mark in (text_of(row.get(keys.text)) or ""):
            return Sighting(seen=True, data={"comment_id": text_of(row.get(keys.id)) or ""})
    return Sighting(seen=False)
