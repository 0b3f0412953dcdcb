"""Files that shoppers uploaded: read over WebDAV, and told by their first bytes, not by what they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from caseconnect.models import Document
from caseconnect.sdk.errors import PermanentError

from .client import SfccClient
from .config_objects import FileSettings

_SIGNS: Final[Mapping[bytes, str]] = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"%PDF-": "application/pdf",
}
_ENDINGS: Final[Mapping[str, str]] = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}
_LONGEST: Final = 120


async def document_of(client: SfccClient, settings: FileSettings, path: str) -> Document:
    """The file at `path` below IMPEX. `PermanentError` when it is elsewhere, too large or of another type."""
    segments = path.split("/")
    odd = any(each in {"", ".", ".."} or "\\" in each for each in segments)
    if odd or not path.startswith(f"{settings.folder}/"):
        raise PermanentError(f"an uploaded file is not below {settings.folder}/, or its path has dots or empty parts")
    content = (await client.file(f"Impex/{path}")).body
    if not content or len(content) > settings.max_bytes:
        raise PermanentError(f"an uploaded file has {len(content)} bytes; taken are 1 to {settings.max_bytes}")
    media_type = sniffed(content)
    if media_type not in settings.types:
        raise PermanentError(f"an uploaded file is {media_type}; taken are {', '.join(settings.types)}")
    return Document(name=file_name(segments, media_type), media_type=media_type, content=content)


def sniffed(content: bytes) -> str:
    """The content type that the first bytes tell; application/octet-stream when they tell none."""
    for sign, media_type in _SIGNS.items():
        if content.startswith(sign):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:12] in {b"ftypheic", b"ftypheix", b"ftypmif1"}:
        return "image/heic"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    harmless = all(c.isprintable() or c in "\r\n\t" for c in text) and not text.lstrip().startswith("<")
    return "text/plain" if harmless else "application/octet-stream"


def file_name(segments: Sequence[str], media_type: str) -> str:
    """A name of letters, digits, '.', '-' and '_': the request's key and the file's own, ended as its type asks."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", "-".join(segments[-2:])).strip("._-") or "file"
    ending = _ENDINGS.get(media_type, "")
    stem = plain if not ending or plain.lower().endswith(ending) else plain + ending
    return stem if len(stem) <= _LONGEST else stem[: _LONGEST - len(ending)].removesuffix(ending) + ending
