"""Bodies of `returns/*`, after Shopify's published samples (2026-07): status in small letters, deltas in `update`.

Shopify publishes no sample of `returns/process`; ours names the return, its order, and what was processed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world.records import Order, Return, gid

from .parts import Body


def _named(kind: str, number: int) -> Body:
    return {"id": number, "admin_graphql_api_id": gid(kind, number)}


def _bag(order: Order, amount: Decimal) -> Body:
    seen = money.in_presentment(order, amount)
    return {
        "shop_money": {"amount": money.spell(amount), "currency_code": order.currency},
        "presentment_money": {"amount": money.spell(seen), "currency_code": order.presentment_currency},
    }


def whole(order: Order, found: Return) -> Body:
    """`returns/request` and `returns/approve`."""
    fees = []
    if found.shipping_fee is not None and found.fee_id is not None:
        fees.append(_named("ReturnShippingFee", found.fee_id) | {"price": _bag(order, found.shipping_fee)})
    return _named("Return", found.id) | {
        "status": found.status.lower(),
        "order": _named("Order", order.id),
        "total_return_line_items": sum(x.quantity for x in found.lines),
        "name": found.name,
        "return_line_items": [
            _named("ReturnLineItem", x.id)
            | {
                "fulfillment_line_item": _named("FulfillmentLineItem", x.parcel_line)
                | {"line_item": _named("LineItem", x.line.id)},
                "quantity": x.quantity,
                "return_reason": x.reason.lower(),
                "return_reason_note": x.reason_note,
                "customer_note": x.customer_note,
            }
            for x in found.lines
        ],
        "return_shipping_fees": fees,
        "exchange_line_items": [
            _named("ExchangeLineItem", x.id) | {"line_item": _named("LineItem", x.line.id) if x.line else None}
            for x in found.exchanges
        ],
        "total_exchange_line_items": sum(x.quantity for x in found.exchanges),
    }


def declined(order: Order, found: Return) -> Body:
    """`returns/decline`."""
    return _named("Return", found.id) | {
        "status": "declined",
        "order": _named("Order", order.id),
        "decline": {"reason": (found.decline_reason or "other").lower(), "note": found.decline_note},
    }


def state(found: Return) -> Body:
    """`returns/cancel`, `returns/close` and `returns/reopen`."""
    return _named("Return", found.id) | {"order_id": found.order_id, "status": found.status.lower()}


def removed(found: Return, items: list[tuple[Any, int]]) -> Body:
    """`returns/update`: differences only, no status."""
    kinds = {"ReturnLine": "ReturnLineItem", "ExchangeLine": "ExchangeLineItem"}
    gone = [
        {"admin_graphql_api_id": gid(kinds[type(x).__name__], x.id), "delta": units, "kind": type(x).__name__}
        for x, units in items
    ]
    lines = [{k: v for k, v in g.items() if k != "kind"} for g in gone if g["kind"] == "ReturnLine"]
    exchanges = [{k: v for k, v in g.items() if k != "kind"} for g in gone if g["kind"] == "ExchangeLine"]
    body: Body = {
        "admin_graphql_api_id": gid("Return", found.id),
        "return_line_items": {"removals": lines},
        "restocking_fees": {"updates": [], "removals": []},
        "return_shipping_fees": {"updates": [], "removals": []},
    }
    return body | ({"exchange_line_items": {"removals": exchanges}} if exchanges else {})


def processed(order: Order, found: Return, lines: list[tuple[Any, int]], exchanges: list[tuple[Any, int]]) -> Body:
    """`returns/process`."""
    return _named("Return", found.id) | {
        "order": _named("Order", order.id),
        "status": found.status.lower(),
        "return_line_items": [_named("ReturnLineItem", x.id) | {"quantity": n} for x, n in lines],
        "exchange_line_items": [_named("ExchangeLineItem", x.id) | {"quantity": n} for x, n in exchanges],
    }
