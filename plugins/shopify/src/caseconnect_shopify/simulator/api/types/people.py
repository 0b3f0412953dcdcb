"""Customers as a list, timelines, locations, and what an order was paid with that never became one."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields, query
from caseconnect_shopify.simulator.api.wire import number_of, when
from caseconnect_shopify.simulator.world.drafts import Draft
from caseconnect_shopify.simulator.world.records import Customer, Order, gid
from caseconnect_shopify.simulator.world.search import parse
from caseconnect_shopify.simulator.world.system import Effect
from caseconnect_shopify.simulator.world.timeline import Entry

DATES = frozenset({"created_at", "updated_at"})
KNOWN = {
    "id": lambda c, v: str(c.id) == v,
    "email": lambda c, v: (c.email or "").casefold() == v,
    "phone": lambda c, v: (c.phone or "") == v,
    "tag": lambda c, v: v in {t.casefold() for t in c.tags},
    "tag_not": lambda c, v: v not in {t.casefold() for t in c.tags},
    "first_name": lambda c, v: (c.first_name or "").casefold() == v,
    "last_name": lambda c, v: (c.last_name or "").casefold() == v,
    "state": lambda c, v: c.state.casefold() == v,
}


@query("customers")
def _customers(root: object, args: dict[str, Any], call: Call) -> Page:
    text = args.get("query") or ""
    read = parse(text, KNOWN, DATES)
    if read.warnings:
        parsed = " ".join(read.parsed)
        call.search.append({"path": ["customers"], "query": text, "parsed": parsed, "warnings": list(read.warnings)})
    tests: Any = read.tests
    return in_order([c for c in call.shop.customers.values() if all(test(c) for test in tests)], args)


fields(
    "BasicEvent",
    Entry,
    id=lambda e: gid("BasicEvent", e.id),
    action=lambda e: e.action,
    message=lambda e: e.message,
    createdAt=lambda e: when(e.created_at),
    attributeToApp=lambda e: e.by_app,
    attributeToUser=lambda e: not e.by_app,
    appTitle=lambda e: "Connect" if e.by_app else None,
    criticalAlert=lambda e: False,
    author=lambda e: None,
    hasAdditionalContent=lambda e: False,
    additionalContent=lambda e: None,
    additionalData=lambda e: None,
    arguments=lambda e: None,
    secondaryMessage=lambda e: None,
    subjectId=lambda e: e.subject,
    subjectType=lambda e: e.subject.split("/")[3].upper(),
)


def _entry(effect: Effect) -> Entry:
    subject = str(effect.args.get("order") or effect.target)
    return Entry(effect.seq, subject, effect.what, effect.what.replace("_", " ").capitalize(), effect.at, by_app=True)


def timeline(call: Call, subject: str | None) -> list[Entry]:
    """What the app did, to one subject or to all. What people did is not kept."""
    every = [_entry(e) for e in call.shop.ledger]
    return [e for e in every if subject in {None, e.subject}]


@query("events")
def _events(root: object, args: dict[str, Any], call: Call) -> Page:
    return in_order(timeline(call, None), args)


@query("event")
def _event(root: object, args: dict[str, Any], call: Call) -> Entry | None:
    number = number_of(args["id"], "BasicEvent")
    return next((e for e in timeline(call, None) if e.id == number), None)


@field("Order", "events")
def _order_events(order: Order, args: dict[str, Any], call: Call) -> Page:
    return in_order(timeline(call, gid("Order", order.id)), args)


@field("Customer", "events")
def _customer_events(customer: Customer, args: dict[str, Any], call: Call) -> Page:
    return in_order(timeline(call, gid("Customer", customer.id)), args)


@field("DraftOrder", "events")
def _draft_events(draft: Draft, args: dict[str, Any], call: Call) -> Page:
    return in_order(timeline(call, gid("DraftOrder", draft.id)), args)


def _location(number: int, name: str) -> dict[str, Any]:
    return {
        "__typename": "Location",
        "id": gid("Location", number),
        "legacyResourceId": str(number),
        "name": name,
        "isActive": True,
        "isFulfillmentService": False,
        "fulfillsOnlineOrders": True,
        "shipsInventory": True,
    }


@query("location")
def _one(root: object, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    number = number_of(args["id"], "Location") if args.get("id") else 1
    name = call.shop.locations.get(number)
    return _location(number, name) if name else None


@query("locations")
def _all(root: object, args: dict[str, Any], call: Call) -> Page:
    nodes = [_location(n, name) for n, name in call.shop.locations.items()]
    return Page(
        nodes[: args.get("first") or None], [str(n) for n in range(len(nodes))], has_next=False, has_previous=False
    )


@query("manualHoldsFulfillmentOrders")
def _held(root: object, args: dict[str, Any], call: Call) -> Page:
    return in_order([f for f in call.shop.fulfillment_orders.values() if f.holds], args)
