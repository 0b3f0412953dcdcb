"""The state of one tenant's Core Case: people, definitions, cases, and the ledger of what really happened.

The store knows nothing of HTTP. The API's handlers and the simulated agents change it through the same methods, so that
every effect is in the ledger with the one who caused it, whatever answer the caller got.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .casedata import FIELD_NAMES, changes, flat, merge, progress_json, sections
from .definitions import add_stage, check_attributes, check_known, definition_from_settings, update_definition
from .errors import Refused
from .listing import LaggingIndex
from .model import (
    Attachment,
    Case,
    CaseDefinition,
    CaseFields,
    CaseInput,
    Comment,
    HistoryEntry,
    Identity,
    JsonObject,
    LedgerEntry,
)
from .people import People
from .profile import Profile
from .settings import DefinitionSettings, TenantSettings


def utc_now() -> datetime:
    """The real clock, used when no other is injected."""
    return datetime.now(UTC)


class CaseStore:
    """One tenant's world. `now` is its clock (aware datetimes), `new_id` makes uuids."""

    def __init__(
        self,
        settings: TenantSettings | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.settings = settings or TenantSettings()
        self.now = now
        self.new_id = new_id
        self.tenant = self.settings.id
        self.people = People(self.settings)
        self.service = self.people.service
        self.definitions: dict[str, CaseDefinition] = {}
        self.cases: dict[str, Case] = {}
        self.ledger: list[LedgerEntry] = []
        self.calls: deque[JsonObject] = deque(maxlen=10_000)
        self._strict: set[str] = set()
        self._index = LaggingIndex()
        for item in self.settings.definitions:
            self.definitions[item.id] = definition_from_settings(item, self.tenant, self.now(), self.service)
            if item.refuse_unknown_attributes:
                self._strict.add(item.id)

    @property
    def profile(self) -> Profile:
        """How this tenant's Core Case speaks."""
        return self.settings.profile

    def person(self, who: str | Identity | None) -> Identity:
        """The person meant by an id, etsUuid or e-mail; the first agent for `None`. A new e-mail is a new agent."""
        return who if isinstance(who, Identity) else self.people.find(who)

    def definition(self, definition_id: str) -> CaseDefinition:
        """A definition by its uuid, or a 404."""
        if definition_id not in self.definitions:
            raise Refused(404, f"Case definition {definition_id} does not exist.")
        return self.definitions[definition_id]

    def case(self, case_id: str, definition_id: str | None = None) -> Case:
        """A case by uuid (or by display number when no definition is named), or a 404."""
        if definition_id is not None:
            self.definition(definition_id)
        case = self.cases.get(case_id)
        if case is None and definition_id is None:
            case = next((item for item in self.cases.values() if item.number == case_id), None)
        if case is None or definition_id not in (None, case.definition_id):
            raise Refused(404, f"Case {case_id} does not exist.")
        return case

    def create_definition(self, settings: DefinitionSettings, by: Identity, via: str = "api") -> CaseDefinition:
        """A new definition; 409 when the id is taken."""
        if settings.id in self.definitions:
            raise Refused(409, f"Case definition {settings.id} exists already.")
        definition = definition_from_settings(settings, self.tenant, self.now(), by)
        self.definitions[definition.id] = definition
        self._record("create_definition", via, by, "", {"definition": definition.id, "name": definition.name})
        return definition

    def update_definition(self, definition: CaseDefinition, body: JsonObject, by: Identity) -> None:
        """General settings of a definition, in the documented shape of `CaseInstanceDTO.json`."""
        update_definition(definition, body, by, self.now())
        self._record("update_definition", "api", by, "", {"definition": definition.id})

    def create_stage(self, definition: CaseDefinition, name: object, by: Identity) -> str:
        """A new stage's id; 409 when the definition has a stage of that name."""
        stage = add_stage(definition, name, self.new_id())
        self._record("create_stage", "api", by, "", {"definition": definition.id, "stage": stage.name})
        return stage.id

    def create_case(
        self,
        definition_id: str,
        wanted: CaseInput,
        by: str | Identity | None = None,
        *,
        files: Sequence[tuple[str, str, bytes]] = (),
        via: str = "agent",
    ) -> Case:
        """A new case with its documents (name, media type, bytes)."""
        definition, author, at = self.definition(definition_id), self.person(by), self.now()
        check_attributes(definition, wanted, strict=definition_id in self._strict, creating=True)
        self.check_files(files)
        stage = definition.stages[0].name if definition.stages else None
        progress = replace(
            CaseFields(status=self.profile.status_open, stage=stage), **self._allowed(definition, wanted.fields)
        )
        case = Case(
            id=self.new_id(),
            definition_id=definition_id,
            number=definition.next_number(),
            created_on=at,
            created_by=author,
            updated_on=at,
            updated_by=author,
            fields=progress,
        )
        for ours, theirs in zip(sections(case), sections(wanted), strict=True):
            merge(ours, theirs)
        self.cases[case.id] = case
        detail = {"number": case.number, "default": wanted.default, "custom": wanted.custom, "forms": wanted.forms}
        self._happened(case, "create_case", via, author, {**detail, "fields": progress_json(case.fields)})
        for name, media_type, content in files:
            self.attach(case.id, name, content, media_type, author, via=via)
        return case

    def edit_case(
        self, case_id: str, wanted: CaseInput, by: str | Identity | None = None, *, via: str = "agent"
    ) -> Case:
        """Merge into or replace a case's data, as the profile says; the ledger holds old and new of what changed."""
        case, author = self.case(case_id), self.person(by)
        if self.profile.closed_refuses_edits and case.fields.status == self.profile.status_closed:
            raise Refused(409, f"Case {case.number} is closed; reopen it before editing.")
        definition = self.definition(case.definition_id)
        check_attributes(definition, wanted, strict=case.definition_id in self._strict, creating=False)
        before = flat(case)
        progress = self._allowed(definition, wanted.fields)
        if self.profile.put == "replace":
            for section in sections(case):
                section.clear()
            case.fields = CaseFields(status=case.fields.status, stage=case.fields.stage)
        for ours, theirs in zip(sections(case), sections(wanted), strict=True):
            merge(ours, theirs)
        case.fields = replace(case.fields, **progress)
        self._happened(case, "edit_case_data", via, author, {"changes": changes(before, flat(case))})
        return case

    def _allowed(self, definition: CaseDefinition, progress: JsonObject) -> JsonObject:
        """Progress fields that an API body may set: status and stage only where the profile says so."""
        allowed = dict(progress)
        if allowed.get("outcome"):
            check_known("outcome", allowed["outcome"], definition.outcomes)
        for name in ("status", "stage"):
            if not self.profile.progress_by_put or not allowed.get(name):
                allowed.pop(name, None)
        for name in ("assignee", "decided_by"):
            person = self.people.known(str(allowed.get(name)))
            if person:
                allowed[name] = person.id
        return allowed

    def comment(self, case_id: str, text: str, by: str | Identity | None = None, *, via: str = "agent") -> Comment:
        """A comment on a case."""
        case, author = self.case(case_id), self.person(by)
        if not text.strip():
            raise Refused(400, "A comment needs a text.")
        comment = Comment(self.new_id(), text, author, self.now())
        case.comments.append(comment)
        detail = {"comment": comment.id, "text": text}
        self._happened(case, "add_comment", via, author, detail, moves=self.profile.comment_moves_stamp)
        return comment

    def check_files(self, files: Sequence[tuple[str, str, bytes]]) -> None:
        """Refuse documents that the tenant's limits do not allow."""
        for name, media_type, content in files:
            if len(content) > self.settings.attachment_max_bytes:
                limit = self.settings.attachment_max_bytes
                raise Refused(413, f"Document {name!r} has {len(content)} bytes; at most {limit} are allowed.")
            if self.settings.attachment_types and media_type not in self.settings.attachment_types:
                allowed = ", ".join(self.settings.attachment_types)
                raise Refused(415, f"Document {name!r} is {media_type}; allowed are {allowed}.")

    def attach(
        self,
        case_id: str,
        name: str,
        content: bytes,
        media_type: str = "application/octet-stream",
        by: str | Identity | None = None,
        *,
        via: str = "agent",
    ) -> Attachment:
        """A document on a case."""
        case, author = self.case(case_id), self.person(by)
        self.check_files([(name, media_type, content)])
        document = Attachment(self.new_id(), name, media_type, content, author, self.now())
        case.attachments.append(document)
        detail = {"attachment": document.id, "name": name, "size": len(content), "sha256": document.sha256}
        self._happened(case, "add_attachment", via, author, detail, moves=self.profile.attachment_moves_stamp)
        return document

    def decide(
        self,
        case_id: str,
        outcome: str,
        by: str | Identity | None = None,
        comment: str | None = None,
        *,
        close: bool = False,
    ) -> Case:
        """An agent's decision: the outcome with who and when, a comment if given, and closing if asked."""
        case, agent = self.case(case_id), self.person(by)
        outcomes = self.definition(case.definition_id).outcomes
        check_known("outcome", outcome, outcomes)
        if case.fields.status == self.profile.status_closed:
            raise Refused(409, f"Case {case.number} is closed; reopen it before deciding.")
        case.fields = replace(case.fields, outcome=outcome, decided_by=agent.id, decided_on=self.now())
        self._happened(case, "decide", "agent", agent, {"outcome": outcome})
        if comment:
            self.comment(case.id, comment, agent)
        return self.close(case.id, agent) if close else case

    def change(
        self,
        case_id: str,
        by: str | Identity | None = None,
        *,
        default: JsonObject | None = None,
        custom: JsonObject | None = None,
        forms: JsonObject | None = None,
        **progress: Any,
    ) -> Case:
        """An agent's edit: attributes are merged, `None` removes one; `progress` names fields of `CaseFields`."""
        case, agent = self.case(case_id), self.person(by)
        for name in progress:
            check_known("progress field", name, FIELD_NAMES)
        if progress.get("stage"):
            check_known("stage", progress["stage"], [s.name for s in self.definition(case.definition_id).stages])
        before = flat(case)
        for ours, theirs in zip(sections(case), (default, custom, forms), strict=True):
            merge(ours, theirs or {})
        case.fields = replace(case.fields, **progress)
        self._happened(case, "change", "agent", agent, {"changes": changes(before, flat(case))})
        return case

    def close(self, case_id: str, by: str | Identity | None = None, *, via: str = "agent") -> Case:
        """Close a case; 409 when it is closed already."""
        return self._set_status(case_id, "close_case", self.profile.status_closed, by, via)

    def reopen(self, case_id: str, by: str | Identity | None = None) -> Case:
        """Reopen a case; 409 when it is open."""
        return self._set_status(case_id, "reopen_case", self.profile.status_open, by, "agent")

    def _set_status(self, case_id: str, what: str, status: str, by: str | Identity | None, via: str) -> Case:
        case, person = self.case(case_id), self.person(by)
        closed = self.profile.status_closed
        if (case.fields.status == closed) == (status == closed):
            raise Refused(409, f"Case {case.number} is {case.fields.status} already.")
        case.fields = replace(case.fields, status=status)
        self._happened(case, what, via, person, {"status": status})
        return case

    def listed(self) -> list[Case]:
        """The cases as the listing sees them: each as it was `listing_lag` seconds ago, new ones not yet."""
        lag = self.settings.listing_lag
        if not lag:
            return list(self.cases.values())
        return self._index.seen(self.now() - timedelta(seconds=lag))

    def _happened(
        self, case: Case, operation: str, via: str, by: Identity, detail: JsonObject, *, moves: bool = True
    ) -> None:
        at = self.now()
        case.version += operation != "create_case"
        if moves:
            case.updated_on, case.updated_by = at, by
        case.history.append(HistoryEntry(at, by, operation, detail))
        if self.settings.listing_lag:
            self._index.add(at, case)
        self._record(operation, via, by, case.id, detail)

    def _record(self, operation: str, via: str, by: Identity, case_id: str, detail: JsonObject) -> None:
        entry = LedgerEntry(
            len(self.ledger) + 1, self.now(), self.tenant, operation, via, by.email, case_id, dict(detail)
        )
        self.ledger.append(entry)
