"""Orders as `order_search` sees them: the fields of OCAPI Shop, resource OrderSearch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caseconnect_sfcc.simulator.world import moments
from caseconnect_sfcc.simulator.world.attributes import Attribute
from caseconnect_sfcc.simulator.world.orders import Order
from caseconnect_sfcc.simulator.world.statuses import STATUSES, VALUES

from .fields import Field, Fields
from .index import Document

_TEXT = Field()
_TIME = Field("datetime")
_NUMBER = Field("number")
_PART = Field(sortable=False)

SYSTEM: Mapping[str, Field] = {
    **dict.fromkeys(("affiliate_partner_i_d", "affiliate_partner_name", "created_by", "currency_code"), _TEXT),
    **dict.fromkeys(("customer_email", "customer_name", "customer_no", "external_order_no"), _TEXT),
    **dict.fromkeys(("external_order_status", "global_party_id", "order_no", "original_order_no"), _TEXT),
    **dict.fromkeys(("replaced_order_no", "replacement_order_no", "business_type", "channel_type"), _TEXT),
    **dict.fromkeys(("creation_date", "last_modified", "export_after"), _TIME),
    **dict.fromkeys(("total_gross_price", "total_net_price"), _NUMBER),
    "status": Field("enum", STATUSES),
    "confirmation_status": Field("enum", VALUES["confirmation"]),
    "export_status": Field("enum", VALUES["export"]),
    "payment_status": Field("enum", VALUES["payment"]),
    "shipping_status": Field("enum", VALUES["shipping"]),
    "order.has_holds": Field("boolean", sortable=False),
    **dict.fromkeys(("holds.type", "coupon_line_items.coupon_code", "coupon_line_items.coupon_id"), _PART),
    **dict.fromkeys(("invoices.status", "order_items.status", "product_items.product_id"), _PART),
    **dict.fromkeys(("payment_instruments.credit_card_type", "payment_instruments.payment_method_id"), _PART),
    **dict.fromkeys(("return_cases.return_case_number", "shipments.shipping_method_id"), _PART),
    "shipping_orders.shipping_order_number": _PART,
}
"""The fields that the documentation lists; an order's own fields can be sorted by, those of its parts cannot."""

PATHS = frozenset(name.partition(".")[0] for name in SYSTEM if "." in name)


def order_fields(custom: Mapping[str, Attribute]) -> Fields:
    """The fields of `order_search`, given the custom attributes of orders."""
    return Fields(SYSTEM, custom, frozenset({"notes", "product_items", "shipments"}), PATHS)


def _present(value: Any) -> list[Any]:
    return [] if value is None or value == "" else [value]


def order_document(order: Order, custom: Mapping[str, Attribute]) -> Document:
    """An order as the index keeps it."""
    nested = {
        "product_items": [{"product_items.product_id": [line.product_id]} for line in order.lines],
        "payment_instruments": [
            {
                "payment_instruments.payment_method_id": [payment.method],
                "payment_instruments.credit_card_type": _present(payment.card.get("cardType")),
            }
            for payment in order.payments
        ],
        "shipments": [{"shipments.shipping_method_id": [shipment.method]} for shipment in order.shipments],
        "coupon_line_items": [{"coupon_line_items.coupon_code": [code]} for code in order.coupons],
        "holds": [{"holds.type": [hold]} for hold in order.holds],
    }
    values: dict[str, list[Any]] = {
        "order_no": [order.number],
        "status": [order.status],
        "confirmation_status": [order.confirmation],
        "export_status": [order.export],
        "payment_status": [order.payment],
        "shipping_status": [order.shipping],
        "creation_date": [order.created],
        "last_modified": [order.modified],
        "created_by": [order.created_by],
        "channel_type": [order.channel],
        "business_type": ["b2c"],
        "currency_code": [order.currency],
        "customer_email": _present(order.customer.get("email")),
        "customer_name": _present(order.customer.get("customerName")),
        "customer_no": _present(order.customer.get("customerNo")),
        "external_order_no": _present(order.external_no),
        "external_order_status": _present(order.external_status),
        "total_gross_price": [order.total],
        "total_net_price": [order.net],
        "order.has_holds": [bool(order.holds)],
        **{f"c_{name}": as_values(value, custom[name].kind) for name, value in order.custom.items() if name in custom},
    }
    for parts in nested.values():
        for part in parts:
            for name, found in part.items():
                values.setdefault(name, []).extend(found)
    return Document(values, nested)


def as_values(value: Any, kind: str) -> list[Any]:
    """A custom attribute's value as the index compares it: sets and localized texts are several values."""
    if isinstance(value, list):
        return [each for item in value for each in as_values(item, kind)]
    if isinstance(value, Mapping):
        return [each for item in value.values() for each in as_values(item, kind)]
    return _present(moments.parse(value)) if kind == "datetime" else [value]
