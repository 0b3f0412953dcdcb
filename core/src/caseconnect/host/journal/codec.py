"""How values are kept: times as fixed-width UTC text (so that they sort), JSON by orjson, large bodies by zstd."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import zstandard


def stamp(when: datetime) -> str:
    """2026-11-21T23:54:00.123456Z, always 27 characters."""
    if when.tzinfo is not UTC:
        when = when.astimezone(UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def unstamp(text: str) -> datetime:
    """The aware time of a stamp."""
    return datetime.fromisoformat(text)


def dump(value: Any) -> str:
    """JSON text with sorted keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()


def load(text: str | bytes) -> Any:
    """The value of JSON text."""
    return orjson.loads(text)


def digest(data: bytes) -> bytes:
    """SHA-256."""
    return sha256(data).digest()


class Squeezer:
    """zstd, one per thread that writes: its compressor is not safe to share."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=1)

    def squeeze(self, data: bytes) -> bytes:
        """Compressed bytes."""
        return self._compressor.compress(data)


def expand(data: bytes) -> bytes:
    """The bytes that were squeezed."""
    return zstandard.ZstdDecompressor().decompress(data)
