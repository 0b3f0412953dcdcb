"""From a search request to sorted keys and a page of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caseconnect_sfcc.simulator.world.refusals import Refused

from .fields import Fields
from .index import Document
from .members import malformed
from .query import Predicate, compile_query, structure

WINDOW = 10_000
"""Hits beyond this number cannot be reached, in either API family."""

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Page:
    """A page of keys out of `total` hits."""

    keys: list[str]
    total: int
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class Search:
    """A checked search request. `start` and `count` are called offset and limit by SCAPI."""

    test: Predicate
    sorts: list[tuple[str, bool]]
    start: int
    count: int

    def page(self, documents: Iterable[tuple[str, Document]], *, sorted_by: str = "") -> Page:
        """The hits among the documents, sorted, cut to the page; `sorted_by` is a field in whose order they come."""
        hits = [(key, document) for key, document in documents if self.test(document)]
        ready = self.sorts == [(sorted_by, False)]
        for name, descending in reversed([] if ready else self.sorts):
            hits.sort(key=_sort_key(name, descending), reverse=descending)
        return self.cut([key for key, _ in hits])

    def cut(self, keys: Sequence[str]) -> Page:
        """The page of keys that are the hits already, sorted."""
        return Page(list(keys[self.start : self.start + self.count]), len(keys), self.start, self.count)


def read_search(body: Mapping[str, Any], fields: Fields, *, camel: bool, default_count: int = 25) -> Search:
    """A request as OCAPI (`start`, `count`) or SCAPI (`offset`, `limit`) sends it, or a refusal."""
    given = structure(body) if camel else body
    start_name, count_name = ("offset", "limit") if camel else ("start", "count")
    start, count = given.get(start_name, 0), given.get(count_name, default_count)
    for name, value, low in ((start_name, start, 0), (count_name, count, 1)):
        high = LARGEST_PAGE if low else WINDOW
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            text = f"The value '{value}' of the property '{name}' is invalid: it must be between {low} and {high}."
            raise Refused("property-constraint-violation", text, document="search_request", path=f"$.{name}")
    if start + count > WINDOW:
        text = f"The sum of '{start_name}' and '{count_name}' must not exceed {WINDOW}."
        raise Refused("property-constraint-violation", text, document="search_request", path=f"$.{start_name}")
    return Search(compile_query(given.get("query"), fields), _sorts(given.get("sorts"), fields), start, count)


def _sorts(given: Any, fields: Fields) -> list[tuple[str, bool]]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        raise malformed("sorts must be a list of objects with field and sort order")
    found = []
    for each in given:
        name, order = each.get("field"), each.get("sort_order", "asc")
        field = fields.find(str(name))
        if field is None or not field.sortable:
            raise Refused(
                "field-not-sortable", f"The field '{name}' can't be used to sort the results.", field=str(name)
            )
        if order not in {"asc", "desc"}:
            text = f"The value '{order}' is not allowed in the document 'sort'."
            raise Refused("enum-constraint-violation", text, document="sort", enumValue=str(order))
        found.append((str(name), order == "desc"))
    return found


def _sort_key(name: str, descending: bool) -> Callable[[tuple[str, Document]], tuple[bool, Any]]:
    def key(hit: tuple[str, Document]) -> tuple[bool, Any]:
        values = hit[1].values.get(name)
        # Records without a value come last in both directions.
        return (not values) != descending, values[0] if values else 0

    return key
