"""What the host itself decides: what an incident tells on its case, and that a matter ends with its undone case.

Pure, like any use case: asked about incidents and about what `connect undo-cases` closes, beside the tenant's flows.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from caseconnect.host.journal.caps import INCIDENT as CAUSE
from caseconnect.host.journal.ending import UNDO
from caseconnect.host.journal.records import MatterRow
from caseconnect.host.journal.storms import EVERY, HOST, INCIDENT, LIST, Incident
from caseconnect.host.tenants.caps import Storm
from caseconnect.host.tenants.durations import show_duration
from caseconnect.host.tenants.tenant import Flow, Tenant
from caseconnect.models import Case
from caseconnect.sdk.commands import CloseCase, CommentCase, OpenCase, digest_of
from caseconnect.sdk.components import Settings, TransformSpec
from caseconnect.sdk.decisions import REFUSED, ActedOn, Decision, Facts, Matter, Missing, Need, Needs, Timer
from caseconnect.sdk.events import CaseChanged, CommandSettled, Event, TimerFired
from caseconnect.sdk.subjects import Subject

CALM = "calm"
"""The timer that looks whether a storm is over."""

OVER = "over"
"""Stage of an incident that nothing joins any more."""

_LONGEST = 3500  # characters of one comment


class IncidentSettings(Settings):
    """How long nothing has to join an incident until it is over."""

    within: timedelta = Field(description="A time without anything that joins.")


def asked_of_host(lane: Subject, event: Event) -> bool:
    """The host itself answers, and no use case."""
    undone = isinstance(event, CommandSettled) and (event.kind, event.name) == (CloseCase.kind, UNDO)
    return undone or lane.connection == HOST


def host_flow(tenant: Tenant, row: MatterRow, event: Event) -> Flow:
    """The host's own flow for a matter. What it sends is under the mode and the pauses of the matter's owner."""
    if isinstance(event, CommandSettled) and event.kind == CloseCase.kind:
        return Flow(HOST, _UNDONE, row.mode, Settings(), (), row.cases)
    owner = next((flow for flow in tenant.flows if flow.use == row.owner), None)
    storm: Storm = (owner.storm if owner else None) or tenant.limits.storm
    mode = owner.mode if owner else row.mode
    return Flow(row.owner, _INCIDENT, mode, IncidentSettings(within=storm.within), (), row.cases)


def decide(event: Event, matter: Matter, facts: Facts, settings: IncidentSettings, now: datetime) -> Decision | Needs:
    """List who joined, once a minute; say when it is over; say what an outcome of its case does not do."""
    incident = facts.get(INCIDENT, matter.subject, Incident)
    if incident is None:
        return Needs(needs=(Need(fact=INCIDENT, subject=matter.subject),))
    if isinstance(incident, Missing) or not matter.is_open():
        return Decision(reason="the incident is closed")
    if isinstance(event, CaseChanged):
        return _case_changed(event, matter, facts, incident)
    if isinstance(event, TimerFired):
        return (_list if event.name == LIST else _calm)(incident, settings, now)
    again = isinstance(event, CommandSettled) and event.kind == OpenCase.kind and event.state == "done"
    if again and incident.unlisted and LIST not in matter.timers:
        return Decision(reason="the case is open", timers=(Timer(name=LIST, due=now),))
    return Decision(reason="nothing to tell")


def _list(incident: Incident, settings: IncidentSettings, now: datetime) -> Decision:
    calm = Timer(name=CALM, due=incident.last_at + settings.within)
    if not incident.unlisted:
        return Decision(reason="all that joined are listed", timers=(calm,))
    whole = [f"- {member.title} ({member.subject})" for member in incident.unlisted]
    lines = _fitting(whole)
    if len(lines) < len(whole):
        lines = _fitting([f"- {member.subject}" for member in incident.unlisted])
    first, last = incident.listed + 1, incident.listed + len(lines)
    text = "\n".join([f"Without a case of their own, {first} to {last} of {incident.total} until now:", *lines])
    comment = CommentCase(name=f"{LIST}:{first}-{last}:{now:%Y%m%dT%H%M%S}", text=text)
    more = (Timer(name=LIST, due=now + EVERY),) if last < incident.total else ()
    return Decision(reason=f"lists {first} to {last} of {incident.total}", commands=(comment,), timers=(*more, calm))


def _fitting(lines: list[str]) -> list[str]:
    """The first lines that go into one comment; one at least."""
    length, fitting = 0, 0
    for line in lines:
        length += len(line) + 1
        if length > _LONGEST:
            break
        fitting += 1
    return lines[: max(fitting, 1)]


def _calm(incident: Incident, settings: IncidentSettings, now: datetime) -> Decision:
    over = incident.last_at + settings.within
    if over > now or incident.unlisted:
        return Decision(reason="it goes on", timers=(Timer(name=CALM, due=max(over, now + EVERY)),))
    text = (
        f"The storm is over: nothing joined it for {show_duration(settings.within)}. Listed here are {incident.total},"
        f" of which {incident.waiting} wait for a person. What comes from now on gets cases of its own."
    )
    return Decision(reason="the storm is over", commands=(CommentCase(name=OVER, text=text),), stage=OVER)


def _case_changed(event: CaseChanged, matter: Matter, facts: Facts, incident: Incident) -> Decision | Needs:
    need = Need(fact="case", subject=event.subject)
    case = facts.get(need.fact, need.subject, Case)
    if case is None:
        return Needs(needs=(need,))
    if isinstance(case, Missing) or (case.outcome is None and not case.closed):
        return Decision(reason="no outcome")
    acted = ActedOn(outcome=case.outcome or "closed", revision=case.revision)
    if matter.acted_on == acted:
        return Decision(reason="told before")
    if not incident.waiting:
        return Decision(reason="decided, and nothing waits in it", acted_on=acted, close=True)
    said = f"connect resolve {CAUSE}{matter.subject.id}"
    text = (
        f"Connect carries the outcome of this case out on none of the {incident.waiting} that are listed here and wait:"
        f" a person decides on each. `{said} --open SUBJECT` (or --all) opens their own cases, `{said} --close` ends"
        " them with this one."
    )
    comment = CommentCase(name=f"outcome:{digest_of(case.outcome, case.revision)}", text=text)
    return Decision(
        reason=f"outcome {acted.outcome!r} is not carried out on those that joined",
        commands=(comment,),
        acted_on=acted,
    )


def undone(event: Event, matter: Matter, facts: Facts, settings: Settings, now: datetime) -> Decision:
    """The case of a matter that a person undid is closed, so the matter is; or it could not be."""
    if not isinstance(event, CommandSettled) or event.state == "parked":
        return Decision(reason="its case is to be closed by a person")
    if event.state == "done":
        return Decision(reason="undone: its case is closed", close=True)
    how = "not undone, its matter stays open" if matter.is_open() else "its case was not closed"
    return Decision(reason=how, alert=f"{matter.subject}: {how}: {event.note}", alert_kind=f"{REFUSED}{event.kind}")


_INCIDENT = TransformSpec(
    name=INCIDENT,
    summary="lists what joined an incident",
    settings=IncidentSettings,
    topic=INCIDENT,
    handles=frozenset({CaseChanged, CommandSettled, TimerFired}),
    needs=frozenset({INCIDENT, "case"}),
    uses=frozenset({CommentCase}),
    decide=decide,
    asks=lambda _: frozenset(),
)
_UNDONE = TransformSpec(
    name=UNDO,
    summary="closes what was undone",
    settings=Settings,
    topic=INCIDENT,
    handles=frozenset({CommandSettled}),
    needs=frozenset(),
    uses=frozenset(),
    decide=undone,
)
