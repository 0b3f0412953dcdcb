"""Plain pages for people: what an instance holds and what was done to it. Everything shown is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .faults import FaultPlan
from .world.instance import Instance
from .world.ledger import Effect
from .world.orders import Order

SHOWN = 200
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em;max-width:90em}table{border-collapse:collapse;margin:0 0 2em}"
    "td,th{border:1px solid #bbb;padding:.25em .6em;text-align:left;vertical-align:top}th{background:#eee}"
)


class Markup(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def escaped(value: Any) -> str:
    """Any value as text that is safe in a page."""
    return value if isinstance(value, Markup) else html.escape("" if value is None else str(value))


def _link(href: str, text: Any) -> Markup:
    return Markup(f'<a href="{escaped(href)}">{escaped(text)}</a>')


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> Markup:
    lines = ["<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    if not lines:
        return Markup("<p>None.</p>")
    top = "".join(f"<th>{escaped(cell)}</th>" for cell in head)
    return Markup(f"<table><tr>{top}</tr>{''.join(lines)}</table>")


def _page(title: str, parts: Iterable[tuple[str, Markup]], status: int = 200) -> Response:
    body = "".join(f"<h2>{escaped(head)}</h2>{part}" for head, part in parts)
    start = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>'
    text = f"{start}<style>{_STYLE}</style></head><body><h1>{escaped(title)}</h1>{body}</body></html>"
    return HTMLResponse(text, status, _HEADERS)


class Pages:
    """`/` lists the instances, `/_sim/pages/{tenant}` shows one, and below it each order."""

    def __init__(self, instances: Mapping[str, Instance], faults: FaultPlan) -> None:
        self._instances = instances
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes, for the app."""
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/_sim/pages/{tenant}", self.shop, methods=["GET"]),
            Route("/_sim/pages/{tenant}/orders/{number}", self.order, methods=["GET"]),
        ]

    async def home(self, request: Request) -> Response:
        """The instances and the faults to come."""
        del request
        rows = [
            [_link(f"/_sim/pages/{name}", name), each.settings.organization, each.settings.ocapi_host, len(each.orders)]
            for name, each in self._instances.items()
        ]
        faults = [[each["kind"], each["operation"], each["path"], each["count"]] for each in self._faults.pending()]
        parts = [
            ("Instances", _table(["Instance", "Organization", "OCAPI host", "Orders"], rows)),
            ("Planned faults", _table(["Kind", "Operation", "Path", "Left"], faults)),
        ]
        return _page("Simulated Salesforce B2C Commerce", parts)

    async def shop(self, request: Request) -> Response:
        """One instance."""
        instance = self._instances.get(request.path_params["tenant"])
        if instance is None:
            return _page("There is no such instance here", [], 404)
        instance.settle()
        newest = list(instance.orders.values())[-SHOWN:][::-1]
        here = f"/_sim/pages/{instance.settings.tenant}"
        rows = [_order_row(each, _link(f"{here}/orders/{each.number}", each.number)) for each in newest]
        objects = [
            [each.type, each.key, each.site, f"{each.modified:%H:%M:%S}", each.values]
            for each in list(instance.objects.values())[-SHOWN:][::-1]
        ]
        flags = [
            [each.id, each.kind, each.online_flag, each.searchable, *(_seen(instance, each.id))]
            for each in list(instance.products.values())[:SHOWN]
        ]
        parts = [
            ("Orders", _table(_ORDER_HEAD, rows)),
            ("Effects", _ledger(instance.ledger)),
            ("Custom objects", _table(["Type", "Key", "Site", "Changed", "Attributes"], objects)),
            ("Products", _table(["Id", "Kind", "Online", "Searchable", *instance.settings.sites], flags)),
            ("Content assets", _table(["Library", "Id", "Online", "Attributes"], _content(instance))),
            ("Gift certificates", _table(["Site", "Id", "Amount", "Status"], _certificates(instance))),
        ]
        return _page(f"{instance.settings.tenant}: simulated SFCC instance", parts)

    async def order(self, request: Request) -> Response:
        """One order."""
        instance = self._instances.get(request.path_params["tenant"])
        found = instance.orders.get(request.path_params["number"]) if instance else None
        if instance is None or found is None:
            return _page("There is no such order here", [], 404)
        lines = [[each.product_id, each.name, each.quantity, each.net, each.external_status] for each in found.lines]
        sent = [[each.id, each.method, each.status, each.tracking, each.address] for each in found.shipments]
        paid = [[each.method, each.amount, each.auth_status, each.auth_code] for each in found.payments]
        notes = [[each.by, f"{each.at:%H:%M:%S}", each.subject, each.text] for each in found.notes]
        own = [each for each in instance.ledger if each.target == found.number]
        parts = [
            ("Order", _table(_ORDER_HEAD, [_order_row(found, found.number)])),
            ("Lines", _table(["Product", "Name", "Units", "Net", "Status"], lines)),
            ("Shipments", _table(["Id", "Method", "Status", "Tracking", "Address"], sent)),
            ("Payments", _table(["Method", "Amount", "Authorization", "Code"], paid)),
            ("Notes", _table(["By", "At", "Subject", "Text"], notes)),
            ("Custom attributes", _table(["Name", "Value"], sorted(found.custom.items()))),
            ("Effects", _ledger(own)),
        ]
        return _page(f"Order {found.number}", parts)


_ORDER_HEAD = ("Order", "Site", "Changed", "Total", "Status", "Confirmation", "Export", "Payment", "Shipping")


def _order_row(order: Order, name: Any) -> list[Any]:
    statuses = [order.status, order.confirmation, order.export, order.payment, order.shipping]
    return [name, order.site, f"{order.modified:%H:%M:%S}", f"{order.total:.2f} {order.currency}", *statuses]


def _ledger(effects: list[Effect]) -> Markup:
    newest = effects[-SHOWN:][::-1]
    rows = [[e.seq, f"{e.at:%H:%M:%S}", e.who, e.what, e.target, e.args, "" if e.changed else "no"] for e in newest]
    return _table(["No.", "At", "Who", "What", "Target", "With", "Changed"], rows)


def _seen(instance: Instance, product_id: str) -> list[str]:
    return ["seen" if instance.visible(product_id, site) else "hidden" for site in instance.settings.sites]


def _content(instance: Instance) -> list[list[Any]]:
    return [[each.library, each.id, each.online, each.custom] for each in instance.content.values()]


def _certificates(instance: Instance) -> list[list[Any]]:
    return [
        [each.site, each.merchant_id, f"{each.amount:.2f} {each.currency}", each.status]
        for each in instance.certificates.values()
    ]
