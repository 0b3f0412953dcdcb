"""The members of a query document, read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caseconnect_sfcc.simulator.world.refusals import Refused


def malformed(what: str) -> Refused:
    """A query that is not well formed."""
    return Refused("malformed-search-parameter", f"The search request is malformed: {what}.")


def only(value: Any, names: Sequence[str], path: str) -> tuple[str, Mapping[str, Any]]:
    """The one member of a query or filter, and its body."""
    if not isinstance(value, Mapping):
        raise malformed(f"{path} must be an object with one of {', '.join(names)}")
    known(value, names, path)
    if len(value) != 1:
        raise malformed(f"{path} must have exactly one of {', '.join(names)}")
    name, body = next(iter(value.items()))
    if not isinstance(body, Mapping):
        raise malformed(f"{path}.{name} must be an object")
    return name, body


def known(body: Mapping[str, Any], names: Sequence[str], path: str) -> None:
    """Refuse members that the document does not have."""
    for name in body:
        if name not in names:
            document = path.rpartition(".")[2]
            text = f"The property '{name}' is unknown in the document '{document}'."
            raise Refused("unknown-property", text, property=name, document=document)


def text_of(body: Mapping[str, Any], name: str, path: str) -> str:
    """A required text."""
    found = body.get(name)
    if not isinstance(found, str) or not found:
        raise malformed(f"{path}.{name} must be a text")
    return found


def texts_of(body: Mapping[str, Any], name: str, path: str) -> list[str]:
    """A required list of texts."""
    found = body.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
        raise malformed(f"{path}.{name} must be a list with at least one field")
    return found


def items_of(body: Mapping[str, Any], name: str, path: str) -> list[Any]:
    """An optional list."""
    found = body.get(name) or []
    if not isinstance(found, list):
        raise malformed(f"{path}.{name} must be a list")
    return found


def flag_of(body: Mapping[str, Any], name: str, path: str) -> bool:
    """An optional truth value, true by default."""
    found = body.get(name, True)
    if not isinstance(found, bool):
        raise malformed(f"{path}.{name} must be true or false")
    return found


def enumeration(document: str, value: Any) -> Refused:
    """A value that an enumeration does not have."""
    text = f"The value '{value}' is not allowed in the document '{document}'."
    return Refused("enum-constraint-violation", text, document=document, enumValue=str(value))
