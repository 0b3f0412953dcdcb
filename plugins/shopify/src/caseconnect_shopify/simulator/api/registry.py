"""Which function answers which field. The modules of `api.types` and `api.mutations` fill it when they are imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .execute import Call

Resolver = Callable[[Any, dict[str, Any], "Call"], Any]
ROOT = object()
NEEDS_IDEMPOTENCY = frozenset({"refundCreate"})
KEY_REQUIRED_FROM = "2026-04"
_fields: dict[tuple[str, str], Resolver] = {}
_typenames: dict[type, str] = {}
R = TypeVar("R", bound=Resolver)


def fields(type_name: str, record: type | None = None, **resolvers: Callable[[Any], Any]) -> None:
    """Registers the fields of a type that need nothing but the record."""
    if record is not None:
        _typenames[record] = type_name
    for name, function in resolvers.items():
        _fields[(type_name, name)] = _plain(function)


def field(type_name: str, name: str) -> Callable[[R], R]:
    """Registers a resolver `(record, args, call)` for one field."""

    def register(function: R) -> R:
        _fields[(type_name, name)] = function
        return function

    return register


def mutation(name: str) -> Callable[[R], R]:
    """Registers a mutation."""
    return field("Mutation", name)


def query(name: str) -> Callable[[R], R]:
    """Registers a root query."""
    return field("QueryRoot", name)


def resolver(type_name: str, name: str) -> Resolver | None:
    """The function for a field, or None when the simulator does not hold it."""
    found = _fields.get((type_name, name))
    if found is None and type_name.endswith("Connection"):
        found = _fields.get(("Connection", name))
    if found is None and type_name.endswith("Edge"):
        found = _fields.get(("Edge", name))
    return found


def typename(value: Any) -> str:
    """The GraphQL type of a record, or of a dict by its `__typename`."""
    if type(value) is dict:
        return str(value["__typename"])
    return _typenames[type(value)]


def _plain(function: Callable[[Any], Any]) -> Resolver:
    return lambda record, args, call: function(record)
