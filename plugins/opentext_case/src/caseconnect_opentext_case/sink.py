"""The sink: opens cases, comments on them, changes their data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from caseconnect.models import Document
from caseconnect.sdk.commands import Command, CommentCase, OpenCase, UpdateCase
from caseconnect.sdk.components import Check, Outcome, Repeat, Sighting, SinkSpec
from caseconnect.sdk.errors import ConnectError, PermanentError, UnknownOutcome
from caseconnect.sdk.http import Part
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject

from .checks import check_account
from .client import CoreCaseClient, Json
from .config import CoreCaseSettings
from .connection import client_of
from .dotted import get
from .example import EXAMPLE
from .lookup import Found, find, find_surely
from .mapping import (
    edit_of,
    holds,
    id_of,
    link,
    marked,
    marker,
    new_case,
    sort_documents,
    text_of,
    update_of,
)

_NOBODY = "connect-check/none/none/0/none/0"


class CoreCaseSink:
    """Carries out the case commands of one connection."""

    def __init__(self, settings: CoreCaseSettings, resources: Resources) -> None:
        self.settings, self.resources = settings, resources
        self.client: CoreCaseClient = client_of(settings, resources)

    async def check(self) -> Sequence[Check]:
        """Sign in, read the definition, and try the search that protects from opening a case twice."""
        steps = await check_account(self.client, self.settings)
        if self.settings.listing.find == "none":
            note = "cases cannot be found by reference: a create whose answer is lost goes to a person"
            return [*steps, Check(step="find by reference", ok=True, note=note)]
        found = await find_surely(self.client, self.settings, _NOBODY)
        if found.cases is None:
            note = f"{found.why}. Declare the attribute of `fields.reference`, or set `listing.find`"
            return [*steps, Check(step="find by reference", ok=False, note=note)]
        return [*steps, Check(step="find by reference", ok=True)]

    async def execute(self, command: Command, key: str) -> Outcome:
        """One attempt. A case or comment of ours that is there already is not made again."""
        if isinstance(command, OpenCase):
            return await self._open(command)
        if isinstance(command, CommentCase):
            return await self._comment(command, _case_of(command), key)
        if isinstance(command, UpdateCase):
            return await self._update(command, _case_of(command))
        raise PermanentError(f"OpenText Core Case cannot carry out {command.kind}")

    async def verify(self, command: Command, key: str) -> Sighting:
        """Look for the case by our reference, for the comment by its mark, for the data as it is now."""
        if isinstance(command, OpenCase):
            found = await find_surely(self.client, self.settings, command.reference)
            return self._sighting(found, command)
        if isinstance(command, CommentCase):
            return await self._find_comment(_case_of(command), key)
        if isinstance(command, UpdateCase):
            document, _ = await self.client.read_case(_case_of(command))
            return Sighting(seen=holds(document, update_of(command, self.settings)))
        raise PermanentError(f"OpenText Core Case cannot carry out {command.kind}")

    async def _open(self, command: OpenCase) -> Outcome:
        if self.settings.look_first and self.settings.listing.find == "attribute":
            sighting = self._sighting(await find(self.client, self.settings, command.reference), command)
            if sighting.seen:
                return Outcome(
                    state="done", note=f"it was there: {sighting.note}", data=sighting.data, aliases=sighting.aliases
                )
        documents, left_out = sort_documents(command.documents, self.settings)
        document = new_case(command, self.settings, left_out)
        parts = [Part("", item.content, item.name, item.media_type) for item in documents]
        together = self.settings.create.encoding == "multipart"
        answer = await self.client.create_case(document, parts if together else ())
        data, alias = self._identify(answer)
        if not together:
            left_out += await self._attach(alias.id, documents)
        if left_out:
            data["not_attached"] = left_out
        note = "; ".join(left_out)
        return Outcome(state="done", note=note, data=data, aliases=(alias,))

    async def _attach(self, case: str, documents: Sequence[Document]) -> list[str]:
        """Attach one by one; the case exists, so a document that fails is reported and does not undo it."""
        failed: list[str] = []
        for document in documents:
            try:
                await self.client.attach(case, Part("", document.content, document.name, document.media_type))
            except ConnectError as error:
                failed.append(f"Not attached: {document.name} ({error})")
        if failed:
            self.resources.log.warning("documents not attached", case=case, count=len(failed))
        return failed

    def _sighting(self, found: Found, command: OpenCase) -> Sighting:
        if found.cases is None:
            return Sighting(seen=None, note=found.why)
        if not found.cases:
            return Sighting(seen=False)
        data, alias = self._identify(found.cases[0])
        note = f"case {data.get('number') or alias.id}"
        if self.settings.create.encoding == "json" and command.documents:
            note += "; whether its documents were attached is not known"
        if len(found.cases) > 1:
            others = ", ".join(str(id_of(case, self.settings)) for case in found.cases[1:])
            note += f"; more cases carry the same reference: {others}"
        return Sighting(seen=True, note=note, data=data, aliases=(alias,))

    def _identify(self, document: Json) -> tuple[dict[str, Any], Subject]:
        case = id_of(document, self.settings)
        if case is None:
            raise UnknownOutcome(
                f"the case was made, but the answer has no id at `fields.id` = {self.settings.fields.id!r}"
            )
        number = text_of(get(document, self.settings.fields.number))
        data = {"id": case, "number": number, "url": link(self.settings, case, number)}
        known = {name: value for name, value in data.items() if value is not None}
        return known, Subject(self.resources.connection, "case", case)

    async def _comment(self, command: CommentCase, case: str, key: str) -> Outcome:
        if self.settings.look_first and self.client.dialect.offers("list_comments"):
            sighting = await self._find_comment(case, key)
            if sighting.seen:
                return Outcome(state="done", note="it was there", data=sighting.data)
        answer = await self.client.add_comment(case, marked(command.text, key, self.settings.comments.limit))
        made = text_of(get(answer, self.settings.comments.id))
        return Outcome(state="done", data={"comment_id": made} if made else {})

    async def _find_comment(self, case: str, key: str) -> Sighting:
        if not self.client.dialect.offers("list_comments"):
            return Sighting(seen=None, note="comments cannot be read: `paths.list_comments` is empty")
        keys, mark = self.settings.comments, marker(key)
        for row in await self.client.comments(case):
            if mark in (text_of(row.get(keys.text)) or ""):
                return Sighting(seen=True, data={"comment_id": text_of(row.get(keys.id)) or ""})
        return Sighting(seen=False)

    async def _update(self, command: UpdateCase, case: str) -> Outcome:
        values = update_of(command, self.settings)
        document, etag = await self.client.read_case(case)
        if holds(document, values):
            return Outcome(state="done", note="it was so already")
        await self.client.edit_case(case, edit_of(document, values, self.settings), etag)
        return Outcome(state="done")


def _case_of(command: Command) -> str:
    if command.target is None or command.target.kind != "case":
        raise PermanentError(f"{command.kind} names no case to act on")
    return command.target.id


SINK = SinkSpec(
    name="opentext_case",
    summary="Opens cases in OpenText Core Case with documents, comments on them, changes their data",
    settings=CoreCaseSettings,
    example=EXAMPLE,
    build=CoreCaseSink,
    commands={OpenCase: Repeat.READ, CommentCase: Repeat.READ, UpdateCase: Repeat.STATE},
    # A search, a token and the create itself; documents of a JSON create one by one.
    deadline=timedelta(seconds=60),
    # Not documented; lists of the neighbouring services are served from an index.
    index_lag=timedelta(seconds=60),
)
"""The sink as the host is told it."""
