"""Disputes: pure rules from a dispute and its order as read now to a case, and what its outcome does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from caseconnect.models import Dispute, Order
from caseconnect.sdk.casework import (
    RESOLVED,
    Requested,
    UseCase,
    Verdict,
    decide_item,
    left_out,
    note_once,
    quoted,
    when,
)
from caseconnect.sdk.casework.outcome_settings import Action
from caseconnect.sdk.commands import CASE, CommentCase, digest_of
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import CommandSettled, DisputeChanged, Event, TimerFired
from caseconnect_disputes.checks import OF_BANKS, duplicate, left_of, opened, timer_of, verified, warning
from caseconnect_disputes.settings import EXCEPTIONS, DisputesSettings

WAITING_FOR_BANK = "waiting_for_bank"

_WISHES: dict[str, Action] = {
    "duplicate_charge": "refund",
    "refund": "refund",
    "billing": "refund",
    "loyalty": "points",
    "profile": "correct_profile",
}
_OPEN_AT_BANK = frozenset({"", "needs_response"})


def requested(settings: DisputesSettings, dispute: Dispute, order: Order | None) -> Requested:
    """What a dispute asks for. The money of a chargeback is with the bank: only an agent says what else is given."""
    wish = _WISHES.get(dispute.kind)
    amount = None if dispute.kind == "chargeback" or given_since(dispute, order) else dispute.amount
    pair = duplicate(dispute, order, settings) if dispute.kind == "duplicate_charge" else None
    if pair and order and not given_since(dispute, order):
        amount = left_of(pair[1], order)
    return Requested(
        _text(dispute),
        wish=wish if wish == "refund" or wish in settings.asked() else None,
        files=dispute.files,
        amount=amount,
        points=dispute.points,
        corrections=dispute.corrections,
        email=dispute.email or "",
        locale=dispute.locale or "",
        name=dispute.name or "",
        due=dispute.evidence_due_at,
        customer=dispute.customer_id,
    )


def given_since(dispute: Dispute, order: Order | None) -> bool:
    """Money went back after the dispute began: only an agent says whether more is due."""
    since = dispute.created_at
    return order is not None and any(since is None or refund.created_at > since for refund in order.refunds)


USE_CASE = UseCase(name="disputes", exceptions=EXCEPTIONS, item=Dispute)


def decide(event: Event, matter: Matter, facts: Facts, settings: DisputesSettings, now: datetime) -> Decision | Needs:
    """Open a case for the dispute, add to the open one, warn, or carry its outcome out."""
    if isinstance(event, TimerFired | DisputeChanged) and matter.about is not None:
        dispute = facts.get("dispute", matter.about, Dispute)
        if dispute is None:
            return Needs(needs=_needs(matter))
        of_bank = _of_bank(event, matter, dispute, settings) if isinstance(dispute, Dispute) else None
        if of_bank is not None:
            return of_bank
    use = replace(USE_CASE, reading=partial(requested, settings))
    judge, over = partial(_judge, matter), partial(_over, settings)
    answer = decide_item(use, event, matter, facts, settings, now, judge=judge, over=over)
    submitted = isinstance(event, CommandSettled) and event.kind == "SubmitEvidence" and event.state == "done"
    if submitted and isinstance(answer, Decision) and answer.close:
        return answer.model_copy(update={"close": False, "stage": WAITING_FOR_BANK})
    return answer


def _needs(matter: Matter) -> tuple[Need, ...]:
    about, subject = matter.about, matter.subject
    needs = () if about is None else (Need(fact="dispute", subject=about),)
    return (*needs, Need(fact="order", subject=subject, required=False)) if subject.kind == "order" else needs


def _of_bank(event: Event, matter: Matter, dispute: Dispute, settings: DisputesSettings) -> Decision | None:
    """What the bank's clock or its decision brings; None for everything else."""
    if isinstance(event, TimerFired) and event.name == timer_of(dispute):
        return _warn(matter, dispute, settings)
    why = _over(settings, dispute, None)
    if why is None or not matter.is_open() or matter.stage != WAITING_FOR_BANK:
        return None
    text = f"The evidence was handed in, and {why}."
    comment = CommentCase(name=f"decided:{digest_of(why)}", text=text, after=(CASE,))
    return Decision(reason=f"{why}, after evidence was handed in", commands=(comment,), stage=RESOLVED, close=True)


def _warn(matter: Matter, dispute: Dispute, settings: DisputesSettings) -> Decision:
    due = dispute.evidence_due_at
    handed_in = any(c.kind == "SubmitEvidence" and c.state not in ("refused", "superseded") for c in matter.commands)
    elsewhere = _status(dispute) not in _OPEN_AT_BANK
    if not matter.is_open() or due is None or handed_in or elsewhere or _over(settings, dispute, None):
        return Decision(reason="evidence: no warning is needed, it was handed in or nobody waits for it")
    warned = f"warned:{digest_of(due)}"
    text = (
        f"Nothing was handed in yet, and the evidence is due by {when(due)}: after that the bank decides without it. "
        "Add the documents and set the outcome."
    )
    return note_once(
        matter,
        warned,
        text,
        f"{matter.subject}: evidence of the {dispute.kind} is due by {when(due)}, and nothing was handed in",
        f"evidence: nothing was handed in within {settings.warn_hours} hours of its day (warn_hours)",
    )


def _judge(
    matter: Matter, dispute: Dispute, order: Order | None, facts: Facts, settings: DisputesSettings, now: datetime
) -> Sequence[Verdict]:
    out = left_out(order, settings.applies_to) if order else None
    if out is not None:
        return [Verdict(f"dispute {dispute.id}: {out}")]
    if dispute.kind not in settings.kinds:
        return [Verdict(f"{dispute.kind}: is not in kinds ({', '.join(settings.kinds)})")]
    at = dispute.created_at or matter.opened_at or now
    verdicts = [opened(dispute, at), verified(dispute, order, settings, matter, at)]
    worked = matter.is_open() or any(v.finding and matter.may_open(v.finding) for v in verdicts)
    warned = warning(dispute, settings, now) if worked else None
    if warned is None:
        return verdicts
    known = warned.timer is not None and matter.command("CommentCase", f"warned:{digest_of(dispute.evidence_due_at)}")
    return [*verdicts, replace(warned, timer=None) if known else warned]


def _over(settings: DisputesSettings, dispute: Dispute, order: Order | None) -> str | None:
    status = _status(dispute)
    final = status in {word.casefold() for word in settings.finished}
    if final and dispute.kind in OF_BANKS:
        return f"the bank decided: {status.replace('_', ' ')}"
    if final:
        return f"the dispute is {status.replace('_', ' ')}"
    ended = dispute.finalized_at
    return None if ended is None else f"the dispute ended on {ended:%Y-%m-%d} ({status or 'no status'})"


def _status(dispute: Dispute) -> str:
    return " ".join((dispute.status or "").split()).casefold()


def _text(dispute: Dispute) -> str:
    rows = {
        "Kind": dispute.kind.replace("_", " "),
        "Reason": dispute.reason,
        "Amount": dispute.amount,
        "Points that are missing": dispute.points,
        "Status": dispute.status,
        "Evidence is due by": dispute.evidence_due_at and when(dispute.evidence_due_at),
        "Order, as it was named": dispute.order_number,
        "Handed in": dispute.created_at and when(dispute.created_at),
        "From": ", ".join(part for part in (dispute.name, dispute.email, dispute.phone) if part),
    }
    further = [
        *((f"Should be, {name}", value) for name, value in sorted(dispute.corrections.items())),
        *((name.replace("_", " "), value) for name, value in sorted(dispute.attributes.items())),
    ]
    told = [f"{_line(name, 60)}: {_line(value, 300)}" for name, value in (*rows.items(), *further) if value]
    words = [f"The customer wrote:\n{quoted(dispute.text)}"] if dispute.text.strip() else []
    return "\n".join(["Dispute:", *told, *words])


def _line(value: object, limit: int) -> str:
    return " ".join(str(value).split())[:limit]
