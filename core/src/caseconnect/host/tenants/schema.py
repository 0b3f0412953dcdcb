"""JSON Schema (draft 2020-12) of a tenant file over all installed plugins, so that editors complete and check it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants.durations import PATTERN, show_duration
from caseconnect.host.tenants.file_models import HOST_NAME, NAME, ConnectionPart, FlowPart, Limits, TenantPart, Timing
from caseconnect.host.tenants.schedule import Poll
from caseconnect.sdk.components import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(installed: Installed) -> dict[str, Any]:
    """The schema of a tenant file. Settings are those of the platform or use case that the same entry names."""
    defs: dict[str, Any] = {}
    top = _model(TenantPart, "tenant", defs)
    connection = _model(ConnectionPart, "connection", defs)
    flow = _model(FlowPart, "flow", defs)
    summaries = {n: _summary(installed, n) for n in installed.platforms()}
    platforms = {n: model for n in installed.platforms() if (model := installed.settings_of(n))}
    connection["properties"]["poll"] = _ref(_model(Poll, "poll", defs), "poll", defs) | _text(ConnectionPart, "poll")
    _choose(connection, "platform", platforms, summaries, defs, _example(installed))
    transforms = installed.transforms
    _choose(
        flow,
        "use",
        {n: t.settings for n, t in transforms.items()},
        {n: t.summary for n, t in transforms.items()},
        defs,
        {n: t.example for n, t in transforms.items()},
    )
    top["properties"] |= {
        "connections": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": NAME, "not": {"const": HOST_NAME}},
            "additionalProperties": _ref(connection, "connection", defs),
        }
        | _text(TenantPart, "connections"),
        "flows": {"type": "array", "items": _ref(flow, "flow", defs)} | _text(TenantPart, "flows"),
        "timing": _ref(_model(Timing, "timing", defs), "timing", defs) | _text(TenantPart, "timing"),
        "limits": _ref(_model(Limits, "limits", defs), "limits", defs) | _text(TenantPart, "limits"),
    }
    return {"$schema": _DIALECT, **top, "title": "Connect tenant file", "$defs": dict(sorted(defs.items()))}


def _choose(
    entry: dict[str, Any],
    key: str,
    models: Mapping[str, type[Settings]],
    summaries: Mapping[str, str],
    defs: dict[str, Any],
    examples: Mapping[str, str],
) -> None:
    """Let `settings` of the entry follow from its `key`, one if/then for each name."""
    described = entry["properties"][key].get("description", "")
    choices = [{"const": n, "description": summaries[n]} for n in sorted(models)]
    entry["properties"][key] = {"type": "string", "description": described} | ({"oneOf": choices} if choices else {})
    entry["properties"]["settings"] = {"type": "object"} | _text_of(entry, "settings")
    entry["allOf"] = []
    for name in sorted(models):
        made = _model(models[name], f"{key}.{name}", defs)
        example = _parsed(examples.get(name, ""))
        if example is not None:
            made["examples"] = [example]
        then: dict[str, Any] = {"properties": {"settings": _ref(made, f"{key}.{name}", defs)}}
        if any(f.is_required() for f in models[name].model_fields.values()):
            then["required"] = ["settings"]
        entry["allOf"].append({"if": {"properties": {key: {"const": name}}, "required": [key]}, "then": then})


def _model(model: type[BaseModel], name: str, defs: dict[str, Any]) -> dict[str, Any]:
    """The model's own schema; the models inside go to `defs` below `name`, so that equal class names do not meet."""
    try:
        made = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return {"type": "object", "description": "This plugin's settings cannot be described as JSON Schema."}
    for inner, body in made.pop("$defs", {}).items():
        defs[f"{name}.{inner}"] = body
    shape = defs[made["$ref"].rpartition("/")[2]] if "$ref" in made else made
    for field_name, field in model.model_fields.items():
        shown = shape["properties"].get(field.alias or field_name, {})
        # pydantic writes a default timedelta as ISO 8601, which a tenant file does not use.
        if isinstance(field.default, timedelta) and shown.get("pattern") == PATTERN:
            shown["default"] = show_duration(field.default)
    return made


def _ref(body: dict[str, Any], name: str, defs: dict[str, Any]) -> dict[str, Any]:
    defs[name] = body
    return {"$ref": f"#/$defs/{name}"}


def _text(model: type[BaseModel], field: str) -> dict[str, Any]:
    return {"description": model.model_fields[field].description or ""}


def _text_of(entry: Mapping[str, Any], field: str) -> dict[str, Any]:
    return {"description": entry["properties"][field].get("description", "")}


def _summary(installed: Installed, platform: str) -> str:
    specs = (installed.sources.get(platform), installed.sinks.get(platform))
    return next((s.summary for s in specs if s), "")


def _example(installed: Installed) -> dict[str, str]:
    return {
        n: next((s.example for s in (installed.sources.get(n), installed.sinks.get(n)) if s and s.example), "")
        for n in installed.platforms()
    }


def _parsed(example: str) -> Any:
    try:
        found = yaml.safe_load(example) if example else None
    except yaml.YAMLError:
        return None
    return found if isinstance(found, dict) else None
