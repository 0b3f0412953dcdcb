"""From an agent's outcome to commands. A revision is acted on once; what was carried out is never done again."""

from __future__ import annotations

from caseconnect.models import Case, Order
from caseconnect.sdk.casework.policy import CaseworkSettings, UseCase
from caseconnect.sdk.casework.second import close_second, second_cases
from caseconnect.sdk.casework.standing import (
    CANCELLED,
    CARRYING_OUT,
    DECIDED,
    IN_REVIEW,
    RELEASED,
    WAITING_FOR_CUSTOMER,
    executing,
    holding,
)
from caseconnect.sdk.casework.text import one_line
from caseconnect.sdk.commands import CASE, CancelOrder, Command, CommentCase, Expect, ReleaseOrder, digest_of
from caseconnect.sdk.decisions import ActedOn, Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import CaseChanged, Event
from caseconnect.sdk.subjects import Subject


def carry_out(
    use: UseCase, event: CaseChanged, matter: Matter, facts: Facts, settings: CaseworkSettings
) -> Decision | Needs:
    """What follows from the case as it is now. Commands expect that the outcome still stands when they are sent."""
    if not any(f.exception in use.exceptions for f in matter.findings):
        return Decision(reason=f"{use.name} found nothing in this matter: its outcome is for others")
    if others := second_cases(event, matter):
        return close_second(others, matter, facts)
    subject = case_of(event, matter)
    if subject is None:
        return Decision(reason="the matter's case is not known yet: its outcome is read when it is")
    case = facts.get("case", subject, Case)
    if not isinstance(case, Case):
        return Needs(needs=(Need(fact="case", subject=subject, fields=DECIDED),))
    if case.outcome is None:
        return _without_outcome(matter, case)
    return _known(matter, case.outcome, case.revision) or _act(use, matter, subject, case, facts, settings)


def _act(
    use: UseCase, matter: Matter, subject: Subject, case: Case, facts: Facts, settings: CaseworkSettings
) -> Decision | Needs:
    outcome = case.outcome or ""
    action = settings.action(outcome)
    if action is None:
        return _unmapped(matter, outcome)
    if action == "ask_verification":
        return _ask(matter, outcome, case.revision)
    if action == "release":
        return _release(matter, subject, outcome, case.revision)
    order = facts.get("order", matter.subject, Order)
    if order is None:
        return Needs(needs=(Need(fact="order", subject=matter.subject, required=False),))
    return _cancel(use, matter, subject, case, order if isinstance(order, Order) else None)


def case_of(event: Event, matter: Matter) -> Subject | None:
    """The case the event is about: the matter's, or the one that the event names before the matter knows it."""
    if matter.case is not None:
        return matter.case.subject
    return next((s for s in (event.subject, *event.refs) if s.kind == "case"), None)


def note_once(matter: Matter, name: str, text: str, alert: str | None, reason: str) -> Decision:
    """Say something on the case, and to a person, once per `name`."""
    if matter.command("CommentCase", name) is not None:
        return Decision(reason=f"{reason}; said before")
    return Decision(reason=reason, commands=(CommentCase(name=name, text=text, after=(CASE,)),), alert=alert)


def _without_outcome(matter: Matter, case: Case) -> Decision:
    stage = f"case status {case.status or 'unknown'}, stage {case.stage or 'unknown'}"
    if not matter.is_open():
        return Decision(reason=f"{stage}, no outcome; the matter is closed")
    if matter.acted_on is not None and executing(matter) is not None:
        return note_once(
            matter,
            f"taken-back:{digest_of(case.revision)}",
            f"The outcome '{one_line(matter.acted_on.outcome)}' was taken back after it was carried out. Nothing was "
            "undone: a person must decide what follows.",
            f"{matter.subject}: outcome {matter.acted_on.outcome!r} was taken back after execution: "
            "decide by hand what follows",
            f"{stage}: the outcome was taken back after execution: for a person",
        )
    if not case.closed:
        revoked = matter.acted_on is not None and matter.stage != IN_REVIEW
        return Decision(
            reason=f"{stage}: {'the outcome was taken back' if revoked else 'no outcome yet'}",
            stage=IN_REVIEW if revoked else None,
        )
    if holding(matter):
        return note_once(
            matter,
            f"closed-without-outcome:{digest_of(case.revision)}",
            "The case was closed without an outcome while the order is kept back. Set an outcome, "
            "or release the order in the shop.",
            f"{matter.subject}: the case was closed without an outcome, the order is still kept back: set an outcome "
            "or release the order in the shop",
            f"{stage}: closed without an outcome while the order is kept back",
        )
    return Decision(reason=f"{stage}: closed without an outcome, nothing is kept back", close=True)


def _known(matter: Matter, outcome: str, revision: str) -> Decision | None:
    """An answer when this outcome needs no act of ours any more, or must not have one."""
    acted = matter.acted_on
    if acted is None:
        return None if matter.is_open() else Decision(reason=f"outcome {outcome!r}: the matter is closed")
    if acted.revision == revision:
        return Decision(reason=f"outcome {outcome!r}, revision {revision} was acted on already")
    done = executing(matter)
    if acted.outcome != outcome and (done is not None or not matter.is_open()):
        return note_once(
            matter,
            f"changed:{digest_of(acted.outcome, outcome)}",
            f"The outcome was changed from '{one_line(acted.outcome)}' to '{one_line(outcome)}' after "
            f"'{one_line(acted.outcome)}' was carried out. Nothing was done: a person must decide what follows.",
            f"{matter.subject}: the outcome was changed from {acted.outcome!r} to {outcome!r} after execution: "
            "decide by hand what follows",
            f"outcome changed from {acted.outcome!r} to {outcome!r} after execution: for a person",
        )
    if not matter.is_open():
        return Decision(reason=f"outcome {outcome!r} was carried out already; the matter is closed")
    if acted.outcome == outcome and not _ended_without(matter):
        return Decision(reason=f"outcome {outcome!r} is being carried out or was: a further revision changes nothing")
    return None


def _ended_without(matter: Matter) -> bool:
    """The commands for the outcome ended without an effect, so an outcome set again may ask once more."""
    newest = [c for c in (matter.command("ReleaseOrder"), matter.command("CancelOrder")) if c is not None]
    return bool(newest) and all(c.state in ("refused", "superseded") for c in newest)


def _unmapped(matter: Matter, outcome: str) -> Decision:
    return note_once(
        matter,
        f"unmapped:{digest_of(outcome)}",
        f"The outcome '{one_line(outcome)}' is not known to Connect: nothing was done with the order.",
        f"{matter.subject}: outcome {outcome!r} is mapped to nothing: name it in settings.outcomes or choose another",
        f"outcome {outcome!r} is not in settings.outcomes: not acted on",
    )


def _ask(matter: Matter, outcome: str, revision: str) -> Decision:
    kept = " The order stays held until then." if holding(matter) else ""
    return Decision(
        reason=f"outcome {outcome!r}: settings.outcomes says ask_verification",
        commands=(
            CommentCase(
                name=f"verify:{digest_of(revision)}",
                text="The customer must be asked for verification. Connect does not write to the customer: please "
                f"do, and set the final outcome when the answer is there.{kept}",
                after=(CASE,),
            ),
        ),
        stage=WAITING_FOR_CUSTOMER,
        acted_on=ActedOn(outcome=outcome, revision=revision),
    )


def _release(matter: Matter, case: Subject, outcome: str, revision: str) -> Decision:
    acted = ActedOn(outcome=outcome, revision=revision)
    reason = f"outcome {outcome!r}: settings.outcomes says release"
    if holding(matter):
        release = ReleaseOrder(target=matter.subject, expects=(_still(case, outcome),))
        return Decision(reason=reason, commands=(release,), acted_on=acted, stage=CARRYING_OUT)
    return Decision(
        reason=f"{reason}; this matter keeps nothing back",
        commands=(
            CommentCase(
                name=f"nothing-held:{digest_of(revision)}",
                text=f"Outcome '{one_line(outcome)}': Connect keeps nothing of the order back, nothing was released.",
                after=(CASE,),
            ),
        ),
        stage=RELEASED,
        acted_on=acted,
        close=True,
    )


def _cancel(use: UseCase, matter: Matter, case_subject: Subject, case: Case, order: Order | None) -> Decision:
    outcome = case.outcome or ""
    cancel = CancelOrder(
        target=matter.subject,
        cause=use.cancel_cause,
        note=one_line(f"Case {case.number or case.id}: {outcome}", 255),
        expects=(_still(case_subject, outcome),),
    )
    by_hand = matter.mode != "live"
    told = (
        "The flow's mode keeps Connect off orders: cancel the order by hand."
        if by_hand
        else "The order is being cancelled."
    )
    comment = CommentCase(
        name=f"cancelling:{digest_of(case.revision)}",
        text=f"Outcome '{one_line(outcome)}'. {told} {_money(order)}",
        after=(CASE,),
    )
    commands: tuple[Command, ...] = (cancel, comment)
    return Decision(
        reason=f"outcome {outcome!r}: settings.outcomes says cancel"
        + ("; left to a person by the mode" if by_hand else ""),
        commands=commands,
        acted_on=ActedOn(outcome=outcome, revision=case.revision),
        stage=CANCELLED if by_hand else CARRYING_OUT,
        close=by_hand,
    )


def _still(case: Subject, outcome: str) -> Expect:
    return Expect(fact="case", subject=case, field="outcome", value=outcome)


def _money(order: Order | None) -> str:
    if order is None or order.captured is None:
        return "Whether money was captured could not be read: look in the shop, and refund there what was taken."
    if order.captured.amount > 0:
        return (
            f"{order.captured} was captured. Cancelling moves no money, and an order with captured money may be "
            "refused: refund it in the shop."
        )
    return "No money was captured, and cancelling moves none."
