"""What all canonical records share: frozen, strict about names, with personal fields marked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Utc = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An aware time, kept in UTC whatever offset it came with."""

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
