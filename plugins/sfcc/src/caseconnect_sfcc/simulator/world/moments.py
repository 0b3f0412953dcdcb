"""Times as the platform writes and reads them: ISO 8601, milliseconds, UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """A time in the platform's own form, such as 2026-08-01T00:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: object) -> datetime | None:
    """The time that a text means, or `None`; a time without a zone is read as UTC."""
    if not isinstance(text, str) or "-" not in text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def whole_ms(moment: datetime) -> datetime:
    """The time cut to milliseconds, which is all that the platform keeps."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
