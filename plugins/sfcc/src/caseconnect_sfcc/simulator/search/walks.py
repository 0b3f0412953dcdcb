"""The query of a walk through what changed, answered from the order of time, as a database answers from an index.

Such a query asks for a range of one time and perhaps leaves keys out. Testing every record after each bound would make
a walk's cost grow with the square of the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caseconnect_sfcc.simulator.world import moments

from .index import Timeline


@dataclass(frozen=True, slots=True)
class Walk:
    """What is asked: from `start` on, up to `end` (`closed`: and at it), without some keys."""

    start: datetime | None
    end: datetime | None
    closed: bool
    without: frozenset[str]

    def keys(self, timeline: Timeline) -> list[str]:
        """The hits, oldest first."""
        found = timeline.between(self.start, self.end, closed=self.closed)
        return [key for key in found if key not in self.without] if self.without else found


def walk_of(query: Mapping[str, Any], time: str, key: str) -> Walk | None:
    """The walk that a valid query is; None when it asks anything else."""
    asked = query.get("filtered_query", {})
    bounds = asked.get("filter", {}).get("range_filter", {})
    without = _left_out(asked.get("query", {}), key)
    if without is None or bounds.get("field") != time or not bounds.get("from_inclusive", True):
        return None
    start, end = moments.parse(bounds.get("from")), moments.parse(bounds.get("to"))
    return Walk(start, end, bounds.get("to_inclusive", True), without)


def _left_out(query: Mapping[str, Any], key: str) -> frozenset[str] | None:
    if query == {"match_all_query": {}}:
        return frozenset()
    must = query.get("bool_query", {}).get("must", [])
    term = must[0].get("term_query", {}) if len(must) == 1 and list(query["bool_query"]) == ["must"] else {}
    if term.get("fields") == [key] and term.get("operator") == "not_in":
        return frozenset(term["values"])
    return None
