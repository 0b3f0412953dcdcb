"""What a channel tells of an alert, whatever the channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caseconnect.host.alerting.causes import Severity
from caseconnect.host.journal.notices import Kind


@dataclass(frozen=True)
class Message:
    """What one channel tells of one alert. `id` is the same when it is sent again; `runbook` and `console` are links.

    It holds no personal data and no secret: ids, reasons, counts and times.
    """

    id: str
    kind: Kind
    tenant: str
    cause: str
    severity: Severity
    what: str
    title: str
    about: str
    first_at: datetime
    last_at: datetime
    count: int
    runbook: str
    console: str | None = None
    closed: str | None = None


def data_of(message: Message) -> dict[str, Any]:
    """What a program is told."""
    told = {
        "tenant": message.tenant or None,
        "cause": message.cause,
        "severity": message.severity,
        "what": message.what,
        "title": message.title,
        "about": message.about,
        "first_at": message.first_at.isoformat(),
        "last_at": message.last_at.isoformat(),
        "count": message.count,
        "runbook": message.runbook,
        "console": message.console,
    }
    return told | ({"closed": message.closed} if message.kind == "closed" else {})
