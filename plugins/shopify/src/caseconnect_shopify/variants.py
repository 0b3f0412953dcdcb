"""Which variant an item of a command means: by its number, else by its SKU."""

from __future__ import annotations

from collections.abc import Iterable

from caseconnect.sdk.commands.money import Item
from caseconnect_shopify import money_queries as queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.parts import nodes, number_of


async def variants_of(client: ShopifyClient, items: Iterable[Item]) -> tuple[list[tuple[str, int]], str | None]:
    """(gid, quantity) of each item; or which one the shop does not have just once."""
    found: list[tuple[str, int]] = []
    for item in items:
        number = item.variant.rsplit("/", 1)[-1] or await _by_sku(client, item.sku)
        if number is None:
            return [], f"the shop has not exactly one variant with SKU {item.sku!r}: name the variant"
        found.append((f"gid://shopify/ProductVariant/{number}", item.quantity))
    return found, None


async def _by_sku(client: ShopifyClient, sku: str) -> str | None:
    quoted = sku.replace("\\", "\\\\").replace("'", "\\'")
    shown = (await client.run(queries.VARIANTS, {"search": f"sku:'{quoted}'"}))["productVariants"]
    found = [n["id"] for n in nodes(shown) if n.get("sku") == sku]
    # The search knows no case, so a page may be full of others; what is on the next one is not known to be none.
    alone = len(found) == 1 and not shown["pageInfo"]["hasNextPage"]
    return number_of(found[0]) if sku and alone else None
