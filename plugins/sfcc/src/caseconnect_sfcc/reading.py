"""Facts: what one record needs, read with as few calls as can be, and mapped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from caseconnect.models import (
    Complaint,
    Customer,
    Dispute,
    Document,
    Order,
    OrderHistory,
    OrderSummary,
    Product,
    ProductList,
    ReturnRequest,
    WarrantyClaim,
)
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.order_names import OrderName, name_of
from caseconnect.sdk.resources import Log
from caseconnect.sdk.subjects import Subject

from . import forms, mapping
from .client import Json, SfccClient
from .config import SfccSettings
from .config_objects import FormSettings, ObjectSettings
from .faults import Refused
from .files import document_of
from .places import OrderPlaces
from .values import attribute, clean, plain, same_email, same_phone

T = TypeVar("T")

_PHONES: Final = ("phoneMobile", "phoneHome", "phoneBusiness")
_MOST_ITEMS: Final = 50
_PAGE, _MOST_PRODUCTS, _MOST_ORDERS = 200, 2000, 200


class Reader:
    """Reads the facts of one connection."""

    def __init__(self, client: SfccClient, places: OrderPlaces, settings: SfccSettings, log: Log) -> None:
        self._client, self._places, self._settings, self._log = client, places, settings, log
        self._told: set[str] = set()
        self._forms: dict[str, FormSettings] = {
            "return": settings.returns,
            "complaint": settings.complaints,
            "claim": settings.claims,
            "dispute": settings.disputes,
        }

    async def order(self, order_no: str) -> Order:
        """The order with its notes, its returns and its disputes."""
        site, node = await self._places.order(order_no)
        plain_order = mapping.order_of(node, self._settings, site)
        notes: list[Json] = []
        if self._settings.read_notes:
            notes = await self._or_none("notes", self._client.notes(site, order_no))
        if not self._settings.read_related:
            return mapping.order_of(node, self._settings, site, notes=notes)
        returns = await self._or_none("returns", self._of_order(self._settings.returns, site, order_no))
        disputes = await self._or_none("disputes", self._of_order(self._settings.disputes, site, order_no))
        return mapping.order_of(
            node,
            self._settings,
            site,
            notes=notes,
            returns=[forms.return_of(each, self._settings, _item(site, each), plain_order) for each in returns],
            disputes=[_item(site, each) for each in disputes],
        )

    async def _or_none(self, what: str, work: Awaitable[list[Json]]) -> list[Json]:
        """Parts of an order that are refused are left out, with one warning: the order itself can be worked on."""
        try:
            return await work
        except Refused as refused:
            if refused.status not in {400, 403, 404}:
                raise
            if what not in self._told:
                self._told.add(what)
                self._log.warning("not read with orders", part=what, error=str(refused))
            return []

    async def history(self, order_no: str) -> OrderHistory:
        """The shopper's other orders: by customer number, else by e-mail address and by profiles of the same phone."""
        site, node = await self._places.order(order_no)
        info = node.get("customerInfo") or {}
        number, email = clean(info.get("customerNo")), clean(info.get("email"))
        numbers = [number] if number and not info.get("guest") else []
        key = "customer" if numbers else "email" if email else "none"
        if not numbers:
            numbers = await self._same_phone(site, clean((node.get("billingAddress") or {}).get("phone")))
            key = "phone" if numbers and not email else key
        wanted = [_term("customer_no", numbers)] if numbers else []
        if email:
            wanted.append(_term("customer_email", sorted({email, same_email(email)})))
        if not wanted:
            return OrderHistory(key="none")
        limit = self._settings.history_limit
        found: list[Json] = []
        total = 0
        for each in self._settings.sites:
            hits, all_hits = await self._client.order_search(each, _others(order_no, wanted, limit))
            found, total = [*found, *hits], total + all_hits
        others = sorted((mapping.summary_of(hit, self._settings) for hit in found), key=lambda o: (o.created_at, o.id))
        return OrderHistory(key=key, orders=tuple(others[::-1][:limit]), complete=total <= limit)

    async def customer(self, place: str) -> Customer:
        """A registered shopper by `list/number`."""
        list_id, number = _split(place, "a customer is named list/number")
        return mapping.customer_of(await self._client.customer(list_id, number), self._settings, list_id)

    async def product(self, product_id: str) -> Product:
        """A product, and on which of the sites it is on sale."""
        found: Json = {}
        on_sale: dict[str, bool] = {}
        for site in self._settings.sites:
            found = await self._client.product(product_id, site)
            on_sale[site] = found.get("online") is True
        return mapping.product_of(found, self._settings, on_sale)

    async def category(self, category_id: str) -> ProductList:
        """The products of a category, in no catalog in particular. A bar code cannot be searched for."""
        ids: list[str] = []
        while True:
            query = {"termQuery": {"fields": ["categoryId"], "operator": "is", "values": [category_id]}}
            page = {"query": query, "sorts": [{"field": "id", "sortOrder": "asc"}], "offset": len(ids), "limit": _PAGE}
            hits, total = await self._client.product_search({**page, "expand": ["none"]})
            ids += [str(each["id"]) for each in hits]
            if not ids:
                raise PermanentError(f"no product is assigned to a category {category_id!r}")
            if not hits or len(ids) >= min(total, _MOST_PRODUCTS):
                return ProductList(ids=tuple(ids[:_MOST_PRODUCTS]), complete=total <= _MOST_PRODUCTS)

    async def product_orders(self, product_id: str) -> OrderHistory:
        """Orders that hold the product and are not shipped yet, newest first."""
        wanted = [
            _term("product_items.product_id", [product_id]),
            _term("status", ["created", "new", "open"]),
            _term("shipping_status", ["not_shipped", "part_shipped"]),
        ]
        found: list[Json] = []
        total = 0
        for each in self._settings.sites:
            request = {"query": {"bool_query": {"must": wanted}}, "select": "(**)", "count": _MOST_ORDERS}
            request["sorts"] = [{"field": "creation_date", "sort_order": "desc"}]
            hits, all_hits = await self._client.order_search(each, request)
            found, total = [*found, *hits], total + all_hits
        if not found:
            await self._client.product(product_id)
        orders = sorted((mapping.summary_of(hit, self._settings) for hit in found), key=lambda o: (o.created_at, o.id))
        return OrderHistory(key="product", orders=tuple(orders[::-1]), complete=total <= len(found))

    async def returned(self, place: str) -> ReturnRequest:
        """A return by `site/key`."""
        return await self._item("return", place, forms.return_of)

    async def complaint(self, place: str) -> Complaint:
        """A complaint by `site/key`."""
        return await self._item("complaint", place, forms.complaint_of)

    async def claim(self, place: str) -> WarrantyClaim:
        """A warranty claim by `site/key`."""
        return await self._item("claim", place, forms.claim_of)

    async def dispute(self, place: str) -> Dispute:
        """A dispute by `site/key`."""
        return await self._item("dispute", place, forms.dispute_of)

    async def document(self, path: str) -> Document:
        """An uploaded file by its path below IMPEX."""
        return await document_of(self._client, self._settings.files, path)

    async def named(self, name: str) -> OrderHistory:
        """The order of that number, on whichever of the sites; numbers are given once."""
        meant = OrderName.parse(name)
        order = await self._order_or_none(meant.number)
        if order is None or not meant.agrees(order.number, order.email):
            return OrderHistory(key="number")
        found = OrderSummary(id=order.id, number=order.number, created_at=order.created_at, total=order.total)
        return OrderHistory(key="number", orders=(found,))

    async def order_meant(self, alias: Subject) -> str | None:
        """The number of the order that an item is about, or that somebody names who knows the buyer's address."""
        if meant := name_of(alias):
            order = await self._order_or_none(meant.number)
            return order.id if order is not None and meant.agrees(order.number, order.email) else None
        if alias.kind not in self._forms:
            return None
        node = await self._object(self._forms[alias.kind], alias.kind, alias.id)
        found = await self._order_of(node, self._forms[alias.kind])
        return None if found is None else found.id

    async def _item(self, kind: str, place: str, mapped: Callable[[Json, SfccSettings, str, Order | None], T]) -> T:
        names = self._forms[kind]
        node = await self._object(names, kind, place)
        return mapped(node, self._settings, place, await self._order_of(node, names))

    async def _object(self, names: ObjectSettings, kind: str, place: str) -> Json:
        site, key = _split(place, f"a {kind} is named site/key")
        if not names.type:
            raise PermanentError(f"the settings name no custom object type for a {kind}")
        return await self._client.custom_object(names.type, key, site if names.scope == "site" else "")

    async def _order_of(self, node: Json, names: FormSettings) -> Order | None:
        """The order that a form names, if there is one and it is the same shopper's."""
        number = clean(attribute(node, names.order_number))
        found = await self._order_or_none(number) if number else None
        given = same_email(plain(attribute(node, names.email)))
        agrees = found is not None and (not given or given == same_email(found.email))
        return found if agrees else None

    async def _order_or_none(self, order_no: str) -> Order | None:
        try:
            site, node = await self._places.order(order_no)
        except Refused as refused:
            if refused.code != "OrderNotFound":
                raise
            return None
        return mapping.order_of(node, self._settings, site)

    async def _of_order(self, names: FormSettings, site: str, order_no: str) -> list[Json]:
        if not names.type:
            return []
        wanted = [_term(f"c_{names.order_number}", [order_no])]
        if names.scope == "site":
            wanted.append(_term("site_id", [site]))
        request = {"query": {"bool_query": {"must": wanted}}, "select": "(**)", "count": _MOST_ITEMS}
        hits, _ = await self._client.custom_object_search(names.type, request)
        return sorted(hits, key=lambda each: str(each.get("key_value_string")))

    async def _same_phone(self, site: str, phone: str | None) -> list[str]:
        """Numbers of registered customers whose telephone is the same, however it is written."""
        wanted = same_phone(phone)
        if not wanted or phone is None:
            return []
        digits = "".join(c for c in phone if c.isdigit())
        spellings = sorted({phone, digits, f"+{digits}", digits[-10:], wanted, f"0{wanted}"})
        query = {"termQuery": {"fields": list(_PHONES), "operator": "one_of", "values": spellings}}
        found = await self._client.customer_search(self._settings.customer_list(site), {"query": query, "limit": 25})
        same = [each for each in found if any(same_phone(each.get(name)) == wanted for name in _PHONES)]
        return sorted({str(each["customerNo"]) for each in same})


def _item(site: str, node: Json) -> str:
    return f"{site}/{node['key_value_string']}"


def _split(place: str, what: str) -> tuple[str, str]:
    first, _, rest = place.partition("/")
    if not first or not rest:
        raise PermanentError(f"{what}, such as RefArch/1001")
    return first, rest


def _term(field: str, values: list[str]) -> Json:
    return {"term_query": {"fields": [field], "operator": "one_of", "values": values}}


def _others(order_no: str, wanted: list[Json], limit: int) -> Json:
    """The newest orders that match one of the terms, without the one itself."""
    not_this = {"term_query": {"fields": ["order_no"], "operator": "neq", "values": [order_no]}}
    query: dict[str, Any] = {"bool_query": {"must": [not_this, {"bool_query": {"should": wanted}}]}}
    sorts = [{"field": "creation_date", "sort_order": "desc"}]
    return {"query": query, "select": "(**)", "sorts": sorts, "start": 0, "count": limit}
