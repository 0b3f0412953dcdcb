"""Case definitions: from settings, edited in the documented shape, and the checks they put on a case's attributes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .errors import Refused
from .model import CaseDefinition, CaseInput, Identity, JsonObject, Stage
from .settings import DefinitionSettings, stable_id

DOCUMENTED_DEFAULTS = ("caseTitle", "summary", "clientName")
"""Default attributes seen in the published create body; every definition has them."""


def definition_from_settings(settings: DefinitionSettings, tenant: str, at: datetime, by: Identity) -> CaseDefinition:
    """A definition as settings describe it, with stable ids for its parts."""
    return CaseDefinition(
        id=settings.id,
        config_id=settings.config_id,
        name=settings.name,
        description=settings.description,
        prefix=settings.prefix,
        suffix=settings.suffix,
        created_on=at,
        created_by=by,
        updated_on=at,
        updated_by=by,
        attributes=list(settings.attributes),
        stages=[Stage(stable_id(tenant, settings.id, "stage", name), name) for name in settings.stages],
        outcomes=list(settings.outcomes),
        classification_id=stable_id(tenant, "classification"),
        generator_id=stable_id(tenant, settings.id, "generator"),
        settings={
            "duration": None,
            "defaultAssignee": None,
            "defaultAssigneeGroup": None,
            "email": None,
            "caseSLAs": [],
        },
    )


def update_definition(definition: CaseDefinition, body: JsonObject, by: Identity, at: datetime) -> None:
    """Take name, description, settings and number generator from a body shaped as `CaseInstanceDTO.json`."""
    if body.get("id", definition.id) != definition.id:
        raise Refused(400, f"Body is for definition {body['id']!r}, path for {definition.id}; they must agree.")
    for key in ("settings", "caseIdGenerator"):
        if not isinstance(body.get(key, {}), dict):
            raise Refused(400, f"{key} must be an object.")
    unknown = [name for name in body.get("settings", {}) if name not in definition.settings]
    if unknown:
        raise Refused(400, f"settings has no {unknown[0]!r}; known: {', '.join(definition.settings)}.")
    definition.name = str(body.get("name", definition.name))
    definition.description = str(body.get("description", definition.description))
    definition.settings |= body.get("settings", {})
    generator = body.get("caseIdGenerator", {})
    definition.prefix = str(generator.get("prefix", definition.prefix) or "")
    definition.suffix = str(generator.get("suffix", definition.suffix) or "")
    definition.updated_on, definition.updated_by = at, by


def add_stage(definition: CaseDefinition, name: object, stage_id: str) -> Stage:
    """Append a stage; its name must be new."""
    if not isinstance(name, str) or not name.strip():
        raise Refused(400, "A stage needs a name.")
    if any(stage.name == name for stage in definition.stages):
        raise Refused(409, f"Stage {name!r} exists already.")
    definition.stages.append(Stage(stage_id, name))
    return definition.stages[-1]


def check_known(what: str, value: str, allowed: Iterable[str]) -> None:
    """Refuse a value that is none of `allowed`; an empty list allows everything."""
    known = list(allowed)
    if known and value not in known:
        raise Refused(400, f"Unknown {what} {value!r}; allowed: {', '.join(known)}.")


def check_attributes(definition: CaseDefinition, wanted: CaseInput, *, strict: bool, creating: bool) -> None:
    """Check values against the declared attributes; `strict` also refuses undeclared names."""
    held = {"default": wanted.default, "custom": wanted.custom}
    for attribute in definition.attributes:
        value = held[attribute.section].get(attribute.name)
        if value in (None, ""):
            if creating and attribute.required:
                raise Refused(400, f"Attribute {attribute.name!r} is required.")
            continue
        check_known(f"value of {attribute.name}", str(value), attribute.options)
        if attribute.max_length is not None and len(str(value)) > attribute.max_length:
            raise Refused(400, f"Attribute {attribute.name!r} is longer than {attribute.max_length} characters.")
    if not strict:
        return
    declared = {attribute.name for attribute in definition.attributes}.union(DOCUMENTED_DEFAULTS)
    for name in [*wanted.default, *wanted.custom]:
        if name not in declared:
            raise Refused(400, f"Unknown attribute {name!r}; declared: {', '.join(sorted(declared))}.")
