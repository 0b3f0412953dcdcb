"""What the shop sells: variants, learnt from the lines of orders or told by `POST /_sim/products`."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from .records import Line
from .specs import Spec, SpecError, amount, only

if TYPE_CHECKING:
    from .shop import Shop

FIRST = 7_000_000_000_000


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant as an order line needs it; `price` is the shop's money."""

    id: int
    product_id: int
    title: str
    price: Decimal
    sku: str | None = None
    variant_title: str | None = None
    requires_shipping: bool = True
    taxable: bool = True


@dataclass(frozen=True, slots=True)
class Product:
    """A product: what its variants say of it. Every one is active and in the online store."""

    id: int
    variants: tuple[Variant, ...]


def product(shop: Shop, number: int) -> Product | None:
    """A product that has been seen on an order, or was told."""
    found = tuple(v for v in shop.variants.values() if v.product_id == number)
    return Product(number, found) if found else None


def product_of(sku: str) -> int:
    """The product of a SKU: the same in every order."""
    return FIRST + zlib.crc32(sku.encode()) * 10


def learn(shop: Shop, line: Line) -> None:
    """Remembers the variant of an order line; the first price seen stays."""
    if line.variant_id is not None and line.variant_id not in shop.variants:
        made = Variant(
            line.variant_id,
            line.product_id or line.variant_id - 1,
            line.title,
            line.price,
            line.sku,
            line.variant_title,
            line.requires_shipping,
            line.taxable,
        )
        shop.variants[made.id] = made


def add(shop: Shop, spec: Spec) -> Variant:
    """A variant from the control API's JSON."""
    only(spec, {"title", "sku", "price", "variant_title", "requires_shipping", "taxable"}, "The product")
    if not spec.get("title") or not spec.get("sku") or "price" not in spec:
        raise SpecError('The product needs "title", "sku" and "price".')
    product = product_of(str(spec["sku"]))
    rest = {k: spec[k] for k in ("variant_title", "requires_shipping", "taxable") if k in spec}
    price = amount(spec["price"], "product.price")
    made = Variant(product + 1, product, str(spec["title"]), price, str(spec["sku"]), **rest)
    shop.variants[made.id] = made
    return made


def line_of(shop: Shop, variant: Variant, order_id: int, quantity: int, price: Decimal | None = None) -> Line:
    """An order line of a variant."""
    return Line(
        id=shop.next_id(),
        order_id=order_id,
        title=variant.title,
        quantity=quantity,
        price=variant.price if price is None else price,
        sku=variant.sku,
        variant_title=variant.variant_title,
        product_id=variant.product_id,
        variant_id=variant.id,
        requires_shipping=variant.requires_shipping,
        taxable=variant.taxable,
    )
