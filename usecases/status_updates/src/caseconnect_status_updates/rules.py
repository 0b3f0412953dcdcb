"""Status updates: how a case stands is shown on its order and shopper, for whatever topic the case was opened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from caseconnect.models import Case, Order
from caseconnect.sdk.casework import DECIDED, WAITING_FOR_CUSTOMER, case_of
from caseconnect.sdk.commands import AnnotateCustomer, AnnotateOrder, Command
from caseconnect.sdk.decisions import Decision, Facts, Matter, Missing, Need, Needs
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event
from caseconnect.sdk.subjects import Subject
from caseconnect_status_updates.settings import Phase, Shown, StatusUpdatesSettings

_TELLING = frozenset({"OpenCase", "ReleaseOrder", "CancelOrder"})
_NO_OUTCOME = "none"


def decide(
    event: Event, matter: Matter, facts: Facts, settings: StatusUpdatesSettings, now: datetime
) -> Decision | Needs:
    """Show the case as read now. The host sends it only when it differs from what was shown last."""
    if why := _not_shown(matter, settings):
        return Decision(reason=why)
    subject = _case(event, matter)
    if isinstance(subject, Decision):
        return subject
    needs = [Need(fact="case", subject=subject, required=False, fields=DECIDED)]
    if settings.customer_attributes and matter.subject.kind == "order":
        needs.append(Need(fact="order", subject=matter.subject, required=False))
    if matter.subject.kind == "order" and (settings.tags or settings.stage_tags):
        others = {other.case.subject for other in matter.other_cases} - {subject}
        needs += [Need(fact="case", subject=each, required=False, fields=DECIDED) for each in sorted(others)]
    if lacking := facts.lacking(needs):
        return Needs(needs=tuple(lacking))
    case = facts.get("case", subject, Case)
    if not isinstance(case, Case):
        if isinstance(event, CaseChanged):
            why = case.why if isinstance(case, Missing) else "it was not given"
            return Decision(reason=f"the case could not be read ({why}): nothing is written back")
        case = Case(id=subject.id)
    values = _values(event, matter, case, phase_of(matter, case))
    on_order = _on_order(matter, case, facts, values, settings)
    on_customer = _on_customer(matter, facts, values, settings)
    shown = [decision for decision in (on_order, on_customer) if decision]
    return Decision(
        reason=f"the case is {phase_of(matter, case)}: {'; '.join(decision.reason for decision in shown)}",
        commands=tuple(command for decision in shown for command in decision.commands),
    )


def _not_shown(matter: Matter, settings: StatusUpdatesSettings) -> str:
    """Why nothing is to be shown, whatever the case says; empty if something may be."""
    if matter.subject.kind not in ("order", "customer"):
        return f"the matter is about a {matter.subject.kind}: only orders and customers are annotated"
    if settings.customer_attributes:
        return ""
    if matter.subject.kind == "customer":
        return "the matter is about a customer, and customer_attributes is empty"
    if not settings.tags and not settings.stage_tags and not settings.attributes:
        return "tags, stage_tags and attributes are empty: nothing is written back"
    return ""


def _case(event: Event, matter: Matter) -> Subject | Decision:
    telling = isinstance(event, CommandSettled) and (event.kind in _TELLING or matter.state == "closed")
    if isinstance(event, CommandSettled) and not (telling and event.state == "done"):
        return Decision(reason=f"{event.kind} {event.state}: no progress of the case")
    subject = case_of(event, matter)
    return subject if subject is not None else Decision(reason="the matter has no case: nothing is written back")


def _on_order(
    matter: Matter, case: Case, facts: Facts, values: dict[Shown, str], settings: StatusUpdatesSettings
) -> Decision | None:
    if matter.subject.kind != "order":
        return None
    phase = phase_of(matter, case)
    named = {p: _named(tag, matter.topic) for p, tag in settings.tags.items()}
    by_stage = {stage.casefold(): _named(tag, matter.topic) for stage, tag in settings.stage_tags.items()}
    wanted = {tag for tag in (named.get(phase), by_stage.get((case.stage or "").casefold())) if tag is not None}
    known = {*named.values(), *by_stage.values()}
    theirs = _of_other_cases(matter, facts, settings) & known
    if theirs and phase == "resolved":
        wanted = set()  # the order's last case says that all is over
    known -= theirs
    tags = f"tags.{phase}" if phase in settings.tags else f"no tag, tags has no {phase}"
    reason = f"{tags}; attributes: {', '.join(sorted(settings.attributes)) or 'empty'}"
    if theirs:
        reason += f"; {', '.join(sorted(theirs))} of the order's other open cases stays"
    command = AnnotateOrder(
        name=f"status:{matter.topic}:{matter.item}",
        target=matter.subject,
        add_tags=tuple(sorted(wanted)),
        remove_tags=tuple(sorted(known - wanted)),
        attributes=_attributes(settings.attributes, values, matter),
    )
    return Decision(reason=reason, commands=(command,) if wanted or known or settings.attributes else ())


def _of_other_cases(matter: Matter, facts: Facts, settings: StatusUpdatesSettings) -> set[str]:
    """Tags that the order's other open cases may have: a case alone does not tell whether the customer must answer."""
    found: set[str] = set()
    for other in matter.other_cases:
        case = facts.get("case", other.case.subject, Case)
        known = case if isinstance(case, Case) else None
        decided = known is None or known.outcome is not None
        phases: set[Phase] = {"waiting", "decided"} if decided else {"open"}
        phases |= {"open"} if known is None else set()
        stage = ((known and known.stage) or "").casefold()
        shown = [tag for phase, tag in settings.tags.items() if phase in phases]
        shown += [tag for name, tag in settings.stage_tags.items() if name.casefold() == stage]
        found |= {_named(tag, other.topic) for tag in shown}
    return found


def _on_customer(
    matter: Matter, facts: Facts, values: dict[Shown, str], settings: StatusUpdatesSettings
) -> Decision | None:
    """The profile shows the case of which something shown changed last, and nothing of the one before.

    All orders of a shopper write the same slot, so that they go out in order. It has no tags: those of an open case
    would go with a closed one.
    """
    names = settings.customer_attributes
    if not names:
        return None
    target = _shopper(matter, facts)
    if isinstance(target, Decision):
        return target
    command: Command = AnnotateCustomer(
        name=f"profile:{matter.topic}" if any("{topic}" in name for name in names.values()) else "profile",
        target=target,
        attributes={_named(name, matter.topic): values[what] for what, name in names.items()},
    )
    return Decision(reason=f"customer_attributes: {', '.join(sorted(names))}", commands=(command,))


def _shopper(matter: Matter, facts: Facts) -> Subject | Decision:
    if matter.subject.kind == "customer":
        return matter.subject
    order = facts.get("order", matter.subject, Order)
    if not isinstance(order, Order):
        return Decision(reason="customer: the order could not be read")
    if order.customer_id is None:
        return Decision(reason="customer: the order is a guest's")
    return Subject(matter.subject.connection, "customer", order.customer_id)


def _attributes(names: Mapping[Shown, str], values: dict[Shown, str], matter: Matter) -> dict[str, str]:
    return {_named(name, matter.topic): values[what] for what, name in names.items() if values[what]}


def phase_of(matter: Matter, case: Case) -> Phase:
    """Where the case stands."""
    carried_out = any((c.kind, c.state) in {("ReleaseOrder", "done"), ("CancelOrder", "done")} for c in matter.commands)
    if case.closed or matter.state == "closed" or carried_out:
        return "resolved"
    if matter.stage == WAITING_FOR_CUSTOMER:
        return "waiting"
    return "open" if case.outcome is None else "decided"


def _values(event: Event, matter: Matter, case: Case, phase: Phase) -> dict[Shown, str]:
    opened = event.data if isinstance(event, CommandSettled) and event.kind == "OpenCase" else {}
    known = matter.case
    return {
        "number": case.number or (known and known.number) or str(opened.get("number") or "") or case.id,
        "status": case.status or phase,
        "stage": case.stage or "",
        "outcome": case.outcome or _NO_OUTCOME,
        "url": case.url or (known and known.url) or str(opened.get("url") or ""),
    }


def _named(name: str, topic: str) -> str:
    return name.replace("{topic}", topic.replace("_", "-"))
