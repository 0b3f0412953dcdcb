"""Pages about what people do: proposals, caps, clicks."""

from __future__ import annotations

from caseconnect.host.pipeline.capping import all_caps
from caseconnect.host.web.console.asking import Ask, Page, Shown

_SHOWN = 100


def proposals(ask: Ask) -> Shown:
    """What waits for a second approver, and what became of the last ones."""
    found = ask.journal.proposals(ask.now, ended=30)
    values = {"open": [p for p in found if p.state == "open"], "ended": [p for p in found if p.state != "open"]}
    return Shown("proposals.html", values, "Proposals")


def caps(ask: Ask) -> Shown:
    """How much of each cap is used, and what people changed of it."""
    uses = [
        use
        for tenant in sorted(ask.tenants.values(), key=lambda tenant: tenant.name)
        for use in ask.journal.cap_uses(tenant.name, all_caps(tenant), ask.now)
    ]
    return Shown("caps.html", {"uses": uses}, "Caps")


def clicks(ask: Ask) -> Shown:
    """Who did what, newest first."""
    before = ask.query.get("before", "")
    older = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    names = [about] if (about := ask.query.get("about", "").strip()) else []
    found = ask.journal.clicks(ask.query.get("tenant") or None, names, older, _SHOWN)
    values = {"clicks": found, "about": about, "more": found[-1].seq if len(found) == _SHOWN else None}
    return Shown("clicks.html", values, "Clicks")


PAGES = (
    Page("/proposals", proposals, "Proposals"),
    Page("/caps", caps, "Caps"),
    Page("/clicks", clicks),
)
"""After the others in the menu."""
