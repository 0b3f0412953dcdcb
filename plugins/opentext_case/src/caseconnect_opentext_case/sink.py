"""The sink: opens cases, comments on them, changes their data, attaches documents, closes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from caseconnect.sdk.commands import AttachDocument, CloseCase, Command, CommentCase, OpenCase, UpdateCase
from caseconnect.sdk.components import Check, Outcome, Repeat, Sighting, SinkSpec
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.resources import Resources

from .casetypes import CaseType, CaseTypes
from .checks import check_account, check_ways
from .closing import close_case, see_closed
from .comments import comment_once, find_comment, write_comment
from .composing import edit_of, holds, update_of
from .config import CoreCaseSettings
from .documents import attach_once, find_document
from .example import EXAMPLE
from .lookup import find_surely
from .opening import open_case, sighting_of
from .trial import try_out


class CoreCaseSink:
    """Carries out the case commands of one connection."""

    def __init__(self, settings: CoreCaseSettings, resources: Resources) -> None:
        self.settings, self.resources = settings, resources
        self.types = CaseTypes(settings, resources)
        self.client = self.types.first.client

    async def check(self) -> Sequence[Check]:
        """Sign in, read the definitions, try the search that protects from opening a case twice.

        With `test_definition` a case is made there, commented, given a document, found, closed.
        """
        steps = await check_account(self.types)
        steps += await check_ways(self.types)
        if self.settings.test_definition:
            steps += await try_out(self.types.named(self.settings.test_definition), self.resources)
        return steps

    async def execute(self, command: Command, key: str) -> Outcome:
        """One attempt. A case, comment or document of ours that is there already is not made again."""
        if isinstance(command, OpenCase):
            return await open_case(self.types.named(command.definition), command, self.resources)
        kind, case = self._case_of(command)
        if isinstance(command, CommentCase):
            write = comment_once if self.settings.look_first else write_comment
            return await write(kind, case, command.text, key)
        if isinstance(command, UpdateCase):
            return await _update(kind, case, command)
        if isinstance(command, AttachDocument):
            return await attach_once(kind, case, command.document)
        if isinstance(command, CloseCase):
            return await close_case(kind, case, command)
        raise PermanentError(f"OpenText Core Case cannot carry out {command.kind}")

    async def verify(self, command: Command, key: str) -> Sighting:
        """Look for the case by our reference, for comment and document by their marks, for the data as it is now."""
        if isinstance(command, OpenCase):
            kind = self.types.named(command.definition)
            found = await find_surely(kind.client, kind.settings, command.reference)
            return sighting_of(kind, found, command, self.resources)
        kind, case = self._case_of(command)
        if isinstance(command, CommentCase):
            return await find_comment(kind, case, key)
        if isinstance(command, UpdateCase):
            document, _ = await kind.client.read_case(case)
            return Sighting(seen=holds(document, update_of(command, kind.settings)[0]))
        if isinstance(command, AttachDocument):
            return await find_document(kind, case, command.document)
        if isinstance(command, CloseCase):
            return await see_closed(kind, case)
        raise PermanentError(f"OpenText Core Case cannot carry out {command.kind}")

    def _case_of(self, command: Command) -> tuple[CaseType, str]:
        if command.target is None or command.target.kind != "case":
            raise PermanentError(f"{command.kind} names no case to act on")
        return self.types.of(command.target.id)


async def _update(kind: CaseType, case: str, command: UpdateCase) -> Outcome:
    values, homeless = update_of(command, kind.settings)
    note = f"no place in this case type: {', '.join(homeless)}" if homeless else ""
    document, etag = await kind.client.read_case(case)
    if holds(document, values):
        return Outcome(state="done", note=note or "it was so already")
    await kind.client.edit_case(case, edit_of(document, values, kind.settings), etag)
    return Outcome(state="done", note=note)


SINK = SinkSpec(
    name="opentext_case",
    summary="Opens, changes and closes cases in OpenText Core Case, comments on them and attaches documents",
    settings=CoreCaseSettings,
    example=EXAMPLE,
    build=CoreCaseSink,
    commands={
        OpenCase: Repeat.READ,
        CommentCase: Repeat.READ,
        AttachDocument: Repeat.READ,
        UpdateCase: Repeat.STATE,
        CloseCase: Repeat.STATE,
    },
    # A search, a token and the create itself; documents of a JSON create one by one.
    deadline=timedelta(seconds=60),
    # Not documented; lists of the neighbouring services are served from an index.
    index_lag=timedelta(seconds=60),
)
"""The sink as the host is told it."""
