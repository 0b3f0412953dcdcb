"""What all canonical records share: frozen, strict about names, with personal fields marked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from caseconnect.models.cards import without_cards


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Utc = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An aware time, kept in UTC whatever offset it came with."""

Text = Annotated[str, AfterValidator(without_cards)]
"""Text that people write, without the numbers of payment cards. Never an id: those are kept as they are."""

_PERSONAL = "x-personal"


def personal(default: Any = None, *, description: str) -> Any:
    """A field that holds personal data: masked in logs and erased on request. Same use as pydantic's `Field`."""
    return Field(default, description=description, repr=False, json_schema_extra={_PERSONAL: True})


class Record(BaseModel):
    """Base of the canonical records. Frozen: a decision is made on what was read and nothing changes it after.

    Unknown fields are ignored when a stored record is read back, so that an older program can read what a
    newer one wrote (DESIGN: stored payloads carry type and version).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings", hide_input_in_errors=True)


def personal_fields(model: type[BaseModel]) -> frozenset[str]:
    """Names of the fields of `model` that were made with `personal()`."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get(_PERSONAL) is True
    )


R = TypeVar("R", bound=BaseModel)


def without_personal(record: R) -> R:
    """The record with its personal fields empty, and those of the records in it."""
    hidden = personal_fields(type(record))
    fields = type(record).model_fields
    changed = {
        name: field.get_default(call_default_factory=True) if name in hidden else _without(getattr(record, name))
        for name, field in fields.items()
    }
    return record.model_copy(
        update={name: value for name, value in changed.items() if value is not getattr(record, name)}
    )


def _without(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return without_personal(value)
    if isinstance(value, tuple) and any(isinstance(inner, BaseModel) for inner in value):
        return tuple(_without(inner) for inner in value)
    return value
