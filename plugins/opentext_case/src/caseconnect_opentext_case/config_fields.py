"""Settings of where things are in a case's JSON, as dotted paths, and of how they are changed."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from caseconnect.sdk.components import Settings

_DEFAULT = "caseProperties.defaultAttributes"
_CUSTOM = "caseProperties.customAttributes"


def _dotted(value: str) -> str:
    if value and not all(part.strip() for part in value.split(".")):
        raise ValueError(f"{value!r} is no dotted path: write keys joined by dots, such as {_DEFAULT}.status")
    return value


class FieldSettings(Settings):
    """Dotted paths in a case. caseTitle, summary, clientName and the audit keys are documented, the rest is assumed.

    An empty path means that the case type has no such thing.
    """

    id: str = Field(default="id", min_length=1, description="The case's id; if absent, that of the default attributes.")
    title: str = Field(default=f"{_DEFAULT}.caseTitle", min_length=1, description="Title.")
    summary: str = Field(default=f"{_DEFAULT}.summary", min_length=1, description="Description.")
    client_name: str = Field(default=f"{_DEFAULT}.clientName", description="The shopper's name.")
    reference: str = Field(
        default=f"{_CUSTOM}.externalReference", description="Our own reference; searchable if it can be."
    )
    number: str = Field(default=f"{_DEFAULT}.caseNumber", description="What people call the case.")
    status: str = Field(default=f"{_DEFAULT}.status", description="Status.")
    stage: str = Field(default=f"{_DEFAULT}.stage", description="Stage.")
    priority: str = Field(default=f"{_DEFAULT}.priority", description="Priority.")
    assignee: str = Field(default=f"{_DEFAULT}.assignee", description="Who works on it: the owner of the flows.")
    due: str = Field(default=f"{_DEFAULT}.dueDate", description="Deadline.")
    outcome: str = Field(default=f"{_CUSTOM}.outcome", min_length=1, description="The decision.")
    decided_by: str = Field(default=f"{_CUSTOM}.decidedBy", description="Who set the outcome.")
    decided_on: str = Field(default=f"{_CUSTOM}.decidedOn", description="When the outcome was set.")
    created_on: str = Field(default=f"{_DEFAULT}.createdOn", description="When the case was made.")
    updated_on: str = Field(default=f"{_DEFAULT}.lastUpdatedOn", description="Last change.")
    updated_by: str = Field(default=f"{_DEFAULT}.lastUpdatedBy", description="Who made the last change.")
    updated_by_user: str = Field(default=f"{_DEFAULT}.lastUpdatedByUser", description="The same, expanded.")
    definition: str = Field(default="caseType.id", description="Id of the case definition that the case belongs to.")
    custom: str = Field(default=_CUSTOM, min_length=1, description="Section of custom attributes.")
    custom_shape: Literal["object", "pairs"] = Field(
        default="object", description="An object, or a list of {name, value}."
    )

    @field_validator("*")
    @classmethod
    def _path(cls, value: str) -> str:
        return _dotted(value)


class AttributeSettings(Settings):
    """Where one attribute is and what it takes."""

    path: str = Field(min_length=1, description="Dotted path in the case.")
    type: Literal["text", "integer", "number", "boolean", "time"] = Field(
        default="text", description="What is sent: a JSON type, or a time in the spelling of `timestamps`."
    )
    max_length: int | None = Field(default=None, ge=1, description="Characters of a text; none: no limit.")
    too_long: Literal["cut", "refuse"] = Field(
        default="cut", description="A longer text: cut with a mark at its end, or the command is refused."
    )

    @field_validator("path")
    @classmethod
    def _path(cls, value: str) -> str:
        return _dotted(value)


class EditSettings(Settings):
    """How case data is changed. Whether the documented PUT replaces or merges is not documented."""

    mode: Literal["replace", "merge"] = Field(
        default="replace", description="Put all properties back with the change, or send only what changes."
    )
    leave_out: tuple[str, ...] = Field(default=(), description="Dotted paths not put back, for keys a server refuses.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.mode == "merge" and self.leave_out:
            raise ValueError("`leave_out` only means something with `mode: replace`")
        return self
