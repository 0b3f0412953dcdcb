"""What a request's body holds: one JSON object, and files. JSON and multipart (RFC 7578) are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

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
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(EmailMessage, policy=HTTP).parsebytes(head + body)
    if not message.is_multipart() or message.defects:
        raise PermanentError("the multipart body cannot be read: is its boundary the one of the content type?")
    data: dict[str, Any] = {}
    files: list[SentFile] = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        raw = content if isinstance(content, bytes) else b""
        if (filename := part.get_filename()) is not None:
            files.append(SentFile(filename, part.get_content_type(), raw))
        elif name == _PAYLOAD or part.get_content_type() == "application/json":
            data |= _object(raw, f"part {str(name)[:40]!r}")
        elif name:
            data[str(name)] = raw.decode("utf-8", "replace")
    return Sent(data, tuple(files))
