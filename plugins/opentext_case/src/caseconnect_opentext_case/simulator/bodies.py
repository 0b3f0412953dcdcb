"""Reading request bodies: JSON, form fields, and multipart with the JSON as a file part."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from .errors import GrantRefused, Refused
from .model import JsonObject

MAX_BODY = 128 * 1024 * 1024
"""Bytes of the largest body that the simulator reads."""

File = tuple[str, str, bytes]
"""A document as it came: name, media type, bytes."""


def media_type(request: Request) -> str:
    """The media type of the body without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_object(text: bytes, what: str) -> JsonObject:
    """A JSON object, or a 400."""
    try:
        found = json.loads(text, parse_constant=_no_constant)
        if b"\\ud" in text.lower():
            # Half a surrogate pair is a text for json, but nothing that an answer could repeat.
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(400, f"{what} is not valid JSON.") from None
    if not isinstance(found, dict):
        raise Refused(400, f"{what} must be a JSON object.")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _check_size(request: Request) -> None:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > MAX_BODY:
        raise Refused(413, f"The body has {length} bytes; at most {MAX_BODY} are read.")


async def json_body(request: Request) -> JsonObject:
    """The body as a JSON object; 415 for a multipart body."""
    _check_size(request)
    if media_type(request) == "multipart/form-data":
        raise Refused(415, "Send the body as application/json.")
    return parse_object(await request.body(), "The body")


@asynccontextmanager
async def form(request: Request) -> AsyncIterator[FormData]:
    """The parts of a multipart body; 415 for anything else, 400 for a broken one."""
    _check_size(request)
    if media_type(request) != "multipart/form-data":
        raise Refused(415, "Send the body as multipart/form-data.")
    try:
        parts = await request.form()
    except HTTPException as error:
        raise Refused(400, f"The multipart body is broken: {error.detail}") from None
    try:
        yield parts
    finally:
        await parts.close()


async def json_part(parts: FormData, name: str, *, as_file: bool) -> JsonObject:
    """The JSON object in the part `name`, a file when the profile says so."""
    found = parts.getlist(name)
    if len(found) != 1:
        names = ", ".join(sorted(set(parts.keys()))) or "none"
        raise Refused(400, f"Exactly one part {name!r} is needed; parts sent: {names}.")
    part = found[0]
    if isinstance(part, UploadFile):
        return parse_object(await part.read(), f"Part {name!r}")
    if as_file:
        raise Refused(400, f"Part {name!r} must be a file (give it a filename).")
    return parse_object(part.encode(), f"Part {name!r}")


async def file_parts(parts: FormData, name: str) -> list[File]:
    """The documents of all file parts called `name`; a plain field of that name is a 400."""
    files = []
    for part in parts.getlist(name):
        if not isinstance(part, UploadFile):
            raise Refused(400, f"Part {name!r} must be a file.")
        files.append((part.filename or "unnamed", part.content_type or "application/octet-stream", await part.read()))
    return files


def refuse_other_parts(parts: FormData, *known: str) -> None:
    """400 for a part that nobody would read: a wrong part name must not look like success."""
    for name in parts:
        if name not in known:
            raise Refused(400, f"Unknown part {name!r}; known: {', '.join(known)}.")


async def token_fields(request: Request, allowed: tuple[str, ...]) -> dict[str, str]:
    """The fields of a token request from JSON or a form, as far as the tenant's gateway takes them."""
    kind = media_type(request)
    if kind == "application/json" and "json" in allowed:
        try:
            found: dict[str, Any] = parse_object(await request.body(), "The body")
        except Refused as error:
            raise GrantRefused("invalid_request", error.message) from None
        return {name: value for name, value in found.items() if isinstance(value, str)}
    if kind == "application/x-www-form-urlencoded" and "form" in allowed:
        fields = await request.form()
        return {name: value for name, value in fields.items() if isinstance(value, str)}
    raise GrantRefused("invalid_request", f"Body of type {kind or 'none'} is not taken; taken: {', '.join(allowed)}.")
