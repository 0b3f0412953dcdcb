"""All operations of all APIs: importing this module registers them."""

from __future__ import annotations

from . import (
    certificates,
    content,
    customers,
    data_orders,
    definitions,
    ocapi_objects,
    products,
    replications,
    scapi_orders,
    shop_orders,
)
from .calls import Operation
from .ocapi import DATA, SHOP
from .scapi import SCAPI

MODULES = (
    *(certificates, content, customers, data_orders, definitions, ocapi_objects, products, replications),
    *(scapi_orders, shop_orders),
)


def everything() -> dict[str, list[Operation]]:
    """The operations by API: `scapi`, `data`, `shop`."""
    return {"scapi": SCAPI.operations, "data": DATA.operations, "shop": SHOP.operations}
