"""Staged uploads, and the files made of them, which take their time to get ready."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shop import Shop


@dataclass(slots=True)
class Upload:
    """A staged target. `body` is None until something was uploaded to it."""

    key: str
    filename: str
    mime_type: str
    resource: str
    method: str
    size: int | None
    expires_at: datetime
    body: bytes | None = None
    dispute_file_id: int | None = None


@dataclass(slots=True)
class File:
    """A file of the shop; it is READY `file_seconds` after it was made, or FAILED when nothing had been uploaded."""

    id: int
    filename: str
    mime_type: str
    created_at: datetime
    ready_at: datetime
    body: bytes | None
    alt: str | None = None
    failed: bool = False

    def status(self, now: datetime) -> str:
        """Its FileStatus at a time."""
        if now < self.created_at + (self.ready_at - self.created_at) / 2:
            return "UPLOADED"
        if now < self.ready_at:
            return "PROCESSING"
        return "FAILED" if self.failed else "READY"


class Image(File):
    """A picture."""

    __slots__ = ()


UPLOAD_LIFE = timedelta(days=1)


def stage(shop: Shop, filename: str, mime_type: str, resource: str, method: str, size: int | None) -> Upload:
    """A target that takes one upload within a day."""
    key = f"tmp/{shop.id}/{shop.next_uuid()}/{filename}"
    made = Upload(key, filename, mime_type, resource, method, size, shop.now() + UPLOAD_LIFE)
    if resource == "DISPUTE_FILE_UPLOAD":
        made.dispute_file_id = shop.next_id()
    shop.uploads[key] = made
    return made


def add(shop: Shop, upload: Upload | None, filename: str, alt: str | None, *, image: bool) -> File:
    """A file of an upload; without one, or of an empty one, it will fail."""
    now = shop.now()
    body = upload.body if upload else None
    kind = Image if image else File
    made = kind(
        shop.next_id(),
        filename,
        upload.mime_type if upload else "application/octet-stream",
        now,
        now + timedelta(seconds=shop.file_seconds),
        body,
        alt,
        failed=body is None,
    )
    shop.files[made.id] = made
    return made


def dispute_file(shop: Shop, number: int) -> Upload | None:
    """The upload that a dispute file id means."""
    return next((u for u in shop.uploads.values() if u.dispute_file_id == number), None)
