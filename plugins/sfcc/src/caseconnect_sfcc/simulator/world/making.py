"""Orders from short specifications, with everything that was not said filled in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from .attributes import JsonObject
from .moments import parse
from .orders import Line, Order, Payment, Shipment
from .refusals import SpecError
from .statuses import STATUSES, VALUES

ALLOWED = frozenset(
    {
        *("number", "site", "customer", "billing", "lines", "shipments", "payments", "currency", "status"),
        *("confirmation", "export", "payment", "shipping", "channel", "custom", "coupons", "age_seconds", "created"),
        *("locale", "external_no", "external_status", "external_text", "situation", "instance"),
    }
)

ADDRESS: JsonObject = {
    "firstName": "Dana",
    "lastName": "Shopper",
    "fullName": "Dana Shopper",
    "address1": "12 Sample Street",
    "city": "Springfield",
    "stateCode": "IL",
    "postalCode": "62701",
    "countryCode": "US",
    "phone": "2175550100",
}
"""Where a shopper lives when nothing else is said."""


def amount(value: Any, where: str) -> Decimal:
    """Money from a control request."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise SpecError(f"{where}: {value!r} is not an amount; write it as in 19.99.") from None
    if not found.is_finite():
        raise SpecError(f"{where}: {value!r} is not an amount; write it as in 19.99.")
    return found


def make_order(spec: Mapping[str, Any], number: str, now: datetime) -> Order:
    """An order from a specification; `number` is used for all ids that the specification leaves open."""
    unknown = set(spec) - ALLOWED
    if unknown:
        raise SpecError(f"An order has no {', '.join(sorted(unknown))}. Allowed: {', '.join(sorted(ALLOWED))}.")
    created = parse(spec.get("created")) or now - timedelta(seconds=float(spec.get("age_seconds", 0)))
    address = {**ADDRESS, **spec.get("billing", {})}
    shipments = [
        _shipment(each, index, address, number)
        for index, each in enumerate(spec.get("shipments") or [{"address": ADDRESS}])
    ]
    order = Order(
        number=number,
        site=str(spec["site"]),
        created=created,
        modified=now,
        customer=_customer(spec.get("customer", {}), number),
        billing=address,
        lines=[_line(each, index, shipments[0].id, number) for index, each in enumerate(spec.get("lines") or [{}], 1)],
        shipments=shipments,
        payments=[],
        token=f"token-{number}",
        custom=dict(spec.get("custom", {})),
        coupons=list(spec.get("coupons", [])),
    )
    for name in ("currency", "channel", "locale", "external_no", "external_status", "external_text"):
        if name in spec:
            setattr(order, name, spec[name])
    _statuses(order, spec)
    given = spec.get("payments") or [{}]
    order.payments = [_payment(each, index, order, len(given)) for index, each in enumerate(given, 1)]
    return order


def _statuses(order: Order, spec: Mapping[str, Any]) -> None:
    for name, allowed in {"status": STATUSES, **VALUES}.items():
        value = spec.get(name, getattr(order, name))
        if value not in allowed:
            raise SpecError(f"order.{name}: no {value!r}. Allowed: {', '.join(allowed)}.")
        setattr(order, name, value)
    if order.is_placed:
        order.placed = order.created
        order.invoice = f"I-{order.number}"
        for index, shipment in enumerate(order.shipments, 1):
            shipment.number = shipment.number or f"S-{order.number}-{index}"
    order.reserved = order.status not in {"failed", "cancelled"}


def _customer(spec: Mapping[str, Any], number: str) -> JsonObject:
    return {
        "customerId": f"guest{number}",
        "customerName": "Dana Shopper",
        "customerNo": "",
        "email": "dana.shopper@shop.example",
        "guest": "customerNo" not in spec,
        **spec,
    }


def _line(spec: Mapping[str, Any], position: int, shipment: str, number: str) -> Line:
    return Line(
        id=str(spec.get("id", f"{number}-L{position}")),
        product_id=str(spec.get("product_id", "sku-1")),
        name=str(spec.get("name", "Sample product")),
        quantity=int(spec.get("quantity", 1)),
        price=amount(spec.get("price", "99.00"), "line.price"),
        shipment_id=str(spec.get("shipment", shipment)),
        position=position,
        discount=amount(spec.get("discount", "0"), "line.discount"),
        tax_rate=amount(spec.get("tax_rate", "0.05"), "line.tax_rate"),
        external_status=spec.get("external_status"),
        custom=dict(spec.get("custom", {})),
    )


def _shipment(spec: Mapping[str, Any], index: int, billing: JsonObject, number: str) -> Shipment:
    return Shipment(
        id=str(spec.get("id", "me" if not index else f"{number}-P{index}")),
        method=str(spec.get("method", "Standard")),
        address={**billing, **spec.get("address", {})},
        status=str(spec.get("status", "not_shipped")),
        tracking=spec.get("tracking"),
        cost=amount(spec.get("cost", "5.99"), "shipment.cost"),
        custom=dict(spec.get("custom", {})),
    )


def _payment(spec: Mapping[str, Any], index: int, order: Order, shared_by: int) -> Payment:
    method = str(spec.get("method", "CREDIT_CARD"))
    card = {
        "cardType": "Visa",
        "expirationMonth": 1,
        "expirationYear": 2030,
        "holder": str(order.billing.get("fullName", "")),
        "maskedNumber": "************1111",
        "numberLastDigits": "1111",
    }
    default = order.total if shared_by == 1 else order.total / shared_by
    return Payment(
        id=str(spec.get("id", f"{order.number}-M{index}")),
        method=method,
        amount=amount(spec.get("amount", default), "payment.amount"),
        card={**card, **spec.get("card", {})} if method == "CREDIT_CARD" else dict(spec.get("card", {})),
        transaction_id=spec.get("transaction_id", f"{order.number}-T{index}"),
        auth_status=int(spec.get("auth_status", 0)),
        auth_code=str(spec.get("auth_code", "AUTHORIZED")),
        auth_message=str(spec.get("auth_message", "")),
        gift_code=spec.get("gift_code"),
        custom=dict(spec.get("custom", {})),
        transaction_custom=dict(spec.get("transaction_custom", {})),
    )
