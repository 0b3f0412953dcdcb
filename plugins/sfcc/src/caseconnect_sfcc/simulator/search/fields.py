"""What can be searched in, by field name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from caseconnect_sfcc.simulator.world.attributes import Attribute


@dataclass(frozen=True, slots=True)
class Field:
    """A search field. `kind` is string, enum, number, datetime or boolean; `allowed` is for enum."""

    kind: str = "string"
    allowed: tuple[str, ...] = ()
    sortable: bool = True

    @property
    def comparable(self) -> bool:
        """Whether ranges, and the operators less and greater, apply."""
        return self.kind in {"number", "datetime"}


@dataclass(frozen=True, slots=True)
class Fields:
    """The search fields of a resource, with those custom attributes that are searchable; `paths` may be nested."""

    system: Mapping[str, Field]
    custom: Mapping[str, Attribute] = field(default_factory=dict)
    unqueryable: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()

    def find(self, name: str) -> Field | None:
        """A field by its name in queries, or `None`."""
        if name in self.system:
            return self.system[name]
        if not name.startswith("c_"):
            return None
        attribute = self.custom.get(name.removeprefix("c_"))
        return Field(attribute.kind) if attribute is not None and attribute.searchable else None
