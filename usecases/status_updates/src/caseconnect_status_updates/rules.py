"""Status updates: how a case stands is shown on its order, for whatever topic the case was opened."""

from __future__ import annotations

from datetime import datetime

from caseconnect.models import Case
from caseconnect.sdk.casework import DECIDED, WAITING_FOR_CUSTOMER, case_of
from caseconnect.sdk.commands import AnnotateOrder
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
    if matter.subject.kind != "order":
        return Decision(reason=f"the matter is about a {matter.subject.kind}: only orders are annotated")
    if not settings.tags and not settings.stage_tags and not settings.attributes:
        return Decision(reason="tags, stage_tags and attributes are empty: nothing is written back")
    subject = _case(event, matter)
    if isinstance(subject, Decision):
        return subject
    case = facts.get("case", subject, Case)
    if case is None:
        return Needs(needs=(Need(fact="case", subject=subject, required=False, fields=DECIDED),))
    if isinstance(case, Missing):
        if isinstance(event, CaseChanged):
            return Decision(reason=f"the case could not be read ({case.why}): nothing is written back")
        case = Case(id=subject.id)
    return _annotate(event, matter, case, settings)


def _case(event: Event, matter: Matter) -> Subject | Decision:
    telling = isinstance(event, CommandSettled) and (event.kind in _TELLING or matter.state == "closed")
    if isinstance(event, CommandSettled) and not (telling and event.state == "done"):
        return Decision(reason=f"{event.kind} {event.state}: no progress of the case")
    subject = case_of(event, matter)
    return subject if subject is not None else Decision(reason="the matter has no case: nothing is written back")


def _annotate(event: Event, matter: Matter, case: Case, settings: StatusUpdatesSettings) -> Decision:
    phase = phase_of(matter, case)
    named = {p: _named(tag, matter) for p, tag in settings.tags.items()}
    by_stage = {stage.casefold(): _named(tag, matter) for stage, tag in settings.stage_tags.items()}
    wanted = {tag for tag in (named.get(phase), by_stage.get((case.stage or "").casefold())) if tag is not None}
    known = {*named.values(), *by_stage.values()}
    values = _values(event, matter, case, phase)
    command = AnnotateOrder(
        name=f"status:{matter.topic}:{matter.item}",
        target=matter.subject,
        add_tags=tuple(sorted(wanted)),
        remove_tags=tuple(sorted(known - wanted)),
        attributes={_named(name, matter): values[what] for what, name in settings.attributes.items() if values[what]},
    )
    tags = f"tags.{phase}" if phase in settings.tags else f"no tag, tags has no {phase}"
    return Decision(
        reason=f"the case is {phase}: {tags}; attributes: {', '.join(sorted(settings.attributes)) or 'empty'}",
        commands=(command,),
    )


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


def _named(name: str, matter: Matter) -> str:
    return name.replace("{topic}", matter.topic.replace("_", "-"))
