"""Chargebacks and inquiries of Shopify Payments: opened by banks, answered with evidence, decided."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from . import money
from .aftersale import Dispute
from .records import Order
from .specs import Spec, SpecError, amount, choice, moment, only

if TYPE_CHECKING:
    from .shop import Shop

STATUSES = frozenset({"ACCEPTED", "LOST", "NEEDS_RESPONSE", "PREVENTED", "UNDER_REVIEW", "WON"})
FINAL = frozenset({"ACCEPTED", "LOST", "WON", "PREVENTED"})
_REASONS_WORDS = """
    BANK_CANNOT_PROCESS CREDIT_NOT_PROCESSED CUSTOMER_INITIATED DEBIT_NOT_AUTHORIZED DUPLICATE FRAUDULENT GENERAL
    INCORRECT_ACCOUNT_DETAILS INSUFFICIENT_FUNDS NONCOMPLIANT PRODUCT_NOT_RECEIVED PRODUCT_UNACCEPTABLE
    SUBSCRIPTION_CANCELLED UNRECOGNIZED
"""
REASONS = frozenset(_REASONS_WORDS.split())
KEYS = frozenset({"type", "status", "reason", "network_reason_code", "amount", "evidence_due_by", "evidence_due_days"})
DAYS = 10


def add(shop: Shop, order: Order, spec: Spec) -> Dispute:
    """A dispute from the control API's JSON, not told of."""
    only(spec, KEYS, "The dispute")
    stamp = shop.stamp()
    due = stamp + timedelta(days=float(spec.get("evidence_due_days", DAYS)))
    made = Dispute(
        id=shop.next_id(),
        type=choice(spec.get("type", "chargeback"), {"CHARGEBACK", "INQUIRY"}, "dispute.type"),
        status=choice(spec.get("status", "needs_response"), STATUSES, "dispute.status"),
        order_id=order.id,
        amount=amount(spec["amount"], "dispute.amount") if "amount" in spec else money.total(order),
        currency=order.currency,
        reason=choice(spec.get("reason", "fraudulent"), REASONS, "dispute.reason"),
        network_reason_code=spec.get("network_reason_code", "4837"),
        initiated_at=stamp,
        evidence_due_by=moment(spec["evidence_due_by"], "dispute.evidence_due_by")
        if "evidence_due_by" in spec
        else due,
        evidence_id=shop.next_id(),
    )
    order.disputes.append(made)
    shop.disputes[made.id] = made
    return made


def open_(shop: Shop, order: Order, spec: Spec) -> Dispute:
    """A bank opens a dispute; emits `disputes/create`."""
    made = add(shop, order, spec)
    shop.touch(order)
    shop.emit("disputes/create", made)
    return made


def change(shop: Shop, dispute: Dispute, spec: Spec) -> Dispute:
    """A bank moves a dispute on: `status`, or a new `evidence_due_by`; emits `disputes/update`."""
    only(spec, {"status", "evidence_due_by"}, "The dispute")
    if dispute.status in FINAL:
        raise SpecError(f"Dispute {dispute.id} is {dispute.status.lower()} and final.")
    if "status" in spec:
        dispute.status = choice(spec["status"], STATUSES, "dispute.status")
    if "evidence_due_by" in spec:
        dispute.evidence_due_by = moment(spec["evidence_due_by"], "dispute.evidence_due_by")
    if dispute.status in FINAL:
        dispute.finalized_on = shop.stamp()
    tell(shop, dispute)
    return dispute


def tell(shop: Shop, dispute: Dispute) -> None:
    """Says that a dispute changed."""
    shop.touch(shop.orders[dispute.order_id])
    shop.emit("disputes/update", dispute)
