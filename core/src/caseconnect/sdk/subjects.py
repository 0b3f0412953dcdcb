"""Names of things on platforms: `connection/kind/id`. One platform's "1001" is not another's."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Subject(NamedTuple):
    """One thing of one connection. As text: `shop/order/820982911946154508`. Only the id may hold a slash."""

    connection: str
    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.connection}/{self.kind}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> Subject:
        """The subject that `text` names; ValueError if it has not three parts."""
        parts = text.split("/", 2)
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{text!r} is not a subject: write connection/kind/id, such as shop/order/1001")
        return cls(*parts)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: object) -> Subject:
            return value if isinstance(value, Subject) else cls.parse(str(value))

        return core_schema.no_info_plain_validator_function(
            validate,
            serialization=core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema()),
        )
