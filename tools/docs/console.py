"""The console: its actions, the endpoints of its API, and what these take and give."""

from __future__ import annotations

from typing import Any

from caseconnect.host.web.console.api import ENDPOINTS, PREFIX
from caseconnect.host.web.console.openapi import document
from caseconnect.host.web.console.plans import ACTIONS
from tools.docs.markdown import code, codes, table


def actions() -> str:
    """A table of the actions and their fields."""
    rows = [
        (code(name), action.plan.__doc__ or "", codes(action.fields), code(action.many) if action.many else "")
        for name, action in ACTIONS.items()
    ]
    return table(("action", "what it does", "fields", "may be many"), rows)


def endpoints() -> str:
    """A table of the endpoints."""
    rows = [
        (
            code(f"{endpoint.method} {PREFIX}{endpoint.path.replace(':int', '')}"),
            endpoint.summary,
            endpoint.role.word,
            code(endpoint.given.__name__) if endpoint.given else "",
        )
        for endpoint in ENDPOINTS
    ]
    return table(("endpoint", "what", "role", "takes"), rows)


def models() -> str:
    """A table of the fields of each model, given and taken."""
    found: dict[str, dict[str, Any]] = dict(document()["components"]["schemas"])
    for endpoint in ENDPOINTS:
        if endpoint.given:
            found[endpoint.given.__name__] = endpoint.given.model_json_schema()
    sections = []
    for name, schema in sorted(found.items()):
        rows = [
            (
                code(field),
                _kind(one),
                "" if field in schema.get("required", ()) else "may be left out",
                one.get("description", ""),
            )
            for field, one in schema.get("properties", {}).items()
        ]
        sections.append(
            f"### {code(name)}\n\n{schema.get('description', '')}\n\n{table(('field', 'is', '', 'meaning'), rows)}"
        )
    return "\n\n".join(sections)


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return code(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kind = str(schema.get("format", schema.get("type", "anything")))
    return {"object": "mapping", "null": "nothing", "integer": "number", "date-time": "time"}.get(kind, kind)
