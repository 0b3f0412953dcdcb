"""From the platform's JSON (SCAPI Orders 1.5, Customers 1.1, Products 1.2; OCAPI Shop 25.6) to canonical records. Pure.

Without an order's number, times, total or currency `KeyError`, `TypeError` or `ValueError` is raised.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from caseconnect.models import Customer, Money, Order, OrderSummary, Product, ReturnRequest

from . import parts
from .config import SfccSettings
from .values import Json, amount, attribute, clean, locale_of, moment, money, plain, shown, tags

_FULFILLED: Final = {"shipped": "fulfilled", "part_shipped": "partially_fulfilled", "not_shipped": "unfulfilled"}
_STATUSES: Final = {
    "order": "status",
    "confirmation": "confirmationStatus",
    "payment": "paymentStatus",
    "shipping": "shippingStatus",
    "export": "exportStatus",
    "external": "externalOrderStatus",
}
_LONGEST_NOTE: Final = 10_000


def order_of(
    node: Json,
    settings: SfccSettings,
    site: str,
    *,
    notes: Sequence[Json] = (),
    returns: Sequence[ReturnRequest] = (),
    disputes: Sequence[str] = (),
) -> Order:
    """An order of SCAPI, with what other calls know of it. Its currency is the shopper's, and the only one."""
    currency, names = node["currency"], settings.orders
    total = _required(money(node["orderTotal"], currency))
    billing = parts.address_of(node.get("billingAddress"))
    shipments = _used(node)
    shipping = [parts.address_of(each.get("shippingAddress")) for each in shipments]
    holds, sent = parts.holds_of(node, names), parts.sent_shipments(node)
    customer = node.get("customerInfo") or {}
    cancelled = node.get("status") == "cancelled"
    back = refunded(node, settings)
    taken = captured(node, total, back)
    return Order(
        id=str(node["orderNo"]),
        number=str(node["orderNo"]),
        created_at=moment(node.get("placeDate") or node["creationDate"]),
        updated_at=moment(node["lastModified"]),
        # The platform keeps no time of a cancellation.
        cancelled_at=moment(node["lastModified"]) if cancelled else None,
        cancel_reason=clean(node.get("cancelCode")) or clean(node.get("cancelDescription")),
        channel=parts.channel(node),
        total=total,
        presentment_total=total,
        captured=taken,
        refundable=taken,
        payment_status=payment_status(node, back),
        fulfillment_status=fulfillment_status(node, bool(holds)),
        email=clean(customer.get("email")),
        phone=billing.phone if billing else None,
        locale=parts.locale(node),
        client_ip=clean(node.get("remoteHost")),
        customer_id=customer_id(customer, settings, site),
        customer_name=clean(customer.get("customerName")),
        billing_address=billing,
        shipping_address=next(iter(shipping), None),
        addresses_match=parts.addresses_match(billing, shipping),
        tags=tags(node, names.tags),
        attributes=shown(node, names.shown),
        statuses={kind: str(node[name]) for kind, name in _STATUSES.items() if node.get(name)},
        site=site,
        company=parts.company(node, billing),
        payment_terms=parts.terms(node, names),
        delivery=parts.delivery(shipments, node, names),
        preorder=parts.preordered(node, names),
        returns=tuple(returns),
        disputes=tuple(disputes),
        notes=tuple(_note(each) for each in notes),
        lines=tuple(parts.line_of(each, currency, sent) for each in parts.listed(node.get("productItems"))),
        payments=tuple(parts.payment_of(each, node, names) for each in parts.listed(node.get("paymentInstruments"))),
        risk=parts.risk_of(node, settings.risk, parts.flagged(node, names)),
        fulfillment_orders=tuple(parts.to_ship(each, node, holds) for each in shipments),
        shipments=tuple(parts.shipment_of(each, node, names) for each in shipments if _left(each, node)),
        admin_url=settings.url_of(site, str(node["orderNo"])),
    )


def refunded(node: Json, settings: SfccSettings) -> Decimal:
    """Money given back, as the merchant's attribute tells; the platform itself knows of no refund."""
    value = attribute(node, settings.orders.refunded)
    return amount(value) if value not in (None, "") else Decimal(0)


def captured(node: Json, total: Money, back: Decimal) -> Money | None:
    """Money taken and not given back; None when only a part was paid, since nobody says which."""
    taken = {"paid": total.amount - back, "not_paid": Decimal(0)}.get(node.get("paymentStatus") or "")
    return None if taken is None else Money(amount=max(taken, Decimal(0)), currency=total.currency)


def payment_status(node: Json, back: Decimal) -> Any:
    """The payment in our words. Authorized: not paid, and a transaction was taken; a failed order was given up."""
    status = node.get("paymentStatus")
    if status == "paid":
        total = amount(node["orderTotal"])
        return "paid" if not back else "refunded" if back >= total else "partially_refunded"
    if status == "part_paid":
        return "partially_paid"
    if node.get("status") == "failed":
        return "voided"
    answers = [
        ((each.get("paymentTransaction") or {}).get("authorizationStatus") or {}).get("status")
        for each in parts.listed(node.get("paymentInstruments"))
    ]
    if status != "not_paid":
        return "unknown"
    return "authorized" if answers and all(each == 0 for each in answers) else "pending"


def fulfillment_status(node: Json, held: bool) -> Any:
    """The shipping in our words; what is held and has not begun to ship is on hold."""
    found = _FULFILLED.get(node.get("shippingStatus") or "", "unknown")
    return "on_hold" if held and found == "unfulfilled" else found


def customer_id(info: Mapping[str, Any], settings: SfccSettings, site: str) -> str | None:
    """`list/number` of a registered shopper; None for a guest."""
    number = clean(info.get("customerNo"))
    return f"{settings.customer_list(site)}/{number}" if number and not info.get("guest") else None


def summary_of(node: Json, settings: SfccSettings) -> OrderSummary:
    """One order of a shopper's history, as `order_search` of OCAPI Shop shows it."""
    status = node.get("status")
    items: dict[str, int] = {}
    for each in parts.listed(node.get("product_items")):
        sku = str(each.get("product_id") or each.get("product_name") or "")
        items[sku] = items.get(sku, 0) + math.ceil(amount(each.get("quantity") or 0))
    is_flagged = parts.flagged({**node, "confirmationStatus": node.get("confirmation_status")}, settings.orders)
    paid: Any = {"paid": "paid", "part_paid": "partially_paid", "not_paid": "pending"}.get(
        node.get("payment_status") or "", "unknown"
    )
    first = next(iter(parts.listed(node.get("shipments"))), {}).get("shipping_address") or {}
    return OrderSummary(
        id=str(node["order_no"]),
        number=str(node["order_no"]),
        created_at=moment(node["creation_date"]),
        total=_required(money(node["order_total"], node["currency"])),
        payment_status="voided" if status == "failed" else paid,
        declined=status == "failed",
        fulfillment_status=fulfillment_status({"shippingStatus": node.get("shipping_status")}, held=False),
        cancelled_at=moment(node["last_modified"]) if status == "cancelled" else None,
        risk_level=parts.risk_of(node, settings.risk, is_flagged).level,
        items=tuple(sorted(items.items())),
        ship_to=_one_line(first),
    )


def customer_of(node: Json, settings: SfccSettings, list_id: str) -> Customer:
    """A registered shopper. Numbers of orders and what was spent are not kept by the platform's profile."""
    name = " ".join(filter(None, (clean(node.get("firstName")), clean(node.get("lastName")))))
    phones = (clean(node.get(each)) for each in ("phoneMobile", "phoneHome", "phoneBusiness"))
    return Customer(
        id=f"{list_id}/{node['customerNo']}",
        name=name or None,
        email=clean(node.get("email")) or clean((node.get("credentials") or {}).get("login")),
        phone=next(filter(None, phones), None),
        created_at=moment(node["creationDate"]) if node.get("creationDate") else None,
        tags=tags(node, settings.customers.tags),
        locale=locale_of(node.get("preferredLocale")),
        attributes=shown(node, settings.customers.shown),
    )


def product_of(node: Json, settings: SfccSettings, on_sale: Mapping[str, bool]) -> Product:
    """A product; `on_sale` by site is what the platform worked out for each of them. Notices are by locale."""
    name = node.get("name")
    titles = name if isinstance(name, Mapping) else {"default": name}
    variants = [str(each["productId"]) for each in parts.listed(node.get("variants")) if each.get("productId")]
    notice = attribute(node, settings.product_notice)
    notices = notice if isinstance(notice, Mapping) else {"default": notice}
    return Product(
        id=str(node["id"]),
        title=clean(titles.get("default")) or next((t for t in map(clean, titles.values()) if t), ""),
        skus=tuple(variants or [str(node["id"])]),
        variants=tuple(variants),
        parts=_ids(node, "setProducts", "bundledProducts"),
        within=_ids(node, "productSets", "productBundles"),
        on_sale=dict(on_sale),
        notices={str(locale): text for locale, each in notices.items() if (text := plain(each))},
    )


def _ids(node: Json, *names: str) -> tuple[str, ...]:
    """Ids of the products in these lists."""
    found = [each for name in names for each in parts.listed(node.get(name))]
    return tuple(dict.fromkeys(str(each["id"]) for each in found if each.get("id")))


def _used(node: Json) -> Sequence[Json]:
    """The shipments that hold goods: the default one may be empty when an order is split (sfcc.md §15)."""
    holding = {each.get("shipmentId") for each in parts.listed(node.get("productItems"))}
    found = parts.listed(node.get("shipments"))
    return [each for each in found if each.get("shipmentId") in holding] or found


def _left(shipment: Json, order: Json) -> bool:
    """Whether something tells that it left: its own status, a tracking number, or the order's status."""
    said = shipment.get("shippingStatus") == "shipped" or order.get("shippingStatus") == "shipped"
    return said or bool(shipment.get("trackingNumber"))


def _note(note: Json) -> str:
    return "\n".join(filter(None, (clean(note.get("subject")), clean(note.get("text")))))[:_LONGEST_NOTE]


def _one_line(node: Any) -> str | None:
    if not isinstance(node, Mapping):
        return None
    place = " ".join(_texts((node.get("postal_code"), node.get("city"))))
    return ", ".join(_texts((node.get("address1"), node.get("address2"), place, node.get("country_code")))) or None


def _texts(values: Iterable[Any]) -> list[str]:
    return [text for text in map(clean, values) if text]


def _required(found: Money | None) -> Money:
    if found is None:
        raise ValueError("an order without a currency")
    return found
