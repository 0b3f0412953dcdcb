"""An outcome after another was acted on: the same one, another one, or the same with other details.

What was carried out, or may have been, is never done again or undone by itself. What is still planned is revoked.
"""

from __future__ import annotations

from caseconnect.models import Case
from caseconnect.sdk.casework.outcome_settings import OutcomeSettings
from caseconnect.sdk.casework.standing import (
    DECISIVE,
    ENDED,
    IN_REVIEW,
    MAY_HAVE_HAPPENED,
    WAITING_FOR_CUSTOMER,
    executing,
)
from caseconnect.sdk.casework.telling import note_once
from caseconnect.sdk.casework.text import one_line
from caseconnect.sdk.commands import CASE, CommentCase, digest_of
from caseconnect.sdk.decisions import ActedOn, Decision, Matter

TAKEN_BACK = "taken-back:"
"""Begins the name of the comment on an outcome that was taken back after it was carried out."""

FOUND_LATER = "found-later:"
"""Begins the name of the comment on what was found after an outcome was acted on."""

_ASKED = ("changed:", "details:", TAKEN_BACK)
_OF_AN_OUTCOME = (*DECISIVE, "SetOrderStatus", "NotifyCustomer")


def decision_of(case: Case, settings: OutcomeSettings) -> ActedOn:
    """What the case says now, as it is acted on: the outcome, and a digest of what the agent wrote with it."""
    written = {name: case.attributes.get(key, "").strip() for name, key in settings.answers}
    answers = digest_of({name: text for name, text in written.items() if text})
    return ActedOn(outcome=case.outcome or "", revision=case.revision, answers=answers)


def nothing_new(matter: Matter, found: ActedOn) -> Decision | None:
    """An answer when the case says what was acted on already; None when it says something else."""
    acted, outcome = matter.acted_on, found.outcome
    if acted is None:
        return None
    if acted.revision == found.revision:
        return Decision(reason=f"outcome {outcome!r}, revision {found.revision} was acted on already")
    if not _same(matter, acted, found):
        return None
    if not matter.is_open():
        return Decision(reason=f"outcome {outcome!r} was carried out already; the matter is closed")
    asks_again = matter.stage == IN_REVIEW and executing(matter) is None  # the shopper answered, or it was taken back
    if asks_again or _ended_without(matter):
        return None
    return Decision(reason=f"outcome {outcome!r} is being carried out or was: a further revision changes nothing")


def too_late(matter: Matter, found: ActedOn) -> Decision | None:
    """A person's: the matter is closed, or what was acted on was carried out, or may have been. Else None."""
    acted, outcome = matter.acted_on, found.outcome
    if matter.is_open() and (acted is None or _same(matter, acted, found) or executing(matter) is None):
        return None
    if acted is None:
        return note_once(
            matter,
            f"too-late:{digest_of(outcome)}",
            f"The outcome '{one_line(outcome)}' came after this was closed: nothing was done. Act by hand.",
            f"{matter.subject}: outcome {outcome!r} came after its matter was closed: nothing was done",
            f"outcome {outcome!r}: the matter is closed",
        )
    if acted.outcome == outcome:
        return note_once(
            matter,
            f"details:{digest_of(outcome, acted.answers, found.answers)}",
            f"The outcome is still '{one_line(outcome)}', but what is written with it (amount, goods, points or reason)"
            " was changed after it was carried out. Nothing more was done: a person must decide what follows.",
            f"{matter.subject}: outcome {outcome!r} is the same, but its details were changed after execution: "
            "decide by hand what follows",
            f"outcome {outcome!r} is the same, its details were changed after execution: for a person",
        )
    return note_once(
        matter,
        f"changed:{digest_of(acted.outcome, outcome)}",
        f"The outcome was changed from '{one_line(acted.outcome)}' to '{one_line(outcome)}' after "
        f"'{one_line(acted.outcome)}' was carried out. Nothing was done: a person must decide what follows.",
        f"{matter.subject}: the outcome was changed from {acted.outcome!r} to {outcome!r} after execution: "
        "decide by hand what follows",
        f"outcome changed from {acted.outcome!r} to {outcome!r} after execution: for a person",
    )


def unanswered(matter: Matter) -> str | None:
    """The alert of a matter that closes before a person has answered to what came late: the former ends with it."""
    told = [c.name for c in matter.commands if c.kind == "CommentCase"]
    if any(name.startswith(_ASKED) for name in told):
        return f"{matter.subject}: the outcome was changed after execution: decide by hand what follows"
    if any(name.startswith(FOUND_LATER) for name in told):
        return f"{matter.subject}: something more was found after the outcome was set: look at the case"
    return None


def acted_already(matter: Matter) -> bool:
    """An outcome is being carried out: whoever set it looks at the case no more. One that asks is no such outcome."""
    return matter.acted_on is not None and matter.stage not in (IN_REVIEW, WAITING_FOR_CUSTOMER)


def revoking(matter: Matter, found: ActedOn, decision: Decision) -> Decision:
    """The decision, which also takes back what the former one asked for and was not sent yet."""
    planned = [c for c in matter.commands if c.kind in _OF_AN_OUTCOME and c.state == "planned" and c.key]
    if matter.acted_on is None or not planned:
        return decision
    kinds = ", ".join(dict.fromkeys(c.kind for c in planned))
    was = one_line(matter.acted_on.outcome)
    name = f"revoked:{digest_of([c.key for c in planned], found.revision)}"
    text = f"What '{was}' asked for before had not been sent, and is not: {kinds}."
    return decision.model_copy(
        update={
            "reason": f"{decision.reason}; not sent any more: {kinds}",
            "commands": (*decision.commands, CommentCase(name=name, text=text, after=(CASE,))),
            "revokes": tuple(c.key for c in planned),
        }
    )


def _same(matter: Matter, acted: ActedOn, found: ActedOn) -> bool:
    """What was acted on before digests were kept is taken as the same, and so is what came to nothing."""
    if acted.outcome != found.outcome:
        return False
    came_to_something = any(c.kind in _OF_AN_OUTCOME and c.state in MAY_HAVE_HAPPENED for c in matter.commands)
    return acted.answers in ("", found.answers) or not (matter.is_open() or came_to_something)


def _ended_without(matter: Matter) -> bool:
    """What the outcome asked for ended without an effect, so an outcome set again may ask once more."""
    asked = [c for c in matter.commands if c.kind in _OF_AN_OUTCOME]
    newest = {(c.kind, c.name): c for c in asked if c.kind in DECISIVE} or {(c.kind, c.name): c for c in asked}
    none = bool(newest) and all(c.state in ("refused", "superseded") for c in newest.values())
    return none and all(c.state in ENDED for c in asked)
