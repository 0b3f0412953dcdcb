"""Files of strangers: what is taken as a document, and what is only named.

Nothing is lost silently: a file that is not taken keeps its name and size, so that the case can say so.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import Field

from caseconnect.models import Document, File
from caseconnect.sdk.components import Settings

_SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("application/pdf", 0, b"%PDF-"),
    ("image/gif", 0, b"GIF8"),
    ("image/heic", 4, b"ftyphei"),
    ("image/heic", 4, b"ftypmif1"),
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/webp", 8, b"WEBP"),
)
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 120


@dataclass(frozen=True)
class FileRules:
    """What is taken: media types, and at most so many bytes a file."""

    types: Collection[str]
    size: int

    def take(self, name: str, claimed: str, content: bytes) -> File:
        """The file with its document if it may be taken, else only its name."""
        kind = media_type(content, claimed)
        named = File(name=name[:_LONGEST], media_type=kind, size=len(content))
        if not content or kind not in self.types or len(content) > self.size:
            return named
        document = Document(name=safe_name(name, kind), media_type=kind, content=content)
        return named.model_copy(update={"document": document})


class TakesFiles(Settings):
    """Settings of whatever takes files of strangers."""

    file_types: tuple[str, ...] = Field(
        ("application/pdf", "image/gif", "image/heic", "image/jpeg", "image/png", "image/webp", "text/plain"),
        description="Media types that are taken; what a file claims to be is compared with its first bytes.",
    )
    file_size: int = Field(10 * 1024 * 1024, ge=1, le=64 * 1024 * 1024, description="Largest file in bytes.")

    def rules(self) -> FileRules:
        """What is taken by these settings."""
        return FileRules(frozenset(self.file_types), self.file_size)


def media_type(content: bytes, claimed: str) -> str:
    """What the first bytes say; a claim is believed only for text that is text."""
    for kind, at, mark in _SIGNATURES:
        if content[at : at + len(mark)] == mark:
            return kind
    plain = claimed.partition(";")[0].strip().lower()
    known = {kind for kind, _, _ in _SIGNATURES}
    if plain in known or (plain.startswith("text/") and not _is_text(content)):
        return "application/octet-stream"
    return plain or "application/octet-stream"


def safe_name(name: str, kind: str) -> str:
    """A file name of letters, digits, dot, dash and underscore, a letter or digit first, that says what it is."""
    base = PurePosixPath(name.replace("\\", "/")).name
    cleaned = _UNFIT.sub("-", base).lstrip("-._")[:_LONGEST].rstrip("-.") or f"file.{kind.rpartition('/')[2]}"
    return _UNFIT.sub("-", cleaned)


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\r\n\t\f" for c in text)
