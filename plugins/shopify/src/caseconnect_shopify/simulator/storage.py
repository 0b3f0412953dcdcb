"""Where files go and come from: staged uploads by PUT or multipart POST, ready files, results of exports."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from email.parser import BytesParser

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from .world.files import Upload
from .world.shop import Shop

Finder = Callable[[Request], Shop | None]
RANGE = re.compile(r"bytes=(\d+)-(\d+)\Z")
SAFE = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}


class Storage:
    """The endpoints."""

    def __init__(self, find: Finder) -> None:
        self.find = find

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/_uploads/{key:path}", self.upload, methods=["PUT", "POST"]),
            Route("/_files/{number:int}/{name:path}", self.file, methods=["GET"]),
            Route("/_bulk/{number:int}.jsonl", self.result, methods=["GET"]),
        ]

    async def upload(self, request: Request) -> Response:
        """Takes one upload: the method, the fields and the size must be those of the staged target."""
        shop = self.find(request)
        target = shop.uploads.get(request.path_params["key"]) if shop else None
        if shop is None or target is None or target.expires_at <= shop.now():
            return PlainTextResponse("NoSuchKey", 404)
        if request.method != target.method:
            return PlainTextResponse(f"MethodNotAllowed: the target was staged for {target.method}", 405)
        raw = await request.body()
        found = raw if target.method == "PUT" else _part(raw, request.headers.get("content-type", ""), target)
        if found is None:
            return PlainTextResponse("InvalidPolicyDocument: the fields are not those of the staged target", 403)
        if target.size is not None and len(found) != target.size:
            return PlainTextResponse(f"EntityTooLarge or too small: {target.size} bytes were announced", 400)
        target.body = found
        return Response(status_code=201 if target.method == "POST" else 200)

    async def file(self, request: Request) -> Response:
        """A file that is ready."""
        shop = self.find(request)
        found = shop.files.get(request.path_params["number"]) if shop else None
        if shop is None or found is None or found.status(shop.now()) != "READY":
            return PlainTextResponse("Not Found", 404)
        return Response(found.body or b"", 200, SAFE, found.mime_type)

    async def result(self, request: Request) -> Response:
        """The result of an export, for seven days."""
        shop = self.find(request)
        found = shop.bulk_operations.get(request.path_params["number"]) if shop else None
        if shop is None or found is None or found.url(shop.now()) is None:
            return PlainTextResponse("Not Found", 404)
        return _ranged(found.body, request.headers.get("range", ""))


def _ranged(body: bytes, asked: str) -> Response:
    """The file, or the piece asked for by `Range: bytes=FIRST-LAST` (RFC 9110 §14), as Google's storage gives it."""
    match = RANGE.match(asked)
    if match is None:
        return Response(body, 200, SAFE, "application/jsonl")
    first, last = int(match[1]), min(int(match[2]), len(body) - 1)
    if first > last:
        return PlainTextResponse("InvalidRange", 416, {"Content-Range": f"bytes */{len(body)}"})
    headers = SAFE | {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
    return Response(body[first : last + 1], 206, headers, "application/jsonl")


def _part(raw: bytes, content_type: str, target: Upload) -> bytes | None:
    """The file of a multipart form; None when a field is missing or wrong, or there is no file."""
    whole = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + raw)
    parts = whole.get_payload() if whole.is_multipart() else []
    fields: dict[str, bytes] = {}
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, Message):
            payload = part.get_payload(decode=True)
            name = part.get_param("name", header="content-disposition")
            fields[str(name)] = payload if isinstance(payload, bytes) else b""
    right = fields.get("key") == target.key.encode() and fields.get("Content-Type") == target.mime_type.encode()
    return fields.get("file") if right else None
