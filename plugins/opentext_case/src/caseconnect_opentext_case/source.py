"""The source: cases that changed, a case as it is now with comments and documents, and a document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from caseconnect.models import Case, CaseComment, Document, Record
from caseconnect.sdk.components import Check, Pacing, SourceSpec
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Ignored, Page, Parsed
from caseconnect.sdk.errors import PermanentError, TransientError
from caseconnect.sdk.events import CaseChanged
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject

from .casetypes import CaseType, CaseTypes
from .checks import check_account, check_changes
from .config import CoreCaseSettings
from .documents import fetch_document, files_of
from .dotted import get
from .example import EXAMPLE
from .listing import KIND, ListReader, OneByOneReader
from .mapping import case_of, comment_of, is_ours, parse_time, reference_of, text_of
from .references import environment_of

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
DOCUMENT = "document"
"""Kind of a file on a case; its id is the case's id and the document's."""


class CoreCaseSource:
    """Reads the cases of one connection."""

    def __init__(self, settings: CoreCaseSettings, resources: Resources) -> None:
        self.settings, self.resources = settings, resources
        self.types = CaseTypes(settings, resources)
        self.client = self.types.first.client
        self.reader = (ListReader if settings.listing.changes == "listing" else OneByOneReader)(self.types, resources)

    async def check(self) -> Sequence[Check]:
        """Sign in, read the definitions and compare them with the settings, read a page of each list."""
        return [*await check_account(self.types), *await check_changes(self.types, self.reader)]

    async def read(self, cursor: str | None, watch: Sequence[str]) -> Page:
        """The next changed cases: a page of a list, or a batch of the open cases. None begins at now.

        Changes that only our own service account made are not told.
        """
        return await self.reader.read(cursor, watch)

    def parse(self, delivery: Delivery) -> Parsed | Ignored:
        """One `CaseChanged`. A case of another environment that shares this Core Case is ignored."""
        called = not delivery.polled and delivery.topic in ("", self.resources.connection)
        if not called and delivery.topic != KIND:
            return Ignored(reason=f"{delivery.topic!r} is not a topic this version knows; it reads cases by polling")
        document = _json(delivery.body)
        if called:
            return Parsed(events=(self._called(document, delivery),))
        kind, _ = self.types.of(delivery.delivery_id)
        case = case_of(document, kind.settings)
        environment = environment_of(case.reference)
        if environment is not None and environment != self.resources.environment:
            return Ignored(reason=f"the case belongs to environment {environment!r}, not to this one")
        event = CaseChanged(
            source=delivery.connection,
            subject=Subject(delivery.connection, KIND, case.id),
            time=case.updated_at or delivery.received_at,
            reference=case.reference,
        )
        return Parsed(events=(event,))

    async def root(self, alias: Subject) -> Subject | None:
        """The case itself if it carries no reference of this environment; None if it does, or cannot be read now."""
        if alias.kind != KIND:
            return None
        kind, case = self.types.of(alias.id)
        try:
            document, _ = await kind.client.read_case(case)
        except TransientError:
            return None
        except PermanentError:
            # A call that does not name the definition is tried with each.
            if len(self.types.all) > 1:
                return None
            raise
        ours = environment_of(reference_of(document, kind.settings)) == self.resources.environment
        return None if ours else alias

    async def fetch(self, need: Need) -> Record:
        """The case as it is now with comments and files, or a file on a case with its bytes."""
        if (need.fact, need.subject.kind) == (KIND, KIND):
            return await self._case(*self.types.of(need.subject.id), need.fields or ("comments", "files"))
        if (need.fact, need.subject.kind) == (DOCUMENT, DOCUMENT):
            case_id, _, attachment = need.subject.id.rpartition("/")
            kind, case = self.types.of(case_id)
            if not (case and attachment):
                raise PermanentError("a document is named by its case and its own id: case/document")
            return await fetch_document(kind, case, attachment)
        raise PermanentError(f"OpenText Core Case has no fact {need.fact!r} of a {need.subject.kind!r}")

    async def _case(self, kind: CaseType, case: str, fields: Sequence[str]) -> Case:
        settings = kind.settings
        document, _ = await kind.client.read_case(case)
        wanted = "comments" in fields or settings.decider == "comment"
        offered = wanted and kind.client.dialect.offers("list_comments")
        comments = [comment_of(row, settings) for row in (await kind.client.comments(case) if offered else ())]
        files = await files_of(kind, case, self.resources.log) if "files" in fields else ()
        return case_of(document, settings, comments, files, await self._decider(kind, case, comments))

    async def _decider(self, kind: CaseType, case: str, comments: Sequence[CaseComment]) -> Any:
        """Who decided, where no attribute tells: whoever of the others commented, or finished a task, last."""
        settings = kind.settings
        if settings.decider == "comment":
            others = [c for c in reversed(comments) if not c.ours and c.author]
            return max(others, key=lambda c: c.created_at or _LONG_AGO).author if others else None
        if settings.decider == "task":
            query = {name: value.replace("{case}", case) for name, value in settings.tasks.query.items()}
            done = [
                (at, text_of(get(task, settings.tasks.author)))
                for task in await kind.client.tasks(case, query)
                if (at := parse_time(get(task, settings.tasks.finished)))
            ]
            by_others = [(at, who) for at, who in done if who and not is_ours((who,), settings)]
            return max(by_others)[1] if by_others else None
        return None

    def _called(self, document: dict[str, Any], delivery: Delivery) -> CaseChanged:
        """A call of the tenant's workflow: it only says look. Without its definition, the case may be of any."""
        hook = self.settings.hook
        case = text_of(get(document, hook.case))
        if case is None:
            raise PermanentError(f"the call names no case at `hook.case` = {hook.case!r}")
        definition = text_of(get(document, hook.definition))
        types = self.types.all if definition is None else (self.types.named(definition),)
        subject, *refs = (Subject(delivery.connection, KIND, kind.public(case)) for kind in types)
        return CaseChanged(source=delivery.connection, subject=subject, refs=tuple(refs), time=delivery.received_at)


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise PermanentError(f"the case is no JSON: {error.msg} at character {error.pos}") from None
    if not isinstance(document, dict):
        raise PermanentError("the case is no JSON object")
    return document


SOURCE = SourceSpec(
    name="opentext_case",
    summary="Cases of OpenText Core Case: changes by polling or when called, a case with comments and documents",
    settings=CoreCaseSettings,
    example=EXAMPLE,
    build=CoreCaseSource,
    account=lambda settings: settings.account,
    emits=frozenset({CaseChanged}),
    facts={KIND: Case, DOCUMENT: Document},
    roots=frozenset(),
    # 5 a second is what the neighbouring Content Metadata Service announced in 2023; Core Case's own limit is
    # unknown. No burst and a little less, so that no window of a second ever sees a sixth.
    pacing=Pacing(rate=4.7, burst=1.0),
)
"""The source as the host is told it."""
