"""Notes on an order. Shopify has one note a order, and `orderUpdate` overwrites it: what staff write meanwhile is lost.

So ours are kept in a metafield of their own, `notes` in the connection's namespace, to which they are added with
compare-and-set: a note of somebody else is never lost, and a request that lands late adds nothing twice.
"""

from __future__ import annotations

from typing import Final

from caseconnect.sdk.commands import NoteOrder
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.metafields import TEXT, Metafields, Wanted
from caseconnect_shopify.targets import mark, order_gid
from caseconnect_shopify.writing import Writer

NOTES: Final = "notes"
_LONGEST: Final = 60_000
"""Shopify takes 65,536 characters in a multi-line text."""


class Notes:
    """The notes that one connection writes."""

    def __init__(self, client: ShopifyClient, namespace: str) -> None:
        self._client, self._metafields = client, Metafields(client, namespace)

    async def add(self, command: NoteOrder, key: str) -> Outcome:
        """Add the note below those that are there, with its mark."""
        gid = order_gid(command)
        found = (await self._metafields.read(gid, [NOTES]))[NOTES]
        if _has(found.value, key):
            return Outcome(state="done", note="it was there already")
        text = "\n".join(part for part in (command.title.strip(), command.text.strip()) if part)
        if not text:
            return Outcome(state="refused", note="the note is empty")
        whole = f"{found.value}\n\n" if found.value else ""
        whole += f"{text}\n(ref {mark(key)})"
        if len(whole) > _LONGEST:
            return Outcome(state="refused", note=f"the notes of this order would be longer than {_LONGEST} characters")
        writer = Writer(self._client)
        wanted = {NOTES: Wanted(whole, found.type or TEXT, found.digest)}
        problems = await self._metafields.write(writer, gid, wanted)
        if problems:
            return writer.refusal([p["message"] for p in problems])
        return Outcome(state="done")

    async def is_there(self, command: NoteOrder, key: str) -> Sighting:
        """Whether the note is there."""
        found = (await self._metafields.read(order_gid(command), [NOTES]))[NOTES]
        return Sighting(seen=_has(found.value, key))


def _has(value: str | None, key: str) -> bool:
    return f"(ref {mark(key)})" in (value or "")
