"""Settings of platforms and use cases, and the keys of a tenant file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from caseconnect.host.alerting.settings import AlertsPart, ChannelPart, DailyPart, MailPart, SmtpPart, WebhookPart
from caseconnect.host.rehearsal.written import ExpectPart, GivenPart, StepPart, TestPart, WantedPart
from caseconnect.host.tenants.caps import Cap, Storm
from caseconnect.host.tenants.durations import PATTERN, show_duration
from caseconnect.host.tenants.file_models import ConnectionPart, FlowPart, Limits, TenantPart, Timing
from caseconnect.host.tenants.schedule import Poll
from caseconnect.host.web.console.settings import ConsoleSettings, Oidc, SessionTimes, Tls
from caseconnect.sdk.components import SinkSpec, SourceSpec
from caseconnect.sdk.secrets import Secret
from tools.docs.markdown import code, codes, fence, table
from tools.docs.plugins import platform_commands
from tools.docs.workspace import installed

_PARTS: Mapping[str, type[BaseModel]] = {
    "tenant": TenantPart,
    "connection": ConnectionPart,
    "flow": FlowPart,
    "poll": Poll,
    "timing": Timing,
    "limits": Limits,
    "cap": Cap,
    "storm": Storm,
    "secret": Secret,
    "console": ConsoleSettings,
    "console-tls": Tls,
    "console-oidc": Oidc,
    "console-sessions": SessionTimes,
    "alerts": AlertsPart,
    "alerts.channels.NAME": ChannelPart,
    "alerts.channels.NAME.webhook": WebhookPart,
    "alerts.channels.NAME.mail": MailPart,
    "alerts.smtp": SmtpPart,
    "alerts.daily": DailyPart,
    "test": TestPart,
    "given": GivenPart,
    "step": StepPart,
    "expect": ExpectPart,
    "wanted": WantedPart,
}
_COLUMNS = ("setting", "takes", "default", "meaning")
_LONGEST = 80


def settings(name: str) -> str:
    """A table of the settings of a platform or use case."""
    here = installed()
    model = here.settings_of(name) or here.transforms[name].settings
    return table(_COLUMNS, _rows(model))


def tenant_keys(part: str) -> str:
    """A table of the keys of one part of a tenant file, or of a tenant's tests."""
    return table(("key", *_COLUMNS[1:]), _rows(_PARTS[part]))


def components() -> str:
    """A section for each platform: facts, commands, pacing, waits, settings, example."""
    return "\n\n".join(_platform(name) for name in installed().platforms())


def _platform(name: str) -> str:
    here = installed()
    source, sink = here.sources.get(name), here.sinks.get(name)
    summary = next((_line(s) for s in (source, sink) if s), "")
    example = next((s.example for s in (source, sink) if s and s.example), "")
    lines = [f"## {code(name)}", summary]
    if source:
        lines.append(_source(source))
    if sink:
        lines += [_sink(sink), platform_commands(name)]
    return "\n\n".join([*lines, settings(name), fence(example, "yaml")])


def _line(spec: SourceSpec | SinkSpec) -> str:
    return f"{spec.summary.rstrip('.')}. {spec.stability.capitalize()} since {spec.since}."


def _source(spec: SourceSpec) -> str:
    return (
        f"- Facts: {codes(sorted(spec.facts))}\n"
        f"- Events: {codes(sorted(e.__name__ for e in spec.emits))}\n"
        f"- Pacing of one account: {spec.pacing.rate:g} a second, {spec.pacing.burst:g} at once"
    )


def _sink(spec: SinkSpec) -> str:
    names = ("deadline", "lateness", "index_lag", "key_window", "settle_within")
    waits = ", ".join(f"{code(n)} {show_duration(getattr(spec, n))}" for n in names)
    return f"- Waits (`timing:` overrides them): {waits}"


def _rows(model: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    shapes = model.model_json_schema()
    yield from _of(model, shapes, shapes.get("$defs", {}), "")


def _of(
    model: type[BaseModel], shape: Mapping[str, Any], defs: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, str, str, str]]:
    shape = _resolved(shape, defs)
    for field_name, field in model.model_fields.items():
        name = field.alias or field_name
        inner = _inner(field)
        here = shape["properties"][name]
        if inner is not None and inner is not model:
            yield from _of(inner, here, defs, f"{prefix}{name}.")
        else:
            yield code(prefix + name), _takes(here, defs), _default(field), field.description or ""


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a part with keys of its own; a secret is shown as one value."""
    found = field.annotation
    if isinstance(found, type) and issubclass(found, BaseModel) and not issubclass(found, Secret):
        return found
    return None


def _resolved(shape: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    ref = shape.get("$ref") or next((s["$ref"] for s in shape.get("allOf", []) if "$ref" in s), None)
    return _resolved(defs[ref.rpartition("/")[2]], defs) if ref else shape


def _takes(shape: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """What may be written there, in words."""
    if "$ref" in shape:
        target = shape["$ref"].rpartition("/")[2]
        return {"Secret": "secret", "Poll": "poll"}.get(target, "mapping")
    if "enum" in shape:
        return codes(shape["enum"])
    if "const" in shape:
        return code(shape["const"])
    if "anyOf" in shape:
        kinds = [_takes(s, defs) for s in shape["anyOf"] if s.get("type") != "null"]
        # A Decimal's schema is "number or text of digits": one kind to a person.
        return "number" if kinds[:1] == ["number"] and len(kinds) == 2 else " or ".join(dict.fromkeys(kinds))
    return _simple(shape, defs)


def _simple(shape: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    kind = shape.get("type")
    if kind == "array":
        return f"list of {_takes(shape.get('items', {}), defs)}"
    if kind == "object":
        inner = next(iter(shape.get("patternProperties", {}).values()), shape.get("additionalProperties"))
        return f"mapping to {_takes(inner, defs)}" if isinstance(inner, dict) else "mapping"
    if kind == "string":
        if shape.get("pattern") == PATTERN:
            return "duration"
        return {"date-time": "time", "cel": "condition"}.get(shape.get("format", ""), "text")
    if kind in {"integer", "number"}:
        return ("whole number" if kind == "integer" else "number") + _range(shape)
    return {"boolean": "`true`, `false`"}.get(str(kind), "see below")


def _range(shape: Mapping[str, Any]) -> str:
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
    return ",".join(f" {sign} {shape[name]:g}" for name, sign in signs if name in shape)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    found = field.get_default(call_default_factory=True)
    if found is None:
        return "none"
    if found == "":
        return "empty"
    return code(_short(_written(found)))


def _written(value: Any) -> str:
    if isinstance(value, timedelta):
        return show_duration(value)
    if isinstance(value, str):
        return value
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    text = orjson.dumps(value, default=str).decode()
    return text.replace('":', '": ').replace(",", ", ")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 2].rstrip() + " …"
