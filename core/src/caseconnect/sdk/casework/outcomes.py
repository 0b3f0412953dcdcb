"""From an agent's outcome to commands. A revision is acted on once; what was carried out is never done again."""

from __future__ import annotations

from collections.abc import Sequence

from caseconnect.models import Case, File, Order
from caseconnect.sdk.casework.acting import Act, Acting, wished
from caseconnect.sdk.casework.actions import DOES
from caseconnect.sdk.casework.answers import ImpossibleError
from caseconnect.sdk.casework.files import documents_of, file_needs
from caseconnect.sdk.casework.outcome_settings import Action, OutcomeSettings
from caseconnect.sdk.casework.overtaking import TAKEN_BACK, decision_of, nothing_new, revoking, too_late
from caseconnect.sdk.casework.policy import CONDITION
from caseconnect.sdk.casework.second import close_second, second_cases
from caseconnect.sdk.casework.standing import (
    CARRYING_OUT,
    DECIDED,
    IN_REVIEW,
    RESOLVED,
    WAITING_FOR_CUSTOMER,
    WAITING_FOR_GOODS,
    executing,
    holding,
)
from caseconnect.sdk.casework.telling import note_once
from caseconnect.sdk.casework.text import label, one_line
from caseconnect.sdk.casework.usecase import UseCase
from caseconnect.sdk.commands import CASE, Command, CommentCase, digest_of
from caseconnect.sdk.decisions import IMPOSSIBLE, UNMAPPED, Decision, Facts, Matter, Missing, Need, Needs, matter_name
from caseconnect.sdk.events import CaseChanged, Event
from caseconnect.sdk.subjects import Subject

_ORDERLESS = frozenset(
    {"release", "ask_verification", "approve_return", "decline_return", "submit_evidence", "set_status", "close"}
)
"""Actions for which the order need not be read."""
_GIVES = frozenset({"refund", "exchange", "replace", "credit", "as_requested"})
_FIELDS = (*DECIDED, "attributes")
_OFF = "The flow's mode keeps Connect off orders"


def carry_out(
    use: UseCase, event: CaseChanged, matter: Matter, facts: Facts, settings: OutcomeSettings
) -> Decision | Needs:
    """What follows from the case as it is now. Commands expect that the outcome still stands when they are sent."""
    ours = {*use.exceptions, *((CONDITION,) if settings.has_conditions() else ())}
    if not any(f.exception in ours for f in matter.findings):
        return Decision(reason=f"{use.name} found nothing in this matter: its outcome is for others")
    if others := second_cases(event, matter):
        return close_second(others, matter, facts)
    subject = case_of(event, matter)
    if subject is None:
        return Decision(reason="the matter's case is not known yet: its outcome is read when it is")
    case = facts.get("case", subject, Case)
    if not isinstance(case, Case):
        files = ("files",) if "submit_evidence" in settings.asked() else ()
        return Needs(needs=(Need(fact="case", subject=subject, fields=(*_FIELDS, *files)),))
    if case.outcome is None:
        return _without_outcome(matter, case)
    return _with_outcome(use, matter, subject, case, facts, settings)


def _with_outcome(
    use: UseCase, matter: Matter, subject: Subject, case: Case, facts: Facts, settings: OutcomeSettings
) -> Decision | Needs:
    found = decision_of(case, settings)
    nothing = go_on(use, matter, facts, settings) or nothing_new(matter, found)
    if nothing is not None:
        return nothing
    answer = too_late(matter, found) or _act(use, matter, subject, case, facts, settings)
    return answer if isinstance(answer, Needs) else revoking(matter, found, answer)


def go_on(use: UseCase, matter: Matter, facts: Facts, settings: OutcomeSettings) -> Decision | Needs | None:
    """What an outcome left for later, if it still stands; None where nothing waits."""
    if not matter.is_open() or matter.stage != WAITING_FOR_GOODS or matter.acted_on is None or matter.case is None:
        return None
    subject = matter.case.subject
    case = facts.get("case", subject, Case)
    if not isinstance(case, Case):
        return Needs(needs=(Need(fact="case", subject=subject, fields=_FIELDS),))
    if case.outcome != matter.acted_on.outcome:
        return None
    return _act(use, matter, subject, case, facts, settings, begun=True)


def _act(
    use: UseCase,
    matter: Matter,
    subject: Subject,
    case: Case,
    facts: Facts,
    settings: OutcomeSettings,
    *,
    begun: bool = False,
) -> Decision | Needs:
    actions = settings.does(case.outcome or "")
    if actions is None:
        return _unmapped(matter, case.outcome or "")
    asks = "ask_verification" in actions and settings.message(case.outcome or "", "ask_verification") is not None
    files = _evidence(case) if "submit_evidence" in actions else ()
    needs = facts.lacking([*_wanted(use, matter, actions, asks=asks), *file_needs(subject.connection, files)])
    if needs:
        return Needs(needs=needs)
    order = facts.get("order", matter.subject, Order)
    about = matter.about
    item = facts.get(about.kind, about, use.item) if about and use.item else None
    documents, unread = documents_of(subject.connection, files, facts)
    on = Acting(
        use,
        matter,
        subject,
        case,
        settings,
        order if isinstance(order, Order) else None,
        None if isinstance(item, Missing) else item,
        tuple(documents),
        tuple(unread),
    )
    try:
        return _in_turn(on, [wished(on) if action == "as_requested" else action for action in actions], begun)
    except ImpossibleError as error:
        return _impossible(matter, case, error)


def _in_turn(on: Acting, actions: Sequence[Action], begun: bool) -> Decision:
    """All of it, or without what waits; with `begun` what waited and nothing before it."""
    waiting = on.use.waiting
    late = waiting.actions(on.settings) if waiting and on.matter.mode == "live" else ()
    place = next((i for i, action in enumerate(actions) if action in late), len(actions))
    if waiting is None or place == len(actions):
        return _together(on, actions, _acts(on, actions))
    stands, why = waiting.stands(on.item, on.case, on.settings)
    if stands == "due":
        return _together(on, actions, _acts(on, actions[place:] if begun else actions), begun=begun)
    if begun and stands == "waits":
        return Decision(reason=f"outcome {on.outcome!r}: {why}")
    if stands == "over":
        return _together(on, actions, [*_acts(on, () if begun else actions[:place]), Act(says=why)], begun=begun)
    # What waits is tried as well: an outcome that cannot be carried out whole is not begun.
    return _together(on, actions, [*_acts(on, actions)[:place], Act(says=why, stage=WAITING_FOR_GOODS)])


def _acts(on: Acting, actions: Sequence[Action]) -> list[Act]:
    return [DOES[action](on) for action in actions]


def _evidence(case: Case) -> tuple[File, ...]:
    """What people put on the case: never what we did, such as a snapshot with personal data."""
    return tuple(file for file in case.files if not file.ours)


def _wanted(use: UseCase, matter: Matter, actions: Sequence[Action], *, asks: bool) -> list[Need]:
    """What must be read. `asks`: a message asks for a verification, and the order tells where it goes."""
    needs = []
    if matter.subject.kind == "order" and (asks or not _ORDERLESS.issuperset(actions)):
        # Without it the answer would be "by hand", and a later look might carry the same out all the same.
        needs.append(Need(fact="order", subject=matter.subject, required=not _GIVES.isdisjoint(actions)))
    if matter.about is not None and use.item is not None:
        needs.append(Need(fact=matter.about.kind, subject=matter.about, required=False))
    return needs


def _together(on: Acting, actions: Sequence[Action], acts: Sequence[Act], *, begun: bool = False) -> Decision:
    """One after the other: what fails keeps back what was to follow."""
    outcome, matter = on.outcome, on.matter
    commands: list[Command] = []
    for act in acts:
        before = tuple(f"{c.kind}:{c.name}" if c.name else c.kind for c in commands)
        commands += [c.model_copy(update={"after": (*c.after, *before)}) for c in act.commands]
    waits = next((act.stage for act in acts if act.stage in (WAITING_FOR_CUSTOMER, WAITING_FOR_GOODS)), None)
    stage = next((act.stage for act in acts if act.stage != RESOLVED), RESOLVED)
    by_hand = bool(commands) and matter.mode != "live"
    over = not waits and (by_hand or not commands)
    said = " ".join(act.says for act in acts if act.says)
    if by_hand and _OFF not in said:
        said = f"{_OFF}: do it by hand ({', '.join(label(a) for a in actions)}). {said}".rstrip()
    name = f"{'later' if begun else 'outcome'}:{digest_of(on.case.revision)}"
    comment = CommentCase(name=name, text=f"Outcome '{one_line(outcome)}'. {said}", after=(CASE,))
    return Decision(
        reason=f"outcome {outcome!r}: settings.outcomes says {', '.join(actions)}"
        + ("; left to a person by the mode" if by_hand else ""),
        commands=(*commands, comment) if said else tuple(commands),
        acted_on=decision_of(on.case, on.settings),
        stage=waits or (stage if over else CARRYING_OUT),
        close=over,
    )


def _impossible(matter: Matter, case: Case, why: ImpossibleError) -> Decision:
    outcome, more = case.outcome or "", " more" if matter.acted_on else ""
    return note_once(
        matter,
        f"impossible:{digest_of(outcome, str(why))}",
        f"The outcome '{one_line(outcome)}' cannot be carried out: {why}. Nothing{more} was done.",
        f"{matter.subject}: outcome {outcome!r} cannot be carried out: {why.plain}",
        f"outcome {outcome!r} cannot be carried out: {why.plain}",
        f"{IMPOSSIBLE}{matter_name(matter.subject, matter.item)}",
    )


def case_of(event: Event, matter: Matter) -> Subject | None:
    """The case the event is about: the matter's, or the one that the event names before the matter knows it."""
    if matter.case is not None:
        return matter.case.subject
    return next((s for s in (event.subject, *event.refs) if s.kind == "case"), None)


def _without_outcome(matter: Matter, case: Case) -> Decision:
    stage = f"case status {case.status or 'unknown'}, stage {case.stage or 'unknown'}"
    if not matter.is_open():
        return Decision(reason=f"{stage}, no outcome; the matter is closed")
    if matter.acted_on is not None and executing(matter) is not None:
        return note_once(
            matter,
            f"{TAKEN_BACK}{digest_of(case.revision)}",
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


def _unmapped(matter: Matter, outcome: str) -> Decision:
    return note_once(
        matter,
        f"unmapped:{digest_of(outcome)}",
        f"The outcome '{one_line(outcome)}' is not known to Connect: nothing was done with the order.",
        f"{matter.subject}: outcome {outcome!r} is mapped to nothing: name it in settings.outcomes or choose another",
        f"outcome {outcome!r} is not in settings.outcomes: not acted on",
        f"{UNMAPPED}{one_line(outcome)[:60]}",
    )
