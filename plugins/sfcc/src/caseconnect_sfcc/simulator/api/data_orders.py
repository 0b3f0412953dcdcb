"""OCAPI Data 25.6, orders: write-only. All succeed with 204."""

from __future__ import annotations

from caseconnect_sfcc.simulator.world import order_writes
from caseconnect_sfcc.simulator.world.orders import Order
from caseconnect_sfcc.simulator.world.statuses import ORDER_TARGETS, VALUES

from . import bodies
from .calls import NO_CONTENT, Answer, Call
from .ocapi import DATA, check_state
from .scapi_orders import ADDRESS, address
from .shapes import cameled, snake

PATH = "/sites/{site_id}/orders/{order_no}"


def _order(call: Call) -> Order:
    site = call.instance.check_site(call.path["site_id"])
    order = call.instance.order(site, call.path["order_no"])
    check_state(call, order.revision, order.number)
    return order


@DATA.add("PATCH", PATH, "data.patchOrder")
def patch_order(call: Call) -> Answer:
    """Custom attributes only."""
    order = _order(call)
    order_writes.set_custom(call.instance, order, bodies.custom_only(call.document(), "order_update_request"), call.who)
    return NO_CONTENT


@DATA.add("PUT", f"{PATH}/status", "data.putOrderStatus")
def put_status(call: Call) -> Answer:
    """The order status."""
    order = _order(call)
    body, _ = bodies.split(call.document(), ("status",), "order_status_update_request")
    target = bodies.one_of(body, "status", ORDER_TARGETS, "order_status_update_request")
    order_writes.set_status(call.instance, order, target, call.who)
    return NO_CONTENT


def _status_operation(name: str) -> None:
    where = f"order_{name}_status_update_request"

    @DATA.add("PUT", f"{PATH}/{name}_status", f"data.putOrder{name.title()}Status")
    def put(call: Call) -> Answer:
        order = _order(call)
        body, _ = bodies.split(call.document(), ("status",), where)
        value = bodies.one_of(body, "status", VALUES[name], where)
        order_writes.set_other_status(call.instance, order, name, value, call.who)
        return NO_CONTENT


for _name in VALUES:
    _status_operation(_name)


@DATA.add("PUT", f"{PATH}/external_status", "data.putOrderExternalStatus")
def put_external(call: Call) -> Answer:
    """A free text of 1 to 256 characters."""
    order = _order(call)
    body, _ = bodies.split(call.document(), ("status",), "order_external_status_update_request")
    value = bodies.text(body.get("status"), "$.status", 256, shortest=1)
    order_writes.set_other_status(call.instance, order, "external_status", value, call.who)
    return NO_CONTENT


@DATA.add("PATCH", f"{PATH}/payment_instruments/{{payment_instrument_id}}", "data.patchOrderPayment")
def patch_payment(call: Call) -> Answer:
    """Custom attributes of a payment instrument."""
    return _patch_payment(call, transaction=False)


@DATA.add("PATCH", f"{PATH}/payment_instruments/{{payment_instrument_id}}/transaction", "data.patchOrderTransaction")
def patch_transaction(call: Call) -> Answer:
    """Custom attributes of a payment transaction."""
    return _patch_payment(call, transaction=True)


def _patch_payment(call: Call, *, transaction: bool) -> Answer:
    order = _order(call)
    found = order_writes.payment(order, call.path["payment_instrument_id"])
    values = bodies.custom_only(call.document(), "payment_update_request")
    order_writes.set_payment_custom(call.instance, order, found, values, call.who, transaction=transaction)
    return NO_CONTENT


@DATA.add("PUT", f"{PATH}/shipments/{{shipment_id}}/shipping_address", "data.putOrderShippingAddress")
def put_address(call: Call) -> Answer:
    """Replace a shipment's address."""
    order = _order(call)
    found = order_writes.shipment(order, call.path["shipment_id"])
    allowed = [snake(name) for name in ADDRESS]
    known, custom = bodies.split(call.document(), allowed, "shipping_address_update_request")
    checked = call.instance.definitions.check(custom, "OrderAddress")
    order_writes.set_address(call.instance, order, found, {**address(cameled(known)), **checked}, call.who)
    return NO_CONTENT
