"""Connections and tenants: what state each is in, since when, and who changed what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from caseconnect.host.journal import view_flows as kinds
from caseconnect.host.journal.codec import stamp
from caseconnect.host.tenants.secrets import ends_of
from caseconnect.host.tenants.tenant import Connection
from caseconnect.host.web.console.asking import Account, Ask, Shown
from caseconnect.host.web.console.pages.causes import Way
from caseconnect.host.web.console.pages.plots import spark
from caseconnect.host.web.console.pages.showing import missing, shown

_WEEKS = 4
_FILES = 30
_BROKEN = ("auth:", "down:", "listen:")
_DOUBTFUL = ("late:", "silent:", "pushes:", "check:", "changed:", "expires:", "ends:", "compared:")


@dataclass(frozen=True)
class Place:
    """One connection as it is now."""

    tenant: str
    name: str
    platform: str
    state: str
    why: str
    pause: Mapping[str, Any] | None
    last: str | None
    hour: int
    usual: str
    points: str
    polled: Mapping[str, Any] | None
    checked: datetime | None
    wrong: str
    account: Account | None
    used: int | None
    since: str | None
    ends: tuple[tuple[str, datetime], ...]
    """Key path and end of each secret that says when it ends."""
    ways: tuple[Way, ...]


def connections(ask: Ask) -> Shown:
    """All connections of all tenants."""
    views = ask.journal.views
    counted = views.tallies.look(ask.now)
    rows = views.waiting()["brakes"]
    alerts = views.open_alerts()
    polls = {(row["tenant"], row["connection"]): row for row in views.schedules()}
    compared = _compared(ask)
    found = [
        _place(ask, tenant.name, one, rows, alerts, polls, compared)
        for tenant in ask.tenants.values()
        for one in tenant.connections.values()
    ]
    return shown(ask, "connections.html", "Connections", places=found, counted=counted.since)


def _compared(ask: Ask) -> dict[tuple[str, str], tuple[datetime, str]]:
    found: dict[tuple[str, str], tuple[datetime, str]] = {}
    for one in ask.journal.comparisons(ask.now):
        wrong = f"{one.wrong} of {one.found} {one.what} were not as they should be" if one.wrong else ""
        found[one.tenant, one.connection] = (one.at, wrong)
    return found


def _place(
    ask: Ask,
    tenant: str,
    one: Connection,
    brakes: Sequence[Mapping[str, Any]],
    alerts: Sequence[Mapping[str, Any]],
    polls: Mapping[tuple[str, str], Mapping[str, Any]],
    compared: Mapping[tuple[str, str], tuple[datetime, str]],
) -> Place:
    key = (tenant, one.name)
    pause = next((b for b in brakes if b["tenant"] == tenant and _stops(b, one.name)), None)
    told = [a for a in alerts if a["tenant"] == tenant and a["cause"].split(":")[1:2] == [one.name]]
    state, why = _state(ask, key, pause, told)
    hours = ask.journal.views.tallies.series(ask.now - timedelta(hours=24), (kinds.POLLED, kinds.PUSHED), *key)
    account = ask.live.accounts.get(key)
    checked, wrong = compared.get(key, (None, ""))
    return Place(
        tenant,
        one.name,
        one.platform,
        state,
        why,
        pause,
        ask.journal.views.tallies.last.get(key),
        sum(hours.values()),
        _usual(ask, key),
        spark([hours[stamp(ask.now - timedelta(hours=back))[:13]] for back in range(23, -1, -1)]),
        polls.get(key),
        checked,
        wrong,
        account,
        _used(account),
        ask.journal.views.starts(tenant).get(one.name),
        tuple((place, datetime.combine(day, time(), UTC)) for place, day in ends_of(one.settings)),
        _ways(tenant, one.name, pause),
    )


def _stops(brake: Mapping[str, Any], connection: str) -> bool:
    scope = brake["scope"]
    return scope == "tenant" or (scope in ("connection", "access") and brake["name"] == connection)


def _state(
    ask: Ask, key: tuple[str, str], pause: Mapping[str, Any] | None, alerts: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    if key[0] in ask.live.refused:
        return "refused to start", ask.live.refused[key[0]]
    if key in ask.live.unbuilt:
        return "cannot be built", ask.live.unbuilt[key]
    if pause:
        return "paused", f"by {pause['by']}: {pause['reason']}"
    broken = [alert for alert in alerts if alert["cause"].startswith(_BROKEN)]
    if broken:
        return "does not work", broken[-1]["title"]
    doubtful = [alert for alert in alerts if alert["cause"].startswith(_DOUBTFUL)]
    if doubtful:
        return "needs a look", doubtful[-1]["title"]
    return "works", ""


def _usual(ask: Ask, key: tuple[str, str]) -> str:
    """How many came in this hour of this weekday before, at least and at most; empty while there is no week of it."""
    tallies, found = ask.journal.views.tallies, []
    for week in range(1, _WEEKS + 1):
        at = ask.now - timedelta(days=7 * week)
        hour = stamp(at)[:13]
        series = tallies.series(at, (kinds.POLLED, kinds.PUSHED), *key)
        if any(series[other] for other in series if other <= hour) or _before(tallies, key, hour):
            found.append(series[hour])
    if not found:
        return ""
    return f"{min(found)} to {max(found)}" if min(found) != max(found) else str(found[0])


def _before(tallies: kinds.Tallies, key: tuple[str, str], hour: str) -> bool:
    return any(at < hour and (tenant, name) == key for at, tenant, name, _ in tuple(tallies.cells))


def _used(account: Account | None) -> int | None:
    if account is None or math.isinf(account.burst) or account.burst <= 0:
        return None
    return round(100 * min(max(1 - account.left / account.burst, 0.0), 1.0))


def _ways(tenant: str, name: str, pause: Mapping[str, Any] | None) -> tuple[Way, ...]:
    if pause:
        fields = (("tenant", tenant), ("scope", str(pause["scope"])), ("name", str(pause["name"])))
        return (
            Way("resume", "Resume", "What waits behind the pause goes out, in order. You see the list first.", fields),
        )
    fields = (("tenant", tenant), ("scope", "connection"), ("name", name))
    stop = "Within two seconds nothing more is sent to it. What comes is still taken in and decided on, and waits."
    return (Way("pause", "Pause", stop, fields),)


def tenants(ask: Ask) -> Shown:
    """All tenants: the file in force, and what is wrong with those that are not."""
    views = ask.journal.views
    found = [
        {
            "name": name,
            "tenant": ask.tenants.get(name),
            "refused": ask.live.refused.get(name, ""),
            "since": views.starts(name).get(""),
            "brakes": [b for b in views.waiting()["brakes"] if b["tenant"] == name],
        }
        for name in sorted({*views.tenants(), *ask.tenants, *ask.live.refused})
    ]
    return shown(ask, "tenants.html", "Tenants", found=found)


def tenant(ask: Ask) -> Shown:
    """One tenant: its file, flows with modes, connections, and how the file came to be as it is."""
    name = ask.path["tenant"]
    one = ask.tenants.get(name)
    if one is None and name not in ask.journal.views.tenants() and name not in ask.live.refused:
        return missing(ask, f"tenant {name}", "Tenants are files in the folder that `connect serve` was given.")
    brakes = [b for b in ask.journal.views.waiting()["brakes"] if b["tenant"] == name]
    ways = {
        "tenant": Way(
            "pause",
            f"Pause {name}",
            "Within two seconds nothing of this tenant goes out. What comes is taken in and decided on, and waits.",
            (("tenant", name), ("scope", "tenant"), ("name", name)),
        )
    }
    for flow in one.flows if one else ():
        fields = (("tenant", name), ("scope", "flow"), ("name", flow.use))
        ways[flow.use] = Way(
            "pause", f"Pause {flow.use}", "Within two seconds nothing of it goes out. It still decides.", fields
        )
    files = ask.journal.tenant_files(name)[:_FILES]
    return shown(
        ask,
        "tenant.html",
        f"Tenant {name}",
        name=name,
        tenant=one,
        refused=ask.live.refused.get(name, ""),
        brakes=brakes,
        paused={(b["scope"], b["name"]) for b in brakes},
        ways=ways,
        files=files,
        clicks=ask.journal.clicks(name, (), None, 30),
    )
