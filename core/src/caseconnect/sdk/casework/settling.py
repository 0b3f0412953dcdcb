"""What became of the matter's commands, told on the case and, where something is to be done, to a person."""

from __future__ import annotations

from caseconnect.models import Case
from caseconnect.sdk.casework.overtaking import unanswered
from caseconnect.sdk.casework.second import close_second, second_cases
from caseconnect.sdk.casework.standing import (
    BLOCKED,
    CANCELLED,
    CARRYING_OUT,
    DECIDED,
    DECISIVE,
    ENDED,
    IN_REVIEW,
    RELEASED,
    RESOLVED,
    WAITING_FOR_CUSTOMER,
    WAITING_FOR_GOODS,
)
from caseconnect.sdk.casework.telling import note_once
from caseconnect.sdk.casework.text import one_line
from caseconnect.sdk.commands import CASE, CommentCase, digest_of
from caseconnect.sdk.decisions import REFUSED, Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import ANSWERED, CHANGED, CommandSettled

_DONE = {
    "HoldOrder": "The order is held: it does not ship until an outcome is set.",
    "ReleaseOrder": "The order is released: Connect keeps nothing of it back.",
    "CancelOrder": "The order is cancelled.",
    "ApproveReturn": "The return is approved.",
    "DeclineReturn": "The return is declined.",
    "RefundPayment": "The money was given back.",
    "ExchangeReturn": "The exchange is made.",
    "CreateReplacement": "The replacement is ordered.",
    "IssueCredit": "The credit was given.",
    "AdjustLoyalty": "The points are booked.",
    "CorrectProfile": "The profile is corrected.",
    "SubmitEvidence": "The evidence was handed in.",
    "SetOrderStatus": "The order shows the new status.",
    "NotifyCustomer": "The customer was written to.",
}
_WANTED = {
    "HoldOrder": "hold the order: the goods may leave",
    "ReleaseOrder": "release the order",
    "CancelOrder": "cancel the order",
    "ApproveReturn": "approve the return",
    "DeclineReturn": "decline the return",
    "RefundPayment": "give the money back",
    "ExchangeReturn": "make the exchange",
    "CreateReplacement": "order the replacement",
    "IssueCredit": "give the credit",
    "AdjustLoyalty": "book the points",
    "CorrectProfile": "correct the profile",
    "SubmitEvidence": "hand the evidence in",
    "SetOrderStatus": "set the order's status",
    "NotifyCustomer": "write to the customer",
}
_STAGES = {"ReleaseOrder": RELEASED, "CancelOrder": CANCELLED}


def settled(event: CommandSettled, matter: Matter, facts: Facts) -> Decision | Needs:
    """What the owner of the matter does when one of its commands ended."""
    what = f"{event.kind} {event.state}" + (f": {one_line(event.note)}" if event.note else "")
    if event.kind == "OpenCase":
        return _case_opened(event, matter, facts, what)
    if event.kind not in _WANTED or not matter.is_open():
        return Decision(reason=what)
    name = f"settled:{digest_of(event.key, event.state, event.note)}"
    if event.state == "done":
        comment = CommentCase(name=name, text=f"{_DONE[event.kind]} {one_line(event.note)}".strip(), after=(CASE,))
        said = matter.command("CommentCase", name) is not None
        close = event.kind != "HoldOrder" and _all_carried_out(event, matter)
        stage = _stage(matter) if close else None
        alert = unanswered(matter) if close else None
        return Decision(reason=what, commands=() if said else (comment,), stage=stage, close=close, alert=alert)
    if event.state == "refused" and event.kind != "HoldOrder" and matter.case is not None:
        need = Need(fact="case", subject=matter.case.subject, required=False, fields=DECIDED)
        case = facts.get("case", need.subject, Case)
        if case is None:
            return Needs(needs=(need,))
        another = isinstance(case, Case) and matter.acted_on is not None and case.outcome != matter.acted_on.outcome
        if another or _replaced(event, matter):
            return _overtaken(event, matter, name, what)
    return _failed(event, matter, name, what)


def _all_carried_out(event: CommandSettled, matter: Matter) -> bool:
    """Nothing that was asked for after it is on its way. What an earlier outcome asked for expects that outcome."""
    going_on = matter.stage in (CARRYING_OUT, BLOCKED)
    if matter.stage == WAITING_FOR_GOODS or (event.kind not in DECISIVE and not going_on):
        return False
    place = next((i for i, c in enumerate(matter.commands) if c.key == event.key), len(matter.commands))
    after = [c for c in matter.commands[place + 1 :] if c.kind in _DONE and c.kind != "HoldOrder"]
    return all(c.state in ENDED for c in after)


def _stage(matter: Matter) -> str:
    done = [c.kind for c in matter.commands if c.state == "done"]
    return next((_STAGES[kind] for kind in reversed(done) if kind in _STAGES), RESOLVED)


def _case_opened(event: CommandSettled, matter: Matter, facts: Facts, what: str) -> Decision | Needs:
    if event.state == "done":
        stage = IN_REVIEW if matter.is_open() and matter.stage is None else None
        others = second_cases(event, matter) if matter.is_open() else ()
        decision = close_second(others, matter, facts) if others else Decision(reason=what)
        return decision if isinstance(decision, Needs) else decision.model_copy(update={"stage": stage})
    alert = f"{matter.subject}: the case could not be opened ({what}): nobody is told of it"
    return Decision(reason=what, alert=alert, alert_kind=f"{REFUSED}{event.kind}")


def _overtaken(event: CommandSettled, matter: Matter, name: str, what: str) -> Decision:
    reason = f"{what}; the outcome was changed or taken back before anything was sent"
    text = f"Not carried out ({_WANTED[event.kind]}): the outcome was changed or taken back before anything was sent."
    return note_once(matter, name, text, None, reason)


def _replaced(event: CommandSettled, matter: Matter) -> bool:
    """It expected an earlier outcome, and what the newer one asks for is done, on its way, or waits."""
    if event.data.get(CHANGED) != "case.outcome":
        return False
    asked = [c for c in matter.commands if c.kind in _WANTED and c.kind != "HoldOrder"]
    waits = matter.stage in (WAITING_FOR_CUSTOMER, WAITING_FOR_GOODS)
    return waits or any(c.state not in ("refused", "superseded", "withheld") for c in asked)


def _failed(event: CommandSettled, matter: Matter, name: str, what: str) -> Decision:
    why = one_line(event.note) or "no reason was given"
    end = "refused" if event.state == "refused" else "waiting for a person, who answers in Connect"
    # What is parked has its alert already, one for all of its kind, and who refused it by hand knows it.
    untold = event.state == "refused" and ANSWERED not in event.data
    decision = note_once(
        matter,
        name,
        f"Connect could not {_WANTED[event.kind]}. It is {end}: {why}",
        f"{matter.subject}: could not {_WANTED[event.kind]} ({what})" if untold else None,
        what,
        f"{REFUSED}{event.kind}" if untold else "",
    )
    # A refused step keeps back what waits for the goods; one that a person answers may be done yet.
    refused = event.state == "refused" and event.kind in DECISIVE
    stays = matter.stage == BLOCKED or (matter.stage == WAITING_FOR_GOODS and not refused)
    return decision if stays else decision.model_copy(update={"stage": BLOCKED})
