"""Two flows that would open two cases for one thing."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from caseconnect.host.tenants.problems import ConfigProblem, Report
from caseconnect.host.tenants.tenant import Flow, Tenant


def overlaps(tenant: Tenant) -> list[ConfigProblem]:
    """What a person should know of a file that is right: each pair of flows of different topics that look at one thing.

    A flow that only observes opens nothing.
    """
    report = Report(str(tenant.file), tenant.lines)
    opening = [(i, f) for i, f in enumerate(tenant.flows) if f.mode != "observe" and f.transform.looks_at]
    for (_, one), (place, other) in combinations(opening, 2):
        both = sorted(_looks_at(one).keys() & _looks_at(other).keys())
        # An item comes by one connection, and its order is of another.
        shared = [name for name in one.on if name in other.on or other.transform.by_item or one.transform.by_item]
        if one.transform.topic == other.transform.topic or not shared:
            continue
        for what in both:
            why = (
                f"{one.use} and {other.use} each open a case for {what} on {', '.join(shared)}: two cases for one thing"
            )
            hint = f"change {_looks_at(one)[what]} of {one.use}, or {_looks_at(other)[what]} of {other.use}"
            report.add(("flows", place), why, hint)
    return report.in_order()


def _looks_at(flow: Flow) -> Mapping[str, str]:
    return flow.transform.looks_at(flow.settings) if flow.transform.looks_at else {}
