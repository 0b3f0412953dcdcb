"""The webhook body that all deliveries of the bench are made from: the shop's simulator writes it."""

from __future__ import annotations

import orjson

from bench.orders import BODY_BYTES, FIRST_ORDER, SECRET, SHOP, spec
from caseconnect_shopify.simulator import Shop, create_order


def template() -> bytes:
    """The body of `orders/create` of order `FIRST_ORDER`, filled up to about `BODY_BYTES` with note attributes."""
    shop = Shop(domain=SHOP, client_secret=SECRET)
    shop.subscribe("orders/create", "https://connect.test/hooks/bench/shop")
    create_order(shop, {**spec(FIRST_ORDER, risky=False), "emit": True})
    order = orjson.loads(shop.outbox.recent[-1].body)
    order["note_attributes"] = []
    while (room := BODY_BYTES - len(orjson.dumps(order))) > 60:
        filling = {"name": f"bench_{len(order['note_attributes'])}", "value": "x" * min(room - 40, 120)}
        order["note_attributes"].append(filling)
    return orjson.dumps(order)
