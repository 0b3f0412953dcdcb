"""Approvals: pure rules from a request to a case, and from its outcome to exactly what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from caseconnect.models import ApprovalRequest, Order
from caseconnect.sdk.casework import (
    CARRYING_OUT,
    RESOLVED,
    Background,
    UseCase,
    Verdict,
    decide_item,
    item_needs,
    one_line,
    open_or_add,
)
from caseconnect.sdk.commands import (
    Command,
    Counter,
    CreateReplacement,
    DeleteDraft,
    Expect,
    IssueCredit,
    RefundPayment,
    digest_of,
)
from caseconnect.sdk.decisions import REFUSED, Decision, Facts, Finding, Matter, Needs, Timer
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event
from caseconnect_approvals import around, gate
from caseconnect_approvals.requests import bought, reading, unfit
from caseconnect_approvals.settings import EXCEPTIONS, ApprovalsSettings

USE_CASE = UseCase(name="approvals", exceptions=EXCEPTIONS, item=ApprovalRequest, reading=reading)


def decide(event: Event, matter: Matter, facts: Facts, settings: ApprovalsSettings, now: datetime) -> Decision | Needs:
    """Open a case for a request, carry a small one out at once, or do what an approval binds."""
    if matter.about is None:
        return around.report(USE_CASE, event, matter, facts, settings, now)
    # An answer is given on the order as it is; what only tells can do without.
    needs = facts.lacking(item_needs(matter, matter.about, item=False, order=isinstance(event, CaseChanged)))
    if needs:
        return Needs(needs=needs)
    found = facts.get("approval", matter.about, ApprovalRequest)
    order = facts.get("order", matter.subject, Order)
    item, known = (found if isinstance(found, ApprovalRequest) else None), (order if isinstance(order, Order) else None)
    stopped = gate.stopped(event, matter, item, known, facts, settings)
    if stopped is not None:
        return stopped
    if isinstance(event, CommandSettled) and matter.case is None and event.kind != "OpenCase":
        return _ended_without_case(event, matter, item, known, facts, settings, now)

    def judge(item: ApprovalRequest, order: Order | None, *_: object) -> Sequence[Verdict]:
        return [_verdict(item, order, matter, settings, now)]

    answer = decide_item(USE_CASE, event, matter, facts, settings, now, judge=judge, over=lambda *_: None)
    if isinstance(answer, Needs) or item is None:
        return answer
    answer = _without_its_draft(answer, matter, item, settings)
    if any(f.exception == "within_limits" for f in answer.findings):
        answer = _at_once(answer, matter, item, known, settings, now)
    return _nothing_else_was_refunded(answer, matter, known)


def _without_its_draft(
    answer: Decision, matter: Matter, item: ApprovalRequest, settings: ApprovalsSettings
) -> Decision:
    """The draft of a request that was refused is deleted."""
    acted = answer.acted_on
    if acted is None or not item.draft or "as_requested" in (settings.does(acted.outcome) or ()):
        return answer
    gone = DeleteDraft(name=item.draft, target=matter.subject, draft=item.draft)
    return answer.model_copy(update={"commands": (*answer.commands, gone)})


def _verdict(
    item: ApprovalRequest, order: Order | None, matter: Matter, settings: ApprovalsSettings, now: datetime
) -> Verdict:
    arose, ground = item.created_at or now, gate.ground(item, order)
    why = unfit(item, order)
    reason = why.plain if why else _not_at_once(matter, ground) or _asked(item, order, settings)
    if reason is None:
        finding = Finding(exception="within_limits", ground=ground, summary="no approval is needed", arose_at=arose)
        return Verdict(f"within_limits: {item.action} is within free_up_to", finding)
    summary = str(why) if why else reason
    finding = Finding(exception="needs_approval", ground=ground, summary=summary, arose_at=arose)
    timer = Timer(name=gate.EXPIRY, due=arose + timedelta(hours=settings.expires_hours))
    return Verdict(f"needs_approval: {reason}", finding, timer)


def _not_at_once(matter: Matter, ground: str) -> str | None:
    """What is carried out without a case is carried out once, and only where the flow may."""
    if matter.has("within_limits", ground):
        return None
    if matter.episode > 0:
        return "it was asked for before, otherwise"
    return None if matter.mode == "live" else f"mode {matter.mode} carries nothing out"


def _asked(item: ApprovalRequest, order: Order | None, settings: ApprovalsSettings) -> str | None:
    """The setting by which somebody must be asked; None when nobody must."""
    amount = reading(item, order).amount
    if item.action not in settings.kinds:
        return f"{item.action} is not in kinds"
    if not settings.free_up_to:
        return "free_up_to is empty: every request is asked"
    if item.action == "replacement" and amount is None:
        return "what the goods are worth is not known"
    if amount is None or amount.currency not in settings.free_up_to:
        known = ", ".join(sorted(settings.free_up_to))
        return f"free_up_to has no amount for {amount.currency if amount else 'an unknown amount'} (it has {known})"
    limit = settings.free_up_to[amount.currency]
    return f"{amount} is above free_up_to.{amount.currency} ({limit:f})" if amount.amount > limit else None


def _nothing_else_was_refunded(answer: Decision, matter: Matter, order: Order | None) -> Decision:
    """A refund goes out only while as much can be given back as when it was decided: else somebody was faster."""
    if order is None or order.refundable is None:
        return answer
    value = order.refundable.model_dump(mode="json")
    as_now = Expect(fact="order", subject=matter.subject, field="refundable", value=value)
    commands = tuple(
        c.model_copy(update={"expects": (*c.expects, as_now)}) if isinstance(c, RefundPayment) else c
        for c in answer.commands
    )
    return answer.model_copy(update={"commands": commands})


def _at_once(
    answer: Decision,
    matter: Matter,
    item: ApprovalRequest,
    order: Order | None,
    settings: ApprovalsSettings,
    now: datetime,
) -> Decision:
    """Carry out what needs no approval: no case is opened unless it cannot be done."""
    asked = reading(item, order)
    note = f"Within the limits; asked by {item.requested_by or 'nobody named'}"[:255]
    command: Command
    if asked.amount is None or order is None:
        return answer
    if item.action == "refund":
        command = RefundPayment(target=matter.subject, amount=asked.amount, lines=bought(item, order), note=note)
    elif item.action == "credit":
        command = IssueCredit(target=matter.subject, amount=asked.amount, note=note)
    else:
        command = CreateReplacement(
            target=matter.subject, items=asked.items, price=asked.amount, draft=asked.draft, note=note
        )
    limit = settings.free_per_month.get(asked.amount.currency)
    if limit is not None:
        who = order.customer_id or digest_of((order.email or order.id).casefold())
        name = f"approvals:{now:%Y-%m}:{who}:{asked.amount.currency}"
        command = command.model_copy(update={"counter": Counter(name=name, amount=asked.amount.amount, limit=limit)})
    return answer.model_copy(update={"commands": (command,), "stage": CARRYING_OUT})


def _ended_without_case(
    event: CommandSettled,
    matter: Matter,
    item: ApprovalRequest | None,
    order: Order | None,
    facts: Facts,
    settings: ApprovalsSettings,
    now: datetime,
) -> Decision | Needs:
    """The end of what was carried out without a case: one is opened when it could not be."""
    what = f"{event.kind} {event.state}" + (f": {event.note}" if event.note else "")
    if event.state == "done":
        return Decision(reason=what, stage=RESOLVED, close=True)
    if event.state == "parked" or item is None:
        return Decision(
            reason=what,
            alert=f"{matter.subject}: a request within the limits waits ({what}): answer it in Connect",
            alert_kind=f"{REFUSED}{event.kind}",
        )
    summary = f"within the limits, but it was not carried out: {one_line(event.note)}"
    finding = Finding(exception="needs_approval", ground=gate.again(item, order), summary=summary, arose_at=now)
    timer = Timer(name=gate.EXPIRY, due=now + timedelta(hours=settings.expires_hours))
    background = Background(order, item, reading(item, order))
    return open_or_add(USE_CASE, matter, background, [Verdict(what, finding, timer)], facts, settings, now)
