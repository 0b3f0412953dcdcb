"""Records as documents: SCAPI in camelCase, OCAPI in snake_case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from caseconnect_sfcc.simulator.world import moments
from caseconnect_sfcc.simulator.world.attributes import JsonObject, shown
from caseconnect_sfcc.simulator.world.orders import Line, Note, Order, Payment, Shipment, cents

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_UNDERSCORE = re.compile(r"_([a-z0-9])")


@cache
def snake(name: str) -> str:
    """`customerNo` as `customer_no`; custom names stay."""
    return name if name.startswith("c_") else _CAPITAL.sub(lambda m: f"_{m[1].lower()}", name)


@cache
def camel(name: str) -> str:
    """`customer_no` as `customerNo`; custom names stay."""
    return name if name.startswith("c_") else _UNDERSCORE.sub(lambda m: m[1].upper(), name)


def snaked(value: Mapping[str, Any]) -> JsonObject:
    """A document's own member names in snake_case; nested documents are given ready."""
    return {snake(name): item for name, item in value.items()}


def cameled(value: Mapping[str, Any]) -> JsonObject:
    """A document's own member names in camelCase."""
    return {camel(name): item for name, item in value.items()}


_READY = frozenset({str, bool, int, float, type(None)})


def plain(value: Any) -> Any:
    """JSON-ready: money as a number (the platform sends doubles), times as text, absent members left out."""
    kind = type(value)
    if kind in _READY:
        return value
    if kind is Decimal:
        return float(cents(value))
    if kind is dict:
        return {name: plain(item) for name, item in value.items() if item is not None}
    if kind is datetime:
        return moments.stamp(value)
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _price(net: Decimal, tax: Decimal, text: str) -> JsonObject:
    return {"basePrice": net, "netPrice": net, "grossPrice": net + tax, "tax": tax, "taxBasis": net, "itemText": text}


def _line(line: Line) -> JsonObject:
    adjustments = []
    if line.discount:
        adjustments = [
            {
                **_price(-line.discount, -cents(line.discount * line.tax_rate), "Promotion"),
                "priceAdjustmentId": f"{line.id}-A1",
                "promotionId": "promotion",
                "custom": False,
                "manual": False,
                "appliedDiscount": {"type": "amount", "amount": line.discount},
            }
        ]
    return {
        **_price(line.net, cents(line.net * line.tax_rate), line.name),
        "basePrice": line.price,
        "itemId": line.id,
        "productId": line.product_id,
        "productName": line.name,
        "quantity": line.quantity,
        "shipmentId": line.shipment_id,
        "position": line.position,
        "adjustedTax": line.tax,
        "priceAfterItemDiscount": line.after_discount,
        "priceAfterOrderDiscount": line.after_discount,
        "bonusProductLineItem": False,
        "gift": False,
        "taxRate": float(line.tax_rate),
        "priceAdjustments": adjustments,
        "externalLineItemStatus": line.external_status,
        "externalLineItemText": line.external_text,
        **shown(line.custom),
    }


def _shipment(order: Order, shipment: Shipment) -> JsonObject:
    lines = order.lines_of(shipment)
    products = sum((line.after_discount for line in lines), Decimal(0))
    tax = sum((line.tax for line in lines), Decimal(0))
    return {
        "shipmentId": shipment.id,
        "shipmentNo": shipment.number or "",
        "shippingMethod": {"id": shipment.method},
        "shippingAddress": shipment.address,
        "shippingStatus": shipment.status,
        "trackingNumber": shipment.tracking,
        "gift": False,
        "productSubTotal": products,
        "productTotal": products,
        "merchandizeTotalTax": tax,
        "adjustedMerchandizeTotalTax": tax,
        "shippingTotal": shipment.cost,
        "shippingTotalTax": shipment.tax,
        "adjustedShippingTotalTax": shipment.tax,
        "taxTotal": tax + shipment.tax,
        "shipmentTotal": products + shipment.cost + tax + shipment.tax,
        **shown(shipment.custom),
    }


def _authorization(payment: Payment) -> JsonObject:
    return {"code": payment.auth_code, "message": payment.auth_message, "status": payment.auth_status}


def _payment(payment: Payment) -> JsonObject:
    return {
        "paymentInstrumentId": payment.id,
        "paymentMethodId": payment.method,
        "paymentCard": payment.card or None,
        "maskedGiftCertificateCode": payment.gift_code,
        "paymentTransaction": {
            "amount": payment.amount,
            "transactionId": payment.transaction_id,
            "authorizationStatus": _authorization(payment),
            **shown(payment.transaction_custom),
        },
        **shown(payment.custom),
    }


def _totals(order: Order) -> JsonObject:
    return {
        "productSubTotal": order.products_net,
        "productTotal": order.products_net,
        "shippingTotal": order.shipping_net,
        "shippingTotalTax": order.shipping_tax,
        "adjustedShippingTotalTax": order.shipping_tax,
        "merchandizeTotalTax": order.products_tax,
        "adjustedMerchandizeTotalTax": order.products_tax,
        "taxTotal": order.tax,
        "orderTotal": order.total,
        "taxation": "net",
        "currency": order.currency,
    }


def _head(order: Order) -> JsonObject:
    return {
        "orderNo": order.number,
        "siteId": order.site,
        "status": order.status,
        "confirmationStatus": order.confirmation,
        "exportStatus": order.export,
        "paymentStatus": order.payment,
        "shippingStatus": order.shipping,
        "externalOrderStatus": order.external_status,
        "channelType": order.channel,
        "createdBy": order.created_by,
        "creationDate": order.created,
        "lastModified": order.modified,
        "billingAddress": order.billing,
    }


def _shipping_item(shipment: Shipment) -> JsonObject:
    return {
        **_price(shipment.cost, shipment.tax, "Shipping"),
        "itemId": f"{shipment.id}-S1",
        "shipmentId": shipment.id,
        "adjustedTax": shipment.tax,
        "priceAfterItemDiscount": shipment.cost,
        "taxRate": float(shipment.tax_rate),
        "type": "fixed_price",
    }


def scapi_order(order: Order) -> JsonObject:
    """An order of SCAPI Orders 1.5.2, whose statuses know neither `open` nor `replaced`."""
    body = {
        **_head(order),
        **_totals(order),
        "status": {"open": "new", "replaced": "cancelled"}.get(order.status, order.status),
        "businessType": "b2c",
        "customerInfo": {name: value for name, value in order.customer.items() if value != ""},
        "customerLocale": order.locale,
        "remoteHost": order.remote_host,
        "placeDate": order.placed,
        "invoiceNo": order.invoice,
        "cancelCode": order.cancel_code,
        "cancelDescription": order.cancel_text,
        "externalOrderNo": order.external_no,
        "externalOrderText": order.external_text,
        "couponItems": [_coupon(code, n) for n, code in enumerate(order.coupons)] or None,
        "productItems": [_line(line) for line in order.lines],
        "shipments": [_shipment(order, each) for each in order.shipments],
        "shippingItems": [_shipping_item(each) for each in order.shipments],
        "paymentInstruments": [_payment(each) for each in order.payments],
        **shown(order.custom),
    }
    found: JsonObject = plain(body)
    return found


def _coupon(code: str, number: int) -> JsonObject:
    return {"code": code, "couponItemId": f"coupon-{number}", "statusCode": "applied", "valid": True}


def ocapi_order(order: Order, base: str) -> JsonObject:
    """An order of OCAPI Shop: no place date, cancel code or transaction id, and notes only as a link."""
    customer = {name: value for name, value in order.customer.items() if name != "guest" and value != ""}
    body = {
        "_type": "order",
        "_resource_state": f"{order.number}-{order.revision}",
        **snaked(_head(order)),
        **snaked(_totals(order)),
        "billing_address": {"_type": "order_address", **snaked(order.billing)},
        "customer_name": order.customer.get("customerName"),
        "customer_info": {"_type": "customer_info", **snaked(customer)},
        "order_token": order.token,
        "coupon_items": [{"_type": "coupon_item", **snaked(_coupon(c, n))} for n, c in enumerate(order.coupons)]
        or None,
        "product_items": [_ocapi_line(line) for line in order.lines],
        "shipments": [_ocapi_shipment(order, each) for each in order.shipments],
        "shipping_items": [_ocapi_item("shipping_item", _shipping_item(each)) for each in order.shipments],
        "payment_instruments": [_ocapi_payment(each) for each in order.payments],
        "notes": {"_type": "simple_link", "link": f"{base}/orders/{order.number}/notes"},
        **shown(order.custom),
    }
    found: JsonObject = plain(body)
    return found


def _ocapi_item(kind: str, item: JsonObject) -> JsonObject:
    """OCAPI has one `price` where SCAPI has net and gross; with net taxation that is the net price."""
    body = snaked(item)
    body["price"] = body.pop("net_price")
    body.pop("gross_price")
    return {"_type": kind, **body}


def _ocapi_line(line: Line) -> JsonObject:
    body = _ocapi_item("product_item", _line(line))
    for name in ("position", "external_line_item_status", "external_line_item_text"):
        body.pop(name)
    body["price_adjustments"] = [
        {**_ocapi_item("price_adjustment", each), "applied_discount": {"_type": "discount", **each["appliedDiscount"]}}
        for each in body["price_adjustments"]
    ]
    return body


def _ocapi_shipment(order: Order, shipment: Shipment) -> JsonObject:
    body = snaked(_shipment(order, shipment))
    body["shipping_address"] = {"_type": "order_address", **snaked(shipment.address)}
    body["shipping_method"] = {"_type": "shipping_method", "id": shipment.method, "name": shipment.method}
    return {"_type": "shipment", **body}


def _ocapi_payment(payment: Payment) -> JsonObject:
    return {
        "_type": "order_payment_instrument",
        "payment_instrument_id": payment.id,
        "payment_method_id": payment.method,
        "amount": payment.amount,
        "authorization_status": {"_type": "status", **_authorization(payment)},
        "payment_card": {"_type": "payment_card", **snaked(payment.card)} if payment.card else None,
        "masked_gift_certificate_code": payment.gift_code,
        **shown(payment.custom),
    }


def note_document(note: Note) -> JsonObject:
    """An order note."""
    return {
        "_type": "note",
        "id": note.id,
        "created_by": note.by,
        "creation_date": moments.stamp(note.at),
        "subject": note.subject,
        "text": note.text,
    }
