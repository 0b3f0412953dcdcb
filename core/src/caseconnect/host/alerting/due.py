"""When what is told of an alert, by which channel: from what holds, what was told, and the time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from caseconnect.host.alerting.causes import cause_of
from caseconnect.host.alerting.channels import Channel
from caseconnect.host.journal.notices import FLAPS, Notice, Told

CHANNEL = "channel:"
"""Begins the cause of an alert about a channel that fails; its name follows."""

GIVE_UP = timedelta(days=1)
"""So long the end of an alert is tried to be told; an open one is tried as long as it is open."""

HOLDS = timedelta(minutes=10)
"""What comes and goes is told once an hour, and when it has held for so long."""

Sight = tuple[Sequence[Told], Sequence[Notice]]


def planned(sight: Sight, channels: Sequence[Channel], repeat: timedelta, now: datetime) -> list[Notice]:
    """What becomes due now, or is over before it was told."""
    alerts, notices = sight
    known = {(notice.alert, notice.channel): notice for notice in notices}
    found = []
    for alert in alerts:
        severity = cause_of(alert.cause).severity
        for channel in channels:
            last = known.get((alert.seq, channel.name))
            wants = channel.wants(alert.tenant, severity) and alert.cause != f"{CHANNEL}{channel.name}"
            new = _next(alert, channel.name, last, repeat, now) if wants or last else None
            if new is not None:
                found.append(new)
    return found


def hushed(alert: Told, channel: str, now: datetime) -> bool:
    """It comes and goes, the channel has told so within the hour, and it has not held for a while."""
    return alert.before >= FLAPS and channel in alert.heard and now - alert.first_at < HOLDS


def _next(alert: Told, channel: str, last: Notice | None, repeat: timedelta, now: datetime) -> Notice | None:
    if last is None:
        return (
            None
            if alert.closed_at or hushed(alert, channel, now)
            else Notice(alert.seq, channel, "opened", now, "due", now)
        )
    if last.state == "left" or last.kind == "closed":
        over = last.state == "due" and now - last.at > GIVE_UP
        return replace(last, state="left") if over else None
    following = Notice(alert.seq, channel, "repeated", now, "due", now, number=last.number + 1)
    if alert.closed_at:
        return (
            replace(last, state="left")
            if last.number == 0 and last.state == "due"
            else replace(following, kind="closed")
        )
    return following if last.state == "sent" and now - last.at >= repeat else None
