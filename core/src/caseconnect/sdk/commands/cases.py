"""Commands to case management. Without a target they mean the matter's own case."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from caseconnect.models.base import Utc
from caseconnect.models.document import Document
from caseconnect.sdk.commands.base import Command, digest_of

Priority = Literal["low", "normal", "high", "urgent"]


class OpenCase(Command):
    """Open the matter's case. `reference` is filled in by the host: environment, shop and matter.

    The outcome's data holds `id`, and `number` and `url` where the platform gives them.
    """

    kind = "OpenCase"
    side = "case"

    title: str
    description: str = Field(repr=False)
    client_name: str = Field("", repr=False)
    definition: str = Field("", description="Which of the connection's case definitions; empty: its first.")
    priority: Priority = "normal"
    owner: str = Field("", description="Who or which queue works on it, as the platform names them; empty: nobody yet.")
    due: Utc | None = Field(None, description="The deadline for the people who work on it.")
    attributes: dict[str, str] = Field(default_factory=dict)
    documents: tuple[Document, ...] = ()
    reference: str = ""


class CommentCase(Command):
    """Add a comment to the matter's case."""

    kind = "CommentCase"
    side = "case"
    settles = False

    text: str = Field(repr=False)


class UpdateCase(Command):
    """Change priority, owner, deadline or attributes of the matter's case; what is not named stays."""

    kind = "UpdateCase"
    side = "case"
    settles = False

    priority: Priority | None = None
    owner: str | None = None
    due: Utc | None = None
    attributes: dict[str, str] = Field(default_factory=dict)

    def slot(self) -> tuple[str, str]:
        """One slot per name; the value is everything that it sets."""
        return f"case:{self.name}", digest_of(self.priority, self.owner, self.due, self.attributes)


class AttachDocument(Command):
    """Add a document to the matter's case. The same bytes are attached once: name it by their digest."""

    kind = "AttachDocument"
    side = "case"
    settles = False

    document: Document


class CloseCase(Command):
    """Close the matter's case, because it resolved itself or another case is worked instead. `note` tells why."""

    kind = "CloseCase"
    side = "case"

    note: str = Field(repr=False)

    def slot(self) -> tuple[str, str]:
        """A case is closed once."""
        return "closed", "yes"
