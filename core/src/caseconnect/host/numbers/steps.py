"""What follows the steps of orders, as far as the daemon's file asks for it."""

from __future__ import annotations

from caseconnect.host.daemon_file import DaemonSettings
from caseconnect.host.journal import SqliteJournal
from caseconnect.host.numbers.following import Follower, Lines, Taker
from caseconnect.host.numbers.traces import Traces, exporter_of
from caseconnect.sdk.resources import Log


def followers(settings: DaemonSettings, journal: SqliteJournal, log: Log) -> list[Follower]:
    """Traces, and a log line for each step. `ConfigError` when a library is missing."""
    wanted, takers = settings.values, list[Taker]()
    if wanted.traces.endpoint:
        takers.append(Traces(exporter_of(wanted.traces, settings.secrets), log, wanted.traces.service))
    if wanted.logs.steps:
        takers.append(Lines(log))
    return [Follower(journal, taker, log) for taker in takers]
