"""Request bodies: read, size and type checked, and documents checked against what they may hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request

from caseconnect_sfcc.simulator.world.attributes import JsonObject, wrong_type
from caseconnect_sfcc.simulator.world.refusals import Refused

LARGEST = 5 * 1024 * 1024
"""Bytes of a request body; more is refused with 413 in both API families."""

META = frozenset({"_v", "_type", "_resource_state", "_flash"})
"""Members that every OCAPI document may carry."""


async def json_body(request: Request) -> Any:
    """The body as JSON; `None` when there is none."""
    body = await request.body()
    if len(body) > LARGEST:
        raise Refused("request-entity-too-large", "The request body exceeds the size limit of 5 MB.")
    if not body:
        return None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        text = f"The media type '{media_type}' is not supported; the simulator takes application/json."
        raise Refused("unsupported-content-type", text, contentType=media_type)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        text = "An error occurred while decoding the request: the body is not valid JSON."
        raise Refused("bad-request", text, body=body[:100].decode("utf-8", "replace")) from None


def split(document: Mapping[str, Any], allowed: Collection[str], name: str) -> tuple[JsonObject, JsonObject]:
    """A document's known members and its custom (`c_`) ones; anything else is refused."""
    known: JsonObject = {}
    custom: JsonObject = {}
    for key, value in document.items():
        if key.startswith("c_"):
            custom[key] = value
        elif key in allowed:
            known[key] = value
        elif key not in META:
            text = f"The property '{key}' is unknown in the document '{name}'."
            raise Refused("unknown-property", text, property=key, document=name)
    return known, custom


def custom_only(document: Mapping[str, Any], name: str) -> JsonObject:
    """A document that may hold nothing but custom members."""
    return split(document, (), name)[1]


def text(value: Any, path: str, longest: int, *, shortest: int = 0) -> str:
    """A text within its limits, or a refusal."""
    if not isinstance(value, str):
        raise wrong_type(path, "String", value)
    if not shortest <= len(value) <= longest:
        said = f"The value of the property '{path}' must have between {shortest} and {longest} characters."
        raise Refused("property-constraint-violation", said, path=path)
    return value


def one_of(document: Mapping[str, Any], name: str, allowed: Collection[str], where: str) -> str:
    """A required enumeration value, or a refusal."""
    value = document.get(name)
    if name not in document:
        said = f"The property '{name}' is missing in the document '{where}'."
        raise Refused("property-constraint-violation", said, document=where, path=f"$.{name}")
    if not isinstance(value, str):
        raise wrong_type(f"$.{name}", "String", value)
    if value not in allowed:
        said = f"The value '{value}' is not allowed in the document '{where}'. Allowed: {', '.join(allowed)}."
        raise Refused("enum-constraint-violation", said, document=where, enumValue=value)
    return value
