"""Settings of what is done with a case after it was made: documents, closing, who decided, being called."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from caseconnect.sdk.components import Settings


class AttachmentSettings(Settings):
    """How a case's documents look in a list. Keys as the Content Storage Service has them; all of it is assumed."""

    told: bool = Field(default=True, description="List documents whenever a case is read (one or two requests more).")
    items: str = Field(default="_embedded.attachments", description="Dotted key of the documents in the answer.")
    paged: bool = Field(default=True, description="Documents come in pages as cases do.")
    id: str = Field(default="id", min_length=1, description="Key of the document's id.")
    name: str = Field(default="originalFileName", min_length=1, description="Key of the file name.")
    media_type: str = Field(default="mimeType", description="Key of the content type.")
    size: str = Field(default="size", description="Key of the size in bytes.")
    digest: str = Field(default="", description="Key of the SHA-256 in hex; empty: there is none.")
    author: str = Field(default="createdBy", description="Key of who added it.")
    author_user: str = Field(default="createdByUser", description="Key of the expanded identity.")


class CloseSettings(Settings):
    """How a case is closed. No operation for it is documented."""

    by: Literal["call", "status", "none"] = Field(
        default="call",
        description="A call of `paths.close_case`, the status written as case data, or never by us.",
    )
    body: dict[str, Any] = Field(default={}, description="JSON that the call sends.")
    note: str = Field(
        default="", description="Dotted key of the reason, in that JSON or in the case; empty: it is not sent."
    )
    status: str = Field(default="", description="Status written with `by: status`; empty: first of `closed_statuses`.")


class TaskSettings(Settings):
    """The tasks of a case, for `decider: task`. Keys as the Workflow Service has them (documented there)."""

    query: dict[str, str] = Field(
        default={"processBusinessKey": "{case}", "finished": "true"},
        description="Parameters of the list; {case} is filled in.",
    )
    items: str = Field(default="_embedded.tasks", description="Dotted key of the tasks in the answer.")
    author: str = Field(default="assignee", min_length=1, description="Key of who finished the task.")
    finished: str = Field(default="endTime", min_length=1, description="Key of when; a task without it is open.")


class HookSettings(Settings):
    """A workflow of the tenant that calls us when a case changed; what it sends is ours to say, and only says look."""

    scheme: Literal["hmac-sha256-hex", "hmac-sha256-base64", "secret"] = Field(
        default="secret", description="What the header holds: a signature of the body, or the secret itself."
    )
    header: str = Field(default="X-Connect-Secret", min_length=1, description="Name of the header.")
    prefix: str = Field(default="", description="What stands before the signature, such as `sha256=`.")
    case: str = Field(default="caseId", min_length=1, description="Dotted key of the case's id in the body.")
    definition: str = Field(
        default="", description="Dotted key of the case definition's id; empty: each definition is tried."
    )


class DeclarationSettings(Settings):
    """Where the answer of `paths.read_definition` declares things; a key that is not there is not compared."""

    config_id: str = Field(default="caseConfigId", description="Dotted key of the configuration's id.")
    attributes: str = Field(default="attributes", description="Dotted key of the list of attributes.")
    name: str = Field(default="name", min_length=1, description="Key of an attribute's name.")
    required: str = Field(default="required", description="Key that is true for an attribute every case must have.")
    max_length: str = Field(default="maxLength", description="Key of the most characters an attribute takes.")
    outcomes: str = Field(default="outcomes", description="Dotted key of the outcomes, as texts or with a name.")
