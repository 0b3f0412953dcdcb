"""All that can be written to an order, by whichever API: one function a kind of write, each with its effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import statuses
from .attributes import JsonObject, store
from .instance import Instance
from .orders import Note, Order, Payment, Shipment
from .refusals import Refused


def set_status(instance: Instance, order: Order, target: str, by: str) -> bool:
    """Change the order status, or refuse."""
    statuses.order_management(order, instance.order_management)

    def change() -> bool:
        return statuses.change(order, target, instance.now(), f"I-{order.number}")

    return instance.write_order(order, by, "order.status", change, {"from": order.status, "to": target})


def set_other_status(instance: Instance, order: Order, name: str, value: str, by: str) -> bool:
    """Change the confirmation, export, payment, shipping or external status; `name` is the attribute's."""
    before = getattr(order, name)

    def change() -> bool:
        setattr(order, name, value)
        return bool(before != value)

    return instance.write_order(order, by, f"order.{name}", change, {"from": before, "to": value})


def set_custom(instance: Instance, order: Order, values: Mapping[str, Any], by: str) -> bool:
    """Write `c_*` attributes of the order: each must be defined on Basket and on Order. `None` clears."""
    checked = instance.definitions.check(values, "Order", "Basket")
    return instance.write_order(order, by, "order.custom", lambda: store(order.custom, checked), checked)


def payment(order: Order, payment_id: str) -> Payment:
    """A payment instrument of an order, or a refusal."""
    for each in order.payments:
        if each.id == payment_id:
            return each
    text = f"No payment instrument with ID '{payment_id}' was found."
    raise Refused("payment-instrument-not-found", text, paymentInstrumentId=payment_id)


def set_payment_custom(
    instance: Instance, order: Order, found: Payment, values: Mapping[str, Any], by: str, *, transaction: bool
) -> bool:
    """Write `c_*` attributes of a payment instrument or of its transaction."""
    object_type = "PaymentTransaction" if transaction else "OrderPaymentInstrument"
    checked = instance.definitions.check(values, object_type)
    target = found.transaction_custom if transaction else found.custom
    args = {"payment": found.id, **checked}
    return instance.write_order(order, by, "order.payment_custom", lambda: store(target, checked), args)


def shipment(order: Order, shipment_id: str) -> Shipment:
    """A shipment of an order, or a refusal."""
    for each in order.shipments:
        if each.id == shipment_id:
            return each
    text = f"No shipment with ID '{shipment_id}' could be found."
    raise Refused("shipment-not-found", text, shipmentId=shipment_id)


def set_address(instance: Instance, order: Order, found: Shipment, address: JsonObject, by: str) -> bool:
    """Replace the shipping address of a shipment (SCAPI names)."""

    def change() -> bool:
        before, found.address = found.address, address
        return before != address

    return instance.write_order(order, by, "order.shipping_address", change, {"shipment": found.id})


def add_note(instance: Instance, order: Order, subject: str, text: str, by: str) -> Note:
    """Add a note. Repeating it adds another: the platform has no key for notes."""
    note = Note(instance.fresh_id("note"), by, instance.now(), subject, text)

    def change() -> bool:
        order.notes.append(note)
        return True

    instance.write_order(order, by, "order.note", change, {"subject": subject, "text": text})
    return note


def delete_note(instance: Instance, order: Order, note_id: str, by: str) -> None:
    """Delete a note, or refuse."""
    found = next((each for each in order.notes if each.id == note_id), None)
    if found is None:
        raise Refused("note-not-found", f"No note with ID '{note_id}' was found.", noteId=note_id)
    kept = found

    def change() -> bool:
        order.notes.remove(kept)
        return True

    instance.write_order(order, by, "order.note_delete", change, {"subject": kept.subject})
