"""The numbers of one daemon: counted where the journal tells it, read at each scrape, shown to Prometheus.

All reading is done in one thread of its own, with a bound in time: whoever scrapes slows nothing but the scrape.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter as Counting
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from caseconnect.host.faults import kind_and_place
from caseconnect.host.journal.batch import Item
from caseconnect.host.journal.measuring import VERDICTS, Marks, News, Standing
from caseconnect.host.journal.rules import CapRule
from caseconnect.host.numbers import gauges
from caseconnect.host.numbers.catalogue import METRICS
from caseconnect.host.pipeline.capping import all_caps
from caseconnect.host.pipeline.live import LiveTenant
from caseconnect.sdk.resources import Log

disable_created_metrics()  # type: ignore[no-untyped-call] # else each counter and histogram has a series more, for the time of our start

EVERY = 5.0
"""Seconds between two looks at what happened, and for which what stands open is not read anew."""

WITHIN = 2.0
"""Seconds that one reading of the journal may take."""

_PARSED = 200_000


class Measured(Protocol):
    """A journal as the numbers read it."""

    path: Path

    def newest(self) -> Marks:
        """Where it is now."""

    def news(self, marks: Marks, parsed: Sequence[int], within: float) -> News:
        """What happened since `marks`."""

    def standing(self, caps: Mapping[str, Sequence[CapRule]], now: datetime, within: float) -> Standing:
        """What stands open."""

    def load(self) -> float:
        """How full the writing queue is."""

    def full(self) -> bool:
        """The disk is full."""


class Numbers(Collector):
    """Hand `committed` to the journal and `answered` to the hooks, then `begin`, and `run` while the daemon works."""

    def __init__(self, now: Callable[[], datetime], log: Log, within: float = WITHIN) -> None:
        self._now, self._log, self._within = now, log, within
        self.registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for name, metric in METRICS.items():
            if metric.kind == "histogram":
                self._histograms[name] = Histogram(
                    name, metric.text, metric.labels, buckets=metric.bounds, registry=self.registry
                )
            elif name in _COUNTED:
                self._counters[name] = Counter(name, metric.text, metric.labels, registry=self.registry)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        self._parsed: deque[int] = deque(maxlen=_PARSED)
        self._worker = ThreadPoolExecutor(1, "numbers")
        self._journal: Measured | None = None
        self._tenants: Callable[[], Mapping[str, LiveTenant]] = dict
        self._marks: Marks = {}
        self._standing: tuple[float, datetime, Standing] | None = None

    def begin(self, journal: Measured, tenants: Callable[[], Mapping[str, LiveTenant]]) -> None:
        """From now on: what happens in `journal`, and with the `tenants` at work."""
        self._journal, self._tenants = journal, tenants
        self._marks = journal.newest()

    def committed(self, items: Sequence[Item], results: Sequence[Any], seconds: float) -> None:
        """The journal wrote a batch. In its own thread, so it only counts."""
        self._histograms["connect_journal_commit_seconds"].observe(seconds)
        self._histograms["connect_journal_batch_items"].observe(len(items))
        came: Counting[tuple[str, str, str]] = Counting()
        for item, result in zip(items, results, strict=True):
            if isinstance(result, Exception):
                continue
            if item.name == "receive":
                for new, receipt in zip(item.what.items, result, strict=True):
                    came[new.tenant, new.connection, receipt.status] += 1
            elif item.name == "parsed":
                self._parsed.extend(one.seq for _, one in item.what if one.state != "waiting")
        self._add("connect_deliveries_total", came.items())

    def answered(self, tenant: str, connection: str, status: int, seconds: float) -> None:
        """A webhook was answered; tenant and connection are empty when its path is nobody's."""
        self._counters["connect_webhook_requests_total"].labels(tenant, connection, str(status)).inc()
        if tenant:
            self._histograms["connect_webhook_seconds"].labels(tenant, connection).observe(seconds)

    async def run(self) -> None:
        """Look at what happened, again and again, until cancelled."""
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._worker, self.look)
            except Exception as error:  # noqa: BLE001 - numbers are wrong then; the daemon is not
                self._log.error("numbers not read", error=kind_and_place(error))
            await asyncio.sleep(EVERY)

    async def page(self) -> bytes:
        """What `render` gives, made in the thread of the numbers."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self.render)

    def close(self) -> None:
        """End the thread. Before the journal is closed."""
        self._worker.shutdown(cancel_futures=True)

    def look(self) -> None:
        """Count what happened since the last look, as far as there is time."""
        if self._journal is None:
            return
        end, more = time.monotonic() + self._within, True
        while more:
            parsed = [self._parsed.popleft() for _ in range(len(self._parsed))]
            try:
                news = self._journal.news(self._marks, parsed, self._within)
            except sqlite3.OperationalError:  # so much that it is never read in time: what comes next matters more
                self._marks = self._journal.newest()
                self._counters["connect_numbers_skipped_total"].inc()
                return
            self._marks, more = news.marks, news.more and time.monotonic() < end
            self._count(news)

    def render(self) -> bytes:
        """All numbers in Prometheus' text format, as of now."""
        self._prime()
        self.look()
        return generate_latest(self.registry)

    def _prime(self) -> None:
        """Begin at zero what the tenants at work may count: Prometheus sees no increase up to a first value."""
        for name, tenant in [*self._tenants().items()]:
            for flow in tenant.tenant.flows:
                for what in ("decision", "case", "effect"):
                    self._histograms[f"connect_time_to_{what}_seconds"].labels(name, flow.use)
                for verdict in VERDICTS:
                    self._counters["connect_decisions_total"].labels(name, flow.use, verdict)
            for connection in [*tenant.connections]:
                for outcome in ("stored", "reference", "duplicate"):
                    self._counters["connect_deliveries_total"].labels(name, connection, outcome)
                for state in ("events", "ignored", "parked"):
                    self._counters["connect_deliveries_ended_total"].labels(name, connection, state)

    def collect(self) -> Iterator[Family]:
        """How things stand: asked by the registry at each scrape."""
        if self._journal is None:
            return
        tenants = self._tenants()
        found, at = self._stands(self._journal, tenants)
        yield from gauges.of_journal(found, at)
        yield from gauges.of_connections(tenants)
        yield from gauges.of_machine(self._journal.path, self._journal.load(), full=self._journal.full())

    def describe(self) -> list[Family]:
        """Nothing is asked of the journal when the registry only wants names."""
        return []

    def _stands(self, journal: Measured, tenants: Mapping[str, LiveTenant]) -> tuple[Standing, datetime]:
        clock = time.monotonic()
        if self._standing is None or clock - self._standing[0] > EVERY:
            now = self._now()
            caps = {name: all_caps(live.tenant) for name, live in [*tenants.items()]}
            found = journal.standing(caps, now, self._within)
            # A schedule that was taken out of a file keeps its row: nothing is late by it.
            polls = [row for row in found.polls if _is_polled(tenants, *row[:2])]
            self._standing = (clock, now, replace(found, polls=polls))
        return self._standing[2], self._standing[1]

    def _count(self, news: News) -> None:
        self._add("connect_decisions_total", ((row[:-1], row[-1]) for row in news.decisions))
        self._add("connect_command_changes_total", ((row[:-1], row[-1]) for row in news.changes))
        self._add("connect_deliveries_ended_total", ((row[:-1], row[-1]) for row in news.ended))
        moved = (
            ((tenant, kind, much.currency), float(much.amount)) for tenant, kind, much in news.money if much.amount > 0
        )
        self._add("connect_money_moved_total", moved)
        for name, rows in (("decision", news.decided), ("case", news.cases), ("effect", news.effects)):
            histogram = self._histograms[f"connect_time_to_{name}_seconds"]
            for tenant, use, seconds in rows:
                histogram.labels(tenant, use).observe(max(seconds, 0.0))

    def _add(self, name: str, rows: Any) -> None:
        counter = self._counters[name]
        for labels, many in rows:
            counter.labels(*labels).inc(many)


_COUNTED = frozenset(
    {
        "connect_webhook_requests_total",
        "connect_deliveries_total",
        "connect_deliveries_ended_total",
        "connect_decisions_total",
        "connect_command_changes_total",
        "connect_money_moved_total",
        "connect_numbers_skipped_total",
    }
)
"""Counters that are kept here; the others are read at each scrape from where they are kept."""


def _is_polled(tenants: Mapping[str, LiveTenant], tenant: str, connection: str) -> bool:
    live = tenants.get(tenant)
    found = live.connections.get(connection) if live else None
    return found is not None and found.spec.schedule is not None
