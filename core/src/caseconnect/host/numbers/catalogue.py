"""Every metric that is told, by name: its kind, its labels and what it says. The docs and the dashboard go by it.

Labels are names that tenant files and the code have (tenant, connection, flow, kind, state), never ids, names of
people, reasons or addresses: their number is bounded by what is configured, whatever comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds for what a machine waits for (seconds)."""

SLOW = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 28800, 86400, 604800)
"""Bounds for what people wait for: a tenth of a second to a week (seconds)."""

ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Metric:
    """One metric. `bounds` are a histogram's buckets. Seconds and bytes are so, money is in whole units."""

    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


_OF = ("tenant", "connection")

METRICS: Mapping[str, Metric] = {
    "connect_build": Metric("gauge", "Always 1: which versions run.", ("version", "python", "sqlite")),
    "connect_tenants": Metric("gauge", "Tenants at work.", ()),
    "connect_webhook_requests_total": Metric(
        "counter", "Answers to webhooks by HTTP status; of unknown paths without tenant.", (*_OF, "status")
    ),
    "connect_webhook_seconds": Metric("histogram", "From a webhook's head to its answer.", _OF, FAST),
    "connect_deliveries_total": Metric(
        "counter", "Deliveries: stored, reference (a body that came before), duplicate.", (*_OF, "outcome")
    ),
    "connect_deliveries_ended_total": Metric(
        "counter", "What became of deliveries: events, ignored, parked.", (*_OF, "state")
    ),
    "connect_journal_commit_seconds": Metric("histogram", "One group commit, with its sync.", (), FAST),
    "connect_journal_batch_items": Metric("histogram", "Writes in one group commit.", (), ITEMS),
    "connect_journal_load": Metric("gauge", "How full the writing queue is; from 1 on webhooks are answered 503."),
    "connect_journal_full": Metric("gauge", "1: the disk is full, only ends are written."),
    "connect_journal_bytes": Metric("gauge", "Size of the journal's files.", ("file",)),
    "connect_disk_free_bytes": Metric("gauge", "Room on the journal's disk."),
    "connect_open": Metric("gauge", "Deliveries, events and commands that wait to be worked on.", ("tenant", "what")),
    "connect_oldest_seconds": Metric("gauge", "Age of the oldest of them.", ("tenant", "what")),
    "connect_commands": Metric(
        "gauge", "Open and parked commands, without those that wait for others.", ("tenant", "kind", "state")
    ),
    "connect_parked": Metric("gauge", "Deliveries and events that wait for a person, now.", ("tenant", "what")),
    "connect_cases_refused": Metric("gauge", "Open matters whose case could not be opened, now.", ("tenant",)),
    "connect_matters": Metric("gauge", "Open matters, also only observed ones.", ("tenant", "topic", "observe")),
    "connect_decisions_total": Metric(
        "counter", "Answers of use cases: asked (for commands), closed, noted, nothing.", ("tenant", "flow", "verdict")
    ),
    "connect_command_changes_total": Metric(
        "counter", "Commands by the state that they went to.", ("tenant", "flow", "kind", "connection", "state")
    ),
    "connect_time_to_decision_seconds": Metric(
        "histogram",
        "From the arrival of what was decided on to a decision that did something.",
        ("tenant", "flow"),
        SLOW,
    ),
    "connect_time_to_case_seconds": Metric(
        "histogram", "From the arrival of what opened the matter to its case.", ("tenant", "flow"), SLOW
    ),
    "connect_time_to_effect_seconds": Metric(
        "histogram", "From the arrival of what was decided on to the effect at the shop.", ("tenant", "flow"), SLOW
    ),
    "connect_money_moved_total": Metric(
        "counter", "Money that was given away, in whole units of its currency.", ("tenant", "kind", "currency")
    ),
    "connect_cap_used_ratio": Metric(
        "gauge", "Share of a cap that is used; unit is count or a currency.", ("tenant", "cap", "window", "unit")
    ),
    "connect_platform_requests_total": Metric(
        "counter", "Requests to platforms by class of answer (2xx to 5xx), or none: no answer.", (*_OF, "status")
    ),
    "connect_platform_request_seconds_total": Metric("counter", "Time for which answers were waited for.", _OF),
    "connect_platform_throttled_total": Metric("counter", "Requests that a platform answered 429.", _OF),
    "connect_platform_quota_used_ratio": Metric("gauge", "Share of the account's saved-up requests in use.", _OF),
    "connect_platform_waiting": Metric("gauge", "Requests that wait for the account's pace.", _OF),
    "connect_token_expiry_timestamp_seconds": Metric("gauge", "When the access token at hand ends (Unix time).", _OF),
    "connect_poll_age_seconds": Metric("gauge", "Time since the last poll.", _OF),
    "connect_poll_overdue_seconds": Metric("gauge", "How late the next poll is.", _OF),
    "connect_alerts": Metric("gauge", "Open alerts by how their cause begins.", ("tenant", "cause")),
    "connect_paused": Metric(
        "gauge", "Pauses by scope: tenant, flow, connection, command, access.", ("tenant", "scope")
    ),
    "connect_numbers_skipped_total": Metric("counter", "Looks at what happened that took too long; it is not counted."),
    "connect_numbers_missing": Metric("gauge", "Parts of these numbers that could not be read in time."),
}
