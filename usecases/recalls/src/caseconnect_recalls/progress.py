"""What became of each product and notice, told on the case: failures at once, the rest when nothing is under way."""

from __future__ import annotations

from caseconnect.sdk.casework import one_line
from caseconnect.sdk.commands import Command, digest_of
from caseconnect.sdk.decisions import Decision, Matter
from caseconnect.sdk.events import CommandSettled
from caseconnect_recalls import standing
from caseconnect_recalls.standing import ENDED, NOTICES, PRODUCTS, UNDOING, comment, listed

_DOING = {
    "SuppressProduct": "take off sale",
    "RestoreProduct": "put back on sale as before",
    "ShowNotice": "show the notice on",
    "RemoveNotice": "take the notice off",
}
_FAILURES = 10
"""Told one by one; the summary tells the others."""


def settled(event: CommandSettled, matter: Matter) -> Decision:
    """One command ended."""
    what = f"{event.kind} {event.name} {event.state}" + (f": {one_line(event.note)}" if event.note else "")
    if event.kind not in _DOING or not matter.is_open():
        return Decision(reason=what)
    commands: list[Command] = []
    alert = None
    if event.state != "done":
        alert = f"{matter.subject}: the recall could not be carried out everywhere: see the case"
        failure = f"failed:{digest_of(event.key, event.state, event.note)}"
        told = sum(c.kind == "CommentCase" and c.name.startswith("failed:") for c in matter.commands)
        if told < _FAILURES and matter.command("CommentCase", failure) is None:
            end = "It was refused" if event.state == "refused" else "It waits for a person, who answers in Connect"
            why = one_line(event.note) or "no reason was given"
            commands.append(comment(failure, f"Could not {_DOING[event.kind]} {event.name}. {end}: {why}"))
    if standing.under_way(matter):
        return Decision(reason=f"{what}; others are under way", commands=tuple(commands), alert=alert)
    over = matter.stage == UNDOING and not _left(matter)
    name, text = _summary(matter, over=over)
    if matter.command("CommentCase", name) is None:
        commands.append(comment(name, text))
    return Decision(
        reason=f"{what}; nothing more is under way",
        commands=tuple(commands),
        alert=alert,
        stage=ENDED if over else None,
        close=over,
    )


def _left(matter: Matter) -> list[str]:
    """What is not as it was before the recall, and should be."""
    found = (*standing.newest(matter, PRODUCTS).items(), *standing.newest(matter, NOTICES).items())
    undoing = {PRODUCTS[1], NOTICES[1]}
    return [name for name, c in found if c.kind in undoing and c.state != "done"]


def _summary(matter: Matter, *, over: bool) -> tuple[str, str]:
    products, notices = standing.newest(matter, PRODUCTS), standing.newest(matter, NOTICES)
    ended = sorted((c.kind, name, c.state) for found in (products, notices) for name, c in found.items())
    if over:
        return f"progress:{digest_of(ended)}", "The recall is undone: products and notices are as they were before."
    wanted = (PRODUCTS[1], NOTICES[1]) if matter.stage == UNDOING else (PRODUCTS[0], NOTICES[0])
    counts = []
    for found, kind, goods in ((products, wanted[0], "products"), (notices, wanted[1], "notices")):
        mine = [c for c in found.values() if c.kind == kind]
        if mine:
            counts.append(f"{sum(c.state == 'done' for c in mine)} of {len(mine)} {goods}")
    verb = "Undone" if matter.stage == UNDOING else "Off sale and shown"
    missing = [name for kind, name, state in ended if kind in wanted and state != "done"]
    rest = f" Not done:\n{listed(missing)}" if missing else ""
    return f"progress:{digest_of(ended)}", f"{verb}: {', '.join(counts)}.{rest}"
