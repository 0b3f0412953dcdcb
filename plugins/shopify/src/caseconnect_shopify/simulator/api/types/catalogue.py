"""Product variants: those of the orders' lines, and those told by the control API."""

from __future__ import annotations

import re
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import fields, query
from caseconnect_shopify.simulator.world.catalogue import Variant
from caseconnect_shopify.simulator.world.money import spell
from caseconnect_shopify.simulator.world.records import gid

SKU = re.compile(r"""^sku:(?:'((?:[^'\\]|\\.)*)'|(\S+))$""")

fields(
    "ProductVariant",
    Variant,
    id=lambda v: gid("ProductVariant", v.id),
    legacyResourceId=lambda v: str(v.id),
    sku=lambda v: v.sku,
    title=lambda v: v.variant_title or "Default Title",
    displayName=lambda v: v.title,
    price=lambda v: spell(v.price),
    taxable=lambda v: v.taxable,
)


@query("productVariants")
def _variants(root: object, args: dict[str, Any], call: Call) -> Page:
    text = (args.get("query") or "").strip()
    wanted = SKU.match(text)
    if text and wanted is None:
        call.search.append(
            {"path": ["productVariants"], "query": text, "parsed": "", "warnings": [{"field": text.partition(":")[0]}]}
        )
    sku = re.sub(r"\\(.)", r"\1", wanted[1] or wanted[2] or "").casefold() if wanted else None
    found = [v for v in call.shop.variants.values() if sku is None or (v.sku or "").casefold() == sku]
    return in_order(found, args)
