"""OCAPI Shop, orders: search over all statuses and custom attributes, reading, notes, and the PATCH that runs hooks.

Paths and documents: Shop API 20.4 and 23.2; the search fields and faults: resource OrderSearch, Global Exceptions.
"""

from __future__ import annotations

from collections.abc import Iterator

from caseconnect_sfcc.simulator.search.finding import Page, read_search
from caseconnect_sfcc.simulator.search.index import Document, LaggingIndex
from caseconnect_sfcc.simulator.search.orders import order_fields
from caseconnect_sfcc.simulator.search.query import window
from caseconnect_sfcc.simulator.search.walks import walk_of
from caseconnect_sfcc.simulator.world import order_writes
from caseconnect_sfcc.simulator.world.attributes import JsonObject
from caseconnect_sfcc.simulator.world.orders import Order
from caseconnect_sfcc.simulator.world.refusals import Refused
from caseconnect_sfcc.simulator.world.statuses import ORDER_TARGETS

from . import bodies
from .calls import Answer, Call
from .ocapi import SHOP, check_state
from .select import check_selector, selected
from .shapes import note_document, ocapi_order

SEARCH_MEMBERS = ("query", "select", "expand", "sorts", "start", "count", "db_start_record_")
NO_SELECT = "(*,query.(**),sorts.(**),next.(**),previous.(**),hits.(*,data.(*)))"
"""Without a selector the hits come without their nested documents."""


def _order(call: Call) -> Order:
    order = call.instance.order(call.site, call.path["order_no"])
    check_state(call, order.revision, order.number)
    return order


def _shown(call: Call, order: Order) -> JsonObject:
    base = f"{call.base}/s/{call.site}/dw/shop/v{call.version.replace('.', '_')}"
    return ocapi_order(order, base)


@SHOP.add("POST", "/order_search", "shop.order_search")
def order_search(call: Call) -> Answer:
    """Search orders. It asks the index, which lags; the hits it shows are the orders as they are now."""
    if not call.instance.settings.indexing:
        raise Refused("internal-server-error", "An internal error occurred: the order index is not available.")
    body, custom = bodies.split(call.document(), SEARCH_MEMBERS, "order_search_request")
    if custom:
        name = next(iter(custom))
        text = f"The property '{name}' is unknown in the document 'order_search_request'."
        raise Refused("unknown-property", text, property=name, document="order_search_request")
    search = read_search(body, order_fields(call.instance.definitions.of("Order")), camel=False)
    for expansion in body.get("expand") or []:
        raise Refused("invalid-expand-value", f"The expand value '{expansion}' is invalid.", expandValue=str(expansion))
    selector = check_selector(body.get("select"))
    index, walk = call.instance.indexes[call.site], walk_of(body["query"], "last_modified", "order_no")
    if walk and search.sorts == [("last_modified", False)]:
        page = search.cut(walk.keys(index.timeline))
    else:
        page = search.page(_candidates(index, body["query"]), sorted_by="last_modified")
    hits = [
        {"_type": "order_search_hit", "relevance": 1.0, "data": _shown(call, call.instance.orders[key])}
        for key in page.keys
    ]
    result = {**result_head("order_search_result", page, body), "hits": hits}
    return Answer(selected(result, selector or NO_SELECT))


def _candidates(index: LaggingIndex, query: JsonObject) -> Iterator[tuple[str, Document]]:
    start, end = window(query, "last_modified")
    for key in index.timeline.between(start, end, closed=True):
        yield key, index.documents[key]


def result_head(kind: str, page: Page, request: JsonObject) -> JsonObject:
    """What a search result has besides its hits."""
    found: JsonObject = {
        "_type": kind,
        "count": len(page.keys),
        "start": page.start,
        "total": page.total,
        **{name: request[name] for name in ("query", "select", "sorts") if name in request},
    }
    if page.start + page.count < page.total:
        found["next"] = {"_type": "result_page", "start": page.start + page.count, "count": page.count}
    if page.start:
        earlier = max(0, page.start - page.count)
        found["previous"] = {"_type": "result_page", "start": earlier, "count": page.count}
    return found


@SHOP.add("GET", "/orders/{order_no}", "shop.get_order")
def get_order(call: Call) -> Answer:
    """One order."""
    return Answer(_shown(call, _order(call)))


@SHOP.add("PATCH", "/orders/{order_no}", "shop.patch_order")
def patch_order(call: Call) -> Answer:
    """Status and custom attributes; afterwards the `afterPATCH` hook runs, unlike with any other PATCH of an order."""
    order = _order(call)
    body, custom = bodies.split(call.document(), ("status",), "order")
    if custom:
        checked = call.instance.definitions.check(custom, "Order", "Basket")
        call.instance.cartridge.hook(order, checked)
        order_writes.set_custom(call.instance, order, custom, call.who)
    if "status" in body:
        target = bodies.one_of(body, "status", ORDER_TARGETS, "order")
        order_writes.set_status(call.instance, order, target, call.who)
    return Answer(_shown(call, order))


@SHOP.add("GET", "/orders/{order_no}/notes", "shop.get_notes")
def get_notes(call: Call) -> Answer:
    """All notes of an order; the member is absent when there are none."""
    notes = [note_document(note) for note in _order(call).notes]
    return Answer({"_type": "notes_result", **({"notes": notes} if notes else {})})


@SHOP.add("POST", "/orders/{order_no}/notes", "shop.post_note")
def post_note(call: Call) -> Answer:
    """Add a note; answers the order, not the note."""
    order = _order(call)
    body, _ = bodies.split(call.document(), ("subject", "text", "id", "created_by", "creation_date"), "note")
    subject = bodies.text(body.get("subject", ""), "$.subject", 256)
    text = bodies.text(body.get("text", ""), "$.text", 4000)
    order_writes.add_note(call.instance, order, subject, text, call.who)
    return Answer(_shown(call, order))


@SHOP.add("DELETE", "/orders/{order_no}/notes/{note_id}", "shop.delete_note")
def delete_note(call: Call) -> Answer:
    """Delete a note."""
    order = _order(call)
    order_writes.delete_note(call.instance, order, call.path["note_id"], call.who)
    return Answer(_shown(call, order))


@SHOP.add("GET", "/orders/{order_no}/payment_methods", "shop.get_payment_methods")
def get_payment_methods(call: Call) -> Answer:
    """The payment methods that apply to an order."""
    _order(call)
    methods = [{"_type": "payment_method", "id": each} for each in ("CREDIT_CARD", "GIFT_CERTIFICATE", "PayPal")]
    return Answer({"_type": "payment_method_result", "applicable_payment_methods": methods})
