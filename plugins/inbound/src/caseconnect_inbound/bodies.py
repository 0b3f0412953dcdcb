"""What a request's body holds: one JSON object, and files. JSON and multipart (RFC 7578) are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from caseconnect.sdk.errors import PermanentError

_PAYLOAD = "payload"


@dataclass(frozen=True)
class SentFile:
    """A file that was in the body."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Sent:
    """What came. `data` are the JSON object's members, or the fields of a form."""

    data: Mapping[str, Any]
    files: tuple[SentFile, ...] = ()


def read(body: bytes, content_type: str) -> Sent:
    """Read a body. `PermanentError` tells what it should have been; it never quotes the body."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _multipart(body, content_type)
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise PermanentError(f"content type {kind[:80]!r} is not read: send application/json or multipart/form-data")
    return Sent(_object(body, "the body"))


def _object(body: bytes, what: str) -> dict[str, Any]:
    try:
        # Not orjson: amounts of money must not pass through a float.
        found = json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise PermanentError(f"{what} is no JSON: {error.msg} at character {error.pos}") from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise PermanentError(f"{what} is no JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise PermanentError(f"{what} is a JSON {type(found).__name__}, not an object")
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)


def _multipart(body: bytes, content_type: str) -> Sent:
    """A form is flat: parts within parts are content. Read in linear time by python-multipart."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type] # its type names each callback
        parser.write(body)
        parser.finalize()
    except MultipartParseError:
        raise PermanentError(
            "the multipart body cannot be read: is its boundary the one of the content type?"
        ) from None
    if not parts.ended:
        raise PermanentError("the multipart body cannot be read: its end is not there")
    data: dict[str, Any] = {}
    files: list[SentFile] = []
    for head, raw in parts.found:
        _, said = parse_options_header(head.get("content-disposition", ""))
        name, kind = _text(said.get(b"name")), head.get("content-type", "").partition(";")[0].strip().lower()
        if (filename := said.get(b"filename")) is not None:
            files.append(SentFile(_text(filename), kind, raw))
        elif name == _PAYLOAD or kind == "application/json":
            data |= _object(raw, f"part {name[:40]!r}")
        elif name:
            data[name] = raw.decode("utf-8", "replace")
    return Sent(data, tuple(files))


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


class _Parts:
    """Collects the parts of a form: (headers by lower-case name, content)."""

    def __init__(self) -> None:
        self.found: list[tuple[dict[str, str], bytes]] = []
        self.ended = False
        self._head: dict[str, str] = {}
        self._name, self._value, self._content = b"", b"", bytearray()

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add("_name", data[start:end]),
            "on_header_value": lambda data, start, end: self._add("_value", data[start:end]),
            "on_header_end": self._header,
            "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
            "on_part_end": lambda: self.found.append((self._head, bytes(self._content))),
            "on_end": lambda: setattr(self, "ended", True),
        }

    def _begin(self) -> None:
        self._head, self._content = {}, bytearray()

    def _add(self, place: str, more: bytes) -> None:
        setattr(self, place, getattr(self, place) + more)

    def _header(self) -> None:
        self._head[self._name.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._name = self._value = b""
