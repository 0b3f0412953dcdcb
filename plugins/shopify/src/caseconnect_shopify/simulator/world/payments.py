"""Money of an order: transactions as the payment provider reports them, and refunds made by hand."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from . import money
from .records import Card, Order, Refund, RefundLine, Transaction
from .specs import Spec, SpecError, amount, choice, moment, only, whole

if TYPE_CHECKING:
    from .shop import Shop

KINDS = frozenset({"AUTHORIZATION", "SALE", "CAPTURE", "VOID", "REFUND", "CHANGE", "EMV_AUTHORIZATION"})
STATUSES = frozenset({"SUCCESS", "FAILURE", "ERROR", "PENDING", "AWAITING_RESPONSE", "UNKNOWN"})
CARD_KEYS = frozenset(f.name for f in fields(Card))
_KEYS_WORDS = """
    kind status amount gateway error_code message parent_id avs cvv card created_at authorization_expires_at
    manual
"""
KEYS = frozenset(_KEYS_WORDS.split())
AUTHORIZATION_DAYS = 7


def add(shop: Shop, order: Order, spec: Spec, *, emit: bool = True) -> Transaction:
    """Adds a transaction from the control API's JSON and emits `order_transactions/create`."""
    only(spec, KEYS, "The payment")
    kind = choice(spec.get("kind", "sale"), KINDS, "payment.kind")
    at = (
        moment(spec["created_at"], "payment.created_at")
        if spec.get("created_at")
        else max(order.created_at, shop.stamp())
    )
    card_spec = dict(only(spec.get("card") or {}, CARD_KEYS, "payment.card"))
    card_spec |= {k: spec[k] for k in ("avs", "cvv") if k in spec}
    status = choice(spec.get("status", "success"), STATUSES, "payment.status")
    code = spec.get("error_code")
    expires = None
    if kind == "AUTHORIZATION" and status == "SUCCESS":
        default = at + timedelta(days=AUTHORIZATION_DAYS)
        given = spec.get("authorization_expires_at")
        expires = moment(given, "payment.authorization_expires_at") if given else default
    made = Transaction(
        id=shop.next_id(),
        order_id=order.id,
        kind=kind,
        status=status,
        amount=amount(spec["amount"], "payment.amount") if "amount" in spec else _default_amount(order, kind),
        gateway=str(spec.get("gateway") or "shopify_payments"),
        created_at=at,
        test=order.test,
        error_code=str(code).upper() if code else None,
        message=spec.get("message") or ("Transaction declined" if code else None),
        parent_id=spec.get("parent_id") or _default_parent(order, kind),
        authorization=f"sim-{order.number}-{len(order.transactions) + 1}",
        authorization_expires_at=expires,
        payment_id=f"{order.name}.{len(order.transactions) + 1}",
        manual=bool(spec.get("manual", False)),
        card=None if spec.get("manual") else Card(**card_spec),
    )
    before = money.financial_status(order)
    order.transactions.append(made)
    if emit:
        shop.touch(order)
        shop.emit("order_transactions/create", made)
        if before != "PAID" and money.financial_status(order) == "PAID":
            shop.emit("orders/paid", order)
    return made


def refund(shop: Shop, order: Order, spec: Spec) -> Refund:
    """A refund by hand: `amount` moves money, `lines` {line id or sku: units} records goods."""
    only(spec, {"amount", "lines", "note", "restock"}, "The refund")
    back = amount(spec["amount"], "refund.amount") if "amount" in spec else None
    net = money.received(order) - money.refunded(order)
    if back is not None and not 0 < back <= net:
        raise SpecError(f"Refund amount ${back:.2f} is greater than net payment received ${net:.2f}")
    goods = []
    for key, units in dict(spec.get("lines") or {}).items():
        line = next((x for x in order.lines if str(x.id) == key or x.sku == key), None)
        if line is None or whole(units, "refund.lines", 1) > line.quantity - line.removed:
            raise SpecError("Quantity cannot refund more items than were purchased")
        goods.append(RefundLine(shop.next_id(), line, units, "RETURN" if spec.get("restock") else "NO_RESTOCK"))
    return give_back(shop, order, back, spec.get("note"), goods)


def give_back(shop: Shop, order: Order, back: Decimal | None, note: str | None, goods: list[RefundLine]) -> Refund:
    """Records a refund, moves the money (None for none) and emits `refunds/create` and the transaction."""
    made = Refund(shop.next_id(), order.id, shop.stamp(), note, goods)
    for line in goods:
        line.line.removed += line.quantity
    if back is not None:
        spec = {"kind": "refund", "amount": back}
        made.transactions.append(add(shop, order, spec, emit=False))
    order.refunds.append(made)
    shop.touch(order)
    shop.emit("refunds/create", made)
    for transaction in made.transactions:
        shop.emit("order_transactions/create", transaction)
    return made


def void(shop: Shop, order: Order) -> None:
    """Lets go of money that was only authorized."""
    for held in [t for t in order.transactions if t.kind == "AUTHORIZATION" and t.status == "SUCCESS"]:
        if money.capturable(order):
            spec = {"kind": "void", "amount": held.amount, "parent_id": held.id, "gateway": held.gateway}
            shop.emit("order_transactions/create", add(shop, order, spec, emit=False))


def _default_amount(order: Order, kind: str) -> Decimal:
    if kind == "REFUND":
        return money.received(order) - money.refunded(order)
    return money.capturable(order) if kind == "CAPTURE" else money.total(order)


def _default_parent(order: Order, kind: str) -> int | None:
    parents = {"CAPTURE": ("AUTHORIZATION",), "VOID": ("AUTHORIZATION",), "REFUND": ("SALE", "CAPTURE")}.get(kind, ())
    return next((t.id for t in order.transactions if t.kind in parents and t.status == "SUCCESS"), None)
