"""The parts of an order, from SCAPI Orders 1.5's JSON to canonical records. Pure.

Lenient where the platform is: only an order's number is required there. Names and addresses may be absent, statuses
may have new values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from caseconnect.models import (
    Address,
    FulfillmentOrder,
    Hold,
    LineItem,
    Money,
    Payment,
    Risk,
    RiskFact,
    Shipment,
)

from .config_orders import OrderAttributes, RiskSettings
from .values import Json, amount, attribute, clean, locale_of, moment, money, plain

PLACED: Final = frozenset({"new", "open", "completed"})
"""Statuses of an order that was placed and stands."""

_RISKS: Final = ("none", "low", "unknown", "pending", "medium", "high")
_ADVICE: Final = {"low": "accept", "medium": "investigate", "high": "cancel"}
_CHANNELS: Final = {"storefront": "web", "store": "pos", "dss": "pos"}
_RESULT: Final[Mapping[Any, str]] = {0: "success", 1: "failure", 2: "pending"}


def listed(value: Any) -> Sequence[Json]:
    """The documents of a list; none when it is absent."""
    return [each for each in value or () if isinstance(each, dict)]


def address_of(node: Any) -> Address | None:
    """An address, or None when there is none. `countryCode` is ISO 3166-1 alpha-2."""
    if not isinstance(node, dict) or not node:
        return None
    parts = (clean(node.get("firstName")), clean(node.get("lastName")))
    return Address(
        name=clean(node.get("fullName")) or " ".join(filter(None, parts)) or None,
        company=clean(node.get("companyName")),
        line1=clean(node.get("address1")),
        line2=clean(node.get("address2")),
        city=clean(node.get("city")),
        province=clean(node.get("stateCode")),
        postal_code=clean(node.get("postalCode")),
        country=clean(node.get("countryCode")),
        phone=clean(node.get("phone")),
    )


def addresses_match(billing: Address | None, shipping: Iterable[Address | None]) -> bool | None:
    """Whether all goods go where the bill goes; None when an address is not known. The platform has no flag for it."""
    places = [_place(each) for each in shipping]
    if billing is None or not places or not all(places):
        return None
    return all(each == _place(billing) for each in places)


def _place(address: Address | None) -> tuple[str, ...]:
    if address is None:
        return ()
    parts = (address.line1, address.postal_code, address.city, address.province, address.country)
    return tuple("".join((part or "").split()).casefold() for part in parts)


def line_of(node: Json, currency: str, sent: frozenset[str]) -> LineItem:
    """One line. A broken quantity (1.5 m of cloth) is rounded up; `sent` are the shipments that went out."""
    quantity = math.ceil(amount(node.get("quantity") or 0))
    total = next((node[k] for k in ("priceAfterOrderDiscount", "priceAfterItemDiscount") if k in node), None)
    gone = str(node.get("shipmentId") or "") in sent
    return LineItem(
        id=str(node.get("itemId") or node["productId"]),
        title=clean(node.get("productName")) or clean(node.get("itemText")) or str(node["productId"]),
        quantity=quantity,
        sku=str(node["productId"]),
        product_id=str(node["productId"]),
        unfulfilled_quantity=0 if gone else quantity,
        unit_price=money(node.get("basePrice"), currency),
        total=money(total, currency),
    )


def payment_of(node: Json, order: Json, settings: OrderAttributes) -> Payment:
    """One payment instrument with its transaction. Whether money was taken is told by the order's payment status."""
    transaction = node.get("paymentTransaction") or {}
    answer = transaction.get("authorizationStatus") or {}
    card = node.get("paymentCard") or {}
    method = clean(node.get("paymentMethodId"))
    status: Any = _RESULT.get(answer.get("status"), "unknown")
    taken = order.get("paymentStatus") == "paid" and status != "failure"
    tender: Any = settings.tenders.get(method or "", "card" if card else "other")
    paid = Money(amount=amount(transaction.get("amount") or 0), currency=order["currency"])
    digits = "".join(c for c in str(card.get("numberLastDigits") or "") if c.isascii() and c.isdigit())
    code = clean(answer.get("code"))
    return Payment(
        id=str(node.get("paymentInstrumentId") or method or ""),
        kind="sale" if taken else "authorization",
        status=status,
        amount=paid,
        presentment_amount=paid,
        created_at=moment(order["creationDate"]),
        gateway=method,
        tender=tender,
        error_code=code.lower() if code and status != "success" else None,
        message=clean(answer.get("message")),
        avs_result=plain(attribute(transaction, settings.avs_result)) or None,
        cvv_result=plain(attribute(transaction, settings.cvv_result)) or None,
        card_brand=clean(card.get("cardType")),
        card_last_digits=digits[-4:] or None,
    )


def sent_shipments(order: Json) -> frozenset[str]:
    """Ids of the shipments that the platform calls shipped."""
    found = listed(order.get("shipments"))
    return frozenset(str(each.get("shipmentId")) for each in found if each.get("shippingStatus") == "shipped")


def shipment_of(node: Json, order: Json, settings: OrderAttributes) -> Shipment:
    """A parcel. When it left is not told: the order's last change stands for it."""
    promised = attribute(node, settings.promised) or attribute(order, settings.promised)
    tracking = clean(node.get("trackingNumber"))
    return Shipment(
        id=str(node.get("shipmentId") or ""),
        status=str(node.get("shippingStatus") or "unknown"),
        created_at=moment(order["lastModified"]),
        carrier=plain(attribute(node, settings.carrier)) or None,
        tracking_numbers=(tracking,) if tracking else (),
        estimated_delivery_at=_maybe_moment(promised),
    )


def _maybe_moment(value: Any) -> datetime | None:
    try:
        return moment(value)
    except (TypeError, ValueError):
        return None


def holds_of(order: Json, settings: OrderAttributes) -> tuple[Hold, ...]:
    """What keeps the order back: our hold, the merchant's flags, and a flag of the storefront's fraud hook.

    Our mark alone holds nothing: when somebody confirmed or exported the order since, our hold was taken off.
    """
    found = []
    mark = plain(attribute(order, settings.hold))
    if mark and unconfirmed(order) and order.get("exportStatus") == "not_exported":
        found.append(Hold(id=settings.hold, reason="other", handle=mark, ours=True))
    found += [
        Hold(id=name, reason=name)
        for name in settings.holds
        if attribute(order, name) not in (None, False, "", "false", 0)
    ]
    if flagged(order, settings):
        found.append(Hold(id="confirmation", reason="not_confirmed"))
    return tuple(found)


def unconfirmed(order: Json) -> bool:
    """A placed order that is not confirmed."""
    return order.get("confirmationStatus") == "not_confirmed" and order.get("status") in PLACED


def flagged(order: Json, settings: OrderAttributes) -> bool:
    """The storefront's fraud hook did not let it be confirmed; our mark says if it was so before our hold."""
    mark = plain(attribute(order, settings.hold))
    return unconfirmed(order) and (not mark or mark.startswith("not_confirmed"))


def to_ship(node: Json, order: Json, holds: tuple[Hold, ...]) -> FulfillmentOrder:
    """A shipment as something that is to leave, with the order's holds on it."""
    lines = [each for each in listed(order.get("productItems")) if each.get("shipmentId") == node.get("shipmentId")]
    shipped = node.get("shippingStatus") == "shipped" or order.get("shippingStatus") == "shipped"
    status: Any = "on_hold" if holds else "in_progress" if order.get("exportStatus") == "exported" else "open"
    if order.get("status") in {"cancelled", "failed"}:
        status = "cancelled"
    elif shipped:
        status = "closed"
    open_now = status in {"on_hold", "in_progress", "open"}
    left = sum(math.ceil(amount(each.get("quantity") or 0)) for each in lines) if open_now else 0
    return FulfillmentOrder(
        id=str(node.get("shipmentId") or ""), status=status, remaining_quantity=left, holds=holds if open_now else ()
    )


def risk_of(order: Json, settings: RiskSettings, is_flagged: bool) -> Risk:
    """The worst level that an attribute tells; a flag of the storefront's fraud hook counts, too."""
    levels: list[tuple[str, str]] = []
    for name, words in settings.levels.items():
        if value := plain(attribute(order, name)).casefold():
            levels.append((words.get(value, "unknown"), name))
    if is_flagged:
        levels.append((settings.not_confirmed, "confirmation_status"))
    worst, by = max(levels, key=lambda each: _RISKS.index(each[0]), default=("none", ""))
    names = (*settings.levels, *settings.facts)
    told = [(name, plain(attribute(order, name))) for name in names]
    level: Any = worst
    advice: Any = _ADVICE.get(worst, "none")
    return Risk(
        level=level,
        recommendation=advice,
        provider=by or None,
        facts=tuple(RiskFact(description=f"{name}: {value}") for name, value in told if value),
    )


def locale(order: Json) -> str | None:
    """The shopper's language."""
    return locale_of(order.get("customerLocale"))


def channel(order: Json) -> str | None:
    """Where it was placed: web, pos (the platform's store and dss), or the platform's other words as they are."""
    found = clean(order.get("channelType"))
    return _CHANNELS.get(found, found) if found else None


def company(order: Json, billing: Address | None) -> str | None:
    """The buyer of an order that the platform calls b2b: the company billed, else 'b2b'."""
    if order.get("businessType") != "b2b":
        return None
    return (billing.company if billing else None) or "b2b"


def terms(order: Json, settings: OrderAttributes) -> str | None:
    """Payment terms of the first payment method that has some; the platform itself knows none."""
    methods = (clean(each.get("paymentMethodId")) for each in listed(order.get("paymentInstruments")))
    return next((settings.terms[method] for method in methods if method in settings.terms), None)


def delivery(shipments: Iterable[Json], order: Json, settings: OrderAttributes) -> tuple[str, ...]:
    """How the shipments are delivered: pickup, digital or shipping. One without products holds gift certificates."""
    goods = {each.get("shipmentId") for each in listed(order.get("productItems"))}
    given = {each.get("shipmentId") for each in listed(order.get("giftCertificateItems"))}

    def way(shipment: Json) -> str:
        if attribute(shipment, settings.pickup):
            return "pickup"
        name = shipment.get("shipmentId")
        by_mail = (shipment.get("shippingMethod") or {}).get("id") in settings.digital
        return "digital" if by_mail or (name in given and name not in goods) else "shipping"

    return tuple(dict.fromkeys(way(each) for each in shipments))


def preordered(order: Json, settings: OrderAttributes) -> bool:
    """Whether the merchant's mark of a pre-order is on the order or on one of its products."""
    marked = (order, *listed(order.get("productItems")))
    return any(plain(attribute(each, settings.preorder)) not in ("", "false") for each in marked)
