"""Between the profile's JSON and the store's records: reading bodies, writing answers, both timestamp spellings."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .errors import Refused
from .model import Attachment, Case, CaseDefinition, CaseInput, Comment, Identity, JsonObject
from .profile import Profile

READ_ONLY = frozenset(
    {"id", "caseType", "createdOn", "createdBy", "createdByUser", "lastUpdatedOn", "lastUpdatedBy", "lastUpdatedByUser"}
)
"""Default attributes that Core Case writes itself; sent values are ignored, so that a case can be put back whole."""


def stamp(profile: Profile, at: datetime) -> str:
    """A time in the profile's spelling, milliseconds, UTC."""
    text = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}"
    return text + ("+0000" if profile.timestamps == "offset" else "Z")


def parse_stamp(text: object, what: str) -> datetime:
    """A time in any ISO spelling with or without a colon in its offset; no offset means UTC."""
    if not isinstance(text, str):
        raise Refused(400, f"{what} must be a date-time text.")
    try:
        at = datetime.fromisoformat(re.sub(r"([+-]\d{2})(\d{2})$", r"\1:\2", text.strip()))
    except ValueError:
        raise Refused(400, f"{what}: {text!r} is not a date-time such as 2021-01-12T16:09:09.193+0000.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def identity_json(person: Identity) -> JsonObject:
    """The expanded identity of `createdByUser`."""
    return {
        "id": person.id,
        "etsUuid": person.ets_uuid,
        "caseIdentityType": person.kind,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "email": person.email,
    }


def identity_key(profile: Profile, person: Identity) -> str:
    """An identity as the profile spells it in a single text."""
    return {"id": person.id, "etsUuid": person.ets_uuid, "email": person.email}[profile.identity_key]


class Writer:
    """Answers of one tenant; `person` resolves a stored identity id."""

    def __init__(self, profile: Profile, person: Callable[[str], Identity | None]) -> None:
        self.profile = profile
        self._person = person

    def audit(self, record: Case | CaseDefinition) -> JsonObject:
        """The documented audit keys of a record."""
        return {
            "createdOn": stamp(self.profile, record.created_on),
            "createdBy": identity_key(self.profile, record.created_by),
            "createdByUser": identity_json(record.created_by),
            "lastUpdatedOn": stamp(self.profile, record.updated_on),
            "lastUpdatedBy": identity_key(self.profile, record.updated_by),
            "lastUpdatedByUser": identity_json(record.updated_by),
        }

    def field(self, name: str, value: Any) -> Any:
        """A progress field's value as JSON."""
        if isinstance(value, datetime):
            return stamp(self.profile, value)
        if name in ("assignee", "decided_by") and isinstance(value, str):
            person = self._person(value)
            return identity_key(self.profile, person) if person else value
        return value

    def case(self, case: Case, definition: CaseDefinition) -> JsonObject:
        """A whole case."""
        profile = self.profile
        default = {**case.default, "id": case.id, **self.audit(case)}
        default["caseType"] = {"id": definition.id, "name": definition.name, **self.audit(definition)}
        properties: JsonObject = {"defaultAttributes": default, profile.custom_key: dict(case.custom)}
        properties[profile.forms_key] = dict(case.forms)
        answer: JsonObject = {
            profile.id_key: case.id,
            "caseType": {"id": definition.id},
            profile.config_id_key: definition.config_id,
            "caseProperties": properties,
        }
        for name, path in profile.field_paths.items():
            value = case.number if name == "number" else self.field(name, getattr(case.fields, name))
            if value is not None or profile.nulls == "null":
                place(answer, path, value)
        if profile.custom_shape == "list":
            pairs = properties[profile.custom_key].items()
            properties[profile.custom_key] = [{"name": name, "value": value} for name, value in pairs]
        return answer

    def summary(self, case: Case) -> JsonObject:
        """A listing's short row: id, number, change stamp."""
        default = {"id": case.id, "lastUpdatedOn": stamp(self.profile, case.updated_on)}
        answer: JsonObject = {self.profile.id_key: case.id, "caseProperties": {"defaultAttributes": default}}
        if "number" in self.profile.field_paths:
            place(answer, self.profile.field_paths["number"], case.number)
        return answer

    def definition(self, definition: CaseDefinition) -> JsonObject:
        """A definition in the shape of `CaseInstanceDTO.json`, with configuration id, attributes, stages, outcomes."""
        created, updated = stamp(self.profile, definition.created_on), stamp(self.profile, definition.updated_on)
        audit = self.audit(definition)
        own = {"createdOn": created, "lastUpdatedOn": updated}
        generator = {key: audit[key] for key in ("createdOn", "createdBy", "lastUpdatedOn", "lastUpdatedBy")} | {
            "id": definition.generator_id,
            "prefix": definition.prefix,
            "suffix": definition.suffix,
            "sequenceName": "Numeric generator",
            "customGeneratorLogicEndpoint": None,
        }
        attributes = [
            {
                "name": item.name,
                "section": item.section,
                "required": item.required,
                "maxLength": item.max_length,
                "options": list(item.options),
            }
            for item in definition.attributes
        ]
        return {
            "id": definition.id,
            self.profile.config_id_key: definition.config_id,
            "name": definition.name,
            "description": definition.description,
            **audit,
            "classification": {**own, "id": definition.classification_id, "name": "Enterprise"},
            "settings": dict(definition.settings),
            "caseIdGenerator": generator,
            "attributes": attributes,
            "stages": [{"id": stage.id, "name": stage.name} for stage in definition.stages],
            "outcomes": list(definition.outcomes),
        }

    def comment(self, comment: Comment) -> JsonObject:
        """A comment with its author."""
        profile = self.profile
        return {
            profile.comment_id_key: comment.id,
            profile.comment_key: comment.text,
            profile.comment_author_key: identity_key(profile, comment.by),
            f"{profile.comment_author_key}User": identity_json(comment.by),
            profile.comment_time_key: stamp(profile, comment.at),
        }

    def attachment(self, document: Attachment) -> JsonObject:
        """A document's metadata."""
        profile = self.profile
        return {
            profile.attachment_id_key: document.id,
            profile.attachment_name_key: document.name,
            profile.attachment_type_key: document.media_type,
            "size": len(document.content),
            "createdOn": stamp(profile, document.at),
            "createdBy": identity_key(profile, document.by),
            "createdByUser": identity_json(document.by),
        }


def place(answer: JsonObject, path: tuple[str, ...], value: Any) -> None:
    """Set a value under a split dotted key."""
    holder = answer
    for key in path[:-1]:
        holder = holder.setdefault(key, {})
    holder[path[-1]] = value


def read_case(profile: Profile, body: JsonObject) -> CaseInput:
    """A create or edit body in the profile's shape; keys that Core Case writes itself are dropped."""
    properties = body.get("caseProperties")
    if not isinstance(properties, dict):
        raise Refused(400, "caseProperties is missing or no object.")
    default = _section(properties, "defaultAttributes")
    custom = _custom(profile, properties)
    forms = _section(properties, profile.forms_key)
    wanted = CaseInput(default, custom, forms)
    held = {"defaultAttributes": default, profile.custom_key: custom, profile.forms_key: forms}
    for name, path in profile.field_paths.items():
        holder = body if len(path) == 1 else held[path[1]]
        if path[-1] not in holder:
            continue
        value = holder[path[-1]] if holder is body else holder.pop(path[-1])
        if name != "number":
            wanted.fields[name] = _field(name, value, path[-1])
    for key in READ_ONLY:
        default.pop(key, None)
    return wanted


def _section(properties: JsonObject, key: str) -> JsonObject:
    section = properties.get(key)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise Refused(400, f"caseProperties.{key} must be an object.")
    return dict(section)


def _custom(profile: Profile, properties: JsonObject) -> JsonObject:
    if profile.custom_shape == "map":
        return _section(properties, profile.custom_key)
    rows = properties.get(profile.custom_key) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "name" in row for row in rows):
        raise Refused(400, f"caseProperties.{profile.custom_key} must be a list of objects with name and value.")
    return {str(row["name"]): row.get("value") for row in rows}


def _field(name: str, value: object, key: str) -> object:
    if value is None or value == "":
        return None
    if name in ("due_on", "decided_on"):
        return parse_stamp(value, key)
    if not isinstance(value, str):
        raise Refused(400, f"{key} must be a text.")
    return value
