"""Plain pages for people: what the shop holds, what was done to it, what it sent. Everything shown is escaped."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .world import money
from .world.records import Order, gid
from .world.shop import Shop

SHOWN = 200
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em;max-width:80em}table{border-collapse:collapse;margin:0 0 2em}"
    "td,th{border:1px solid #bbb;padding:.25em .6em;text-align:left;vertical-align:top}th{background:#eee}"
)


class Markup(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def escaped(value: Any) -> str:
    """Any value as text that is safe in a page."""
    if isinstance(value, Markup):
        return value
    return html.escape("" if value is None else str(value))


def link(href: str, text: Any) -> Markup:
    """A link."""
    return Markup(f'<a href="{escaped(href)}">{escaped(text)}</a>')


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> Markup:
    """A table; says so when it is empty."""
    lines = ["<tr>" + "".join(f"<td>{escaped(c)}</td>" for c in row) + "</tr>" for row in rows]
    if not lines:
        return Markup("<p>None.</p>")
    top = "<tr>" + "".join(f"<th>{escaped(c)}</th>" for c in head) + "</tr>"
    return Markup(f"<table>{top}{''.join(lines)}</table>")


def page(title: str, parts: Iterable[tuple[str, Markup]]) -> Response:
    """A whole page of headed parts."""
    body = "".join(f"<h2>{escaped(head)}</h2>{part}" for head, part in parts)
    start = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>'
    text = f"{start}<style>{STYLE}</style></head><body><h1>{escaped(title)}</h1>{body}</body></html>"
    return HTMLResponse(text, headers=HEADERS)


class Pages:
    """The endpoints: the state of a shop at `/`, an order at `/admin/orders/{id}`."""

    def __init__(self, find: Callable[[Request], Shop | None], shops: Mapping[str, Shop]) -> None:
        self.find = find
        self.shops = shops

    def routes(self) -> list[Route]:
        """Both pages."""
        return [Route("/", self.home, methods=["GET"]), Route("/admin/orders/{key}", self.order, methods=["GET"])]

    async def home(self, request: Request) -> Response:
        """The shop, or the list of shops when the address names none."""
        shop = self.find(request)
        if shop is None:
            rows = [[link(f"/shops/{domain}/", domain), len(s.orders)] for domain, s in self.shops.items()]
            return page("Shopify simulator", [("Shops", table(["Shop", "Orders"], rows))])
        shop.settle()
        newest = list(shop.orders.values())[-SHOWN:][::-1]
        return page(
            f"{shop.name}: simulated Shopify shop",
            [
                ("Orders", table(_ORDER_HEAD, [_order_row(o, link(f"admin/orders/{o.id}", o.name)) for o in newest])),
                ("Effects brought about by API calls", _ledger(shop, None)),
                ("Draft orders", table(["Draft", "State", "Total", "Tags"], _drafts(shop))),
                ("Store credit", table(["Customer", "Balance"], _credit(shop))),
                ("Webhook subscriptions", _subscriptions(shop)),
                ("Deliveries", _deliveries(shop)),
                ("Planned faults", table(["Kind", "Operation", "Left"], _faults(shop))),
            ],
        )

    async def order(self, request: Request) -> Response:
        """One order."""
        shop = self.find(request)
        try:
            order = shop.order(request.path_params["key"]) if shop else None
        except KeyError:
            order = None
        if shop is None or order is None:
            return HTMLResponse("<h1>There is no such order here.</h1>", 404, HEADERS)
        return page(
            f"Order {order.name}",
            [("Order", table(_ORDER_HEAD, [_order_row(order, order.name)])), *_details(shop, order)],
        )


_ORDER_HEAD = ("Order", "Made", "Total", "Payment", "Fulfilment", "Risk", "Tags", "Holds", "Cancelled")


def _order_row(order: Order, name: Any) -> list[Any]:
    holds = [f"{h.reason} ({h.handle or 'by hand'})" for fo in order.fulfillment_orders for h in fo.holds]
    return [
        name,
        f"{order.created_at:%Y-%m-%d %H:%M:%S}",
        f"{money.total(order):.2f} {order.currency}",
        money.financial_status(order),
        money.fulfillment_status(order),
        ", ".join(a.level for a in order.assessments),
        ", ".join(order.tags),
        "; ".join(holds),
        order.cancel_reason,
    ]


def _details(shop: Shop, order: Order) -> list[tuple[str, Markup]]:
    customer = order.customer
    lines = [[x.name, x.sku, x.quantity, f"{x.price:.2f}", x.fulfilled, x.removed] for x in order.lines]
    paid = [[t.kind, t.status, f"{t.amount:.2f}", t.gateway, t.error_code] for t in order.transactions]
    risks = [[a.level, a.provider_title or "Shopify", "; ".join(d for d, _ in a.facts)] for a in order.assessments]
    fields = [[f"{m.namespace}.{m.key}", m.value] for m in order.metafields.values()]
    people = [[customer.email, customer.first_name, customer.last_name, ", ".join(customer.tags)]] if customer else []
    return [
        ("Note", Markup(f"<p>{escaped(order.note or 'None.')}</p>")),
        ("Customer", table(["E-mail", "First name", "Last name", "Tags"], people)),
        ("Lines", table(["Title", "SKU", "Units", "Price", "Sent", "Removed"], lines)),
        ("Returns", table(["Return", "State", "Units", "Reason"], _returns(order))),
        ("Refunds", table(["Made", "Note", "Money", "Goods"], _refunds(order))),
        ("Disputes", table(["Type", "State", "Reason", "Amount"], _disputes(order))),
        ("Transactions", table(["Kind", "Status", "Amount", "Gateway", "Error"], paid)),
        ("Risk", table(["Level", "Provider", "Facts"], risks)),
        ("Metafields", table(["Key", "Value"], fields)),
        ("Effects brought about by API calls", _ledger(shop, order)),
    ]


def _returns(order: Order) -> list[list[Any]]:
    return [
        [r.name, r.status, sum(x.quantity for x in r.lines), "; ".join(f"{x.line.name}: {x.reason}" for x in r.lines)]
        for r in order.returns
    ]


def _refunds(order: Order) -> list[list[Any]]:
    return [
        [
            f"{r.created_at:%Y-%m-%d %H:%M:%S}",
            r.note,
            "; ".join(f"{t.amount:.2f} {t.gateway} {t.status}" for t in r.transactions),
            "; ".join(f"{x.quantity} {x.line.name}" for x in r.lines),
        ]
        for r in order.refunds
    ]


def _disputes(order: Order) -> list[list[Any]]:
    return [[d.type, d.status, d.reason, f"{d.amount:.2f} {d.currency}"] for d in order.disputes]


def _drafts(shop: Shop) -> list[list[Any]]:
    newest = list(shop.drafts.values())[-SHOWN:][::-1]
    return [[d.name, d.status, f"{d.total:.2f} {d.currency}", ", ".join(d.tags)] for d in newest]


def _credit(shop: Shop) -> list[list[Any]]:
    owners = ((a, shop.customers.get(a.customer_id)) for a in shop.accounts.values())
    return [[c.email if c else a.customer_id, f"{a.balance:.2f} {a.currency}"] for a, c in owners]


def _ledger(shop: Shop, order: Order | None) -> Markup:
    own = gid("Order", order.id) if order else None
    found = [e for e in shop.ledger if own is None or own in {e.target, e.args.get("order")}]
    rows = [[e.seq, f"{e.at:%H:%M:%S}", e.who, e.what, e.target, e.args] for e in found[-SHOWN:][::-1]]
    return table(["No.", "At", "Who", "What", "Target", "With"], rows)


def _subscriptions(shop: Shop) -> Markup:
    made = shop.subscriptions.values()
    rows = [[s.topic, s.uri, s.api_version, "API" if s.by_api else "app", s.failures] for s in made]
    return table(["Topic", "Address", "Version", "Made by", "Failures"], rows)


def _deliveries(shop: Shop) -> Markup:
    newest = list(shop.outbox.recent)[-SHOWN:][::-1]
    rows = [[d.topic, d.state, len(d.attempts), d.attempts[-1].status if d.attempts else None, d.uri] for d in newest]
    return table(["Topic", "State", "Attempts", "Last status", "Address"], rows)


def _faults(shop: Shop) -> list[list[Any]]:
    return [[f.kind, f.operation or f.path, f.count] for f in shop.faults.faults]
