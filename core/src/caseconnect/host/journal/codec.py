"""How values are kept: times as fixed-width UTC text (so that they sort), JSON by orjson, large bodies by zstd."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

import orjson
import zstandard


def stamp(when: datetime) -> str:
    """2026-11-21T23:54:00.123456Z, always 27 characters."""
    if when.tzinfo is not UTC:
        when = when.astimezone(UTC)
    return when.isoformat(timespec="microseconds")[:-6] + "Z"  # half of what strftime takes


def unstamp(text: str) -> datetime:
    """The aware time of a stamp."""
    return datetime.fromisoformat(text)


def dump(value: Any) -> str:
    """JSON text with sorted keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()


def load(text: str | bytes) -> Any:
    """The value of JSON text."""
    return orjson.loads(text)


_AT_ONCE = 2047  # hashlib lets go of the interpreter's lock for more, and must win it back from the other threads
_SHORT = 64 * 1024


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> None: ...


def feed(hash_: _Hash, data: bytes) -> None:
    """Update a hash of hashlib or hmac with `data`; with the interpreter's lock held where that is faster."""
    view = memoryview(data)
    size = _AT_ONCE if len(data) <= _SHORT else len(data)
    for begin in range(0, len(data), size):
        hash_.update(view[begin : begin + size])


def digest(data: bytes) -> bytes:
    """SHA-256."""
    found = sha256()
    feed(found, data)
    return found.digest()


class Squeezer:
    """zstd, one per thread that writes: its compressor is not safe to share."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)

    def squeeze(self, data: bytes) -> bytes:
        """Compressed bytes."""
        return self._compressor.compress(data)

    def squeeze_all(self, many: Sequence[bytes]) -> list[bytes]:
        """The same for each, in one call, which lets go of the interpreter's lock only once."""
        if not any(many):  # it refuses to compress nothing
            return [self.squeeze(data) for data in many]
        found = self._compressor.multi_compress_to_buffer([*many])
        return [found[place].tobytes() for place in range(len(found))]


def expand(data: bytes) -> bytes:
    """The bytes that were squeezed."""
    return zstandard.ZstdDecompressor().decompress(data)
