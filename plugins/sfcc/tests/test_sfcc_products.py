"""What recalls read: related products, the products of a category, and the open orders of a product."""

import asyncio
from typing import Any

import pytest

from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.subjects import Subject
from caseconnect_sfcc.simulator.scenarios import create_order, create_product
from caseconnect_sfcc.source import SfccSource


def fetch(made: Any, fact: Any, kind: Any, name: Any) -> Any:
    source = SfccSource(made.settings, made.resources)
    return asyncio.run(source.fetch(Need(fact=fact, subject=Subject("shop", kind, name))))


def test_a_product_tells_what_varies_it_what_it_holds_and_what_holds_it(desk: Any) -> None:
    made = desk()
    for spec in ({"id": "red"}, {"id": "kit", "kind": "bundle", "members": ["red"]}):
        create_product(made.instance, spec)
    create_product(made.instance, {"id": "pair", "kind": "set", "members": ["red"]})
    create_product(made.instance, {"id": "mug", "kind": "master", "members": ["red"]})
    red, kit, mug = (fetch(made, "product", "product", name) for name in ("red", "kit", "mug"))
    assert (red.variants, red.parts, sorted(red.within)) == ((), (), ["kit", "pair"])
    assert (kit.parts, mug.variants, mug.within) == (("red",), ("red",), ())


def test_the_products_of_a_category_over_several_pages(desk: Any) -> None:
    made = desk()
    for number in range(203):
        create_product(made.instance, {"id": f"sku-{number:03d}", "categories": ["mugs" if number > 1 else "cups"]})
    found = fetch(made, "products", "category", "mugs")
    assert (len(found.ids), len(set(found.ids)), found.complete) == (201, 201, True)
    with pytest.raises(PermanentError, match="no product is assigned"):
        fetch(made, "products", "category", "nothing")


def test_the_open_orders_of_a_product(desk: Any) -> None:
    made = desk()
    for number, spec in enumerate(
        ({}, {"status": "cancelled"}, {"situation": "shipped"}, {"situation": "part_shipped"})
    ):
        create_order(made.instance, {"number": f"0000{number}", "age_seconds": 600 - number, **spec})
    made.clock.forward(60)
    found = fetch(made, "product_orders", "product", "sku-1")
    assert [order.number for order in found.orders] == ["00003", "00000"]
    assert (found.key, found.complete) == ("product", True)
    create_product(made.instance, {"id": "sku-9"})
    assert fetch(made, "product_orders", "product", "sku-9").orders == ()
