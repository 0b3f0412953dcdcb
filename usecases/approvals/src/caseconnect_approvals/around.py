"""Refunds that nobody asked for: made in the shop, around the gate, and reported on a case of their own."""

from __future__ import annotations

from datetime import datetime, timedelta

from caseconnect.models import ApprovalRequest, Case, Order, Refund
from caseconnect.sdk.casework import DECIDED, RESOLVED, UseCase, Verdict, left_out, open_or_add, replied, settled
from caseconnect.sdk.commands import digest_of
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter, Missing, Need, Needs, item_of
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, Event, OrderChanged, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect_approvals.settings import ApprovalsSettings

AROUND = "around_the_gate"
"""The exception."""

_RECENT = timedelta(days=7)
"""What is older when it is seen was made before anybody watched, or is known by other ways."""

_TITLE = "Order {order}: refunded without an approval"


def report(
    use: UseCase, event: Event, matter: Matter, facts: Facts, settings: ApprovalsSettings, now: datetime
) -> Decision | Needs:
    """Open a case for refunds of the order that went around the gate; see to that case until somebody ends it."""
    if isinstance(event, CommandSettled):
        return settled(event, matter, facts)
    if isinstance(event, CustomerReplied):
        return replied(event, matter, facts)
    if isinstance(event, CaseChanged):
        return _looked_at(event, matter, facts)
    needs = [Need(fact="order", subject=matter.subject, required=False)]
    why = _not_watched(event, matter, settings)
    if why is None and (lacking := facts.lacking([*needs, *_requests(matter)])):
        return Needs(needs=lacking)
    order = facts.get("order", matter.subject, Order)
    why = why or _not_readable(order, settings)
    if why or not isinstance(order, Order):
        return Decision(reason=why or "the order was not read")
    return _found(use, matter, order, facts, settings, now)


def _not_watched(event: Event, matter: Matter, settings: ApprovalsSettings) -> str | None:
    if not isinstance(event, OrderChanged | TimerFired) or matter.subject.kind != "order":
        return f"{event.type} names no request"
    watched = settings.report_refunds and bool(settings.free_up_to)
    return None if watched else "refunds are not watched: report_refunds is false, or free_up_to is empty"


def _not_readable(order: Order | Missing | None, settings: ApprovalsSettings) -> str | None:
    if isinstance(order, Missing):
        return f"refunds of the order cannot be looked at: {order.why}"
    out = left_out(order, settings.applies_to) if order else None
    return None if out is None else f"refunds are not looked at: {out}"


def _requests(matter: Matter) -> list[Need]:
    """The requests of the order whose cases are open: what goes around them is told there."""
    return [Need(fact="approval", subject=each, required=False) for each in _waiting(matter)]


def _waiting(matter: Matter) -> list[Subject]:
    mine = (other for other in matter.other_cases if other.topic == matter.topic and other.item)
    return [item_of(matter.subject, other.item) for other in mine]


def _found(
    use: UseCase, matter: Matter, order: Order, facts: Facts, settings: ApprovalsSettings, now: datetime
) -> Decision | Needs:
    large = [r for r in order.refunds if not r.ours and now - r.created_at <= _RECENT and _above(r, settings)]
    new = [r for r in large if _ground(r) not in matter.seen_grounds]
    if not new:
        return Decision(reason=f"{AROUND}: no refund of the last 7 days above free_up_to that is not known")
    waiting = [item for each in _waiting(matter) if (item := facts.get("approval", each, ApprovalRequest))]
    elsewhere = [r for r in new if any(_is_told_at(item, r) for item in waiting)]
    if elsewhere == new:
        if matter.is_open():
            return Decision(reason=f"{AROUND}: told on the case of the request")
        # Remembered, so that it is not reported once more when the request is over.
        return Decision(
            reason=f"{AROUND}: told on the case of the request", findings=tuple(map(_finding, new)), close=True
        )
    verdicts = [Verdict(f"{AROUND}: {_finding(r).summary}", _finding(r)) for r in new]
    policy = settings.model_copy(update={"title": _TITLE})
    answer = open_or_add(use, matter, order, verdicts, facts, policy, now)
    if isinstance(answer, Needs) or not answer.findings:
        return answer
    amounts = ", ".join(str(r.presentment_total or r.total) for r in new)
    return answer.model_copy(update={"alert": f"{matter.subject}: {amounts} was refunded without an approval"})


def _is_told_at(item: ApprovalRequest | Missing, refund: Refund) -> bool:
    """The open request is told of this refund, on its own case."""
    if isinstance(item, Missing) or item.action != "refund":
        return False
    return item.created_at is None or refund.created_at > item.created_at


def _above(refund: Refund, settings: ApprovalsSettings) -> bool:
    amount = refund.presentment_total or refund.total
    limit = settings.free_up_to.get(amount.currency)
    return limit is not None and amount.amount > limit


def _ground(refund: Refund) -> str:
    return digest_of(AROUND, refund.id)


def _finding(refund: Refund) -> Finding:
    amount = refund.presentment_total or refund.total
    summary = f"{amount} was refunded in the shop on {refund.created_at:%Y-%m-%d %H:%M} UTC, not asked for here"
    return Finding(exception=AROUND, ground=_ground(refund), summary=summary, arose_at=refund.created_at)


def _looked_at(event: CaseChanged, matter: Matter, facts: Facts) -> Decision | Needs:
    """Nothing is carried out for it: an outcome, or closing it, ends it."""
    case = facts.get("case", event.subject, Case)
    if not isinstance(case, Case):
        return Needs(needs=(Need(fact="case", subject=event.subject, fields=DECIDED),))
    over = case.closed or case.outcome is not None
    ends = over and matter.is_open()
    return Decision(
        reason="somebody looked at it" if over else "no outcome yet", stage=RESOLVED if ends else None, close=ends
    )
