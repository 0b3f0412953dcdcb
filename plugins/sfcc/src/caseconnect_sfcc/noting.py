"""Notes of an order (OCAPI Shop; SCAPI has none). The platform takes the same note twice, so each bears a marker."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from caseconnect.sdk.commands import NoteOrder
from caseconnect.sdk.components import Outcome, Sighting

from .client import part
from .writing import StateWork, order_no, writable

_LONGEST_SUBJECT: Final = 256
"""OCAPI Shop 20.4, `note.subject`."""


class Note(StateWork):
    """NoteOrder."""

    async def do(self, command: NoteOrder, key: str) -> Outcome:
        """Add it, unless it is there."""
        number, marker = order_no(command), _marker(key)
        site, _ = await self.desk.places.order(number)
        if await self._is_there(site, number, marker):
            return Outcome(state="done", note="it was there already")
        title = writable(command.title.replace("\n", " "), _LONGEST_SUBJECT - len(marker) - 1)
        body = {"subject": f"{title} {marker}".strip(), "text": writable(command.text)}
        await self.desk.client.ocapi("shop", "POST", f"/orders/{part(number)}/notes", site=site, body=body)
        return Outcome(state="done")

    async def see(self, command: NoteOrder, key: str) -> Sighting:
        """Whether one of the order's notes bears the marker."""
        number = order_no(command)
        site, _ = await self.desk.places.order(number)
        return Sighting(seen=await self._is_there(site, number, _marker(key)))

    async def _is_there(self, site: str, number: str, marker: str) -> bool:
        notes = await self.desk.client.notes(site, number)
        return any(str(each.get("subject") or "").endswith(marker) for each in notes)


def _marker(key: str) -> str:
    return f"[{sha256(key.encode()).hexdigest()[:16]}]"
