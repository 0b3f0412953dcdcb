"""Scenario calls that make and change orders, as customers, payment providers and staff would."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import catalogue, disputes, fulfilment, money, payments
from .records import ZERO, Address, Assessment, Customer, Line, Order
from .specs import Spec, SpecError, amount, choice, moment, only, records, whole

if TYPE_CHECKING:
    from .shop import Shop

ADDRESS_KEYS = frozenset(f.name for f in fields(Address)) - {"id"}
LINE_KEYS = frozenset(f.name for f in fields(Line)) - {"id", "order_id", "removed", "fulfilled"}
_CUSTOMER_KEYS_WORDS = """
    id email first_name last_name phone note tags verified_email state orders_count total_spent created_at
    address
"""
CUSTOMER_KEYS = frozenset(_CUSTOMER_KEYS_WORDS.split())
_ORDER_KEYS_WORDS = """
    id disputes name lines customer email phone shipping_address billing_address shipping shipping_title tax discounts
    payment risk test channel currency presentment created_at note tags attributes client_ip po_number
    company payment_terms delivery fulfill_at split emit
"""
ORDER_KEYS = frozenset(_ORDER_KEYS_WORDS.split())
LEVELS = frozenset({"HIGH", "MEDIUM", "LOW", "NONE", "PENDING"})
RECOMMENDATIONS = frozenset({"ACCEPT", "CANCEL", "INVESTIGATE", "NONE"})
DELIVERIES = frozenset({"LOCAL", "NONE", "PICKUP_POINT", "PICK_UP", "RETAIL", "SHIPPING"})
ADVICE = {"HIGH": "CANCEL", "MEDIUM": "INVESTIGATE", "LOW": "ACCEPT"}


def create(shop: Shop, spec: Spec) -> Order:
    """Makes an order from the control API's JSON and emits what Shopify would (unless `emit` is false)."""
    only(spec, ORDER_KEYS, "The order")
    order_id = whole(spec["id"], "id", 1) if spec.get("id") is not None else shop.next_id()
    if order_id in shop.orders:
        raise SpecError(f"There is already an order {order_id}.")
    lines = [_line(shop, s, n, order_id) for n, s in enumerate(records(spec.get("lines"), "lines"), 1)]
    if not lines:
        raise SpecError(
            'The order needs at least one line, for example {"lines": [{"title": "Mug", "price": "20.00"}]}.'
        )
    at = moment(spec["created_at"], "created_at") if spec.get("created_at") else shop.stamp()
    presentment = only(spec.get("presentment") or {}, {"currency", "rate"}, "presentment")
    number = shop.next_number()
    currency = str(spec.get("currency") or shop.currency)
    buyer = customer(shop, spec["customer"]) if spec.get("customer") else None
    shipping = address(shop, spec["shipping_address"]) if spec.get("shipping_address") else None
    billing = address(shop, spec["billing_address"]) if spec.get("billing_address") else shipping
    order = Order(
        id=order_id,
        number=number,
        name=str(spec.get("name") or f"#{number}"),
        created_at=at,
        updated_at=at,
        processed_at=at,
        currency=currency,
        presentment_currency=str(presentment.get("currency") or currency),
        presentment_rate=amount(presentment.get("rate", "1"), "presentment.rate"),
        lines=lines,
        shipping=amount(spec.get("shipping", "0"), "shipping"),
        shipping_title=str(spec.get("shipping_title") or "Standard"),
        tax=amount(spec.get("tax", "0"), "tax"),
        customer=buyer,
        email=spec.get("email") or (buyer.email if buyer else None),
        phone=spec.get("phone") or (buyer.phone if buyer else None),
        note=spec.get("note"),
        po_number=spec.get("po_number"),
        company=spec.get("company"),
        payment_terms=_terms(spec["payment_terms"]) if spec.get("payment_terms") else None,
        delivery=choice(spec.get("delivery", "shipping"), DELIVERIES, "delivery"),
        tags=[str(t) for t in records(spec.get("tags"), "tags")],
        attributes=[(str(k), str(v)) for k, v in (spec.get("attributes") or {}).items()],
        discount_codes=[_discount(d) for d in records(spec.get("discounts"), "discounts")],
        source_name=str(spec.get("channel") or "web"),
        client_ip=spec.get("client_ip"),
        test=bool(spec.get("test", False)),
        billing=billing,
        shipping_address=shipping,
    )
    shop.orders[order.id] = order
    if buyer:
        buyer.order_ids.append(order.id)
    for dispute in records(spec.get("disputes"), "disputes"):
        disputes.add(shop, order, dispute)
    _fulfillment_orders(shop, order, spec)
    made = [payments.add(shop, order, p, emit=False) for p in records(spec.get("payment"), "payment")]
    assessed = [_assess(shop, order, r) for r in records(spec.get("risk"), "risk")]
    if spec.get("emit", True):
        shop.touch(order, "orders/create")
        for transaction in made:
            shop.emit("order_transactions/create", transaction)
        if order.transactions and money.financial_status(order) == "PAID":
            shop.emit("orders/paid", order)
        for assessment in assessed:
            shop.emit("orders/risk_assessment_changed", (order, assessment))
    else:
        shop.index.put(order, shop.now())
    return order


def address(shop: Shop, spec: Any) -> Address:
    """An address from JSON."""
    only(spec, ADDRESS_KEYS, "The address")
    return Address(id=shop.next_id(), **spec)


def assess(shop: Shop, order: Order, spec: Spec) -> Assessment:
    """Adds a risk assessment (a provider's newer one replaces its older) and emits `orders/risk_assessment_changed`."""
    assessment = _assess(shop, order, spec)
    shop.touch(order)
    shop.emit("orders/risk_assessment_changed", (order, assessment))
    return assessment


def edit(shop: Shop, order: Order, spec: Spec) -> Order:
    """Changes an order as staff would: its note, tags, addresses, e-mail; `add` lines, `remove` {line id: units}."""
    allowed = {
        "note",
        "tags",
        "shipping_address",
        "billing_address",
        "email",
        "phone",
        "add",
        "remove",
        "return_status",
    }
    only(spec, allowed, "The edit")
    for key in ("note", "email", "phone"):
        if key in spec:
            setattr(order, key, spec[key])
    if "tags" in spec:
        order.tags = [str(t) for t in records(spec["tags"], "tags")]
    if "return_status" in spec:
        order.return_status = str(spec["return_status"]).upper()
    for key, name in (("shipping_address", "shipping_address"), ("billing_address", "billing")):
        if spec.get(key):
            setattr(order, name, address(shop, spec[key]))
    added = [_line(shop, s, n, order.id) for n, s in enumerate(records(spec.get("add"), "add"), 1)]
    if added:
        order.lines += added
        fulfilment.new_order(shop, order, [x for x in added if x.requires_shipping])
    removed = _remove(shop, order, spec.get("remove") or {})
    if added or removed:
        order.edited = True
        shop.emit("orders/edited", edit_body(shop, order, added, removed))
    shop.touch(order)
    return order


def _remove(shop: Shop, order: Order, wanted: Spec) -> list[tuple[Line, int]]:
    removed = []
    for key, units in wanted.items():
        line = next((x for x in order.lines if str(x.id) == str(key) or x.sku == key), None)
        if line is None or whole(units, "remove", 1) > line.open:
            raise SpecError(f"Order {order.name} has not {units} units of line {key!r} to remove.")
        line.removed += units
        removed.append((line, units))
        fulfilment.withdraw(shop, order, line, units)
    return removed


def edit_body(
    shop: Shop,
    order: Order,
    added: list[Line],
    removed: list[tuple[Line, int]],
    *,
    note: str = "",
    notify: bool = False,
) -> dict[str, Any]:
    """`orders/edited`: the differences, not the order."""
    stamp = shop.stamp().astimezone(shop.zone).isoformat()
    nothing: dict[str, list[Any]] = {"additions": [], "removals": []}
    lines = {
        "additions": [{"id": x.id, "delta": x.quantity} for x in added],
        "removals": [{"id": x.id, "delta": n} for x, n in removed],
    }
    body: dict[str, Any] = {
        "id": shop.next_id(),
        "app_id": None,
        "created_at": stamp,
        "committed_at": stamp,
        "notify_customer": notify,
    }
    body |= {"order_id": order.id, "staff_note": note, "user_id": None, "line_items": lines}
    return {"order_edit": body | {"discounts": {"line_item": nothing}, "shipping_lines": nothing}}


def _line(shop: Shop, spec: Any, place: int, order_id: int) -> Line:
    where = f"lines[{place}]"
    only(spec, LINE_KEYS, where)
    if "title" not in spec or "price" not in spec:
        raise SpecError(f'{where} needs "title" and "price".')
    if spec.get("sku"):
        # A SKU is the same product in every order, as in a catalogue; a line without one is custom.
        product = catalogue.product_of(str(spec["sku"]))
        spec = {"product_id": product, "variant_id": product + 1, **spec}
    rest = {k: v for k, v in spec.items() if k not in {"title", "price", "quantity", "discount", "attributes"}}
    made = Line(
        id=shop.next_id(),
        order_id=order_id,
        title=str(spec["title"]),
        price=amount(spec["price"], f"{where}.price"),
        quantity=whole(spec.get("quantity", 1), f"{where}.quantity", 1),
        discount=amount(spec.get("discount", "0"), f"{where}.discount"),
        attributes=[(str(k), str(v)) for k, v in (spec.get("attributes") or {}).items()],
        **rest,
    )
    catalogue.learn(shop, made)
    return made


def _terms(spec: Any) -> tuple[str, str, int | None]:
    only(spec, {"name", "type", "days"}, "payment_terms")
    kind = choice(spec.get("type", "net"), {"FIXED", "FULFILLMENT", "NET", "RECEIPT"}, "payment_terms.type")
    return str(spec.get("name", kind.title())), kind, spec.get("days")


def _discount(spec: Any) -> tuple[str, Decimal]:
    only(spec, {"code", "amount"}, "discounts")
    return str(spec.get("code", "")), amount(spec.get("amount", "0"), "discounts.amount")


def customer(shop: Shop, spec: Any) -> Customer:
    """The customer with this id or e-mail, made when there is none; given values are taken over."""
    only(spec, CUSTOMER_KEYS, "The customer")
    wanted, email = spec.get("id"), spec.get("email")
    found = shop.customers.get(wanted) if wanted is not None else shop.customer_by_email(email)
    if found is None:
        at = moment(spec["created_at"], "customer.created_at") if spec.get("created_at") else shop.stamp()
        found = Customer(id=int(wanted) if wanted is not None else shop.next_id(), created_at=at, updated_at=at)
        shop.customers[found.id] = found
    for key in ("email", "first_name", "last_name", "phone", "note", "verified_email", "state"):
        if key in spec:
            setattr(found, key, spec[key])
    if "tags" in spec:
        found.tags = [str(t) for t in records(spec["tags"], "customer.tags")]
    if "orders_count" in spec:
        found.prior_orders = whole(spec["orders_count"], "customer.orders_count")
    if "total_spent" in spec:
        found.prior_spent = amount(spec["total_spent"], "customer.total_spent")
    if spec.get("address"):
        found.addresses = [address(shop, spec["address"])]
    shop.note_email(found)
    return found


def _fulfillment_orders(shop: Shop, order: Order, spec: Spec) -> None:
    """One fulfilment order for all that is shipped, or one for each line when `split` is set."""
    shipped = [line for line in order.lines if line.requires_shipping]
    groups = [[line] for line in shipped] if spec.get("split") else [shipped] if shipped else []
    for group in groups:
        made = fulfilment.new_order(shop, order, group)
        if made and spec.get("fulfill_at"):
            made.fulfill_at = moment(spec["fulfill_at"], "fulfill_at")
            made.status = "SCHEDULED" if made.fulfill_at > shop.now() else "OPEN"


def _assess(shop: Shop, order: Order, spec: Any) -> Assessment:
    only(spec, {"level", "recommendation", "facts", "provider", "provider_id"}, "The risk")
    level = choice(spec.get("level", "none"), LEVELS, "risk.level")
    title = spec.get("provider")
    facts = []
    for fact in records(spec.get("facts"), "risk.facts"):
        if isinstance(fact, str):
            fact = {"description": fact, "sentiment": "NEGATIVE" if level in {"HIGH", "MEDIUM"} else "POSITIVE"}
        only(fact, {"description", "sentiment"}, "risk.facts")
        facts.append((str(fact.get("description", "")), str(fact.get("sentiment", "NEUTRAL")).upper()))
    made = Assessment(level, facts, shop.stamp(), spec.get("provider_id") or (1 if title else None), title)
    order.assessments = [a for a in order.assessments if a.provider_title != title] + [made]
    advice = spec.get("recommendation") or ADVICE.get(level, "NONE")
    order.recommendation = choice(advice, RECOMMENDATIONS, "risk.recommendation")
    return made


def spent(shop: Shop, customer: Customer) -> tuple[int, Decimal]:
    """How many orders a customer has made and what they have cost, with the history before this shop's orders."""
    own = [shop.orders[i] for i in customer.order_ids]
    paid = sum((money.received(o) - money.refunded(o) for o in own if not o.test), ZERO)
    return customer.prior_orders + len(own), customer.prior_spent + paid
