"""Draft orders: made, changed, found by a search that lags, completed into an order, deleted (API 2026-10)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from . import money, orders
from .records import ZERO, Address, Customer, Metafield, Order
from .search import EQUALS, Query, parse

if TYPE_CHECKING:
    from .shop import Shop

PREFIX = "#D"
SEARCHED = frozenset({"id", "customer_id", "email", "name", "tag", "tag_not", "status"})


@dataclass(slots=True)
class Discount:
    """A discount on a draft or on one of its lines; `amount` is what it came to, in the shop's money."""

    value: Decimal
    type: str
    title: str | None = None
    description: str = ""
    amount: Decimal = ZERO

    def on(self, cost: Decimal) -> Decimal:
        """What it takes off this cost."""
        wanted = cost * self.value / 100 if self.type == "PERCENTAGE" else self.value
        return min(wanted, cost).quantize(money.CENT, ROUND_HALF_UP)


@dataclass(slots=True)
class DraftLine:
    """A line of a draft: of a variant, or custom. `override` replaces the price; both are the shop's money."""

    id: int
    uuid: str
    title: str
    quantity: int
    price: Decimal
    override: Decimal | None = None
    variant_id: int | None = None
    product_id: int | None = None
    sku: str | None = None
    variant_title: str | None = None
    requires_shipping: bool = True
    taxable: bool = True
    grams: int = 0
    discount: Discount | None = None
    attributes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def unit(self) -> Decimal:
        """The price of one unit before discounts."""
        return self.price if self.override is None else self.override

    @property
    def off(self) -> Decimal:
        """The line's own discount."""
        return self.discount.on(self.unit * self.quantity) if self.discount else ZERO


@dataclass(slots=True)
class Draft:
    """A draft order."""

    id: int
    number: int
    created_at: datetime
    updated_at: datetime
    currency: str
    presentment_currency: str
    presentment_rate: Decimal
    lines: list[DraftLine] = field(default_factory=list)
    status: str = "OPEN"
    customer: Customer | None = None
    email: str | None = None
    phone: str | None = None
    note: str | None = None
    po_number: str | None = None
    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    discount: Discount | None = None
    shipping: tuple[str, Decimal] | None = None
    shipping_address: Address | None = None
    billing: Address | None = None
    tax_exempt: bool = False
    visible: bool = False
    source_name: str | None = None
    reserve_until: datetime | None = None
    completed_at: datetime | None = None
    invoice_sent_at: datetime | None = None
    order_id: int | None = None
    metafields: dict[tuple[str, str], Metafield] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`#D1`."""
        return f"{PREFIX}{self.number}"

    @property
    def goods(self) -> Decimal:
        """The lines after their own discounts."""
        return sum((x.unit * x.quantity - x.off for x in self.lines), ZERO)

    @property
    def off(self) -> Decimal:
        """The discount on the whole draft."""
        return self.discount.on(self.goods) if self.discount else ZERO

    @property
    def subtotal(self) -> Decimal:
        """The lines after all discounts."""
        return self.goods - self.off

    @property
    def total(self) -> Decimal:
        """All together; drafts here bear no tax."""
        return self.subtotal + (self.shipping[1] if self.shipping else ZERO)


@dataclass(frozen=True, slots=True)
class DraftEntry:
    """A draft as the search knows it."""

    id: int
    visible_at: datetime
    created_at: datetime
    updated_at: datetime
    customer_id: int | None
    email: str
    name: str
    tags: frozenset[str]
    status: str


class DraftIndex:
    """Finds drafts as they were when the index last took them in, some seconds late."""

    def __init__(self) -> None:
        self._entries: dict[int, list[DraftEntry]] = {}

    def put(self, shop: Shop, draft: Draft) -> None:
        """Tells the index of a change."""
        entry = DraftEntry(
            draft.id,
            shop.index.visible_at(shop.now()),
            draft.created_at,
            draft.updated_at,
            draft.customer.id if draft.customer else None,
            (draft.email or "").casefold(),
            draft.name.casefold(),
            frozenset(t.casefold() for t in draft.tags),
            draft.status.casefold(),
        )
        self._entries.setdefault(draft.id, []).append(entry)

    def drop(self, draft: Draft) -> None:
        """Forgets a deleted draft."""
        self._entries.pop(draft.id, None)

    def find(self, text: str, now: datetime) -> tuple[list[int], Query]:
        """The ids that match, in order, and how the search was read."""
        known = {k: f for k, f in EQUALS.items() if k in SEARCHED}
        query = parse(text, known, frozenset({"created_at", "updated_at"}))
        seen = []
        for entries in self._entries.values():
            while len(entries) > 1 and entries[1].visible_at <= now:
                entries.pop(0)
            if entries[0].visible_at <= now:
                seen.append(entries[0])
        tests: Any = query.tests
        return sorted(e.id for e in seen if all(test(e) for test in tests)), query


def start(shop: Shop, currency: str, rate: Decimal) -> Draft:
    """An empty draft, not yet told of."""
    stamp = shop.stamp()
    shop.draft_numbers += 1
    return Draft(shop.next_id(), shop.draft_numbers, stamp, stamp, shop.currency, currency, rate)


def save(shop: Shop, draft: Draft) -> None:
    """Keeps a draft or its changes and emits `draft_orders/create` or `update`."""
    new = draft.id not in shop.drafts
    shop.drafts[draft.id] = draft
    draft.updated_at = max(draft.updated_at, shop.stamp())
    if draft.discount:
        draft.discount.amount = draft.off
    shop.draft_index.put(shop, draft)
    shop.emit("draft_orders/create" if new else "draft_orders/update", draft)


def delete(shop: Shop, draft: Draft) -> None:
    """Deletes a draft and emits `draft_orders/delete`."""
    del shop.drafts[draft.id]
    shop.draft_index.drop(draft)
    shop.emit("draft_orders/delete", {"id": draft.id})


def complete(shop: Shop, draft: Draft, source: str | None, *, pending: bool) -> Order:
    """Makes the order of a draft, paid unless `pending`, and emits what a new order does."""
    spec: dict[str, Any] = {
        "lines": [_line_spec(x) for x in draft.lines],
        "currency": draft.currency,
        "presentment": {"currency": draft.presentment_currency, "rate": draft.presentment_rate},
        "shipping": draft.shipping[1] if draft.shipping else ZERO,
        "shipping_title": draft.shipping[0] if draft.shipping else "Standard",
        "note": draft.note,
        "tags": list(draft.tags),
        "attributes": dict(draft.attributes),
        "email": draft.email,
        "phone": draft.phone,
        "po_number": draft.po_number,
        "channel": source or draft.source_name or "shopify_draft_order",
    }
    if draft.customer:
        spec["customer"] = {"id": draft.customer.id}
    if draft.off:
        title = (draft.discount.title if draft.discount else None) or "Custom discount"
        spec["discounts"] = [{"code": title, "amount": draft.off}]
    for key, address in (("shipping_address", draft.shipping_address), ("billing_address", draft.billing)):
        if address:
            spec[key] = {f.name: getattr(address, f.name) for f in fields(address) if f.name != "id"}
    if draft.total:
        spec["payment"] = {"gateway": "manual", "manual": True, "status": "pending" if pending else "success"}
    order = orders.create(shop, spec)
    draft.status, draft.order_id, draft.completed_at = "COMPLETED", order.id, shop.stamp()
    save(shop, draft)
    return order


def _line_spec(line: DraftLine) -> dict[str, Any]:
    spec = {"title": line.title, "quantity": line.quantity, "price": line.unit, "discount": line.off, "sku": line.sku}
    spec |= {"variant_title": line.variant_title, "grams": line.grams, "attributes": dict(line.attributes)}
    spec |= {"requires_shipping": line.requires_shipping, "taxable": line.taxable}
    return spec | ({"product_id": line.product_id, "variant_id": line.variant_id} if line.variant_id else {})
