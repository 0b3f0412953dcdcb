"""Products: SCAPI Products 1.2.0 and OCAPI Data 25.6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from caseconnect_sfcc.simulator.search.finding import read_search
from caseconnect_sfcc.simulator.search.index import Document
from caseconnect_sfcc.simulator.search.records import PRODUCT_FIELDS, product_document, renamed, respelled
from caseconnect_sfcc.simulator.world.attributes import JsonObject, shown
from caseconnect_sfcc.simulator.world.catalog import Product
from caseconnect_sfcc.simulator.world.catalog_writes import DATES, FLAGS, LOCALIZED, PLAIN, change_product
from caseconnect_sfcc.simulator.world.refusals import Refused

from . import bodies
from .calls import Answer, Call
from .ocapi import DATA, check_state, resource_state
from .scapi import SCAPI
from .select import check_selector, selected
from .shapes import camel, cameled, plain, snake, snaked
from .shop_orders import SEARCH_MEMBERS, result_head

PATH = "/product/products/products/{productId}"
PATCHABLE = (*FLAGS, *LOCALIZED, *PLAIN, "defaultVariantId")
"""What a SCAPI PATCH changes; other members of a product are accepted and change nothing."""

_KNOWN = frozenset(
    {
        *PATCHABLE,
        *DATES,
        *("assignedCategories", "ats", "bundledProducts", "classificationCategory", "creationDate", "id", "image"),
        *("imageGroups", "inStock", "lastModified", "link", "localizedTaxClassId", "master", "online"),
        *("owningCatalogId", "owningCatalogName", "price", "priceCurrency", "pricePerUnit", "primaryCategories"),
        *("primaryCategoryId", "productBundles", "productOptions", "productSets", "setProducts", "taxClassId", "type"),
        *("unitMeasure", "unitQuantity", "validFrom", "validTo", "variants", "variationAttributes"),
        *("variationGroups", "variationValues"),
    }
)


def document(call: Call, product: Product, site: str) -> JsonObject:
    """A product with SCAPI names; `online` is calculated for the site, or for the default."""
    key = call.instance.settings.site_key.format(site=site) if site else "default"
    now = call.instance.now()
    body = {
        "id": product.id,
        "type": _type(product),
        "owningCatalogId": product.catalog,
        "creationDate": product.created,
        "lastModified": product.modified,
        "online": product.online(key, now),
        "onlineFlag": dict(product.online_flag),
        "searchable": dict(product.searchable),
        "validFrom": product.valid_from or None,
        "validTo": product.valid_to or None,
        "price": product.price,
        "priceCurrency": product.currency,
        "ats": float(product.stock),
        "inStock": product.stock > 0,
        "defaultVariantId": product.default_variant,
        "variationValues": product.variation or None,
        **product.texts,
        **_relations(call, product, key),
        **shown(product.custom),
    }
    found: JsonObject = plain(body)
    return found


def _type(product: Product) -> JsonObject:
    found = {"master": product.kind == "master", product.kind: True}
    return {**found, "item": True} if product.kind in {"variant", "option"} else found


def _relations(call: Call, product: Product, key: str) -> JsonObject:
    members = [call.instance.products[each] for each in product.members if each in call.instance.products]
    if product.kind == "master":
        return {
            "variants": [
                {
                    "productId": each.id,
                    "online": each.online(key, call.instance.now()),
                    "searchable": dict(each.searchable),
                    "variationValues": each.variation,
                }
                for each in members
            ]
        }
    name = {"set": "setProducts", "bundle": "bundledProducts"}.get(product.kind)
    found: JsonObject = {name: [_brief(each) for each in members]} if name else {}
    for kind, held in (("set", "productSets"), ("bundle", "productBundles")):
        within = [each for each in call.instance.products.values() if each.kind == kind and product.id in each.members]
        found |= {held: [_brief(each) for each in within]} if within else {}
    return {**found, "master": {"masterId": product.master}} if product.master else found


def _brief(product: Product) -> JsonObject:
    return {"id": product.id, "type": _type(product), "onlineFlag": dict(product.online_flag)}


@SCAPI.add("GET", PATH, "getProduct", scope="sfcc.products", query=frozenset({"siteId"}))
def get_product(call: Call) -> Answer:
    """One product."""
    return Answer(document(call, call.instance.product(call.path["productId"]), call.site))


@SCAPI.add("PATCH", PATH, "updateProduct", scope="sfcc.products.rw")
def patch_product(call: Call) -> Answer:
    """Change a product; answers it."""
    product = call.instance.product(call.path["productId"])
    known, custom = bodies.split(call.document(), _KNOWN, "product")
    _check_id(known, product)
    values = {name: value for name, value in known.items() if name in PATCHABLE}
    change_product(call.instance, product, values, custom, call.who)
    return Answer(document(call, product, ""))


def _check_id(known: Mapping[str, Any], product: Product) -> None:
    if known.get("id", product.id) != product.id:
        text = f"The ID '{known['id']}' in the document does not match the ID '{product.id}' in the URL."
        raise Refused("id-conflict", text, productId=product.id)


_SEARCH = "/product/products/product-search"


@SCAPI.add("POST", _SEARCH, "searchProducts", scope="sfcc.products", query=frozenset({"siteId"}))
def search_products(call: Call) -> Answer:
    """Search products."""
    body, _ = bodies.split(call.document(), ("query", "sorts", "limit", "offset", "expand"), "product_search_request")
    asked = read_search(body, renamed(PRODUCT_FIELDS, camel), camel=True)
    page = asked.page((key, respelled(found, camel)) for key, found in _documents(call))
    hits = [document(call, call.instance.products[key], call.site) for key in page.keys]
    head = {"limit": page.count, "offset": page.start, "total": page.total, "query": body["query"]}
    return Answer({**head, **({"sorts": body["sorts"]} if "sorts" in body else {}), "hits": hits})


def _documents(call: Call) -> Iterator[tuple[str, Document]]:
    key = call.instance.settings.site_key.format(site=call.site or call.instance.settings.sites[0])
    for product in sorted(call.instance.products.values(), key=lambda each: each.id):
        yield product.id, product_document(product, key)


def _ocapi(call: Call, product: Product) -> JsonObject:
    body = snaked(document(call, product, ""))
    for name in ("variants", "set_products", "bundled_products", "product_sets", "product_bundles"):
        if name in body:
            body[name] = [snaked(each) for each in body[name]]
    if "master" in body:
        body["master"] = snaked(body["master"])
    return {"_type": "product", "_resource_state": resource_state(product.revision, product.id), **body}


@DATA.add("GET", "/products/{id}", "data.get_product")
def data_get(call: Call) -> Answer:
    """One product."""
    return Answer(_ocapi(call, call.instance.product(call.path["id"])))


@DATA.add("PATCH", "/products/{id}", "data.patch_product")
def data_patch(call: Call) -> Answer:
    """Change a product, its dates too; answers it."""
    product = call.instance.product(call.path["id"])
    check_state(call, product.revision, product.id)
    known, custom = bodies.split(call.document(), {snake(name) for name in _KNOWN}, "product")
    given = cameled(known)
    _check_id(given, product)
    values = {name: value for name, value in given.items() if name in {*PATCHABLE, *DATES}}
    change_product(call.instance, product, values, custom, call.who)
    return Answer(_ocapi(call, product))


@DATA.add("POST", "/product_search", "data.search_products")
def data_search(call: Call) -> Answer:
    """Search products; the hits are the products themselves."""
    body, _ = bodies.split(call.document(), SEARCH_MEMBERS, "product_search_request")
    asked = read_search(body, PRODUCT_FIELDS, camel=False)
    selector = check_selector(body.get("select"))
    page = asked.page(_documents(call))
    hits = [_ocapi(call, call.instance.products[key]) for key in page.keys]
    result = {**result_head("product_search_result", page, body), "hits": hits}
    return Answer(selected(result, selector) if selector else result)
