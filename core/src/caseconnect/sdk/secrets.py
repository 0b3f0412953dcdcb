"""Secrets by reference: `{env: NAME}` or `{file: path}` in a tenant file, resolved when used, never printed."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Secret(BaseModel):
    """A reference to a secret. Its repr and JSON show where it is kept, never what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str | None = Field(None, description="Name of the environment variable that holds it.", min_length=1)
    file: str | None = Field(
        None, description="Path of a file that holds it; a final newline is dropped.", min_length=1
    )

    expires: date | None = Field(
        None, description="The last day on which the platform takes it; it is told two weeks before."
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_plain_text(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError("a secret is never written into the file: give {env: NAME} or {file: path}")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("give either {env: NAME} or {file: path}")
        return self

    def __str__(self) -> str:
        return f"{{env: {self.env}}}" if self.env else f"{{file: {self.file}}}"


class Secrets(Protocol):
    """Resolves references. Raises `ConfigError` naming the place that is empty, never the value."""

    def reveal(self, secret: Secret) -> str:
        """The secret's value, read anew at each call, so that a rotated one is used without a restart."""
