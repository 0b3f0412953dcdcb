"""A case in case management, as read back."""

from __future__ import annotations

from pydantic import Field

from caseconnect.models.base import Record, Text, Utc, personal
from caseconnect.models.document import File


class CaseComment(Record):
    """One comment on a case."""

    id: str
    text: Text = personal("", description="What was written.")
    author: Text | None = personal(description="Who wrote it.")
    created_at: Utc | None = None
    ours: bool = Field(False, description="True when our own service account wrote it.")


class Case(Record):
    """A case as read now. What decides is `outcome` with `revision`: an outcome set again is another revision."""

    id: str
    number: str | None = Field(None, description="What people call it.")
    reference: str | None = Field(None, description="Our own reference, by which it is found again.")
    title: Text = ""
    status: str | None = None
    stage: str | None = None
    outcome: str | None = Field(None, description="The decision, in the words of the case definition; None while open.")
    revision: str = Field("", description="Digest of status, stage, outcome and who set it: changes when they do.")
    closed: bool = False
    priority: str | None = None
    assignee: Text | None = personal(description="Who works on it.")
    decided_by: str | None = Field(None, description="Who set the outcome, as the platform names them.")
    updated_at: Utc | None = None
    updated_by: str | None = None
    updated_by_us: bool = Field(False, description="The last change was our own service account's.")
    attributes: dict[str, Text] = personal({}, description="What else it holds, by name.")
    comments: tuple[CaseComment, ...] = ()
    files: tuple[File, ...] = Field((), description="Documents on the case; who added them decides if they are ours.")
    definition: str = Field("", description="Which of the connection's case definitions it belongs to.")
    due_at: Utc | None = None
    created_at: Utc | None = None
    url: str | None = None
