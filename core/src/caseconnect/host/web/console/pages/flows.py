"""Flows: what each found and did, how many orders that are, how long a case, a decision and an effect take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from caseconnect.host.journal import view_flows as kinds
from caseconnect.host.journal.codec import stamp
from caseconnect.host.journal.view_flows import CaseTimes
from caseconnect.host.web.console.asking import Ask, Shown
from caseconnect.host.web.console.pages.plots import Plot, columns
from caseconnect.host.web.console.pages.showing import lasting, link, shown

SPANS = {
    "24h": ("24 hours", timedelta(hours=24), 1),
    "7d": ("7 days", timedelta(days=7), 6),
    "30d": ("30 days", timedelta(days=30), 24),
}
"""By their names in the address: in words, how long, and hours to a column of the plots."""

_VERDICTS = (kinds.HIT, kinds.ACTED, kinds.FOLLOWED, kinds.NOTHING)


@dataclass(frozen=True)
class Took:
    """How long something took: median, and what 95 of 100 stay below. `of` is how many were measured."""

    middle: str
    most: str
    of: int


@dataclass(frozen=True)
class FlowLine:
    """One flow of a tenant in the time that was asked for."""

    tenant: str
    use: str
    mode: str
    verdicts: dict[str, int]
    hit: int
    orders: int
    share: str
    cases: int
    open: int
    oldest: str | None
    times: tuple[Took | None, ...]


def show(ask: Ask) -> Shown:
    """All flows, or one, over a span."""
    chosen = ask.query.get("span", "")
    span = chosen if chosen in SPANS else "24h"
    words, length, hours = SPANS[span]
    views, since = ask.journal.views, ask.now - length
    counted = views.tallies.look(ask.now)
    sums = views.tallies.sums(since, (*_VERDICTS, kinds.FIRST_HIT, kinds.ORDERS))
    cases, times = views.cases_by_hour(since), views.case_times(since)
    lines = list(_lines(ask, sums, cases, times))
    return shown(
        ask,
        "flows.html",
        "Flows",
        span=span,
        spans=[(name, told, link("/flows", span=name)) for name, (told, _, _) in SPANS.items()],
        words=words,
        lines=lines,
        verdicts=_VERDICTS,
        counted=counted.since if counted.since and counted.since > since else None,
        plots=_plots(ask, since, hours, cases, times),
    )


def _lines(ask: Ask, sums: Counter[tuple[str, str, str]], cases: Any, times: Sequence[CaseTimes]) -> Any:
    opened: Counter[tuple[str, str]] = Counter()
    for (_, tenant, use), many in cases.items():
        opened[tenant, use] += many
    by_flow: dict[tuple[str, str], list[CaseTimes]] = defaultdict(list)
    for one in times:
        by_flow[one.tenant, one.use].append(one)
    standing = {(row["tenant"], row["owner"]): row for row in ask.journal.views.open_matters()}
    modes = {(name, flow.use): flow.mode for name, tenant in ask.tenants.items() for flow in tenant.flows}
    seen = {(tenant, use) for tenant, use, what in sums if what in _VERDICTS and use != "connect"}
    for tenant, use in sorted({*modes, *seen, *opened, *standing}):
        hit, orders = sums[tenant, use, kinds.FIRST_HIT], sums[tenant, "", kinds.ORDERS]
        row = standing.get((tenant, use))
        yield FlowLine(
            tenant,
            use,
            modes.get((tenant, use), "not in force"),
            {verdict: sums[tenant, use, verdict] for verdict in _VERDICTS},
            hit,
            orders,
            f"{100 * hit / orders:.1f} %" if orders else "",
            opened[tenant, use],
            row["open"] if row else 0,
            row["oldest"] if row else None,
            _times(by_flow[tenant, use]),
        )


def _times(cases: Sequence[CaseTimes]) -> tuple[Took | None, ...]:
    pairs = (
        [(one.received, one.opened) for one in cases],
        [(one.opened, one.decided) for one in cases],
        [(one.decided, one.effect) for one in cases],
    )
    return tuple(_took([b - a for a, b in those if a and b and b >= a]) for those in pairs)


def _took(lengths: list[timedelta]) -> Took | None:
    if not lengths:
        return None
    in_order = sorted(lengths)
    most = in_order[min(int(len(in_order) * 0.95), len(in_order) - 1)]
    return Took(lasting(in_order[len(in_order) // 2]), lasting(most), len(in_order))


def _plots(ask: Ask, since: datetime, hours: int, cases: Any, times: Sequence[CaseTimes]) -> tuple[Plot, ...]:
    begins = since.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    begins -= timedelta(hours=begins.hour % hours)
    steps = [begins + timedelta(hours=place) for place in range(0, _hours(ask.now - begins) + 1, hours)]
    events = ask.journal.views.tallies.series(since, (kinds.POLLED, kinds.PUSHED))
    opened: Counter[str] = Counter()
    for (hour, _, _), many in cases.items():
        opened[hour] += many
    delays: dict[str, list[float]] = defaultdict(list)
    for one in times:
        if one.received and one.opened:
            delays[stamp(one.received)[:13]].append((one.opened - one.received).total_seconds())
    return (
        columns("Deliveries that came", "deliveries", _by_step(steps, hours, events)),
        columns("Cases opened", "cases", _by_step(steps, hours, opened)),
        columns("Time from delivery to case, median", "seconds", _middles(steps, hours, delays)),
    )


def _hours(length: timedelta) -> int:
    return int(length.total_seconds() // 3600)


def _in(step: datetime, hours: int) -> list[str]:
    return [stamp(step + timedelta(hours=more))[:13] for more in range(hours)]


def _name(step: datetime, hours: int) -> str:
    return f"{step:%m-%d}" if hours == 24 else f"{step:%d. %H:00}" if hours > 1 else f"{step:%H:00}"


def _by_step(steps: Sequence[datetime], hours: int, counts: Counter[str]) -> list[tuple[str, float]]:
    return [(_name(step, hours), float(sum(counts[hour] for hour in _in(step, hours)))) for step in steps]


def _middles(steps: Sequence[datetime], hours: int, values: dict[str, list[float]]) -> list[tuple[str, float]]:
    found = []
    for step in steps:
        those = [value for hour in _in(step, hours) for value in values.get(hour, [])]
        found.append((_name(step, hours), median(those) if those else 0.0))
    return found
