"""`orderEdit*` (API 2026-10; messages from recorded answers)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, paginate
from caseconnect_shopify.simulator.api.registry import field, fields, mutation
from caseconnect_shopify.simulator.api.wire import bag, number_of
from caseconnect_shopify.simulator.world import catalogue, editing, money
from caseconnect_shopify.simulator.world.editing import EditSession
from caseconnect_shopify.simulator.world.records import ZERO, Line, gid
from caseconnect_shopify.simulator.world.refunds import Refused

Args = dict[str, Any]


def _answer(session: EditSession | None, line: Line | None = None, refusal: Refused | None = None) -> dict[str, Any]:
    errors = [{"field": refusal.field, "message": refusal.message}] if refusal else []
    shown = _line(session, line) if session and line else None
    edit = {"__typename": "OrderEditSession", "id": gid("OrderEditSession", session.id)} if session else None
    return {"calculatedOrder": session, "calculatedLineItem": shown, "orderEditSession": edit, "userErrors": errors}


def _session(call: Call, text: str) -> EditSession:
    kind = "OrderEditSession" if "/OrderEditSession/" in text else "CalculatedOrder"
    found = call.shop.edits.get(number_of(text, kind))
    if found is None:
        raise Refused(["id"], "The calculated order does not exist.")
    return found


@mutation("orderEditBegin")
def _begin(root: object, args: Args, call: Call) -> dict[str, Any]:
    order = call.shop.orders.get(number_of(args["id"], "Order"))
    if order is None:
        return _answer(None, None, Refused(["id"], "The order does not exist."))
    if order.cancelled_at or money.financial_status(order) in {"REFUNDED", "VOIDED"}:
        return _answer(None, None, Refused(["id"], "The order cannot be edited."))
    if any(s.order is order for s in call.shop.edits.values()):
        return _answer(None, None, Refused(["id"], "The order already has an edit in progress."))
    return _answer(editing.begin(call.shop, order))


@mutation("orderEditAddCustomItem")
def _custom(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        session = _session(call, args["id"])
        if not args["title"].strip():
            raise Refused(["title"], "Title can't be blank")
        if args["quantity"] < 1:
            raise Refused(["quantity"], "Quantity must be greater than 0")
        if args["price"]["currencyCode"] != session.order.presentment_currency:
            raise Refused(["price"], "Currency must match the currency of the order")
    except Refused as refusal:
        return _answer(None, None, refusal)
    price = money.in_shop(session.order, Decimal(args["price"]["amount"]))
    ships = args.get("requiresShipping") is not False
    return _answer(session, editing.custom(call.shop, session, args["title"], price, args["quantity"], ships=ships))


@mutation("orderEditAddVariant")
def _variant(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        session = _session(call, args["id"])
        variant = call.shop.variants.get(number_of(args["variantId"], "ProductVariant"))
        if variant is None:
            raise Refused(["variantId"], "The variant does not exist.")
        if args["quantity"] < 1:
            raise Refused(["quantity"], "Quantity must be greater than 0")
    except Refused as refusal:
        return _answer(None, None, refusal)
    made = catalogue.line_of(call.shop, variant, session.order.id, args["quantity"])
    session.added.append(made)
    return _answer(session, made)


@mutation("orderEditSetQuantity")
def _quantity(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        session = _session(call, args["id"])
        number = number_of(args["lineItemId"], "CalculatedLineItem")
        line = next((x for x in [*session.order.lines, *session.added] if x.id == number), None)
        if line is None:
            raise Refused(["lineItemId"], "The line item does not exist.")
        sent = line.fulfilled - line.returned
        if args["quantity"] < max(sent, 0):
            raise Refused(["quantity"], "Quantity cannot be less than what has been fulfilled")
    except Refused as refusal:
        return _answer(None, None, refusal)
    if line in session.added:
        line.quantity = args["quantity"]
    else:
        session.quantities[line.id] = args["quantity"]
    return _answer(session, line)


@mutation("orderEditCommit")
def _commit(root: object, args: Args, call: Call) -> dict[str, Any]:
    try:
        session = _session(call, args["id"])
    except Refused as refusal:
        return {"order": None, "userErrors": [{"field": refusal.field, "message": refusal.message}]}
    before = {f.id for f in session.order.fulfillment_orders}
    order = editing.commit(call.shop, session, args.get("staffNote"), notify=bool(args.get("notifyCustomer")))
    new = [gid("FulfillmentOrder", f.id) for f in order.fulfillment_orders if f.id not in before]
    call.shop.effect(call.who, "order_edit", gid("Order", order.id), order=gid("Order", order.id), new=new)
    return {"order": order, "successMessages": ["Order updated"], "userErrors": []}


def _line(session: EditSession, line: Line) -> dict[str, Any]:
    order = session.order
    units = line.quantity if line in session.added else session.quantity(line)
    return {
        "id": gid("CalculatedLineItem", line.id),
        "title": line.title,
        "variantTitle": line.variant_title,
        "sku": line.sku,
        "quantity": units,
        "editableQuantity": units - max(line.fulfilled - line.returned, 0),
        "editableQuantityBeforeChanges": line.open,
        "originalUnitPriceSet": bag(order, line.price),
        "discountedUnitPriceSet": bag(order, line.price),
        "editableSubtotalSet": bag(order, line.price * units),
        "uneditableSubtotalSet": bag(order, ZERO),
        "customAttributes": [],
        "hasStagedLineItemDiscount": False,
        "restockable": True,
        "restocking": True,
        "image": None,
        "variant": {"id": gid("ProductVariant", line.variant_id), "sku": line.sku} if line.variant_id else None,
    }


def _change(session: EditSession) -> Decimal:
    old = sum((x.price * (session.quantity(x) - x.quantity + x.removed) for x in session.order.lines), ZERO)
    return old + sum((x.price * x.quantity for x in session.added), ZERO)


fields(
    "CalculatedOrder",
    EditSession,
    id=lambda s: gid("CalculatedOrder", s.id),
    originalOrder=lambda s: s.order,
    committed=lambda s: False,
    notificationPreviewTitle=lambda s: f"Order {s.order.name} updated",
    subtotalPriceSet=lambda s: bag(s.order, money.subtotal(s.order) + _change(s)),
    totalPriceSet=lambda s: bag(s.order, money.current_total(s.order) + _change(s)),
    totalOutstandingSet=lambda s: bag(s.order, money.outstanding(s.order) + _change(s)),
    subtotalLineItemsQuantity=lambda s: sum(s.quantity(x) for x in s.order.lines) + sum(x.quantity for x in s.added),
    taxLines=lambda s: [],
)


@field("CalculatedOrder", "lineItems")
def _lines(session: EditSession, args: Args, call: Call) -> Page:
    return _page(session, session.order.lines, args)


@field("CalculatedOrder", "addedLineItems")
def _added(session: EditSession, args: Args, call: Call) -> Page:
    return _page(session, session.added, args)


def _page(session: EditSession, lines: list[Line], args: Args) -> Page:
    page = paginate(sorted(lines, key=lambda x: x.id), args)
    return Page([_line(session, x) for x in page.nodes], page.cursors, page.has_next, page.has_previous)
