"""How things stand now, as Prometheus' families: made anew at each scrape, so that what is gone is gone."""

from __future__ import annotations

import platform
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from shutil import disk_usage

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from caseconnect import __version__
from caseconnect.host.journal.codec import unstamp
from caseconnect.host.journal.measuring import Standing
from caseconnect.host.numbers.catalogue import METRICS
from caseconnect.host.pipeline.live import LiveTenant

Sample = tuple[Sequence[str], float]
_LONGEST_CAUSE = 40


def family(name: str, samples: Iterator[Sample] | Sequence[Sample]) -> Family:
    """A gauge or counter of the catalogue with these samples; of equal labels the sum."""
    metric = METRICS[name]
    made = (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(
        name, metric.text, labels=metric.labels
    )
    summed: dict[tuple[str, ...], float] = {}
    for labels, value in samples:
        summed[tuple(labels)] = summed.get(tuple(labels), 0.0) + value
    for labels, value in summed.items():
        made.add_metric(labels, value)
    return made


def of_journal(found: Standing, now: datetime) -> Iterator[Family]:
    """What stands open in the journal."""

    def ago(text: str | None) -> float:
        return (now - unstamp(text)).total_seconds() if text else 0.0

    yield family("connect_open", [((tenant, what), many) for tenant, what, many, _ in found.waiting])
    yield family("connect_oldest_seconds", [((tenant, what), ago(at)) for tenant, what, _, at in found.waiting])
    yield family("connect_commands", [((tenant, kind, state), many) for tenant, kind, state, many in found.commands])
    yield family("connect_parked", [((tenant, what), many) for tenant, what, many in found.parked])
    yield family("connect_cases_refused", [((tenant,), many) for tenant, many in found.refused])
    observed = [((tenant, topic, "yes" if only else "no"), many) for tenant, topic, only, many in found.matters]
    yield family("connect_matters", observed)
    yield family(
        "connect_cap_used_ratio",
        [
            ((t, cap, window, unit), used / limit if limit else float(used > 0))
            for t, cap, window, unit, used, limit in found.caps
        ],
    )
    yield family("connect_poll_age_seconds", [((t, c), ago(last)) for t, c, _, last in found.polls if last])
    yield family("connect_poll_overdue_seconds", [((t, c), max(ago(due), 0.0)) for t, c, due, _ in found.polls])
    begins = [((tenant, cause.partition(":")[0][:_LONGEST_CAUSE]), many) for tenant, cause, many in found.alerts]
    yield family("connect_alerts", begins)
    yield family("connect_paused", [((tenant, scope), many) for tenant, scope, many in found.brakes])
    yield family("connect_numbers_missing", [((), len(found.missing))])


def of_connections(tenants: Mapping[str, LiveTenant]) -> Iterator[Family]:
    """What the connections at work count themselves."""
    clock = time.monotonic()
    live = [
        ((tenant.name, name), connection.resources)
        for tenant in [*tenants.values()]
        for name, connection in [*tenant.connections.items()]
    ]
    yield family("connect_tenants", [((), len(tenants))])
    yield family(
        "connect_platform_requests_total",
        [((*of, status), many) for of, resources in live for status, many in [*resources.usage.answers.items()]],
    )
    yield family("connect_platform_request_seconds_total", [(of, r.usage.seconds) for of, r in live])
    yield family("connect_platform_throttled_total", [(of, r.usage.throttled) for of, r in live])
    yield family("connect_platform_quota_used_ratio", [(of, r.pace.used(clock)) for of, r in live])
    yield family("connect_platform_waiting", [(of, r.pace.waiting()) for of, r in live])
    ends = [(of, r.usage.token_ends.timestamp()) for of, r in live if r.usage.token_ends]
    yield family("connect_token_expiry_timestamp_seconds", ends)


def of_machine(journal: Path, load: float, *, full: bool) -> Iterator[Family]:
    """The disk, the journal's files, and what runs."""
    yield family("connect_build", [((__version__, platform.python_version(), sqlite3.sqlite_version), 1)])
    yield family("connect_journal_load", [((), load)])
    yield family("connect_journal_full", [((), full)])
    sizes: list[Sample] = []
    for name, path in (("db", journal), ("wal", journal.with_name(f"{journal.name}-wal"))):
        with suppress(OSError):
            sizes.append(((name,), path.stat().st_size))
    yield family("connect_journal_bytes", sizes)
    with suppress(OSError):
        yield family("connect_disk_free_bytes", [((), disk_usage(journal.parent).free)])
