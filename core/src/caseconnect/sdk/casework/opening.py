"""Opening the matter's case, or adding to the open one. Never opens twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar, get_args

from caseconnect.models import Customer, Order, OrderHistory, Record
from caseconnect.sdk.casework.files import documents_of, file_needs
from caseconnect.sdk.casework.judging import Background, customer_of, judged
from caseconnect.sdk.casework.overtaking import FOUND_LATER, acted_already
from caseconnect.sdk.casework.policy import CONDITION, CaseworkSettings, Priority
from caseconnect.sdk.casework.snapshot import snapshot
from caseconnect.sdk.casework.standing import executing, shippable, taken_off
from caseconnect.sdk.casework.text import case_text, fill, findings_text, label, one_line, without_gaps
from caseconnect.sdk.casework.usecase import UseCase
from caseconnect.sdk.casework.verdicts import Verdict, by_exception, fresh
from caseconnect.sdk.commands import (
    CASE,
    AttachDocument,
    Command,
    CommentCase,
    HoldOrder,
    OpenCase,
    UpdateCase,
    digest_of,
)
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter, Missing, Need, Needs
from caseconnect.sdk.subjects import Subject

_RISING: tuple[Priority, ...] = get_args(Priority)
_TITLE = 250
R = TypeVar("R", bound=Record)


def open_or_add(
    use: UseCase,
    matter: Matter,
    background: Order | Background,
    verdicts: Sequence[Verdict],
    facts: Facts,
    settings: CaseworkSettings,
    now: datetime,
    *,
    hold_for: Collection[str] = (),
    applies: bool = True,
) -> Decision | Needs:
    """What follows from the verdicts: a case with everything read, a comment on the open case, or the reason alone.

    Timers that `use` set before (named `exception:...`) and no verdict asks for now are cancelled. An order is
    held once in a matter: what a decision released is not held again, what a person took off only on a new ground.
    `applies`: the use case looks at it, so the tenant's conditions count.
    """
    ground = background if isinstance(background, Background) else Background(background)
    counted = judged(matter, ground, verdicts, facts, settings, now) if applies else verdicts
    if isinstance(counted, Needs):
        return counted
    verdicts = counted
    reasons = [v.reason for v in verdicts]
    found = fresh(matter, verdicts)
    commands: list[Command] = []
    alerts = [v.alert for v in verdicts if v.alert is not None]
    if found:
        needs = facts.lacking(_needs(matter, ground, opening=opens(matter)))
        if needs:
            return Needs(needs=needs)
        if opens(matter):
            listed = (*(matter.findings if matter.is_open() else ()), *found)
            commands.append(_open(matter, ground, listed, facts, settings, now))
        else:
            commands += _add(use, matter, ground, found, facts, settings)
            alerts += _after_decision(matter, found)
        if ground.order is not None:
            held, why = _hold(use, matter, ground.order, found, hold_for)
            commands += held
            reasons += why
    elif any(v.finding is not None for v in verdicts):
        reasons.append(f"nothing new: {'its matter is open' if matter.is_open() else 'an earlier matter had it'}")
    timers = [v.timer for v in verdicts if v.timer is not None and v.timer.name not in matter.timers]
    wanted = {v.timer.name for v in verdicts if v.timer is not None}
    ours = tuple(f"{name}:" for name in (*use.exceptions, CONDITION))
    return Decision(
        reason="; ".join(reasons) or f"{use.name}: nothing to check",
        findings=found,
        commands=tuple(commands),
        timers=tuple(timers),
        cancel_timers=tuple(sorted(t for t in matter.timers if t.startswith(ours) and t not in wanted)),
        alert="; ".join(alerts) or None,
    )


def opens(matter: Matter) -> bool:
    """True when a finding must open the case: no open matter, or one whose case was never asked for or refused."""
    if not matter.is_open():
        return True
    asked = matter.command("OpenCase")
    return matter.case is None and (asked is None or asked.state in ("refused", "superseded"))


def _needs(matter: Matter, ground: Background, *, opening: bool) -> list[Need]:
    files = ground.requested.files if ground.requested else ()
    needs = file_needs(_from(matter, ground).connection, files)
    if opening and ground.order is not None:
        needs.append(Need(fact="order_history", subject=matter.subject, required=False))
    if opening and ground.customer_id is not None:
        needs.append(Need(fact="customer", subject=customer_of(matter, ground), required=False))
    return needs


def _from(matter: Matter, ground: Background) -> Subject:
    return ground.about or matter.about or matter.subject


def _open(
    matter: Matter,
    ground: Background,
    findings: Sequence[Finding],
    facts: Facts,
    settings: CaseworkSettings,
    now: datetime,
) -> OpenCase:
    order, asked = ground.order, ground.requested
    known = order is not None
    history = facts.get("order_history", matter.subject, OrderHistory) if known else None
    customer = facts.get("customer", customer_of(matter, ground), Customer) if ground.customer_id is not None else None
    documents, left_out = documents_of(_from(matter, ground).connection, asked.files if asked else (), facts)
    request = "\n".join([asked.text, *(f"Not attached: {name}" for name in left_out)]) if asked else ""
    texts = case_text(
        order, findings, shop=matter.subject.connection, customer=customer, history=history, request=request
    )
    if settings.snapshot != "none":
        personal = settings.snapshot == "full"
        documents.append(snapshot(order, _had(customer), _had(history), ground.item, personal=personal))
    profile = _had(customer)
    names = (order and order.customer_name, profile and profile.name, asked and asked.name)
    return OpenCase(
        title=one_line(fill(settings.title, texts), _TITLE),
        description=without_gaps(fill(settings.description, texts)),
        client_name=next((name for name in names if name), ""),
        definition=settings.definition,
        priority=_highest(findings, settings),
        owner=next((o for f in findings if (o := by_exception(settings.owner, f.exception))), ""),
        due=_due(ground, findings, settings, now),
        attributes={name: fill(text, texts) for name, text in settings.attributes.items()},
        documents=tuple(documents),
    )


def _due(ground: Background, findings: Iterable[Finding], settings: CaseworkSettings, now: datetime) -> datetime | None:
    hours = [h for f in findings if (h := by_exception(settings.due_hours, f.exception)) is not None]
    asked = [ground.requested.due] if ground.requested and ground.requested.due else []
    return min([*asked, *(now + timedelta(hours=h) for h in hours)], default=None)


def _had(fact: R | Missing | None) -> R | None:
    return None if isinstance(fact, Missing) else fact


def _add(
    use: UseCase,
    matter: Matter,
    ground: Background,
    found: Sequence[Finding],
    facts: Facts,
    settings: CaseworkSettings,
) -> list[Command]:
    late = FOUND_LATER if acted_already(matter) else "findings:"
    name = f"{late}{digest_of(sorted(f.ground for f in found))}"
    asked = ground.requested
    documents, left_out = documents_of(_from(matter, ground).connection, asked.files if asked else (), facts)
    about = "request" if asked else "order"
    lines = [f"Further findings on this {about}:\n{findings_text(found)}", asked.text if asked else ""]
    lines += [f"Not attached: {', '.join(left_out)}"] if left_out else []
    commands: list[Command] = [CommentCase(name=name, text="\n\n".join(line for line in lines if line), after=(CASE,))]
    commands += [AttachDocument(name=d.digest[:16], document=d, after=(CASE,)) for d in documents]
    raised = _highest((*matter.findings, *found), settings)
    if matter.owner == use.name and asked and asked.due:
        commands.append(UpdateCase(name="due", due=asked.due, after=(CASE,)))
    if matter.owner == use.name and _RISING.index(raised) > _RISING.index(_highest(matter.findings, settings)):
        commands.append(UpdateCase(name="priority", priority=raised, after=(CASE,)))
    return commands


def _after_decision(matter: Matter, found: Sequence[Finding]) -> list[str]:
    """Whoever decided did not know of it, and looks at the case no more."""
    if matter.acted_on is None or not acted_already(matter):
        return []
    what = ", ".join(dict.fromkeys(label(f.exception) for f in found))
    return [f"{matter.subject}: {what} was found after outcome {matter.acted_on.outcome!r} was set: look at the case"]


def _highest(findings: Iterable[Finding], settings: CaseworkSettings) -> Priority:
    ranks = [_RISING.index(by_exception(settings.priority, f.exception) or "normal") for f in findings]
    return _RISING[max(ranks, default=_RISING.index("normal"))]


def _hold(
    use: UseCase, matter: Matter, order: Order, found: Sequence[Finding], hold_for: Collection[str]
) -> tuple[list[Command], list[str]]:
    first = next((f for f in found if f.exception in hold_for), None)
    if first is None:
        return [], []
    asked = matter.is_open() and (matter.command("HoldOrder") or executing(matter))
    if asked and not taken_off(matter, order):
        return [], ["hold: this matter held the order before, and does so once"]
    too_late = shippable(order)
    if too_late is not None:
        return [], [f"hold: not asked for, {too_late}"]
    hold = HoldOrder(
        target=matter.subject,
        cause=use.hold_causes.get(first.exception, "other"),
        note="Held until the review of this order is decided.",
    )
    return [hold], [f"hold: asked for because of {first.exception}"]
