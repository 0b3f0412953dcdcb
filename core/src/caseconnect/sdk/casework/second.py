"""A second case of one matter: its own case stays, the other is told so and closed, unless a person worked on it."""

from __future__ import annotations

from collections.abc import Sequence

from caseconnect.models import Case
from caseconnect.sdk.commands import CloseCase, Command, CommentCase, digest_of
from caseconnect.sdk.decisions import Decision, Facts, Matter, Need, Needs
from caseconnect.sdk.events import CaseChanged, CommandSettled
from caseconnect.sdk.subjects import Subject


def second_cases(event: CaseChanged | CommandSettled, matter: Matter) -> tuple[Subject, ...]:
    """Cases that carry the matter's reference beside its own: told by their source, or by the command that opened it.

    `OpenCase` names them in its data as `duplicates`: ids, when a search found several.
    """
    if matter.case is None:
        return ()
    own = matter.case.subject
    if isinstance(event, CaseChanged):
        other = event.subject.kind == own.kind and event.subject != own
        return (event.subject,) if other and event.reference == matter.reference else ()
    found = event.data.get("duplicates")
    ids = found if event.kind == "OpenCase" and isinstance(found, list) else []
    return tuple(own._replace(id=str(case)) for case in ids if str(case) != own.id)


def close_second(others: Sequence[Subject], matter: Matter, facts: Facts) -> Decision | Needs:
    """Comment on each and close it; one that a person touched is only told, on both cases."""
    needs = facts.lacking([Need(fact="case", subject=other, required=False) for other in others])
    if needs:
        return Needs(needs=needs)
    reasons: list[str] = []
    alerts: list[str] = []
    commands: list[Command] = []
    for other in others:
        name = f"second:{digest_of(str(other))}"
        case = facts.get("case", other, Case)
        known = case.number or other.id if isinstance(case, Case) else other.id
        if matter.command("CommentCase", name) is not None:
            reasons.append(f"second case {known}: seen to before")
        elif isinstance(case, Case) and case.closed:
            reasons.append(f"second case {known}: it is closed")
        else:
            untouched = isinstance(case, Case) and not touched(case)
            commands += _closing(other, name, matter) if untouched else _telling(other, name, known, matter)
            reasons.append(f"second case {known}: {'it is closed' if untouched else 'somebody worked on it'}")
            end = "is closed" if untouched else "was worked on by somebody, so nothing was closed: decide which stays"
            alerts.append(f"{matter.subject}: two cases for one matter, {_own(matter)} stays, {known} {end}")
    return Decision(reason="; ".join(reasons), commands=tuple(commands), alert="; ".join(alerts) or None)


def touched(case: Case) -> bool:
    """Whether anybody but our own account did something with it."""
    by_others = (*(c.ours for c in case.comments), *(f.ours for f in case.files))
    return case.outcome is not None or not case.updated_by_us or not all(by_others)


def _closing(other: Subject, name: str, matter: Matter) -> list[Command]:
    why = f"This case was opened twice; it is worked in case {_own(matter)}."
    return [
        CommentCase(name=name, target=other, text=f"{why} This one is closed."),
        CloseCase(name=name, target=other, note=why, after=(f"CommentCase:{name}",), even_if_failed=True),
    ]


def _telling(other: Subject, name: str, known: str, matter: Matter) -> list[Command]:
    end = "Somebody worked on both or could have: nothing was closed, please decide which one stays."
    return [
        CommentCase(name=name, target=other, text=f"Case {_own(matter)} was opened for the same matter. {end}"),
        CommentCase(name=f"{name}:own", text=f"Case {known} was opened for the same matter. {end}"),
    ]


def _own(matter: Matter) -> str:
    return (matter.case.number or matter.case.subject.id) if matter.case else "unknown"
