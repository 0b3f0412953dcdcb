"""Opening the matter's case, or adding to the open one. Never opens twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar, get_args

from caseconnect.models import Customer, Document, Order, OrderHistory
from caseconnect.models.base import Record
from caseconnect.sdk.casework.policy import CaseworkSettings, Priority, UseCase
from caseconnect.sdk.casework.snapshot import snapshot
from caseconnect.sdk.casework.standing import executing, shippable, taken_off
from caseconnect.sdk.casework.text import case_text, fill, findings_text, one_line
from caseconnect.sdk.casework.verdicts import Verdict, fresh
from caseconnect.sdk.commands import CASE, Command, CommentCase, HoldOrder, OpenCase, UpdateCase, digest_of
from caseconnect.sdk.decisions import Decision, Facts, Finding, Matter, Missing, Need, Needs
from caseconnect.sdk.subjects import Subject

_RISING: tuple[Priority, ...] = get_args(Priority)
_TITLE = 250
R = TypeVar("R", bound=Record)


def open_or_add(
    use: UseCase,
    matter: Matter,
    order: Order,
    verdicts: Sequence[Verdict],
    facts: Facts,
    settings: CaseworkSettings,
    *,
    hold_for: Collection[str] = (),
) -> Decision | Needs:
    """What follows from the verdicts: a case with everything read, a comment on the open case, or the reason alone.

    Timers that `use` set before (named `exception:...`) and no verdict asks for now are cancelled. An order is
    held once in a matter: what a decision released is not held again, what a person took off only on a new ground.
    """
    reasons = [v.reason for v in verdicts]
    found = fresh(matter, verdicts)
    commands: list[Command] = []
    if found:
        if opens(matter):
            needs = facts.lacking(_background(matter, order))
            if needs:
                return Needs(needs=needs)
            listed = (*(matter.findings if matter.is_open() else ()), *found)
            commands.append(_open(matter, order, listed, facts, settings))
        else:
            commands += _add(use, matter, found, settings)
        held, why = _hold(use, matter, order, found, hold_for)
        commands += held
        reasons += why
    timers = [v.timer for v in verdicts if v.timer is not None and v.timer.name not in matter.timers]
    wanted = {v.timer.name for v in verdicts if v.timer is not None}
    ours = tuple(f"{name}:" for name in use.exceptions)
    return Decision(
        reason="; ".join(reasons) or f"{use.name}: nothing to check",
        findings=found,
        commands=tuple(commands),
        timers=tuple(timers),
        cancel_timers=tuple(sorted(t for t in matter.timers if t.startswith(ours) and t not in wanted)),
        alert="; ".join(v.alert for v in verdicts if v.alert is not None) or None,
    )


def opens(matter: Matter) -> bool:
    """True when a finding must open the case: no open matter, or one whose case was never asked for or refused."""
    if not matter.is_open():
        return True
    asked = matter.command("OpenCase")
    return matter.case is None and (asked is None or asked.state in ("refused", "superseded"))


def _background(matter: Matter, order: Order) -> list[Need]:
    needs = [Need(fact="order_history", subject=matter.subject, required=False)]
    if order.customer_id is not None:
        needs.append(Need(fact="customer", subject=_customer(matter, order.customer_id), required=False))
    return needs


def _customer(matter: Matter, customer_id: str) -> Subject:
    return Subject(matter.subject.connection, "customer", customer_id)


def _open(
    matter: Matter, order: Order, findings: Sequence[Finding], facts: Facts, settings: CaseworkSettings
) -> OpenCase:
    history = facts.get("order_history", matter.subject, OrderHistory)
    customer = (
        None if order.customer_id is None else facts.get("customer", _customer(matter, order.customer_id), Customer)
    )
    texts = case_text(order, findings, shop=matter.subject.connection, customer=customer, history=history)
    documents: tuple[Document, ...] = ()
    if settings.snapshot != "none":
        personal = settings.snapshot == "full"
        documents = (snapshot(order, _had(customer), _had(history), personal=personal),)
    profile = _had(customer)
    return OpenCase(
        title=one_line(fill(settings.title, texts), _TITLE),
        description=fill(settings.description, texts),
        client_name=order.customer_name or (profile.name if profile and profile.name else ""),
        priority=_highest(findings, settings),
        attributes={name: fill(text, texts) for name, text in settings.attributes.items()},
        documents=documents,
    )


def _had(fact: R | Missing | None) -> R | None:
    return None if isinstance(fact, Missing) else fact


def _add(
    use: UseCase, matter: Matter, found: Sequence[Finding], settings: CaseworkSettings
) -> list[CommentCase | UpdateCase]:
    name = f"findings:{digest_of(sorted(f.ground for f in found))}"
    commands: list[CommentCase | UpdateCase] = [
        CommentCase(name=name, text=f"Further findings on this order:\n{findings_text(found)}", after=(CASE,))
    ]
    raised = _highest((*matter.findings, *found), settings)
    if matter.owner == use.name and _RISING.index(raised) > _RISING.index(_highest(matter.findings, settings)):
        commands.append(UpdateCase(name="priority", priority=raised, after=(CASE,)))
    return commands


def _highest(findings: Iterable[Finding], settings: CaseworkSettings) -> Priority:
    ranks = [_RISING.index(settings.priority.get(f.exception, "normal")) for f in findings]
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
