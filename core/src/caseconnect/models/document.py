"""A document that goes with a case."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from caseconnect.models.base import Record, Text


def _decode(value: object) -> object:
    return base64.b64decode(value) if isinstance(value, str) else value


Base64 = Annotated[
    bytes, BeforeValidator(_decode), PlainSerializer(lambda v: base64.b64encode(v).decode(), return_type=str)
]
"""Bytes, as base64 text in JSON."""


class Document(Record):
    """A named file with its bytes, kept in the journal until it is attached."""

    name: str = Field(
        description="File name: letters, digits, '.', '-', '_'.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$"
    )
    media_type: str
    content: Base64 = Field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, hex: the same document is attached once."""
        return sha256(self.content).hexdigest()


class File(Record):
    """A file that came with something. `document` holds it; else it is fetched as the fact 'document' of `id`."""

    id: str = Field("", description="By which its source fetches it: an address or an id of the platform.")
    name: Text = ""
    media_type: str = ""
    size: int | None = Field(None, description="Bytes, as far as the source says.")
    ours: bool = Field(False, description="True when our own service account added it.")
    document: Document | None = None
