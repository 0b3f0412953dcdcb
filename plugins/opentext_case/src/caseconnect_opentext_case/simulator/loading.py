"""Settings dataclasses from plain JSON, refusing what would otherwise be ignored in silence."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")


class SettingsError(ValueError):
    """A setting of the simulator is wrong; the text names it and what is allowed."""


def load(kind: type[T], data: object, where: str) -> T:
    """An instance of the dataclass `kind` from a mapping; `where` is the key path for messages."""
    if not isinstance(data, Mapping):
        raise SettingsError(f"{where}: expected an object, not {type(data).__name__}.")
    hints = typing.get_type_hints(kind)
    known = {item.name: item for item in fields(kind) if item.init}  # type: ignore[arg-type]  # T is a dataclass
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" Allowed: {', '.join(known)}."
            raise SettingsError(f"{where}.{key}: unknown setting.{hint}")
    for name, item in known.items():
        if name not in data and item.default is MISSING and item.default_factory is MISSING:
            raise SettingsError(f"{where}.{name}: required.")
    return kind(**{key: convert(hints[key], value, f"{where}.{key}") for key, value in data.items()})


def convert(hint: Any, value: object, where: str) -> Any:
    """`value` as the annotation `hint` wants it, or a `SettingsError`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return convert(next(item for item in arguments if item is not type(None)), value, where)
    if origin is Literal:
        if value not in arguments:
            raise SettingsError(f"{where}: {value!r} is not one of {', '.join(map(repr, arguments))}.")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise SettingsError(f"{where}: expected a list, not {type(value).__name__}.")
        return tuple(convert(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    return _plain(hint, value, where)


def _plain(hint: Any, value: object, where: str) -> Any:
    if isinstance(value, hint):
        if hint is int and isinstance(value, bool):
            raise SettingsError(f"{where}: expected a whole number, not a truth value.")
        return value
    if is_dataclass(hint):
        read = getattr(hint, "from_dict", None)
        return (
            read(value)
            if read and not isinstance(value, Mapping)
            else load(typing.cast("type[Any]", hint), value, where)
        )
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    raise SettingsError(f"{where}: expected {hint.__name__}, not {type(value).__name__}.")
