"""What a dispute is checked for. Each check answers with a verdict; the setting that decided is named in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations

from caseconnect.models import Dispute, Money, Order, Payment
from caseconnect.sdk.casework import Verdict, one_line, when
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Finding, Matter, Timer
from caseconnect_disputes.settings import DisputesSettings

CONFIRMED, UNVERIFIED = "confirmed_by_transactions", "unverified"
OF_BANKS = frozenset({"chargeback", "inquiry"})
"""Told by the bank itself: there is nothing to verify."""

_CHARGES = frozenset({"capture", "sale"})
_BACK = frozenset({"refund", "void"})


def opened(dispute: Dispute, at: datetime) -> Verdict:
    """The dispute as such, with the day that the bank named."""
    told = [f"{dispute.amount}" if dispute.amount else "", one_line((dispute.reason or "").replace("_", " "), 100)]
    if dispute.evidence_due_at is not None:
        told.append(f"evidence is due by {when(dispute.evidence_due_at)}")
    summary = ", ".join(part for part in told if part) or "no amount was named"
    found = Finding(
        exception=dispute.kind, ground=digest_of(dispute.kind, asked(dispute)), summary=summary, arose_at=at
    )
    return Verdict(f"{dispute.kind}: is in kinds", found)


def warning(dispute: Dispute, settings: DisputesSettings, now: datetime) -> Verdict | None:
    """A timer before the evidence is due; None where no day is named."""
    due = dispute.evidence_due_at
    if due is None or dispute.kind not in OF_BANKS:
        return None
    if due <= now:
        return Verdict(f"evidence: it was due {when(due)}, no warning is set")
    at = due - timedelta(hours=settings.warn_hours)
    said = f"evidence: due {when(due)}, warning at {when(at)} (warn_hours: {settings.warn_hours})"
    return Verdict(said, timer=Timer(name=timer_of(dispute), due=at))


def timer_of(dispute: Dispute) -> str:
    """The warning's name: of another day it is another one."""
    return f"{dispute.kind}:evidence:{digest_of(dispute.evidence_due_at)}"


def verified(
    dispute: Dispute, order: Order | None, settings: DisputesSettings, matter: Matter, at: datetime
) -> Verdict:
    """Whether data confirms what is disputed. What was confirmed once stays so: the money may be back by now."""
    if dispute.kind in OF_BANKS:
        return Verdict(f"{UNVERIFIED}: not checked, the bank tells it")
    if any(f.exception == CONFIRMED for f in matter.findings):
        return Verdict(f"{CONFIRMED}: it was before")
    pair = duplicate(dispute, order, settings) if dispute.kind == "duplicate_charge" and order else None
    if pair:
        return _confirmed(pair, order, settings, at)
    found = Finding(
        exception=UNVERIFIED,
        ground=digest_of(UNVERIFIED, dispute.id, dispute.kind),
        summary=_why(dispute, order),
        arose_at=at,
    )
    why = f"no two charges within duplicate_within_minutes ({settings.duplicate_within_minutes})"
    return Verdict(f"{UNVERIFIED}: {why if dispute.kind == 'duplicate_charge' else 'no data can confirm it'}", found)


def _confirmed(pair: tuple[Payment, Payment], order: Order | None, settings: DisputesSettings, at: datetime) -> Verdict:
    first, second = pair
    minutes = int((second.created_at - first.created_at).total_seconds() // 60)
    card = " ".join(part for part in (second.card_brand, second.card_last_digits and "card") if part) or "payment"
    found = Finding(
        exception=CONFIRMED,
        ground=digest_of(CONFIRMED, first.id, second.id),
        summary=f"{paid(second)} was charged twice to the same {one_line(card, 60)}, {minutes} minutes apart "
        f"(transactions {first.id} and {second.id})",
        arose_at=at,
    )
    return Verdict(f"{CONFIRMED}: within duplicate_within_minutes ({settings.duplicate_within_minutes})", found)


def duplicate(dispute: Dispute, order: Order | None, settings: DisputesSettings) -> tuple[Payment, Payment] | None:
    """Two charges of the order alike in amount and card, close in time, neither given back, and together too much."""
    charges = [p for p in order.payments if p.kind in _CHARGES and p.status == "success"] if order else []
    if order is None or not _too_much(order, charges):
        return None
    left = sorted((p for p in charges if not _returned(p, order)), key=lambda p: (p.created_at, p.id))
    within = timedelta(minutes=settings.duplicate_within_minutes)
    wanted = dispute.amount
    for first, second in combinations(left, 2):
        meant = wanted is None or wanted in (second.amount, paid(second))
        if meant and _alike(first, second) and second.created_at - first.created_at <= within:
            return first, second
    return None


def paid(payment: Payment) -> Money:
    """What the shopper paid, in the shopper's money."""
    return payment.presentment_amount or payment.amount


def _alike(first: Payment, second: Payment) -> bool:
    """The same amount to the same card. Two captures of one authorisation are parts of one payment."""
    same = (first.amount, first.card_last_digits, first.card_brand, first.gateway) == (
        second.amount,
        second.card_last_digits,
        second.card_brand,
        second.gateway,
    )
    return same and first.card_last_digits is not None and not (first.parent_id and first.parent_id == second.parent_id)


def left_of(charge: Payment, order: Order) -> Money | None:
    """What of a charge did not go back yet, in the shopper's money; None where that is not known, or nothing."""
    left = paid(charge)
    for back in (p for p in _back(order) if p.parent_id == charge.id):
        if paid(back).currency != left.currency:
            return None
        left -= paid(back)
    return left if left.amount > 0 else None


def _back(order: Order) -> list[Payment]:
    return [p for p in order.payments if p.kind in _BACK and p.status == "success"]


def _returned(charge: Payment, order: Order) -> bool:
    return sum(p.amount.amount for p in _back(order) if p.parent_id == charge.id) >= charge.amount.amount


def _too_much(order: Order, charges: list[Payment]) -> bool:
    """More was charged, and not given back, than the order is worth now; other currencies cannot be added up."""
    refunds = [p for p in _back(order) if p.kind == "refund"]
    if any(p.amount.currency != order.total.currency for p in (*charges, *refunds)):
        return False
    kept = sum(p.amount.amount for p in charges) - sum(p.amount.amount for p in refunds)
    return kept > order.total.amount


def _why(dispute: Dispute, order: Order | None) -> str:
    if order is None:
        named = f" ({one_line(dispute.order_number, 60)} was named)" if dispute.order_number else ""
        return f"nothing confirms it: no order is known{named}"
    if dispute.kind == "duplicate_charge":
        return "the order's transactions show no charge that was made twice"
    if dispute.kind == "refund":
        back = ", ".join(
            f"{r.presentment_total or r.total} on {r.created_at:%Y-%m-%d}{' (pending)' if r.pending else ''}"
            for r in order.refunds
        )
        return f"the order's refunds so far: {back or 'none'}"
    return "nothing that Connect can read confirms it"


def asked(dispute: Dispute) -> str:
    """Digest of what is disputed: a changed dispute adds to the case, a changed status does not."""
    files = sorted(file.id or file.name for file in dispute.files)
    amount = dispute.amount and (f"{dispute.amount.amount.normalize():f}", dispute.amount.currency)
    texts = (dispute.reason, dispute.text, dispute.order_number, dispute.points)
    return digest_of(dispute.id, amount, texts, dispute.corrections, dispute.evidence_due_at, files)
