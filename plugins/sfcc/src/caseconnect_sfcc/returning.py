"""Answers to return requests: the status word of the merchant's return object, and the reason of a refusal."""

from __future__ import annotations

from typing import Final

from caseconnect.sdk.commands import ApproveReturn, DeclineReturn
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import PermanentError

from .client import Json, part
from .writing import StateWork, attributes, named, place_of, writable

_ENDED: Final = frozenset({"declined", "closed", "canceled"})


class Answer(StateWork):
    """ApproveReturn and DeclineReturn."""

    async def do(self, command: ApproveReturn | DeclineReturn, key: str) -> Outcome:
        """Write the word, unless the return was answered otherwise."""
        site, item = place_of(named(command, "return", of=command.returned))
        node = await self._read(site, item)
        names, word = self.desk.settings.returns, self._word(command)
        now = str(node.get(f"c_{names.status}") or "")
        if now == word:
            return Outcome(state="done", note="it was so already")
        if names.words.get(now.casefold()) in _ENDED or self._answered(now):
            return Outcome(state="refused", note=f"the return is {now} already")
        values = {names.status: word}
        if isinstance(command, DeclineReturn) and names.decline_reason:
            values[names.decline_reason] = writable(command.note or command.cause.replace("_", " "))
        scope = f"/sites/{part(site)}" if names.scope == "site" else ""
        path = f"{scope}/custom_objects/{part(names.type)}/{part(item)}"
        await self.desk.client.ocapi("data", "PATCH", path, body=attributes(values))
        note = "the platform tells the shopper nothing: send a notice" if command.notify_customer else ""
        return Outcome(state="done", note=note)

    async def see(self, command: ApproveReturn | DeclineReturn, key: str) -> Sighting:
        """Whether the return bears our word."""
        site, item = place_of(named(command, "return", of=command.returned))
        now = str((await self._read(site, item)).get(f"c_{self.desk.settings.returns.status}") or "")
        return Sighting(seen=now == self._word(command), note=now)

    async def _read(self, site: str, item: str) -> Json:
        names = self.desk.settings.returns
        if not names.type:
            raise PermanentError("the settings name no custom object type for a return")
        return await self.desk.client.custom_object(names.type, item, site if names.scope == "site" else "")

    def _word(self, command: ApproveReturn | DeclineReturn) -> str:
        names = self.desk.settings.writing
        return names.return_approved if isinstance(command, ApproveReturn) else names.return_declined

    def _answered(self, now: str) -> bool:
        names = self.desk.settings.writing
        return now in {names.return_approved, names.return_declined}
