"""What the simulated Core Case remembers: people, definitions, cases and everything that hangs on a case."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object as Python reads it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user or functional role; the keys of `createdByUser` in the documented `case-data` operation."""

    id: str
    first_name: str
    last_name: str
    email: str
    kind: str = "User"
    ets_uuid: str = ""

    @property
    def name(self) -> str:
        """First and last name as people read it."""
        return f"{self.first_name} {self.last_name}".strip()

    def known_as(self, text: str) -> bool:
        """Whether `text` is one of the three spellings of this identity: id, etsUuid or e-mail."""
        return text in {self.id, self.ets_uuid} or text.casefold() == self.email.casefold()


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that a case definition declares; `section` is `default` or `custom`."""

    name: str
    section: str = "custom"
    required: bool = False
    max_length: int | None = None
    options: tuple[str, ...] = ()


@dataclass(slots=True)
class Stage:
    """A stage of a case definition."""

    id: str
    name: str


@dataclass(slots=True)
class CaseDefinition:
    """A case type: `id` is the uuid of the paths, `config_id` the `caseConfigId` that a create must name."""

    id: str
    config_id: str
    name: str
    description: str
    prefix: str
    suffix: str
    created_on: datetime
    created_by: Identity
    updated_on: datetime
    updated_by: Identity
    attributes: list[Attribute] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    classification_id: str = ""
    generator_id: str = ""
    settings: JsonObject = field(default_factory=dict)
    last_number: int = 0

    def next_number(self) -> str:
        """The next display number: prefix, sequence, suffix, as `caseIdGenerator` describes it."""
        self.last_number += 1
        return f"{self.prefix}{self.last_number}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a case and who wrote it."""

    id: str
    text: str
    by: Identity
    at: datetime


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document on a case, with its bytes."""

    id: str
    name: str
    media_type: str
    content: bytes = field(repr=False)
    by: Identity
    at: datetime

    @property
    def sha256(self) -> str:
        """Hex digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a case's story, for people."""

    at: datetime
    by: Identity
    what: str
    detail: JsonObject


@dataclass(frozen=True, slots=True)
class CaseFields:
    """What Core Case itself knows of a case's progress, wherever the profile places it in the JSON."""

    status: str
    stage: str | None = None
    priority: str | None = None
    assignee: str | None = None
    due_on: datetime | None = None
    outcome: str | None = None
    decided_by: str | None = None
    decided_on: datetime | None = None


@dataclass(slots=True)
class Case:
    """A case; `default`, `custom` and `forms` are the three data parts that the `case-data` title names."""

    id: str
    definition_id: str
    number: str
    created_on: datetime
    created_by: Identity
    updated_on: datetime
    updated_by: Identity
    fields: CaseFields
    default: JsonObject = field(default_factory=dict)
    custom: JsonObject = field(default_factory=dict)
    forms: JsonObject = field(default_factory=dict)
    version: int = 1
    comments: list[Comment] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)

    def snapshot(self) -> Case:
        """A copy that later changes do not reach, for the listing's lagging index."""
        return replace(
            self,
            default=dict(self.default),
            custom=dict(self.custom),
            forms=dict(self.forms),
            comments=list(self.comments),
            attachments=list(self.attachments),
            history=list(self.history),
        )


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """An effect that really happened, whatever the caller was told; `via` is `api` or `agent`."""

    sequence: int
    at: datetime
    tenant: str
    operation: str
    via: str
    by: str
    case_id: str
    detail: JsonObject


@dataclass(slots=True)
class CaseInput:
    """What a create or an edit asks for, freed from the profile's spelling.

    `fields` holds only the progress fields that were present, by their names in `CaseFields`.
    """

    default: JsonObject = field(default_factory=dict)
    custom: JsonObject = field(default_factory=dict)
    forms: JsonObject = field(default_factory=dict)
    fields: JsonObject = field(default_factory=dict)
