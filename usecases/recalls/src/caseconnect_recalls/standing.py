"""What a recall's matter has asked for so far, by the newest command about each product and place."""

from __future__ import annotations

from collections.abc import Mapping

from caseconnect.models import Case
from caseconnect.sdk.commands import CASE, CommentCase
from caseconnect.sdk.decisions import CommandState, Matter
from caseconnect.sdk.subjects import Subject
from caseconnect_recalls.settings import Mark, RecallsSettings

RECALLED, UNDOING, ENDED = "recalled", "undoing", "ended"
"""Stages of the matter."""

PRODUCTS = ("SuppressProduct", "RestoreProduct")
NOTICES = ("ShowNotice", "RemoveNotice")
"""What does and what undoes. Commands are named by the subject that they change."""

_UNDER_WAY = frozenset({"planned", "sending", "accepted", "unknown"})
_NEVER_WAS = frozenset({"refused", "superseded", "withheld"})
_SHOWN = 25


def newest(matter: Matter, kinds: tuple[str, str]) -> dict[str, CommandState]:
    """The newest command of these kinds by name, oldest name first."""
    return {command.name: command for command in matter.commands if command.kind in kinds}


def recalled(matter: Matter) -> list[Subject]:
    """Products that the matter wants off sale, whatever became of it."""
    found = newest(matter, PRODUCTS).items()
    return [Subject.parse(name) for name, c in found if c.kind == PRODUCTS[0] and c.state != "superseded"]


def in_force(matter: Matter, kinds: tuple[str, str]) -> list[Subject]:
    """What was done, or may have been, and would have to be undone."""
    found = newest(matter, kinds).items()
    return [Subject.parse(name) for name, c in found if c.kind == kinds[0] and c.state not in _NEVER_WAS]


def undone(matter: Matter) -> int:
    """How often something was put back: a recall that began again is told anew."""
    return sum(command.kind == PRODUCTS[1] for command in matter.commands)


def under_way(matter: Matter) -> bool:
    """Something is still being done."""
    found = (*newest(matter, PRODUCTS).values(), *newest(matter, NOTICES).values())
    return any(command.state in _UNDER_WAY for command in found)


def is_recall(case: Case, settings: RecallsSettings) -> bool:
    """By its definition, or by all of its marks."""
    if case.definition in settings.definitions:
        return True
    marks = settings.marked_by.items()
    return bool(marks) and all(case.attributes.get(n, "").strip().casefold() == v.casefold() for n, v in marks)


def says(case: Case, wanted: Mapping[Mark, tuple[str, ...]]) -> str | None:
    """Which of the marks the case bears, in words; None when it bears none."""
    found = {"outcome": case.outcome, "stage": case.stage, "status": case.status}
    for mark, words in wanted.items():
        said = (found[mark] or "").strip()
        if said.casefold() in {word.strip().casefold() for word in words}:
            return f"{mark} {said}"
    return None


def comment(name: str, text: str) -> CommentCase:
    """A comment on the case that the recall began at."""
    return CommentCase(name=name, text=text, after=(CASE,))


def listed(names: list[str]) -> str:
    """Names for people, one a line."""
    more = [f"- and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return "\n".join([*(f"- {' '.join(name.split())}" for name in names[:_SHOWN]), *more])
