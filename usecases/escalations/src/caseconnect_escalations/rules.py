"""Escalations: pure rules from an order and the cases about it to priority, owner, deadline and further steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from caseconnect.models import Customer, Order, OrderHistory
from caseconnect.sdk.casework import Background, UseCase, Verdict, follow_up, judged, not_applying, open_or_add
from caseconnect.sdk.casework.policy import CONDITION
from caseconnect.sdk.commands import Command, OpenCase
from caseconnect.sdk.decisions import Decision, Facts, Matter, Missing, Need, Needs
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, Event, OrderChanged, TimerFired
from caseconnect_escalations import clock
from caseconnect_escalations.checks import failed, large_value, repeated_failures, vip
from caseconnect_escalations.raising import SAID, due_in, escalate, take
from caseconnect_escalations.settings import EXCEPTIONS, EscalationsSettings

USE_CASE = UseCase(name="escalations", exceptions=EXCEPTIONS)


def decide(
    event: Event, matter: Matter, facts: Facts, settings: EscalationsSettings, now: datetime
) -> Decision | Needs:
    """Raise the open case, open one where none is and the settings say so, take a step that is due, or carry out."""
    hand = clock.read(event.name) if isinstance(event, TimerFired) else None
    if hand is not None:
        return take(hand, matter, facts, settings, now)
    if _ours(matter) and isinstance(event, CaseChanged | CommandSettled | CustomerReplied):
        answer = _followed(event, matter, facts, settings)
    elif isinstance(event, OrderChanged | TimerFired) or _opened(event):
        answer = _looked(event, matter, facts, settings, now)
    else:
        answer = Decision(reason=f"{event.type}: nothing of it is looked at here")
    if isinstance(answer, Needs) or not (matter.is_open() or answer.findings):
        return answer
    started = clock.begun(matter, settings, now) if _begins(answer, matter) else ()
    return clock.kept(answer, matter, settings, now, started)


def _ours(matter: Matter) -> bool:
    """This use case opened it: in matters of others it finds nothing, it raises them."""
    return matter.owner == USE_CASE.name or any(f.exception in EXCEPTIONS for f in matter.findings)


def _of_others(matter: Matter) -> bool:
    return matter.is_open() and not _ours(matter)


def _begins(answer: Decision, matter: Matter) -> bool:
    """The case is escalated by this answer, for the first time."""
    new = any(isinstance(c, OpenCase) or c.name.startswith(SAID) for c in answer.commands)
    ours = (c.name.startswith(SAID) or (c.kind, c.by) == ("OpenCase", USE_CASE.name) for c in matter.commands)
    return new and not (matter.is_open() and any(ours))


def _opened(event: Event) -> bool:
    return isinstance(event, CommandSettled) and (event.kind, event.state) == ("OpenCase", "done")


def _followed(event: Event, matter: Matter, facts: Facts, settings: EscalationsSettings) -> Decision | Needs:
    """A case that this use case opened is decided by its outcomes, unless others found something in it."""
    others = sorted({f.exception for f in matter.findings} - {*EXCEPTIONS, CONDITION})
    if others and isinstance(event, CaseChanged):
        return Decision(reason=f"{', '.join(others)} was found here too: the outcome is for those who found it")
    answer = follow_up(USE_CASE, event, matter, facts, settings)
    return answer if answer is not None else Decision(reason=f"{event.type}: nothing of it is looked at here")


def _looked(
    event: Event, matter: Matter, facts: Facts, settings: EscalationsSettings, now: datetime
) -> Decision | Needs:
    if matter.subject.kind != "order":
        return Decision(reason=f"the matter is about a {matter.subject.kind}: only what concerns an order is looked at")
    order = facts.get("order", matter.subject, Order)
    if not isinstance(order, Order):
        return Needs(needs=(Need(fact="order", subject=matter.subject),))
    # That an order was cancelled ends no case about it, and may be the failure.
    out = not_applying(order.model_copy(update={"cancelled_at": None}), settings.applies_to)
    if out is not None:
        return Decision(reason=f"order {order.number}: {out}")
    verdicts = _counted(order, matter, facts, settings, now)
    if isinstance(verdicts, Needs):
        return verdicts
    if _of_others(matter):
        return escalate(event, matter, verdicts, facts, settings, now)
    if not matter.is_open():
        verdicts = _opening(verdicts, order, settings)
    answer = open_or_add(USE_CASE, matter, order, verdicts, facts, settings, now, applies=False)
    return answer if isinstance(answer, Needs) else _in_working_hours(answer, settings, now)


def _counted(
    order: Order, matter: Matter, facts: Facts, settings: EscalationsSettings, now: datetime
) -> list[Verdict] | Needs:
    """The verdicts with the tenant's conditions. Where a case is there already, nothing waits to settle."""
    verdicts = _verdicts(order, matter, facts, settings, now)
    if isinstance(verdicts, Needs):
        return verdicts
    policy = settings.model_copy(update={"settle_minutes": {}}) if _of_others(matter) else settings
    return judged(matter, Background(order), verdicts, facts, policy, now)


def _verdicts(
    order: Order, matter: Matter, facts: Facts, settings: EscalationsSettings, now: datetime
) -> list[Verdict] | Needs:
    own = failed(order, settings.failures, now, matter.topic if matter.is_open() else "")
    counts = bool(settings.failures.kinds) and (bool(own) or matter.is_open())
    profile = matter.subject._replace(kind="customer", id=order.customer_id) if order.customer_id else None
    needs = [Need(fact="customer", subject=profile, required=False)] if profile and _by_profile(settings) else []
    if counts:
        needs.append(Need(fact="order_history", subject=matter.subject, required=False))
    lacking = facts.lacking(needs)
    if lacking:
        return Needs(needs=lacking)
    customer = facts.get("customer", profile, Customer) if profile else None
    found = [vip(order, customer, settings, now), large_value(order, settings)]
    if counts:
        history = facts.get("order_history", matter.subject, OrderHistory) or Missing(why="not asked for")
        opens = not matter.is_open()
        return [*found, repeated_failures(order, own, history, settings.failures, now, opens=opens)]
    why = "failures.kinds is empty" if not settings.failures.kinds else "nothing of failures.kinds in this order"
    return [*found, Verdict(f"repeated_failures: {why}")]


def _by_profile(settings: EscalationsSettings) -> bool:
    by_condition = settings.vip_if is not None and "customer" in settings.vip_if.uses
    return bool(settings.vip_tags or settings.vip_attributes) or by_condition


def _opening(verdicts: Sequence[Verdict], order: Order, settings: EscalationsSettings) -> list[Verdict]:
    """All that was found when something of it opens a case; else what is not enough for one is told, and left."""
    why = [_why_not(v.finding.exception, order, settings) for v in verdicts if v.finding is not None]
    if None in why:
        return list(verdicts)
    told = iter(why)
    return [
        v if v.finding is None else replace(v, reason=f"{v.reason}, but {next(told)}", finding=None) for v in verdicts
    ]


def _why_not(exception: str, order: Order, settings: EscalationsSettings) -> str | None:
    if exception not in (*settings.opens, CONDITION):
        return "opens does not name it and no case is open"
    if order.cancelled_at is not None and exception != "repeated_failures":
        return "the order is cancelled"
    return None


def _in_working_hours(answer: Decision, settings: EscalationsSettings, now: datetime) -> Decision:
    """The deadline of a case that is opened counts working hours."""
    names = [f.exception for f in answer.findings]
    commands: tuple[Command, ...] = tuple(
        c.model_copy(update={"due": due_in(names, settings, now)}) if isinstance(c, OpenCase) else c
        for c in answer.commands
    )
    return answer.model_copy(update={"commands": commands})
