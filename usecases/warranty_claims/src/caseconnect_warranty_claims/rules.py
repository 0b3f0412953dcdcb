"""Warranty claims: pure rules from a claim and its order as read now to a case, and what its outcome does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from caseconnect.models import Order, WarrantyClaim
from caseconnect.sdk.casework import Requested, UseCase, Verdict, decide_item, left_out, quoted, when
from caseconnect.sdk.casework.outcome_settings import Action
from caseconnect.sdk.commands import LineQuantity
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import ClaimChanged, Event, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect_warranty_claims.checks import claimed_twice, given_back, line_of, purchase, warranty
from caseconnect_warranty_claims.settings import EXCEPTIONS, WarrantyClaimsSettings

_MOST = 10
_WISHES: dict[str, Action] = {"replacement": "replace", "refund": "refund", "repair": "close"}


def requested(claim: WarrantyClaim, order: Order | None) -> Requested:
    """What a claim asks for: one piece of the line that it is about."""
    line = line_of(claim, order)
    return Requested(
        _text(claim),
        wish=_WISHES.get(claim.wish),
        files=claim.files,
        lines=(LineQuantity(line=line.id, quantity=1),) if line else (),
        email=claim.email or "",
        locale=claim.locale or "",
        name=claim.name or "",
    )


USE_CASE = UseCase(name="warranty_claims", exceptions=EXCEPTIONS, item=WarrantyClaim, reading=requested)


def decide(
    event: Event, matter: Matter, facts: Facts, settings: WarrantyClaimsSettings, now: datetime
) -> Decision | Needs:
    """Open a case for the claim, add to the open one, or carry its outcome out."""
    if isinstance(event, ClaimChanged | TimerFired):
        lacking = facts.lacking(_needs(matter))
        if lacking:
            return Needs(needs=lacking)
    judge, over = partial(_judge, matter), partial(_over, settings)
    return decide_item(USE_CASE, event, matter, facts, settings, now, judge=judge, over=over)


def _needs(matter: Matter) -> list[Need]:
    """The claim, its order, and what else was claimed of it: all at once."""
    needs = [] if matter.about is None else [Need(fact="claim", subject=matter.about)]
    if needs and matter.subject.kind == "order":
        needs.append(Need(fact="order", subject=matter.subject, required=False))
    return needs + [Need(fact="claim", subject=subject, required=False) for subject in _beside(matter)]


def _beside(matter: Matter) -> tuple[Subject, ...]:
    """The order's other claims. What was decided is not begun again because of them: the other claim says it."""
    return () if matter.state == "closed" else matter.beside[:_MOST]


def _judge(
    matter: Matter,
    claim: WarrantyClaim,
    order: Order | None,
    facts: Facts,
    settings: WarrantyClaimsSettings,
    now: datetime,
) -> Sequence[Verdict]:
    out = left_out(order, settings.applies_to) if order else None
    if out is not None:
        return [Verdict(f"claim {claim.id}: {out}")]
    found = (facts.get("claim", subject, WarrantyClaim) for subject in _beside(matter))
    others = [other for other in found if isinstance(other, WarrantyClaim)]
    at = claim.created_at or matter.opened_at or now
    verdicts = [
        warranty(claim, order, settings, at),
        purchase(claim, order, at),
        given_back(claim, order, at),
        claimed_twice(claim, others, at),
    ]
    names = {v.finding.exception for v in verdicts if v.finding}
    if matter.is_open() or not names <= set(settings.no_review):
        return verdicts
    return [*(Verdict(v.reason) for v in verdicts), Verdict(f"no case: {', '.join(sorted(names))} is in no_review")]


def _over(settings: WarrantyClaimsSettings, claim: WarrantyClaim, order: Order | None) -> str | None:
    status = (claim.status or "").strip().casefold()
    return f"the claim is {status}" if status in {word.casefold() for word in settings.finished} else None


def _text(claim: WarrantyClaim) -> str:
    rows = {
        "Product": " ".join(part for part in (claim.product, claim.sku and f"[{claim.sku}]") if part),
        "Serial number": claim.serial_number,
        "Order, as the shopper wrote it": claim.order_number,
        "Bought, as the shopper says": claim.purchased_at and f"{claim.purchased_at:%Y-%m-%d}",
        "Wish": None if claim.wish == "unknown" else claim.wish,
        "Handed in": claim.created_at and when(claim.created_at),
        "From": ", ".join(" ".join(str(part).split()) for part in (claim.name, claim.email, claim.phone) if part),
    }
    told = [f"{name}: {' '.join(str(value).split())[:300]}" for name, value in rows.items() if value]
    words = dict.fromkeys(quoted(text) for text in (claim.defect, claim.text) if text.strip())
    return "\n".join(["Warranty claim:", *told, *(f"The customer wrote:\n{text}" for text in words)])
