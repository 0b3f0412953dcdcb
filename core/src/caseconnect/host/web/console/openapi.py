"""The OpenAPI document of the API, from its table of endpoints and their models."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from caseconnect import __version__
from caseconnect.host.web.console.api import ACTION_NAMES, ENDPOINTS, PREFIX, Endpoint
from caseconnect.host.web.console.api_models import Error

_REFUSALS = {
    "400": "What was given is not as it has to be.",
    "401": "No token, or one that is not good.",
    "403": "The token's role may not do this.",
    "404": "There is no such thing.",
    "409": "It was not done; the text says why, and what to do.",
    "413": "The body is too long.",
    "429": "Too many wrong tokens.",
}


@cache
def document() -> dict[str, Any]:
    """The document, as OpenAPI 3.1."""
    inputs: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [("Error", "serialization", TypeAdapter(Error))]
    for endpoint in ENDPOINTS:
        inputs.append((endpoint.name, "serialization", TypeAdapter(endpoint.answer)))
        if endpoint.method == "POST" and endpoint.given:
            inputs.append((endpoint.name, "validation", TypeAdapter(endpoint.given)))
    schemas, shared = TypeAdapter.json_schemas(
        inputs, ref_template="#/components/schemas/{model}", schema_generator=GenerateJsonSchema
    )
    error = {"application/json": {"schema": schemas["Error", "serialization"]}}
    refusals = {status: {"description": text, "content": error} for status, text in _REFUSALS.items()}
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        shown = (PREFIX + endpoint.path).replace(":int", "")
        answer = {"application/json": {"schema": schemas[endpoint.name, "serialization"]}}
        operation: dict[str, Any] = {
            "operationId": endpoint.name,
            "summary": endpoint.summary,
            "description": f"Takes the role {endpoint.role.word}.",
            "parameters": [*_in_path(endpoint), *_in_query(endpoint)],
            "responses": {"200": {"description": "Done.", "content": answer}, **refusals},
        }
        if endpoint.method == "POST":
            body = {"application/json": {"schema": schemas[endpoint.name, "validation"]}}
            operation["requestBody"] = {"required": True, "content": body}
        paths.setdefault(shown, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Connect",
            "version": __version__,
            "description": "The console's reads and actions. `connect console token` makes a token.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": shared.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _in_path(endpoint: Endpoint) -> list[dict[str, Any]]:
    kinds: dict[str, dict[str, Any]] = {
        "{action}": {"name": "action", "schema": {"type": "string", "enum": list(ACTION_NAMES)}},
        "{number:int}": {"name": "number", "schema": {"type": "integer", "minimum": 1, "maximum": 2**53}},
    }
    return [{**kind, "in": "path", "required": True} for part, kind in kinds.items() if part in endpoint.path]


def _in_query(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.method != "GET" or endpoint.given is None:
        return []
    schema = endpoint.given.model_json_schema()
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": one.pop("description", ""),
            "schema": _plain(one),
        }
        for name, one in schema["properties"].items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Of an optional value, what it is when it is there: an address has no null."""
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            return dict(one)
    return {key: value for key, value in schema.items() if key != "title"}
