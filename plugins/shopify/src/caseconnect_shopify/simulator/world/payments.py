"""Money of an order: transactions as the payment provider reports them, and refunds made by hand."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from . import balances, money, refunds, tenders
from .records import Card, Order, Refund, Transaction
from .specs import Spec, SpecError, amount, choice, moment, only, whole

if TYPE_CHECKING:
    from .shop import Shop

KINDS = frozenset({"AUTHORIZATION", "SALE", "CAPTURE", "VOID", "REFUND", "CHANGE", "EMV_AUTHORIZATION"})
STATUSES = frozenset({"SUCCESS", "FAILURE", "ERROR", "PENDING", "AWAITING_RESPONSE", "UNKNOWN"})
CARD_KEYS = frozenset(f.name for f in fields(Card))
_KEYS_WORDS = """
    kind status amount gateway error_code message parent_id avs cvv card created_at authorization_expires_at
    manual gift_card presentment_amount
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
    gateway = str(spec.get("gateway") or "shopify_payments")
    plain = spec.get("manual") or gateway in tenders.LAST
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
        gateway=gateway,
        created_at=at,
        test=order.test,
        error_code=str(code).upper() if code else None,
        message=spec.get("message") or ("Transaction declined" if code else None),
        parent_id=spec.get("parent_id") or _default_parent(order, kind),
        authorization=f"sim-{order.number}-{len(order.transactions) + 1}",
        authorization_expires_at=expires,
        payment_id=f"{order.name}.{len(order.transactions) + 1}",
        manual=bool(spec.get("manual", False)),
        card=None if plain else Card(**card_spec),
        presentment=amount(spec["presentment_amount"], "payment.presentment_amount")
        if "presentment_amount" in spec
        else None,
    )
    if kind == "SALE" and status == "SUCCESS":
        balances.spend(shop, order.customer, made, spec.get("gift_card"))
    before = money.financial_status(order)
    order.transactions.append(made)
    if emit:
        shop.touch(order)
        shop.emit("order_transactions/create", made)
        if before != "PAID" and money.financial_status(order) == "PAID":
            shop.emit("orders/paid", order)
    return made


def refund(shop: Shop, order: Order, spec: Spec) -> Refund:
    """A refund by hand in the admin: `amount` (the shop's money) moves money, `lines` {line id or sku: units} goods."""
    only(spec, {"amount", "lines", "note", "restock", "shipping"}, "The refund")
    planned = refunds.Plan(note=spec.get("note"), shipping=amount(spec.get("shipping", "0"), "refund.shipping"))
    for key, units in dict(spec.get("lines") or {}).items():
        line = next((x for x in order.lines if str(x.id) == key or x.sku == key), None)
        if line is None or whole(units, "refund.lines", 1) > line.quantity - line.removed:
            raise SpecError("Quantity cannot refund more items than were purchased")
        planned.lines.append((line, units, "RETURN" if spec.get("restock") else "NO_RESTOCK"))
    if "amount" in spec:
        back = amount(spec["amount"], "refund.amount")
        net = money.received(order) - money.returning(order)
        if not 0 < back <= net:
            raise SpecError(f"Refund amount ${back:.2f} is greater than net payment received ${net:.2f}")
        planned.moves = moves(order, back)
    return refunds.make(shop, order, planned)


def moves(order: Order, back: Decimal) -> list[refunds.Move]:
    """An amount of the shop's money, to go back the way it came."""
    rest = money.received(order) - money.returning(order)
    seen = money.net_seen(order) if back == rest else money.in_presentment(order, back)
    return [refunds.Move(s.amount, s.parent) for s in tenders.allocate(order, seen) if s.amount]


def void(shop: Shop, order: Order) -> None:
    """Lets go of money that was only authorized."""
    for held in [t for t in order.transactions if t.kind == "AUTHORIZATION" and t.status == "SUCCESS"]:
        if money.capturable(order):
            spec = {"kind": "void", "amount": held.amount, "parent_id": held.id, "gateway": held.gateway}
            shop.emit("order_transactions/create", add(shop, order, spec, emit=False))


def _default_amount(order: Order, kind: str) -> Decimal:
    if kind == "REFUND":
        return money.received(order) - money.returning(order)
    if kind == "CAPTURE":
        return money.capturable(order)
    return money.total(order) - money.received(order) or money.total(order)


def _default_parent(order: Order, kind: str) -> int | None:
    parents = {"CAPTURE": ("AUTHORIZATION",), "VOID": ("AUTHORIZATION",), "REFUND": ("SALE", "CAPTURE")}.get(kind, ())
    return next((t.id for t in order.transactions if t.kind in parents and t.status == "SUCCESS"), None)
