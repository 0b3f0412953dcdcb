"""Recalls: pure rules from a case to products off sale and notices, and back."""

from __future__ import annotations

from datetime import datetime

from caseconnect.models import Case
from caseconnect.sdk.casework import DECIDED
from caseconnect.sdk.commands import Command, RemoveNotice, RestoreProduct
from caseconnect.sdk.decisions import ActedOn, Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import CommandSettled, Event
from caseconnect_recalls import carrying, progress, standing
from caseconnect_recalls.settings import RecallsSettings
from caseconnect_recalls.standing import ENDED, NOTICES, PRODUCTS, UNDOING

_FIELDS = (*DECIDED, "attributes", "definition", "files")


def decide(event: Event, matter: Matter, facts: Facts, settings: RecallsSettings, now: datetime) -> Decision | Needs:
    """Begin a recall, keep it up while its case says so, or undo it."""
    if isinstance(event, CommandSettled):
        return progress.settled(event, matter)
    if matter.subject.kind != "case":
        return Decision(reason=f"a recall begins at a case, not at a {matter.subject.kind}")
    case = facts.get("case", matter.subject, Case)
    if not isinstance(case, Case):
        return Needs(needs=(Need(fact="case", subject=matter.subject, fields=_FIELDS),))
    begins, ends = standing.says(case, settings.start_on), standing.says(case, settings.end_on)
    if matter.is_open() and ends is not None:
        return _end(matter, case, ends)
    why = _nothing_to_do(matter, case, begins, ends, settings)
    return Decision(reason=why) if why else carrying.carry(event, matter, case, begins, facts, settings, now)


def _nothing_to_do(
    matter: Matter, case: Case, begins: str | None, ends: str | None, settings: RecallsSettings
) -> str | None:
    if matter.is_open():
        over = matter.stage == UNDOING and begins is None
        return "the recall is being undone, and the case says nothing of start_on" if over else None
    if not standing.is_recall(case, settings):
        return "no recall: the case is of none of definitions and lacks marked_by"
    if ends is not None:
        return f"{ends} is in end_on: no recall is on"
    return None if begins is not None else "a recall, which begins when the case says one of start_on"


def _end(matter: Matter, case: Case, ends: str) -> Decision:
    """Put everything back. The matter is over when that is done."""
    if matter.stage == UNDOING:
        return Decision(reason=f"{ends} is in end_on: the recall is being undone")
    products, places = standing.in_force(matter, PRODUCTS), standing.in_force(matter, NOTICES)
    commands: list[Command] = [RestoreProduct(name=str(each), target=each) for each in products]
    commands += [
        RemoveNotice(name=str(each), target=each, place="checkout" if each.kind == "site" else "product")
        for each in places
    ]
    told = f"{len(products)} products are put on sale as they were before, {len(places)} notices are taken off."
    if not commands:
        told = "There was nothing to put back."
    return Decision(
        reason=f"{ends} is in end_on: {told}",
        commands=(
            *commands,
            standing.comment(f"ending:{standing.undone(matter)}", f"The recall ends ({ends}). {told}"),
        ),
        cancel_timers=tuple(sorted(matter.timers)),
        acted_on=ActedOn(outcome=ends, revision=case.revision),
        stage=UNDOING if commands else ENDED,
        close=not commands,
    )
