"""`returnProcess` (API 2026-10): goods handled, exchanges to be sent, and money back when asked for."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import refunds, returns
from caseconnect_shopify.simulator.world.aftersale import ExchangeLine, Return, ReturnLine
from caseconnect_shopify.simulator.world.records import Order, Refund, gid
from caseconnect_shopify.simulator.world.refunds import Refused

from .refunds import moved
from .returns import Args, refused, told, wanted_return

Handled = list[tuple[ReturnLine, int, list[tuple[str, int]]]]


def _lines(found: Return, items: list[Args]) -> Handled:
    made: Handled = []
    for place, item in enumerate(items):
        path = ["input", "returnLineItems", str(place)]
        number = number_of(item["id"], "ReturnLineItem")
        line = next((x for x in found.lines if x.id == number), None)
        if line is None:
            raise Refused([*path, "id"], "Return line item not found.", "NOT_FOUND")
        if not 0 < item["quantity"] <= line.quantity - line.processed:
            raise Refused([*path, "quantity"], "Return line item has an invalid quantity.", "INVALID")
        kinds = [(d["dispositionType"], d["quantity"]) for d in item.get("dispositions") or ()]
        if sum(units for _, units in kinds) > item["quantity"]:
            raise Refused([*path, "dispositions"], "Disposition quantity exceeds the processed quantity.", "INVALID")
        made.append((line, item["quantity"], kinds))
    return made


def _exchanges(found: Return, items: list[Args]) -> list[tuple[ExchangeLine, int]]:
    made = []
    for place, item in enumerate(items):
        path = ["input", "exchangeLineItems", str(place)]
        number = number_of(item["id"], "ExchangeLineItem")
        line = next((x for x in found.exchanges if x.id == number), None)
        if line is None:
            raise Refused([*path, "id"], "Exchange line item not found.", "NOT_FOUND")
        if not 0 < item["quantity"] <= line.quantity - line.processed:
            raise Refused([*path, "quantity"], "Exchange line item has an invalid quantity.", "INVALID")
        made.append((line, item["quantity"]))
    return made


def _shipping(order: Order, wanted: Args | None) -> Args:
    given = (wanted or {}).get("shippingRefundAmount")
    return {"fullRefund": (wanted or {}).get("fullRefund"), "amount": given["amount"] if given else None}


def _moves(order: Order, wanted: Args) -> list[refunds.Move]:
    made = []
    for item in wanted["orderTransactions"]:
        given = item["transactionAmount"]
        if given["currencyCode"] != order.presentment_currency:
            text = f"Currency must be the presentment currency {order.presentment_currency}"
            raise Refused(["input", "financialTransfer"], text)
        parent = refunds.parent_of(order, number_of(item["parentId"], "OrderTransaction"))
        made.append(refunds.Move(given["amount"], parent))
    made += [refunds.store_credit(order, m["storeCreditRefund"]) for m in wanted.get("refundMethods") or ()]
    refunds.check_caps(order, made, over=bool(wanted.get("allowOverRefunding")))
    return made


def _restock(kinds: list[tuple[str, int]]) -> str:
    return "RETURN" if any(kind == "RESTOCKED" for kind, _ in kinds) else "NO_RESTOCK"


@mutation("returnProcess")
def _process(root: object, args: Args, call: Call) -> dict[str, Any]:
    wanted = args["input"]
    try:
        found = wanted_return(call, wanted["returnId"], ["input", "returnId"])
        if found.status != "OPEN":
            raise Refused(["input", "returnId"], "Return status is invalid.", returns.INVALID_STATE)
        order = call.shop.orders[found.order_id]
        lines = _lines(found, wanted.get("returnLineItems") or [])
        swapped = _exchanges(found, wanted.get("exchangeLineItems") or [])
        issue = (wanted.get("financialTransfer") or {}).get("issueRefund")
        shipping = refunds.shipping_part(order, _shipping(order, wanted.get("refundShipping")))
        moves = _moves(order, issue) if issue else []
    except Refused as refusal:
        return refused(refusal)
    planned = refunds.Plan([(x.line, n, _restock(k)) for x, n, k in lines], shipping, moves, wanted.get("note"))
    refund = _carry_out(call, order, found, lines, swapped, planned)
    return told(
        call,
        "return_process",
        found,
        lines=[{"line": gid("LineItem", x.line.id), "units": n, "dispositions": k} for x, n, k in lines],
        exchanges=[{"variant": gid("ProductVariant", x.variant_id or 0), "units": n} for x, n in swapped],
        refund=gid("Refund", refund.id) if refund else None,
        transactions=moved(order, refund) if refund else [],
        notify=bool(wanted.get("notifyCustomer")),
    )


def _carry_out(
    call: Call,
    order: Order,
    found: Return,
    lines: Handled,
    swapped: list[tuple[ExchangeLine, int]],
    planned: refunds.Plan,
) -> Refund | None:
    refund = None
    if planned.moves or planned.shipping:
        refund = refunds.make(call.shop, order, planned, found.id)
        for line, units, _ in lines:
            line.refunded += units
    else:
        for line, units, _ in lines:
            line.line.removed += units
            line.line.returned += units
    for line, _, kinds in lines:
        returns.dispose(call.shop, found, line, kinds)
    returns.handle(call.shop, found, [(x, n) for x, n, _ in lines], swapped)
    return refund
