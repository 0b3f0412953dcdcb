"""Trying a Core Case with a case of its own, on a definition that the tenant names for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from caseconnect.models import Document
from caseconnect.sdk.commands import CloseCase, OpenCase, UpdateCase
from caseconnect.sdk.components import Check
from caseconnect.sdk.errors import AuthError, ConnectError, PermanentError
from caseconnect.sdk.resources import Resources

from .casetypes import CaseType
from .closing import close_case, see_closed
from .comments import comment_once, find_comment
from .composing import edit_of, holds, marker, update_of
from .declared import read_declaration
from .documents import attach_once, fetch_document, find_document
from .drafting import Written, draft
from .lookup import find_surely
from .mapping import case_of, reference_of, text_of
from .opening import open_case

_WAITS = (0.0, 5.0, 20.0, 35.0)
_OUTCOME = "connect-check"


@dataclass
class Trial:
    """One case, from being made to being closed; each step says what it found. A step that fails ends no other."""

    kind: CaseType
    resources: Resources
    name: str = field(default_factory=lambda: uuid4().hex[:12])
    case: str = ""

    @property
    def command(self) -> OpenCase:
        """The case that is made."""
        return OpenCase(
            title=f"Connect: trial {self.name}",
            description=f"Made by `connect check --live` ({self.name}); it may be deleted.",
            client_name=f"Nobody {self.name}",
            due=self.resources.now() + timedelta(days=1),
            # Of no environment: who polls this definition meanwhile ignores it.
            reference=f"connect-check/none/none/{self.name}/none/1",
        )

    async def run(self) -> list[Check]:
        """All steps."""
        steps = [await self._step("trial: create", self._create)]
        if not self.case:
            return steps
        for step, work in (
            ("trial: read", self._read),
            ("trial: comment", self._comment),
            ("trial: document", self._document),
            ("trial: change", self._change),
            ("trial: outcome", self._outcome),
            ("trial: find", self._find),
            ("trial: close", self._close),
        ):
            steps.append(await self._step(step, work))
        return steps

    async def _step(self, step: str, work: Callable[[], Awaitable[str]]) -> Check:
        try:
            return Check(step=step, ok=True, note=await work())
        except AuthError:
            raise
        except ConnectError as error:
            return Check(step=step, ok=False, note=str(error))

    async def _create(self) -> str:
        outcome = await open_case(self.kind, self.command, self.resources)
        self.case = outcome.aliases[0].id.removeprefix(self.kind.public(""))
        return f"case {outcome.data.get('number') or self.case}, to be deleted by hand"

    async def _read(self) -> str:
        document, _ = await self.kind.client.read_case(self.case)
        command, settings = self.command, self.kind.settings
        written = Written(command.title, command.description, command.client_name, command.reference, self.case)
        if proposal := draft(document, written, settings):
            raise PermanentError(f"things are elsewhere than `fields` says; settings that would fit:\n{proposal}")
        case = case_of(document, settings)
        lacking = [name for name in ("number", "status", "updated_at", "updated_by") if getattr(case, name) is None]
        if settings.service_account and not case.updated_by_us:
            raise PermanentError("our own case seems to be changed last by somebody else: `service_account` is not us")
        return f"nothing at the places of: {', '.join(lacking)}" if lacking else ""

    async def _comment(self) -> str:
        await comment_once(self.kind, self.case, "A trial.", self.name)
        sighting = await find_comment(self.kind, self.case, self.name)
        if sighting.seen is False:
            raise PermanentError(f"the comment was taken, but is not in the list: no {marker(self.name)!r} there")
        return sighting.note

    async def _document(self) -> str:
        trial = Document(name="trial.txt", media_type="text/plain", content=self.name.encode())
        await attach_once(self.kind, self.case, trial)
        sighting = await find_document(self.kind, self.case, trial)
        if sighting.seen is False:
            raise PermanentError("the document was taken, but is not in the list: see `attachments`")
        if sighting.seen is None or not self.kind.client.dialect.offers("read_attachment"):
            return sighting.note or "it cannot be downloaded: `paths.read_attachment` is empty"
        found = await fetch_document(self.kind, self.case, str(sighting.data.get("attachment_id")))
        if found.content != trial.content:
            raise PermanentError("the document that was downloaded has other bytes than the one that was attached")
        return ""

    async def _change(self) -> str:
        if not self.kind.settings.fields.priority:
            return "not tried: there is no place for a priority"
        command = UpdateCase(priority="high")
        values, _ = update_of(command, self.kind.settings)
        before = await self._edit(values)
        document, _ = await self.kind.client.read_case(self.case)
        if not holds(document, values):
            raise PermanentError("the edit was taken, but the priority is not what was written: see `edit`, `fields`")
        if reference_of(document, self.kind.settings) != before:
            raise PermanentError("an edit removes what it does not name: set `edit.mode` to replace")
        return ""

    async def _outcome(self) -> str:
        settings = self.kind.settings
        word = await self._word()
        await self._edit({settings.fields.outcome: word})
        document, _ = await self.kind.client.read_case(self.case)
        if not holds(document, {settings.fields.outcome: word}):
            raise PermanentError(f"an outcome written at {settings.fields.outcome} is not read back from there")
        return "visible; as our own account wrote it, it counts for nothing"

    async def _word(self) -> str:
        """An outcome that the definition takes."""
        declared: tuple[str, ...] | None = ()
        if self.kind.client.dialect.offers("read_definition"):
            found = await self.kind.client.read_definition()
            declared = read_declaration(found, self.kind.settings).outcomes
        return next(iter((*(declared or ()), *self.kind.settings.outcomes)), _OUTCOME)

    async def _edit(self, values: dict[str, object]) -> str | None:
        document, etag = await self.kind.client.read_case(self.case)
        await self.kind.client.edit_case(self.case, edit_of(document, values, self.kind.settings), etag)
        return reference_of(document, self.kind.settings)

    async def _find(self) -> str:
        if self.kind.settings.listing.find == "none":
            return "cases cannot be found by reference (`listing.find: none`)"
        for wait in _WAITS:
            await asyncio.sleep(wait)
            found = await find_surely(self.kind.client, self.kind.settings, self.command.reference)
            if found.cases is None:
                raise PermanentError(found.why)
            if found.cases:
                return f"found after about {sum(_WAITS[: _WAITS.index(wait) + 1]):.0f} s"
        raise PermanentError(
            f"not found within {sum(_WAITS):.0f} s: the search does not know our reference, or lags more"
        )

    async def _close(self) -> str:
        if self.kind.settings.close.by == "none":
            return "not closed by Connect (`close.by: none`)"
        await close_case(self.kind, self.case, CloseCase(note="The trial is over."))
        if not (await see_closed(self.kind, self.case)).seen:
            document, _ = await self.kind.client.read_case(self.case)
            status = text_of(case_of(document, self.kind.settings).status)
            raise PermanentError(f"it was closed, and its status is {status!r}: name that in `closed_statuses`")
        return ""


async def try_out(kind: CaseType, resources: Resources) -> list[Check]:
    """Make a case on the test definition and work it; it stays there, closed where that can be done."""
    return await Trial(kind, resources).run()
