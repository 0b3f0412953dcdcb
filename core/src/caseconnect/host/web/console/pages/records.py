"""Alerts, incidents, and the audit of what people did."""

from __future__ import annotations

from caseconnect.host.web.console.asking import Ask, Shown
from caseconnect.host.web.console.pages import needs
from caseconnect.host.web.console.pages.showing import missing, number, shown

_PAGE = 50
_MEMBERS = 100


def alerts(ask: Ask) -> Shown:
    """Open alerts, and those that are over."""
    views, before = ask.journal.views, number(ask.query.get("before"))
    closed = views.closed_alerts(before, _PAGE)
    return shown(
        ask,
        "alerts.html",
        "Alerts",
        open=[cause for alert in views.open_alerts() for cause in needs.of_alerts(ask, [alert])],
        closed=closed,
        further=closed[-1]["seq"] if len(closed) == _PAGE else None,
        before=before,
    )


def incidents(ask: Ask) -> Shown:
    """All incidents, the open ones first."""
    rows = [row for tenant in ask.journal.views.tenants() for row in ask.journal.views.incidents(tenant)]
    rows.sort(key=lambda row: row["opened_at"], reverse=True)
    rows.sort(key=lambda row: row["state"] != "open")
    return shown(ask, "incidents.html", "Incidents", rows=rows)


def incident(ask: Ask) -> Shown:
    """One incident, with those that joined it."""
    tenant, id_ = ask.path["tenant"], ask.path["incident"]
    views = ask.journal.views
    rows = views.incidents(tenant, 1000) if tenant in views.tenants() else []
    row = next((row for row in rows if row["subject"].rpartition("/")[2] == id_), None)
    if row is None:
        return missing(ask, f"incident {id_} of {tenant}", "Incidents are listed under Incidents.")
    after = number(ask.query.get("after")) or 0
    members = views.members(row["id"], after, _MEMBERS)
    return shown(
        ask,
        "incident.html",
        f"Incident {id_}",
        row=row,
        cause=needs.of_incident(row),
        members=members,
        further=members[-1]["seq"] if len(members) == _MEMBERS else None,
        id=id_,
    )


def audit(ask: Ask) -> Shown:
    """What people did in the console and through its API, and what they answered by command."""
    views, before = ask.journal.views, number(ask.query.get("before"))
    tenant = ask.query.get("tenant") or None
    clicks = ask.journal.clicks(tenant, (), before, _PAGE)
    answered = views.answers(number(ask.query.get("until")), _PAGE)
    return shown(
        ask,
        "audit.html",
        "Audit",
        clicks=clicks,
        further=clicks[-1].seq if len(clicks) == _PAGE else None,
        answered=answered,
        pauses=views.pauses(None, _PAGE),
        tenant=tenant,
        tenants=views.tenants(),
    )
