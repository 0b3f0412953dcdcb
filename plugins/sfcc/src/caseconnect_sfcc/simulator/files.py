"""WebDAV, as far as it reads: `GET /on/demandware.servlet/webdav/Sites/{path}` of an instance."""

from __future__ import annotations

import mimetypes
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from .api.tokens import Tokens
from .world.instance import Instance
from .world.refusals import Refused

PREFIX = "/on/demandware.servlet/webdav/Sites/"


def answer(request: Request, path: str, instance: Instance, tokens: Tokens) -> Response:
    """A stored file, with the content type that its name suggests; the client needs a token of OCAPI's kind."""
    try:
        grant = tokens.check(request)
    except Refused:
        return Response("Unauthorized", 401, media_type="text/html")
    if grant.tenant is not None:
        return Response("Forbidden", 403, media_type="text/html")
    found = instance.files.get(unquote(path.removeprefix(PREFIX)))
    if request.method != "GET" or found is None:
        return Response("Not Found", 404 if request.method == "GET" else 405, media_type="text/html")
    return Response(found, media_type=mimetypes.guess_type(path)[0] or "application/octet-stream")
