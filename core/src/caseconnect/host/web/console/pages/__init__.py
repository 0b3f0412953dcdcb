"""The pages of the console: each module reads, and says what is shown; what it looks like stands in `templates/`."""

from __future__ import annotations

from caseconnect.host.web.console.asking import Page
from caseconnect.host.web.console.pages import deliveries, flows, needs, orders, places, records, search
from caseconnect.host.web.console.people import Role

PAGES: tuple[Page, ...] = (
    Page("/", needs.show, "What needs me"),
    Page("/waiting", needs.waiting),
    Page("/search", search.show, "Search"),
    Page("/flows", flows.show, "Flows"),
    Page("/connections", places.connections, "Connections"),
    Page("/tenants", places.tenants, "Tenants"),
    Page("/tenants/{tenant}", places.tenant),
    Page("/incidents", records.incidents, "Incidents"),
    Page("/incidents/{tenant}/{incident}", records.incident),
    Page("/alerts", records.alerts, "Alerts"),
    Page("/audit", records.audit, "Audit"),
    Page("/orders/{tenant}/{subject:path}", orders.show),
    Page("/deliveries/of/{tenant}/{connection}", deliveries.listed),
    Page("/deliveries/{seq}", deliveries.show),
    Page("/deliveries/{seq}/body", deliveries.body, role=Role.OPERATOR, look="look_body"),
)
"""All pages, in the order of the menu. The first one is what `/` shows."""
