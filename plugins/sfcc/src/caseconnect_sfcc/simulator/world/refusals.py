"""Why the platform refuses, said once; each API family words it in its own format."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A request that the platform turns down.

    `code` is a key of `api.errors.KINDS`; `arguments` are what the answer carries besides the text.
    """

    def __init__(self, code: str, text: str, **arguments: Any) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.arguments = arguments


class SpecError(ValueError):
    """Settings or a control request that the simulator does not understand. The text says what is allowed."""
