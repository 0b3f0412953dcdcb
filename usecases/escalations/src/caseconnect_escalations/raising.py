"""Raising a case that is open: what is said and set on it at once, and what by and by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import get_args

from caseconnect.models import Case
from caseconnect.sdk.casework import IN_REVIEW, WAITING_FOR_CUSTOMER, Priority, Verdict, case_of
from caseconnect.sdk.casework.standing import DECIDED
from caseconnect.sdk.casework.text import label, when
from caseconnect.sdk.casework.verdicts import by_exception
from caseconnect.sdk.commands import CASE, Command, CommentCase, Expect, UpdateCase
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter, Missing, Need, Needs, Timer
from caseconnect.sdk.events import Event
from caseconnect.sdk.subjects import Subject
from caseconnect_escalations.clock import Hand, kept
from caseconnect_escalations.hours import later
from caseconnect_escalations.settings import EscalationsSettings, Step

SAID = "escalated:"
"""Begins the names of the comments that say so; the ground follows."""

_FIELDS = (*DECIDED, "priority", "assignee", "due_at")
_RISING: tuple[Priority, ...] = get_args(Priority)
_UNREAD = timedelta(minutes=10)


def due_in(exceptions: Iterable[str], settings: EscalationsSettings, now: datetime) -> datetime | None:
    """The deadline: the shortest of the exceptions' working hours."""
    hours = [h for name in exceptions if (h := by_exception(settings.due_hours, name)) is not None]
    return later(settings.calendar, now, timedelta(hours=min(hours))) if hours else None


def escalate(
    event: Event,
    matter: Matter,
    verdicts: Sequence[Verdict],
    facts: Facts,
    settings: EscalationsSettings,
    now: datetime,
) -> Decision | Needs:
    """Priority, owner and deadline of a case that another use case opened, once for each ground."""
    reason = "; ".join(v.reason for v in verdicts)
    alert = "; ".join(v.alert for v in verdicts if v.alert is not None) or None
    found = [v.finding for v in verdicts if v.finding is not None]
    new = [f for f in found if matter.command("CommentCase", f"{SAID}{f.ground}") is None]
    subject = case_of(event, matter)
    if not new:
        return Decision(reason=f"{reason}; escalated before" if found else reason, alert=alert)
    if subject is None:
        return Decision(reason=f"{reason}; escalated as soon as the case is open", alert=alert)
    case = facts.get("case", subject, Case)
    if case is None:
        return Needs(needs=(Need(fact="case", subject=subject, required=False, fields=_FIELDS),))
    known = case if isinstance(case, Case) else Case(id=subject.id)
    if decided(matter, known):
        return Decision(reason=f"{reason}; not escalated, the case is decided", alert=alert)
    commands = _raise(new, known, subject, settings, now)
    return Decision(reason=f"{reason}; escalated", commands=commands, alert=alert)


def decided(matter: Matter, case: Case) -> bool:
    """Somebody decided. An outcome that only asks the customer is no decision, nor is its answer."""
    asks = matter.stage in (IN_REVIEW, WAITING_FOR_CUSTOMER) and matter.acted_on is not None
    asked = asks and matter.acted_on is not None and matter.acted_on.outcome == case.outcome
    return case.closed or (case.outcome is not None and not asked)


def _raise(
    new: Sequence[Finding], case: Case, subject: Subject, settings: EscalationsSettings, now: datetime
) -> tuple[Command, ...]:
    ranks = [_RISING.index(by_exception(settings.priority, f.exception) or _RISING[0]) for f in new]
    owner = next((o for f in new if (o := by_exception(settings.owner, f.exception))), "")
    due = due_in([f.exception for f in new], settings, now)
    if due is not None and case.due_at is not None and case.due_at <= due:
        due = None
    still = _still(case, subject)
    commands: list[Command] = [
        CommentCase(
            name=f"{SAID}{f.ground}",
            text=f"Escalated, {label(f.exception)}: {f.summary}."
            + (f"\n\nDue by {when(due)}." if due is not None and f is new[0] else ""),
            after=(CASE,),
            expects=still,
        )
        for f in new
    ]
    update = _update(_RISING[max(ranks)], owner, due, case)
    if update is not None:
        commands.append(update.model_copy(update={"name": "escalation", "expects": still}))
    return tuple(commands)


def _still(case: Case, subject: Subject) -> tuple[Expect, ...]:
    return (Expect(fact="case", subject=subject, field="outcome", value=case.outcome),)


def _update(priority: Priority | None, owner: str, due: datetime | None, case: Case) -> UpdateCase | None:
    """What is to be set; None where the case has it, or better, already."""
    raised = priority if priority is not None and _rank(case.priority) < _RISING.index(priority) else None
    given = owner if owner and owner != case.assignee else None
    if raised is None and given is None and due is None:
        return None
    return UpdateCase(priority=raised, owner=given, due=due, after=(CASE,))


def _rank(priority: str | None) -> int:
    return _RISING.index(priority) if priority in _RISING else -1


def take(hand: Hand, matter: Matter, facts: Facts, settings: EscalationsSettings, now: datetime) -> Decision | Needs:
    """A step is due: taken on a case that nobody decided, and whose clock runs."""
    if matter.is_open() and (hand.at is None or matter.stage == WAITING_FOR_CUSTOMER):
        return kept(Decision(reason="an escalation step was looked at"), matter, settings, now, [hand])
    over = not matter.is_open() or hand.topic != matter.topic
    if over or matter.case is None or hand.step >= len(settings.steps):
        lacking = "its matter is over" if over else "it has no case" if matter.case is None else "steps has it no more"
        return Decision(reason=f"an escalation step was due, and {lacking}")
    subject, step = matter.case.subject, settings.steps[hand.step]
    case = facts.get("case", subject, Case)
    if case is None:
        return Needs(needs=(Need(fact="case", subject=subject, required=False, fields=_FIELDS),))
    which = f"steps.{hand.step} (after_hours {step.after_hours:g})"
    if isinstance(case, Missing):
        again = Timer(name=hand.name, due=now + _UNREAD)
        return Decision(reason=f"{which}: the case could not be read ({case.why}), tried again", timers=(again,))
    if decided(matter, case):
        return Decision(reason=f"{which}: not taken, the case is decided")
    return Decision(reason=f"{which}: taken", commands=_step(hand.step, step, case, subject))


def _step(number: int, step: Step, case: Case, subject: Subject) -> tuple[Command, ...]:
    name, still = f"escalation-step:{number}", _still(case, subject)
    text = step.comment or "Nobody has decided yet."
    said = f"{text} ({step.after_hours:g} working hours after the escalation.)"
    commands: list[Command] = [CommentCase(name=name, text=said, after=(CASE,), expects=still)]
    update = _update(step.priority, step.owner, None, case)
    if update is not None:
        commands.append(update.model_copy(update={"name": name, "expects": still}))
    return tuple(commands)
