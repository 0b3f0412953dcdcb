"""What happens in a shop without any API: orders in every kind of trouble, shoppers' requests, feeds, warehouse work.

The situations are those that the fields of an order can show (payment failure, fraud review, address mismatch, …).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .world import moments, order_writes, statuses
from .world.attributes import JsonObject, store
from .world.catalog import KINDS, ContentAsset, Product
from .world.catalog_writes import switch
from .world.customer_writes import WRITABLE, add_customer
from .world.instance import Instance
from .world.making import amount
from .world.orders import Order
from .world.people import Customer
from .world.refusals import SpecError
from .world.standard import REQUESTS

MERCHANT = "merchant"

_FAR = {"address1": "8 Harbour Road", "city": "Portland", "stateCode": "OR", "postalCode": "97201"}
_TWO = [{"id": "me"}, {"id": "second", "method": "Express"}]
_TWO_LINES = [{"shipment": "me"}, {"product_id": "sku-2", "price": "49.00", "shipment": "second"}]
_SENT = {"status": "shipped", "tracking": "1Z999AA10123456784"}
_PAID = {"payment": "paid", "export": "exported"}

SITUATIONS: Mapping[str, Mapping[str, Any]] = {
    "normal": {},
    "payment_failed": {
        "status": "failed",
        "confirmation": "not_confirmed",
        "export": "not_exported",
        "payments": [{"auth_status": 1, "auth_code": "DECLINED", "auth_message": "Card declined"}],
    },
    "payment_stuck": {"status": "created", "confirmation": "not_confirmed", "export": "not_exported"},
    "not_paid": {"age_seconds": 7200},
    "fraud_review": {
        "confirmation": "not_confirmed",
        "export": "not_exported",
        "custom": {"SignifydCaseID": "700001", "SignifydFraudScore": 112, "SignifydPolicy": "hold", "onHold": True},
    },
    "fraud_declined": {
        "confirmation": "not_confirmed",
        "export": "not_exported",
        "custom": {"SignifydFraudScore": 20, "SignifydGuaranteeDisposition": "declined", "SignifydPolicy": "reject"},
    },
    "address_mismatch": {
        "shipments": [{"address": _FAR}],
        "payments": [{"transaction_custom": {"avsResult": "N"}}],
    },
    "high_value": {"lines": [{"price": "4999.00", "quantity": 2}]},
    "exported": _PAID,
    "part_shipped": {
        **_PAID,
        "shipping": "part_shipped",
        "shipments": [{**_TWO[0], **_SENT}, _TWO[1]],
        "lines": _TWO_LINES,
    },
    "split": {**_PAID, "shipments": _TWO, "lines": _TWO_LINES},
    "delayed": {**_PAID, "age_seconds": 5 * 86400},
    "unconfirmed_shipment": {**_PAID, "shipping": "shipped", "age_seconds": 2 * 86400},
    "shipped": {**_PAID, "shipping": "shipped", "status": "completed", "shipments": [_SENT]},
    "export_failed": {"export": "failed", "payment": "paid"},
    "gift_and_card": {
        "payments": [
            {"method": "GIFT_CERTIFICATE", "amount": "30.00", "gift_code": "************7QX2"},
            {"amount": "80.24"},
        ]
    },
    "null_in_note": {"custom": {"orderNote": "left at the\u0000door"}},
}
"""Orders by what is wrong with them: overlays of a specification for `Instance.add_order`."""


def create_order(instance: Instance, spec: Mapping[str, Any]) -> Order:
    """An order made by a shopper; `situation` fills in what the specification does not say."""
    situation = str(spec.get("situation", "normal"))
    if situation not in SITUATIONS:
        raise SpecError(f"order.situation: no {situation!r}. Allowed: {', '.join(SITUATIONS)}.")
    given = {name: value for name, value in spec.items() if name not in {"situation", "instance"}}
    order = instance.add_order({**SITUATIONS[situation], **given})
    for line in order.lines:
        if line.product_id not in instance.products:
            create_product(instance, {"id": line.product_id, "name": line.name, "price": str(line.price)})
    return order


Spec = Mapping[str, Any]


def _ship(instance: Instance, order: Order, spec: Spec) -> None:
    """The warehouse ships: one shipment or all, with or without a tracking number."""

    def change() -> bool:
        for shipment in order.shipments:
            if spec.get("shipment", shipment.id) == shipment.id:
                if not spec.get("unconfirmed"):
                    shipment.status = "shipped"
                shipment.tracking = spec.get("tracking", shipment.tracking)
        sent = [shipment.status == "shipped" for shipment in order.shipments]
        order.shipping = "shipped" if all(sent) or spec.get("unconfirmed") else "part_shipped"
        return True

    instance.write_order(order, "warehouse", "order.ship", change, dict(spec))


def _status(instance: Instance, order: Order, spec: Spec) -> None:
    for name, value in spec.items():
        if name == "status":
            order_writes.set_status(instance, order, str(value), MERCHANT)
        elif value in statuses.VALUES.get(name, ()):
            order_writes.set_other_status(instance, order, name, str(value), MERCHANT)
        else:
            raise SpecError(f"status: no {name}={value!r}. Names: status, {', '.join(statuses.VALUES)}.")


def _export(instance: Instance, order: Order, spec: Spec) -> None:
    """The export job: takes placed orders that are ready; `fails` leaves them failed."""
    if not order.is_placed or order.export != "ready":
        raise SpecError(f"order {order.number}: only a placed order that is ready is exported.")
    value = "failed" if spec.get("fails") else "exported"
    order_writes.set_other_status(instance, order, "export", value, "export-job")


def _custom(instance: Instance, order: Order, spec: Spec) -> None:
    order_writes.set_custom(instance, order, {f"c_{name}": value for name, value in spec.items()}, MERCHANT)


def _note(instance: Instance, order: Order, spec: Spec) -> None:
    order_writes.add_note(instance, order, str(spec.get("subject", "")), str(spec.get("text", "")), MERCHANT)


def _touch(instance: Instance, order: Order, spec: Spec) -> None:
    instance.write_order(order, MERCHANT, "order.touch", lambda: False, dict(spec))


def _lock(instance: Instance, order: Order, spec: Spec) -> None:
    """The next writes meet a concurrent one."""
    order.locked = int(spec.get("times", 1))
    instance.note(MERCHANT, "order.lock", order.number, {"times": order.locked}, changed=False)


def _refuse(instance: Instance, order: Order, spec: Spec) -> None:
    """Let a transition fail from now on: place, cancel, undo-cancel, undo-fail (no inventory left, for example)."""
    order.refuses.add(str(spec.get("transition")))
    instance.note(MERCHANT, "order.refuse", order.number, dict(spec), changed=False)


def _hold(instance: Instance, order: Order, spec: Spec) -> None:
    def change() -> bool:
        order.holds.append(str(spec.get("type", "fraud")))
        return True

    instance.write_order(order, MERCHANT, "order.hold", change, dict(spec))


def _line(instance: Instance, order: Order, spec: Spec) -> None:
    """The warehouse or an order feed marks a line: external status and text."""
    wanted = [line for line in order.lines if line.id == spec.get("line", order.lines[0].id)]
    if not wanted:
        raise SpecError(f"order {order.number}: no line {spec.get('line')!r}.")

    def change() -> bool:
        wanted[0].external_status = spec.get("status")
        wanted[0].external_text = spec.get("text")
        return True

    instance.write_order(order, "order-feed", "order.line", change, dict(spec))


def _payment(instance: Instance, order: Order, spec: Spec) -> None:
    """The payment provider answers: authorization status 0, 1 or 2, code and message."""

    def change() -> bool:
        found = order.payments[0]
        found.auth_status = int(spec.get("auth_status", 0))
        found.auth_code = str(spec.get("auth_code", found.auth_code))
        found.auth_message = str(spec.get("auth_message", ""))
        return True

    instance.write_order(order, "payment-provider", "order.authorization", change, dict(spec))


ACTIONS: Mapping[str, Callable[[Instance, Order, Spec], None]] = {
    "status": _status,
    "ship": _ship,
    "export": _export,
    "custom": _custom,
    "note": _note,
    "touch": _touch,
    "lock": _lock,
    "refuse": _refuse,
    "hold": _hold,
    "line": _line,
    "payment": _payment,
}
"""What can happen to an order without any API."""


def hand_in(instance: Instance, kind: str, spec: Spec) -> JsonObject:
    """A shopper sends a form of the storefront: return, complaint, claim or dispute become a custom object."""
    if kind not in REQUESTS:
        raise SpecError(f"request: no {kind!r}. Allowed: {', '.join(REQUESTS)}.")
    object_type = REQUESTS[kind]
    site = str(spec.get("site", instance.settings.sites[0]))
    key = str(spec.get("key") or f"{kind[0].upper()}-{instance.fresh_id(kind, 8)}")
    given = {name: value for name, value in spec.items() if name not in {"site", "key", "instance"}}
    values = instance.definitions.check({"c_status": "new", **{f"c_{n}": v for n, v in given.items()}}, object_type)
    instance.put_object(object_type, key, site, values, "shopper")
    return {"object_type": object_type, "key": key, "site": site}


_PRODUCT = frozenset(
    {"id", "name", "kind", "master", "members", "categories", "price", "online_flag", "searchable", "catalog", "stock"}
    | {"custom"}
)


def create_product(instance: Instance, spec: Spec) -> Product:
    """A product; `members` are products that exist, `master` makes it a variant."""
    unknown = set(spec) - _PRODUCT - {"instance"}
    if unknown or "id" not in spec or spec.get("kind", "item") not in KINDS:
        raise SpecError(f"product: needs an id; kinds: {', '.join(KINDS)}; allowed: {', '.join(sorted(_PRODUCT))}.")
    now = instance.now()
    master = spec.get("master")
    made = Product(
        str(spec["id"]), now, now, kind=str(spec.get("kind", "variant" if master else "item")), master=master
    )
    made.members = [instance.product(str(each)).id for each in spec.get("members", [])]
    made.price = amount(spec.get("price", "99.00"), "product.price")
    made.texts["name"] = {"default": str(spec.get("name", made.id))}
    made.online_flag.update(spec.get("online_flag", {}))
    made.searchable.update(spec.get("searchable", {}))
    made.categories = [str(each) for each in spec.get("categories", [])]
    made.catalog = str(spec.get("catalog", made.catalog))
    made.stock = int(spec.get("stock", made.stock))
    store(made.custom, spec.get("custom", {}))
    if master:
        instance.product(str(master)).members.append(made.id)
    instance.products[made.id] = made
    instance.note(MERCHANT, "product.create", made.id)
    return made


def create_customer(instance: Instance, spec: Spec) -> Customer:
    """A registered customer; members of a profile have SCAPI names, `custom` has attributes without `c_`."""
    number = str(spec.get("number") or instance.fresh_id("number", 8))
    profile = {name: value for name, value in spec.items() if name in WRITABLE}
    list_id = str(spec.get("list", instance.settings.sites[0]))
    made = add_customer(instance, list_id, number, {"lastName": "Shopper", **profile}, "shopper")
    made.id = str(spec.get("id", made.id))
    store(made.custom, spec.get("custom", {}))
    now = moments.stamp(instance.now())
    for index, address in enumerate(spec.get("addresses", []), 1):
        kept = {"addressId": f"address-{index}", "lastName": "Shopper", "countryCode": "US", **address}
        made.addresses.append({**kept, "creationDate": now, "lastModified": now, "etag": instance.fresh_id("etag")})
    made.payments = list(spec.get("payments", []))
    return made


def import_feed(instance: Instance, products: Mapping[str, Mapping[str, bool]]) -> int:
    """A catalog import that sets online flags, whoever switched them off before; tells how many products it touched."""
    touched = 0
    for product_id, flags in products.items():
        found = instance.product(product_id)
        for key, online in flags.items():
            switch(instance, found, key, bool(online), "import")
        touched += 1
    return touched


def create_content(instance: Instance, spec: Spec) -> ContentAsset:
    """A content asset that the merchant made."""
    now = instance.now()
    library = str(spec.get("library", instance.settings.sites[0]))
    made = ContentAsset(str(spec["id"]), library, now, now)
    made.texts["name"] = {"default": str(spec.get("name", made.id))}
    store(made.custom, spec.get("custom", {}))
    instance.content[library, made.id] = made
    return made
