"""The query language: a request's query is checked against the fields and becomes a predicate over documents.

Structure and semantics: `query` and `filter` documents of OCAPI Data 25.6; faults: OCAPI Global Exceptions.
SCAPI has the same language with camelCase keys; `structure` turns those into the names used here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from caseconnect_sfcc.simulator.world import moments
from caseconnect_sfcc.simulator.world.attributes import wrong_type
from caseconnect_sfcc.simulator.world.refusals import Refused

from .fields import Field, Fields
from .index import Document
from .members import enumeration, flag_of, items_of, known, malformed, only, text_of, texts_of

Predicate = Callable[[Document], bool]
"""Whether a document is a hit."""

QUERIES = ("term_query", "text_query", "bool_query", "match_all_query", "nested_query", "filtered_query")
FILTERS = ("term_filter", "range_filter", "range2_filter", "bool_filter", "query_filter")
OPERATORS = ("is", "one_of", "is_null", "is_not_null", "less", "greater", "not_in", "neq")
SCORE_MODES = ("avg", "total", "max", "none")
FILTER_MODES = ("overlap", "containing", "contained")

_WORD = re.compile(r"\w+")
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def structure(value: Any) -> Any:
    """A camelCase request with snake_case keys; field names are values, so they stay as they are."""
    if isinstance(value, Mapping):
        return {_CAPITAL.sub(lambda m: f"_{m[1].lower()}", str(key)): structure(item) for key, item in value.items()}
    return [structure(item) for item in value] if isinstance(value, list) else value


def compile_query(query: Any, fields: Fields) -> Predicate:
    """The predicate of a query, or a refusal that names what is wrong."""
    return _Compiler(fields).query(query, "query")


class _Compiler:
    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def query(self, query: Any, path: str) -> Predicate:
        name, body = only(query, QUERIES, path)
        found: Predicate = getattr(self, f"_{name}")(body, f"{path}.{name}")
        return found

    def filter(self, given: Any, path: str) -> Predicate:
        name, body = only(given, FILTERS, path)
        found: Predicate = getattr(self, f"_{name}")(body, f"{path}.{name}")
        return found

    def _match_all_query(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, (), path)
        return lambda document: True

    def _term_query(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, ("fields", "operator", "values"), path)
        names = texts_of(body, "fields", path)
        tests = [self._term(name, body.get("operator"), body.get("values"), path) for name in names]
        return _any_of(tests)

    def _term_filter(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, ("field", "operator", "values"), path)
        return self._term(text_of(body, "field", path), body.get("operator"), body.get("values"), path)

    def _term(self, name: str, operator: Any, given: Any, path: str) -> Predicate:
        field = self.field(name)
        if operator is None:
            raise malformed(f"{path}.operator is missing")
        if operator not in OPERATORS:
            text = f"The search operator '{operator}' is unknown."
            raise Refused("unknown-search-operator", text, operator=str(operator))
        if operator in {"less", "greater"} and not field.comparable:
            text = f"The search operator '{operator}' isn't applicable for the field '{name}'."
            raise Refused("search-operator-not-applicable", text, operator=operator, field=name)
        values = [] if given is None else given
        if not isinstance(values, list):
            raise wrong_type(f"$.{path}.values", "Array", values)
        expected = {"is_null": 0, "is_not_null": 0, "is": 1, "neq": 1, "less": 1, "greater": 1}.get(operator)
        if (expected is not None and len(values) != expected) or (expected is None and not values):
            text = f"The search operator '{operator}' on field '{name}' doesn't match the specified values."
            raise Refused("term-operator-mismatch-values", text, field=name, operator=operator)
        return _compare(name, operator, [converted(field, name, value) for value in values])

    def _text_query(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, ("fields", "search_phrase"), path)
        names = texts_of(body, "fields", path)
        for name in names:
            self.field(name)
        words = set(_WORD.findall(text_of(body, "search_phrase", path).lower()))

        def test(document: Document) -> bool:
            found: set[str] = set()
            for name in names:
                for value in document.values.get(name, ()):
                    found.update(_WORD.findall(str(value).lower()))
            return words <= found

        return test

    def _bool_query(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, ("must", "should", "must_not"), path)
        must, should, must_not = (
            [self.query(each, f"{path}.{part}[{n}]") for n, each in enumerate(items_of(body, part, path))]
            for part in ("must", "should", "must_not")
        )
        tests = list(must)
        if should:
            tests.append(_any_of(should))
        if must_not:
            # The documentation's own example: must_not [a, b] means NOT (a AND b).
            refused = _all_of(must_not)
            tests.append(lambda document: not refused(document))
        return _all_of(tests)

    def _nested_query(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, ("path", "query", "score_mode"), path)
        if body.get("score_mode", "none") not in SCORE_MODES:
            raise enumeration("nested_query", body["score_mode"])
        where = text_of(body, "path", path)
        if where not in self._fields.paths:
            raise Refused("unknown-search-field", f"The search field '{where}' is unknown.", field=where)
        inner = self.query(body.get("query"), f"{path}.query")
        return lambda document: any(inner(Document(part)) for part in document.nested.get(where, ()))

    def _filtered_query(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, ("filter", "query"), path)
        inner, narrow = (
            self.query(body.get("query"), f"{path}.query"),
            self.filter(body.get("filter"), f"{path}.filter"),
        )
        return lambda document: narrow(document) and inner(document)

    def _query_filter(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, ("query",), path)
        return self.query(body.get("query"), f"{path}.query")

    def _bool_filter(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, ("operator", "filters"), path)
        operator = body.get("operator")
        if operator not in {"and", "or", "not"}:
            raise enumeration("bool_filter", operator)
        tests = [self.filter(each, f"{path}.filters[{n}]") for n, each in enumerate(items_of(body, "filters", path))]
        if operator == "or":
            return _any_of(tests)
        every = _all_of(tests)
        return every if operator == "and" else lambda document: not every(document)

    def _range_filter(self, body: Mapping[str, Any], path: str) -> Predicate:
        known(body, ("field", "from", "to", "from_inclusive", "to_inclusive"), path)
        name = text_of(body, "field", path)
        low, high = (self._bound(name, body.get(side)) for side in ("from", "to"))
        if low is None and high is None:
            raise malformed(f"{path} needs from or to")
        with_low, with_high = flag_of(body, "from_inclusive", path), flag_of(body, "to_inclusive", path)

        def test(document: Document) -> bool:
            for value in document.values.get(name, ()):
                above = low is None or value > low or (with_low and value == low)
                if above and (high is None or value < high or (with_high and value == high)):
                    return True
            return False

        return test

    def _range2_filter(self, body: Mapping[str, Any], path: str) -> Predicate:
        names = ("from_field", "to_field", "from_value", "to_value")
        known(body, (*names, "filter_mode", "from_inclusive", "to_inclusive"), path)
        mode = body.get("filter_mode", "overlap")
        if mode not in FILTER_MODES:
            raise enumeration("range2_filter", mode)
        first, last = text_of(body, "from_field", path), text_of(body, "to_field", path)
        low, high = self._bound(first, body.get("from_value")), self._bound(last, body.get("to_value"))
        if low is None and high is None:
            raise malformed(f"{path} needs from_value or to_value")
        edges = flag_of(body, "from_inclusive", path), flag_of(body, "to_inclusive", path)

        def test(document: Document) -> bool:
            starts, ends = document.values.get(first), document.values.get(last)
            own = (starts[0] if starts else None), (ends[0] if ends else None)
            return _related(mode, own, (low, high), edges)

        return test

    def _bound(self, name: str, value: Any) -> Any:
        field = self.field(name)
        if not field.comparable:
            text = f"The type of the field '{name}' isn't comparable in a range expression."
            raise Refused("range-filter-type", text, field=name, type=field.kind)
        if value is None:
            return None
        found = _as_kind(field.kind, value)
        if found is None:
            text = f"The value '{value}' isn't comparable with the field '{name}' in a range expression."
            raise Refused("range-filter-value", text, field=name, value=str(value))
        return found

    def field(self, name: str) -> Field:
        found = self._fields.find(name)
        if found is None and name in self._fields.unqueryable:
            raise Refused("unqueryable-field", f"The field '{name}' can't be queried.", field=name)
        if found is None:
            raise Refused("unknown-search-field", f"The search field '{name}' is unknown.", field=name)
        return found


def converted(field: Field, name: str, value: Any) -> Any:
    """A query's value as the index holds it, or a refusal."""
    found = _as_kind(field.kind, value)
    if found is None or (field.allowed and found not in field.allowed):
        text = f"The value '{value}' doesn't match the type of the field '{name}'."
        raise Refused("invalid-search-field-type", text, field=name, value=str(value), type=field.kind)
    return found


def _as_kind(kind: str, value: Any) -> Any:
    if kind == "datetime":
        return moments.parse(value)
    if kind == "number":
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    return value if isinstance(value, str) else None


def _compare(name: str, operator: str, values: list[Any]) -> Predicate:
    wanted = frozenset(values)
    tests: Mapping[str, Callable[[Sequence[Any]], bool]] = {
        "is": lambda own: values[0] in own,
        "one_of": lambda own: not wanted.isdisjoint(own),
        "is_null": lambda own: not own,
        "is_not_null": bool,
        "less": lambda own: any(each < values[0] for each in own),
        "greater": lambda own: any(each > values[0] for each in own),
        "not_in": lambda own: wanted.isdisjoint(own),
        "neq": lambda own: values[0] not in own,
    }
    test = tests[operator]
    return lambda document: test(document.values.get(name, ()))


def _any_of(tests: Sequence[Predicate]) -> Predicate:
    """Loops instead of generators: a long walk evaluates these millions of times."""
    if len(tests) == 1:
        return tests[0]

    def test(document: Document) -> bool:
        for each in tests:  # noqa: SIM110 - see above
            if each(document):
                return True
        return False

    return test


def _all_of(tests: Sequence[Predicate]) -> Predicate:
    if len(tests) == 1:
        return tests[0]

    def test(document: Document) -> bool:
        for each in tests:  # noqa: SIM110 - see above
            if not each(document):
                return False
        return True

    return test


Bounds = tuple[Any, Any]


def _related(mode: str, own: Bounds, asked: Bounds, edges: tuple[bool, bool]) -> bool:
    """How the document's range lies to the asked one; a missing bound is open."""
    if mode == "overlap":
        return _at_most(asked[0], own[1], edges[0]) and _at_most(own[0], asked[1], edges[1])
    outer, inner = (own, asked) if mode == "containing" else (asked, own)
    starts = outer[0] is None or (inner[0] is not None and _at_most(outer[0], inner[0], edges[0]))
    ends = outer[1] is None or (inner[1] is not None and _at_most(inner[1], outer[1], edges[1]))
    return starts and ends


def _at_most(first: Any, second: Any, equal: bool) -> bool:
    return first is None or second is None or first < second or (equal and first == second)


def window(query: Any, field: str) -> tuple[datetime | None, datetime | None]:
    """The range of a time field outside of which a valid query cannot have hits, for looking at fewer documents."""
    narrow = query.get("filtered_query", {}).get("filter", {})
    filters = [narrow]
    if narrow.get("bool_filter", {}).get("operator") == "and":
        filters = narrow["bool_filter"]["filters"]
    for each in filters:
        bounds = each.get("range_filter", {})
        if bounds.get("field") == field:
            return moments.parse(bounds.get("from")), moments.parse(bounds.get("to"))
    return None, None
