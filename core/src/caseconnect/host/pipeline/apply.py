"""From a use case's answer to what is written: grounds, go-live, modes, and the conflicts between use cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from caseconnect.host.journal.records import Ask, DecidedBy, MatterRow, Mode
from caseconnect.host.journal.states import SUPERSEDED
from caseconnect.host.pipeline.capping import caps_of, storm_of
from caseconnect.host.pipeline.drafts import Draft
from caseconnect.host.tenants.tenant import Flow, Tenant
from caseconnect.sdk.commands import Command, OpenCase, digest_of
from caseconnect.sdk.decisions import CaseRef, CommandState, Decision, Finding
from caseconnect.sdk.subjects import Subject


@dataclass
class Applied:
    """An answer as the journal keeps it, and the commands that it asks for."""

    answer: DecidedBy
    asks: list[Ask] = field(default_factory=list)
    revokes: tuple[str, ...] = ()
    kept_back: str = ""
    """What a person must know: the mode keeps back an answer about an order that is held. Empty: nothing."""
    belongs_to: Subject | None = None
    """Where the case that it is about belongs."""


def apply_decision(
    tenant: Tenant,
    flow: Flow,
    draft: Draft,
    decision: Decision,
    reference: str,
    go_live: datetime,
    now: datetime,
    case: CaseRef | None = None,
) -> Applied:
    """Put `decision` on the draft. What does not count is left out, and the reason says so.

    `case`: the one that the event is about; a matter that begins at it is worked in it.
    """
    undeclared = sorted({c.kind for c in decision.commands if type(c) not in flow.transform.uses})
    if undeclared:
        why = f"{flow.use} asks for {', '.join(undeclared)}, which it did not declare: nothing of this answer counts"
        return Applied(DecidedBy(flow.use, why, alert=why))
    findings, notes = _counting(decision.findings, flow, draft, go_live)
    if findings and not draft.is_open:
        draft.open(flow.use, flow.mode, reference, flow.cases or "", now)
        _take_case(flow, draft, case)
    commands, nobody = _carried_out(tenant, flow, draft, decision.commands)
    if nobody:
        notes.append(f"not asked for, because no connection carries it out: {', '.join(sorted(nobody))}")
    if not draft.is_open:
        left_out = [c for c in commands if not _for_closed(c, draft)]
        commands = [c for c in commands if c not in left_out]
        if left_out:
            notes.append(f"not asked for, because no matter is open: {', '.join(c.kind for c in left_out)}")
    row, acted_on = draft.row, decision.acted_on
    acting = row is not None and (draft.is_open or bool(commands))
    if row is None or not acting:
        told = DecidedBy(
            flow.use,
            _told(decision.reason, notes),
            item=draft.key.item,
            timers=decision.timers,
            cancel_timers=decision.cancel_timers,
            alert=decision.alert,
            alert_kind=decision.alert_kind,
        )
        return Applied(told, belongs_to=decision.belongs_to)
    # An answer that the mode keeps back was not acted on: it counts as soon as the mode allows it.
    kept_back = [c.kind for c in commands if withholds(flow.mode, c) and not withholds(row.mode, c)]
    in_vain = _held_in_vain(flow, row, draft) if kept_back and (acted_on or decision.close) else ""
    if kept_back:
        notes.append(f"mode {flow.mode} keeps it back, the matter stays as it is: {', '.join(kept_back)}")
        decision = decision.model_copy(update={"acted_on": None, "stage": None, "close": False, "cancel_timers": ()})
    if draft.is_open:
        _put(flow, draft, decision, findings)
    ground = digest_of(acted_on and acted_on.revision, sorted(f.ground for f in decision.findings))
    if kept_back:
        ground = digest_of(ground, flow.mode)  # else it would be the same command for ever, withheld
    asks = [replace(_ask(tenant, flow, draft, command, ground), fresh=bool(findings)) for command in commands]
    revokes = tuple(c.key for c in draft.commands if c.key and c.key in decision.revokes)
    draft.commands = tuple(replace(c, state=SUPERSEDED) if c.key in revokes else c for c in draft.commands)
    draft.commands += tuple(CommandState(a.command.kind, a.command.name, a.birth, flow.use, "") for a in asks)
    draft.timers = (draft.timers - set(decision.cancel_timers)) | {t.name for t in decision.timers}
    kept = decision.model_dump(mode="json", exclude={"commands", "reason"}, exclude_defaults=True)
    kept["commands"] = [f"{c.kind}:{c.name}" if c.name else c.kind for c in commands]
    answer = DecidedBy(
        flow.use,
        _told(decision.reason, notes),
        matter=row.id if draft.is_open else None,
        item=draft.key.item,
        timers=decision.timers,
        cancel_timers=decision.cancel_timers,
        alert=decision.alert,
        alert_kind=decision.alert_kind,
        decision=kept,
    )
    if decision.close and draft.is_open:
        draft.change(state="closed")
    return Applied(answer, asks, revokes, in_vain, decision.belongs_to)


def _take_case(flow: Flow, draft: Draft, case: CaseRef | None) -> None:
    if flow.transform.begins_at_case and case is not None and case.subject.connection == flow.cases:
        draft.change(case=case.subject, case_number=case.number, case_url=case.url)


def withholds(mode: Mode, command: Command) -> bool:
    """The mode does not let this command go out."""
    return mode == "observe" or (mode == "cases" and command.side == "order")


def _held_in_vain(flow: Flow, row: MatterRow, draft: Draft) -> str:
    if not draft.claims:
        return ""
    case = row.case_number or (row.case and row.case.id) or "unknown"
    return (
        f"{row.key.subject} is held and an answer for it (case {case}) is kept back, because {flow.use} is in mode "
        f"{flow.mode}: set it to live again, then change the case or the order so that it is looked at; or act by hand"
    )


def _for_closed(command: Command, draft: Draft) -> bool:
    """A closed matter takes what only tells: comments on its case, annotations of its order."""
    if command.settles or draft.row is None:
        return False
    return command.side == "order" or draft.row.case is not None


def _carried_out(
    tenant: Tenant, flow: Flow, draft: Draft, commands: Sequence[Command]
) -> tuple[list[Command], set[str]]:
    """The commands without those that no connection has to carry out, and none does; and the kinds of these."""
    spec = flow.transform
    demanded = spec.asks(flow.settings) if spec.asks else spec.uses
    kept: list[Command] = []
    nobody: set[str] = set()
    for command in commands:
        where = flow.cases if command.side == "case" else (command.target or draft.key.subject).connection
        carrier = where if command.side == "case" else tenant.carrier(flow, type(command), where or "")
        connection = tenant.connections.get(carrier or "")
        able = connection is not None and type(command) in connection.commands
        if able or type(command) in demanded:
            kept.append(command)
        else:
            nobody.add(command.kind)
    return kept, nobody


def _counting(
    findings: Sequence[Finding], flow: Flow, draft: Draft, go_live: datetime
) -> tuple[tuple[Finding, ...], list[str]]:
    """Findings that count, and why the others do not."""
    counting, notes = [], []
    for finding in findings:
        if finding.arose_at < go_live:
            notes.append(f"{finding.exception} arose before going live ({go_live:%Y-%m-%d %H:%M} UTC)")
        elif draft.is_open and draft.has(finding):
            continue
        elif not draft.is_open and finding.ground in draft.grounds:
            notes.append(f"{finding.exception} was worked before on the same facts (episode {draft.last_episode})")
        else:
            counting.append(finding)
    if flow.transform.by_item and not draft.key.item:
        whole = [f for f in counting if f.exception in flow.transform.of_whole]
        if len(whole) < len(counting):
            notes.append("nothing is opened: the event names no item, and each item is a matter of its own")
        counting = whole
    return tuple(counting), notes


def _put(flow: Flow, draft: Draft, decision: Decision, findings: tuple[Finding, ...]) -> None:
    draft.add(flow.use, findings)
    if decision.stage is not None:
        draft.change(stage=decision.stage)
    if decision.acted_on is not None:
        draft.change(acted_on=decision.acted_on)


def _ask(tenant: Tenant, flow: Flow, draft: Draft, command: Command, ground: str) -> Ask:
    row: MatterRow = draft.row  # type: ignore[assignment] # the caller saw to it
    if command.side == "order":
        target = command.target or draft.key.subject
        command = command.model_copy(update={"target": target})
        connection = tenant.carrier(flow, type(command), target.connection)
    else:
        connection = row.cases
    if isinstance(command, OpenCase):
        command = command.model_copy(update={"reference": row.reference})
    if row.mode == "observe" or withholds(flow.mode, command):
        note = "mode cases: no order is touched" if flow.mode == "cases" else "mode observe: nothing is done"
        return Ask(row.id, flow.use, command, connection, "withheld", ground, note)
    ask = Ask(row.id, flow.use, command, connection, "planned", ground, caps=caps_of(tenant, flow, command))
    if not isinstance(command, OpenCase):
        return ask
    return replace(ask, storm=storm_of(tenant, flow, _exception(flow, draft)))


def _exception(flow: Flow, draft: Draft) -> str:
    """What the case is opened for: the first that the flow found in the matter."""
    found = draft.row.findings if draft.row else ()
    return next((f.finding.exception for f in found if f.by == flow.use), "")


def keep_money(asks: Sequence[Ask]) -> list[Ask]:
    """What a replay asks for moves no money by itself: it may be old, and many at once."""
    note = "decided in a replay, which moves no money: a person lets it go"
    return [
        replace(ask, birth="parked", note=note) if ask.command.money and ask.birth == "planned" else ask for ask in asks
    ]


def park_conflicts(asks: Sequence[Ask]) -> list[Ask]:
    """Commands of two use cases that contradict each other park, both."""
    against = [(a, b) for i, a in enumerate(asks) for b in asks[i + 1 :] if a.use != b.use and _contradict(a, b)]
    clashing = {id(a): b for a, b in against} | {id(b): a for a, b in against}
    parked = []
    for ask in asks:
        other = clashing.get(id(ask))
        if other is not None and ask.birth == "planned":
            note = f"{ask.use} wants {ask.command.kind} and {other.use} wants {other.command.kind}: a person decides"
            ask = replace(ask, birth="parked", note=note)
        parked.append(ask)
    return parked


def _contradict(a: Ask, b: Ask) -> bool:
    """Two matters may hold and release the same order: each gives up only its own claim."""
    if b.command.kind not in a.command.conflicts or a.command.target != b.command.target:
        return False
    mine, other = a.command.slot(), b.command.slot()
    return a.matter == b.matter or mine is None or other is None or mine[0] != other[0]


def _told(reason: str, notes: Sequence[str]) -> str:
    return "; ".join((reason, *notes))
