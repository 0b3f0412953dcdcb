"""From what a case names to the products of each shop: looked up, and spread to what belongs to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from caseconnect.models import Product, ProductList
from caseconnect.sdk.decisions import Facts, Missing, Need
from caseconnect.sdk.subjects import Subject
from caseconnect_recalls.naming import Named
from caseconnect_recalls.settings import RecallsSettings, Relation


@dataclass(frozen=True)
class Spread:
    """The products to be taken off sale, what was named in vain with the reason, and which of all read are on sale."""

    products: tuple[Subject, ...]
    unknown: tuple[str, ...]
    on_sale: tuple[Subject, ...]


def lookups(named: Named, settings: RecallsSettings) -> list[Need]:
    """Categories and bar codes, which the shops must turn into products."""
    places = [("category", each) for each in named.categories] + [("upc", each) for each in named.upcs]
    return [
        Need(fact="products", subject=Subject(shop, kind, id_), required=False)
        for shop in sorted(settings.shops)
        for kind, id_ in places
    ]


def product_needs(products: Iterable[Subject]) -> list[Need]:
    """The products themselves."""
    return [Need(fact="product", subject=each, required=False) for each in products]


def named_products(named: Named, facts: Facts, settings: RecallsSettings) -> tuple[list[Subject], list[str]]:
    """The products that are named, in each shop, and the lookups that found none."""
    found = [Subject(shop, "product", sku) for shop in sorted(settings.shops) for sku in named.skus]
    vain: list[str] = []
    for need in lookups(named, settings):
        ids = facts.get("products", need.subject, ProductList)
        if isinstance(ids, ProductList):
            found += [Subject(need.subject.connection, "product", each) for each in ids.ids]
        if not isinstance(ids, ProductList) or not ids.complete:
            why = ids.why if isinstance(ids, Missing) else "it holds more than can be read"
            vain.append(f"{need.subject.kind} {need.subject.id} in {need.subject.connection} ({why})")
    return list(dict.fromkeys(found)), vain


def spread(
    named: list[Subject],
    vain: list[str],
    known: Iterable[Subject],
    asked: Collection[Subject],
    facts: Facts,
    settings: RecallsSettings,
) -> Spread:
    """Named products with their variants and parts, and the sets and bundles that hold any of these.

    `known` are recalled already, `asked` those of them that are off sale or may be. A product that cannot be had is
    left out; one that nobody read yet is taken as it is, and spreads when it was read.
    """
    records = {each: facts.get("product", each, Product) for each in {*named, *known}}
    read = {each: record for each, record in records.items() if isinstance(record, Product)}
    there = [each for each in named if not isinstance(records[each], Missing)]
    products = dict.fromkeys(there)
    for relation in settings.expand:
        if relation != "within":
            products |= dict.fromkeys(_related(there, relation, read))
    if "within" in settings.expand:
        products |= dict.fromkeys(_related(products, "within", read))
    lost = [_unknown(each, found, asked) for each in named if isinstance(found := records[each], Missing)]
    selling = tuple(sorted(each for each, record in read.items() if any(record.on_sale.values())))
    return Spread(tuple(products), tuple(sorted({*vain, *lost})), selling)


def _related(products: Iterable[Subject], relation: Relation, read: Mapping[Subject, Product]) -> list[Subject]:
    return [each._replace(id=id_) for each in products if each in read for id_ in getattr(read[each], relation)]


def _unknown(product: Subject, record: Missing, asked: Collection[Subject]) -> str:
    end = "; it is taken off sale, and what belongs to it is not known yet" if product in asked else ""
    return f"{product.id} in {product.connection} ({record.why}){end}"
