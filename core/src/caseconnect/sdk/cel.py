"""CEL over canonical records, fully typed: the one place that knows the CEL library and its protobuf types.

Each record becomes a protobuf message type, so that a misspelt or mistyped field is found when the text is read, also
inside lists. Every text, number and flag is a wrapper type: what is absent is null, never an empty text or a zero.
CEL: https://github.com/google/cel-spec; the tree of a checked expression: `cel/expr/checked.proto` there.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final, Literal, Union, get_args, get_origin

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2, wrappers_pb2
from pydantic import AwareDatetime, BaseModel

from caseconnect.models import Customer, Money, Order

_Proto = descriptor_pb2.FieldDescriptorProto
_WRAPPERS: Final = {str: "StringValue", bool: "BoolValue", int: "Int64Value"}
_SCALARS: Final = {str: _Proto.TYPE_STRING, bool: _Proto.TYPE_BOOL, int: _Proto.TYPE_INT64}
_LARGEST: Final = 18
"""Digits before the point, in minor units, that surely fit into CEL's integers of 64 bits."""


@dataclass(frozen=True)
class FieldType:
    """One field of a record as CEL sees it. `of`: str, bool, int, datetime, Money or a record."""

    name: str
    of: type
    many: Literal["one", "list", "map"] = "one"
    optional: bool = False
    values: tuple[str, ...] = ()

    def shown(self) -> str:
        """Its type in the words of the docs."""
        names: dict[type, str] = {str: "text", bool: "true or false", int: "whole number", datetime: "time"}
        one = names.get(self.of, self.of.__name__)
        single = f"{one}, may be absent" if self.optional else one
        return {"one": single, "list": f"list of {one}", "map": f"{one} by name"}[self.many]


@cache
def fields(model: type[BaseModel]) -> Mapping[str, FieldType]:
    """The fields of a record that a condition can see; pairs and raw data are left out."""
    if model is Money:
        return {"minor": FieldType("minor", int), "currency": FieldType("currency", str)}
    found = (_field(name, info.annotation) for name, info in model.model_fields.items())
    return {field.name: field for field in found if field is not None}


def reachable(*models: type[BaseModel]) -> tuple[type[BaseModel], ...]:
    """These records and those in their fields, each once, in order of appearance."""
    found: dict[type[BaseModel], None] = {}
    waiting = list(models)
    while waiting:
        model = waiting.pop(0)
        if model not in found:
            found[model] = None
            waiting += [f.of for f in fields(model).values() if issubclass(f.of, BaseModel)]
    return tuple(found)


def _field(name: str, annotation: Any) -> FieldType | None:
    optional = False
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [each for each in get_args(annotation) if each is not type(None)]
        optional = len(rest) < len(get_args(annotation))
        annotation = rest[0] if len(rest) == 1 else None
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis and (of := _type(args[0])):
        return FieldType(name, of, "list")
    if origin is dict and args[0] is str and (of := _type(args[1])):
        return FieldType(name, of, "map")
    of = _type(annotation)
    values = get_args(annotation) if origin is Literal else ()
    return None if of is None else FieldType(name, of, "one", optional, values)


def _type(annotation: Any) -> type | None:
    if hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if get_origin(annotation) is Literal:
        return str
    if annotation in (datetime, AwareDatetime):
        return datetime
    known = annotation in _WRAPPERS or (isinstance(annotation, type) and issubclass(annotation, BaseModel))
    return annotation if known else None


class Faulty(ValueError):
    """A text is no expression over these records. `where`: line and column, from 1."""

    def __init__(self, text: str) -> None:
        head = text.partition("ERROR: <input>:")[2] or text
        line, _, rest = head.partition(":")
        column, _, message = rest.partition(":")
        self.where = (int(line), int(column)) if line.isdigit() and column.isdigit() else None
        first = (message if self.where else text).split("\n")[0]
        self.message = first.split(" (in container")[0].split(" [")[0].strip()
        super().__init__(self.message)


class Environment:
    """Variables with their types: `order`, `customer`, `now`, and `item` where there is a model of it."""

    def __init__(self, item: type[BaseModel] | None) -> None:
        self.variables: dict[str, type[BaseModel]] = {"order": Order, "customer": Customer}
        if item is not None:
            self.variables["item"] = item
        self.models = {model.__name__: model for model in reachable(*self.variables.values())}
        pool = descriptor_pool.DescriptorPool()
        for module in (wrappers_pb2, timestamp_pb2):
            pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        pool.Add(_file(self.models))
        self._classes = {
            name: message_factory.GetMessageClass(pool.FindMessageTypeByName(model.__name__))
            for name, model in self.variables.items()
        }
        typed = {name: cel.Type(model.__name__) for name, model in self.variables.items()}
        self._env = cel.NewEnv(descriptor_pool=pool, variables={**typed, "now": cel.Type.TIMESTAMP})

    def compile(self, text: str) -> Program:
        """The expression; `Faulty` when it is none, uses what is not there, or is neither true nor false."""
        try:
            found = self._env.compile(text)
        except RuntimeError as error:
            raise Faulty(str(error)) from None
        kind = found.return_type().name()
        if kind not in ("BOOL", "google.protobuf.BoolValue"):
            raise Faulty(f"it is a value of type {kind}, not true or false")
        return Program(found, found.serialize())

    def message(self, variable: str, record: BaseModel | None) -> Any:
        """A record as CEL reads it; None is a record without values. ValueError, ArithmeticError: beyond its range."""
        return self._classes[variable](**({} if record is None else _plain(record)))


class Program:
    """A checked expression and its tree."""

    def __init__(self, expression: Any, tree: bytes) -> None:
        self._expression = expression
        self._tree = tree

    def run(self, data: Mapping[str, Any]) -> str | None:
        """None when it is true; else why it is not. The library answers a failure with a text: only True is true."""
        value = self._expression.eval(data=dict(data))
        found = value.value()
        if found is True:
            return None
        if found is False:
            return "does not hold"
        said = str(found)
        if found is None or "No matching overloads" in said:
            return "cannot be told: a value that it uses is absent"
        if said.startswith("NOT_FOUND"):
            return "cannot be told: a name that it looks up is not there"
        return "cannot be told: it has no result for these values"

    def loops(self) -> int:
        """How many loops over lists are inside each other."""
        return _depth(self._checked().expr)

    def expressions(self) -> tuple[Mapping[int, Any], list[Any]]:
        """Types by id of expression, and all expressions, outer ones first."""
        checked = self._checked()
        return {each.key: each.value for each in checked.types}, list(_walk(checked.expr))

    def _checked(self) -> Any:
        return _tree_class("CheckedExpr").FromString(_tree_class("Packed").FromString(self._tree).value)


@lru_cache(maxsize=32)
def environment(item: type[BaseModel] | None) -> Environment:
    """The environment for records of this kind."""
    return Environment(item)


def _plain(record: BaseModel) -> dict[str, Any]:
    if isinstance(record, Money):
        minor = (record.amount / record.unit).to_integral_value()
        if minor.adjusted() >= _LARGEST:
            raise ValueError("an amount beyond 64 bits")
        return {"minor": {"value": int(minor)}, "currency": {"value": record.currency}}
    found = {}
    for name, field in fields(type(record)).items():
        value = getattr(record, name)
        if value is None:
            continue
        if field.many == "one":
            found[name] = {"value": value} if field.of in _WRAPPERS else _inner(value)
        elif field.many == "list":
            found[name] = [_inner(each) for each in value]
        else:
            found[name] = {key: _inner(each) for key, each in value.items()}
    return found


def _inner(value: Any) -> Any:
    return _plain(value) if isinstance(value, BaseModel) else value


def _file(models: Mapping[str, type[BaseModel]]) -> Any:
    needed = ["google/protobuf/wrappers.proto", "google/protobuf/timestamp.proto"]
    file = descriptor_pb2.FileDescriptorProto(name="records.proto", syntax="proto3", dependency=needed)
    for name, model in models.items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(fields(model).values(), 1):
            if field.many == "map":
                entry = message.nested_type.add(name=f"{field.name.title().replace('_', '')}Entry")
                entry.options.map_entry = True
                _add(entry, "key", 1, _SCALARS[str])
                _add(entry, "value", 2, *_proto(field.of, wrapped=False))
                _add(message, field.name, number, f".{name}.{entry.name}", many=True)
            else:
                one = field.many == "one"
                _add(message, field.name, number, *_proto(field.of, wrapped=one), many=not one)
    return file


def _proto(of: type, *, wrapped: bool) -> tuple[Any]:
    if of is datetime:
        return (".google.protobuf.Timestamp",)
    if of in _WRAPPERS:
        return (f".google.protobuf.{_WRAPPERS[of]}" if wrapped else _SCALARS[of],)
    return (f".{of.__name__}",)


def _add(message: Any, name: str, number: int, kind: Any, *, many: bool = False) -> None:
    label = _Proto.LABEL_REPEATED if many else _Proto.LABEL_OPTIONAL
    if isinstance(kind, str):
        message.field.add(name=name, number=number, label=label, type=_Proto.TYPE_MESSAGE, type_name=kind)
    else:
        message.field.add(name=name, number=number, label=label, type=kind)


_TEXT, _INT, _BOOL = _Proto.TYPE_STRING, _Proto.TYPE_INT64, _Proto.TYPE_BOOL
_KINDS: Final = ("constant", "ident", "select", "call", "list", "struct", "loop")
_STEPS: Final = ("start", "condition", "step", "result")
_TREE: Final[dict[str, dict[str, tuple[Any, ...]]]] = {
    "Packed": {"value": (2, _Proto.TYPE_BYTES)},
    "CheckedExpr": {"types": (3, ".Typed", True), "expr": (4, ".Expr")},
    "Typed": {"key": (1, _INT), "value": (2, ".Type")},
    "Type": {"well_known": (5, _INT), "message": (9, _TEXT)},
    "Constant": {"null": (1, _INT), "number": (3, _INT), "text": (6, _TEXT)},
    "Expr": {"id": (2, _INT)} | {name: (n, f".{name.title()}") for n, name in enumerate(_KINDS, 3)},
    "Ident": {"name": (1, _TEXT)},
    "Select": {"operand": (1, ".Expr"), "field": (2, _TEXT), "test_only": (3, _BOOL)},
    "Call": {"target": (1, ".Expr"), "function": (2, _TEXT), "args": (3, ".Expr", True)},
    "List": {"elements": (1, ".Expr", True)},
    "Struct": {"entries": (2, ".Entry", True)},
    "Entry": {"key": (3, ".Expr"), "value": (4, ".Expr")},
    "Loop": {"range": (2, ".Expr")} | {name: (n, ".Expr") for n, name in enumerate(_STEPS, 4)},
}
"""What is read of the tree: message -> field -> (number, type, repeated)."""


@cache
def _tree_class(name: str) -> Any:
    return message_factory.GetMessageClass(_tree_pool().FindMessageTypeByName(name))


@cache
def _tree_pool() -> Any:
    # proto2 tells a constant that is there from one that is not.
    file = descriptor_pb2.FileDescriptorProto(name="tree.proto", syntax="proto2")
    for name, parts in _TREE.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, *many) in parts.items():
            _add(message, field, number, kind, many=bool(many))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _parts(message: Any) -> Iterator[Any]:
    for field, value in message.ListFields():
        if field.type == _Proto.TYPE_MESSAGE:
            yield from value if field.is_repeated else (value,)


def _walk(message: Any) -> Iterator[Any]:
    if message.DESCRIPTOR.name == "Expr":
        yield message
    for part in _parts(message):
        yield from _walk(part)


def _depth(message: Any) -> int:
    own = 1 if message.DESCRIPTOR.name == "Loop" else 0
    return own + max((_depth(part) for part in _parts(message)), default=0)
