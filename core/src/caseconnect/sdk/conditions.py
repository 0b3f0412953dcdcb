"""Conditions of tenant files: CEL over the canonical records, judged when the file is read.

For what no setting can say. A condition sees `order`, `customer`, `now` and, where the use case works by items, `item`.
Its result depends on these alone: no input or output, no state, and no way to raise.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from caseconnect.models import Customer, Order, Record
from caseconnect.sdk.cel import Environment, Faulty, Program, environment, fields

LONGEST: Final = 2000
"""Characters of a condition."""

LOOPS: Final = 2
"""Loops inside each other: a third one would make an order of a few hundred lines slow."""

_FORMAT: Final = {"pydantic_js_updates": {"format": "cel"}}
_COMPARES: Final = frozenset({"_==_", "_!=_", "@in"})
_HINTS: Final = (
    ("double", "numbers have no point: money is in minor units, total.minor > 100000 is more than 1000.00"),
    ("Money", "compare .minor (cents) and .currency of an amount"),
    ("Timestamp", "times are compared with now, timestamp('2026-11-01T00:00:00Z') and duration('24h')"),
)


@dataclass(frozen=True, eq=False)
class Records:
    """What conditions look at. What is not there is a record without values."""

    now: datetime
    order: Order | None = None
    customer: Customer | None = None
    item: Record | None = None
    _bound: dict[tuple[Environment, str], Any] = field(default_factory=dict, repr=False)

    def bound(self, env: Environment, name: str) -> Any:
        """A variable as CEL reads it. ValueError or ArithmeticError: a value beyond its range."""
        if name == "now":
            return self.now
        if (env, name) not in self._bound:
            self._bound[env, name] = env.message(name, getattr(self, name))
        return self._bound[env, name]


@dataclass(frozen=True)
class Condition:
    """A condition, compiled; `item` is the model of the use case's items. ValueError: what is wrong, and where.

    As a field of settings it takes the text; `about` makes conditions that see an item.
    """

    text: str
    item: type[Record] | None = None

    def __post_init__(self) -> None:
        _judged(self.text, self.item)

    @property
    def uses(self) -> frozenset[str]:
        """The variables in it: what must be read before it can be answered."""
        return _judged(self.text, self.item)[1]

    def holds(self, records: Records) -> bool:
        """True only if it is true of these; what cannot be told does not hold."""
        return self.why_not(records) is None

    def why_not(self, records: Records) -> str | None:
        """None when it holds; else why it does not, in words without data."""
        program, uses = _judged(self.text, self.item)
        env = environment(self.item)
        try:
            data = {name: records.bound(env, name) for name in uses}
        except (ValueError, ArithmeticError):
            return "cannot be told: a value that it uses is beyond the range"
        return program.run(data)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Takes a text, or a condition as it is; written as its text."""
        text = core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(max_length=LONGEST, metadata=_FORMAT)
        )
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), text], mode="left_to_right"),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda found: found.text, return_schema=core_schema.str_schema()
            ),
        )


def about(item: type[Record] | None) -> Callable[[Any], Any]:
    """For a validator before a field of conditions by name: makes those of texts, which then see `item`."""

    def made(found: Any) -> Any:
        if not isinstance(found, Mapping):
            return found
        return {name: _named(name, each, item) if isinstance(each, str) else each for name, each in found.items()}

    return made


def _named(name: Any, text: str, item: type[Record] | None) -> Condition:
    try:
        return Condition(text, item)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


@lru_cache(maxsize=1024)
def _judged(text: str, item: type[Record] | None) -> tuple[Program, frozenset[str]]:
    if not text.strip():
        raise ValueError("a condition is empty")
    if len(text) > LONGEST:
        raise ValueError(f"a condition has at most {LONGEST} characters")
    env = environment(item)
    try:
        program = env.compile(text)
    except Faulty as fault:
        raise ValueError(_told(fault, env)) from None
    if program.loops() > LOOPS:
        raise ValueError(f"more than {LOOPS} loops over lists inside each other")
    tree = _Tree(program, env)
    for wrong in tree.wrong():
        raise ValueError(wrong)
    return program, tree.uses()


def _told(fault: Faulty, env: Environment) -> str:
    words = fault.message.split("'")
    text = fault.message
    if text.startswith("undefined field"):
        text = f"{words[3]} has no field {words[1]!r}{_nearest(words[1], fields(env.models[words[3]]))}"
    elif text.startswith("undeclared reference"):
        name = words[1].partition(".")[0]
        known = (*env.variables, "now")
        text = f"there is no {name!r}{_nearest(name, known)}; a condition knows {', '.join(known)}"
    elif hint := next((hint for word, hint in _HINTS if word in text), None):
        text = f"{text}; {hint}"
    place = f"line {fault.where[0]}, column {fault.where[1]}: " if fault.where else ""
    return f"{place}{text}"


def _nearest(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f": did you mean {near[0]!r}?" if near else ""


class _Tree:
    """A checked expression: what it uses, and what type checking alone lets pass."""

    def __init__(self, program: Program, env: Environment) -> None:
        self._env = env
        self._types, self._all = program.expressions()

    def uses(self) -> frozenset[str]:
        names = {each.ident.name for each in self._all if each.HasField("ident")}
        return frozenset(names & {*self._env.variables, "now"})

    def wrong(self) -> Iterator[str]:
        """Times that may be absent and are not asked for; comparing a record with null; words that no field has."""
        asked = {_path(each) for each in self._all if each.select.test_only}
        for each in self._all:
            known = self._field(each)
            if known is not None and known.of is datetime and known.optional and _path(each) not in asked:
                path = _path(each)
                yield f"{path} may be absent, and is then 1970: ask first, has({path}) && ..."
            if each.call.function in _COMPARES:
                yield from self._compared(*each.call.args)

    def _compared(self, one: Any, other: Any) -> Iterator[str]:
        for left, right in ((one, other), (other, one)):
            kind = self._types.get(left.id)
            if right.constant.HasField("null") and kind is not None and (kind.message or kind.well_known):
                yield f"{_path(left)} is never equal to null: write !has({_path(left)})"
            known = self._field(left)
            if known is None or not known.values:
                continue
            words = [w.constant.text for w in (right, *right.list.elements) if w.constant.HasField("text")]
            strange = next((w for w in words if w not in known.values), None)
            if strange is not None:
                yield f"{_path(left)} is never {strange!r}: it is one of {', '.join(known.values)}"

    def _field(self, each: Any) -> Any:
        if not each.HasField("select") or each.select.test_only:
            return None
        kind = self._types.get(each.select.operand.id)
        model: type[BaseModel] | None = self._env.models.get(kind.message) if kind is not None else None
        return fields(model).get(each.select.field) if model is not None else None


def _path(each: Any) -> str:
    """An expression as it was written, as far as it names a field."""
    if each.HasField("select"):
        return f"{_path(each.select.operand)}.{each.select.field}"
    if each.HasField("ident"):
        return str(each.ident.name)
    if each.HasField("call") and each.call.function == "_[_]":
        return f"{_path(each.call.args[0])}[{_path(each.call.args[1])}]"
    if each.HasField("constant"):
        return repr(each.constant.text) if each.constant.HasField("text") else str(each.constant.number)
    return f"#{each.id}"
