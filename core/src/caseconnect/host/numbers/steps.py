"""What follows the steps of orders, as far as the daemon's file asks for it."""

from __future__ import annotations

from collections.abc import Callable

from caseconnect.host.daemon_file import DaemonSettings
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.numbers.following import Follower, Lines
from caseconnect.host.numbers.traces import Traces, exporter_of
from caseconnect.sdk.resources import Log


def followers(settings: Callable[[], DaemonSettings], journal: SqliteJournal, log: Log) -> list[Follower]:
    """Traces if they are asked for now; a log line for each step while it is. `ConfigError` without their library."""
    first = settings()
    traces = first.values.traces
    found = [Follower(journal, Lines(log), log, lambda: settings().values.logs.steps)]
    if traces.endpoint:
        found.append(Follower(journal, Traces(exporter_of(traces, first.secrets), log, traces.service), log))
    return found
