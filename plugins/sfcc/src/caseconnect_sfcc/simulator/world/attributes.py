"""Custom attributes: what is defined on which object type, and whether a value fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import moments
from .refusals import Refused, SpecError

JsonObject = dict[str, Any]
"""A JSON object."""

VALUE_TYPES = (
    *("string", "int", "double", "text", "html", "date", "image", "boolean", "money", "quantity", "datetime", "email"),
    *("password", "set_of_string", "set_of_int", "set_of_double", "enum_of_string", "enum_of_int"),
)
"""The value types of OCAPI Data 25.6, `object_attribute_definition.value_type`."""

TEXT_LIMIT = 4000
"""Longest string or text value; Salesforce documents 4,000 characters for custom string attributes."""


_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "int": (int,),
    **dict.fromkeys(("double", "quantity"), (int, float)),
    **dict.fromkeys(("html", "image", "money"), (str, dict)),
}


@dataclass(slots=True)
class Attribute:
    """One attribute definition. `allowed` is for enumerations; `localizable` values are maps by locale."""

    id: str
    value_type: str = "string"
    localizable: bool = False
    searchable: bool = True
    allowed: tuple[Any, ...] = ()
    revision: int = 1
    changed: datetime | None = None

    def __post_init__(self) -> None:
        if self.value_type not in VALUE_TYPES:
            raise SpecError(
                f"Attribute {self.id}: no value type {self.value_type!r}. Allowed: {', '.join(VALUE_TYPES)}."
            )

    @property
    def kind(self) -> str:
        """How searches compare its values: string, number, datetime or boolean."""
        base = self.value_type.removeprefix("set_of_").removeprefix("enum_of_")
        if base in {"int", "double", "money", "quantity"}:
            return "number"
        return {"datetime": "datetime", "date": "datetime", "boolean": "boolean"}.get(base, "string")

    def fits(self, value: Any) -> bool:
        """Whether a JSON value may be stored; `None` clears and always fits."""
        if value is None:
            return True
        if self.localizable and isinstance(value, Mapping):
            return all(item is None or self._fits_one(item) for item in value.values())
        if self.value_type.startswith("set_of_"):
            return isinstance(value, list) and all(self._fits_one(item) for item in value)
        return self._fits_one(value)

    def _fits_one(self, value: Any) -> bool:
        base = self.value_type.removeprefix("set_of_").removeprefix("enum_of_")
        if self.allowed and value not in self.allowed:
            return False
        if base in {"date", "datetime"}:
            return moments.parse(value) is not None
        if base in _JSON_TYPES:
            return isinstance(value, _JSON_TYPES[base]) and isinstance(value, bool) == (base == "boolean")
        return isinstance(value, str) and len(value) <= TEXT_LIMIT


class Definitions:
    """Attribute definitions by object type (`Order`, `Basket`, `Profile`, `Product`, custom object types, …).

    A value type after `localized ` is kept by locale.
    """

    def __init__(self, given: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.types: dict[str, dict[str, Attribute]] = {}
        for object_type, attributes in (given or {}).items():
            for name, value_type in attributes.items():
                kind = value_type.removeprefix("localized ")
                self.define(object_type, Attribute(name, kind, localizable=kind != value_type))

    def define(self, object_type: str, attribute: Attribute) -> Attribute:
        """Add or replace a definition."""
        self.types.setdefault(object_type, {})[attribute.id] = attribute
        return attribute

    def of(self, object_type: str) -> dict[str, Attribute]:
        """The definitions of a type; empty when it has none."""
        return self.types.get(object_type, {})

    def check(self, values: Mapping[str, Any], *object_types: str) -> JsonObject:
        """The values without `c_`, each defined on all the types and of the right kind; refuses the others."""
        found = {}
        for name, value in values.items():
            bare = name.removeprefix("c_")
            attributes = [self.of(each).get(bare) for each in object_types]
            if None in attributes:
                types = " and ".join(object_types)
                text = f"The custom property '{name}' can't be written: it is not defined for {types}."
                raise Refused("invalid-custom-property", text, property=name)
            attribute = attributes[0]
            if attribute is not None and not attribute.fits(value):
                raise wrong_type(f"$.{name}", attribute.value_type, value)
            found[bare] = value
        return found


def wrong_type(path: str, expected: str, value: object) -> Refused:
    """A property whose value is of the wrong kind (the wording of the orders specification's example)."""
    actual = {bool: "Boolean", int: "Integer", float: "Decimal", str: "String", list: "Array", dict: "Object"}.get(
        type(value), "Null"
    )
    text = (
        f"Decoding of the property with path '{path}' failed because the expected type is '{expected}' "
        f"but the actual type was '{actual}'."
    )
    return Refused("type-decoding", text, path=path, expectedTypes=expected, actualType=actual)


def store(target: JsonObject, values: Mapping[str, Any]) -> bool:
    """Write checked values; `None` clears. Tells whether anything changed."""
    before = dict(target)
    for name, value in values.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = value
    return before != target


def shown(values: Mapping[str, Any]) -> JsonObject:
    """Stored values as documents carry them, with `c_`."""
    return {f"c_{name}": value for name, value in values.items()}
